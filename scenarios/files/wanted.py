"""What a type asks for, in words: a number from 0 to 1, a text, a table."""

import math
from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from node.protocol.topics import NAME, NAME_IN_WORDS
from scenarios.files.walk import choices

_PLAIN: dict[Any, str] = {
    bool: "true or false",
    dict: "a table",
    float: "a number",
    int: "a whole number",
    str: "a text",
}


def wanted(kind: Any) -> str:  # noqa: ANN401 - any type
    """What may stand where this type is expected."""
    return " or ".join(dict.fromkeys(_phrases(kind)))


def _phrases(kind: Any, *bounds: msgspec.Meta) -> Iterator[str]:  # noqa: ANN401 - any type
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        yield from _phrases(inner, *metas, *bounds)
        return
    members = get_args(kind) if len(choices(kind)) > 1 and get_origin(kind) is not Literal else ()
    if members:
        for one in members:
            yield from _phrases(one, *bounds)
    elif kind is not NoneType:  # TOML has no null
        yield _phrase(kind, bounds)


def _phrase(kind: Any, bounds: tuple[msgspec.Meta, ...]) -> str:  # noqa: ANN401 - any type
    origin = get_origin(kind) or kind
    if origin is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if origin in (list, tuple):
        return _list(kind, bounds)
    if origin is str and any(NAME in (meta.pattern or "") for meta in bounds):
        return NAME_IN_WORDS
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        tag = kind.__struct_config__.tag_field
        return f"a table with the key {tag}" if tag else "a table"
    return f"{_PLAIN[origin]}{_range(bounds)}"


def _list(kind: Any, bounds: tuple[msgspec.Meta, ...]) -> str:  # noqa: ANN401 - any type
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        return f"a list of {len(inner)}: {', then '.join(wanted(one) for one in inner)}"
    least = max((meta.min_length or 0 for meta in bounds), default=0)
    most = min((meta.max_length for meta in bounds if meta.max_length is not None), default=None)
    count = f" of at least {least}" if least else "" if most is None else f" of at most {most}"
    return f"a list{count}, each {wanted(inner[0])}"


def _range(bounds: tuple[msgspec.Meta, ...]) -> str:
    """The bounds of a number: ``from 0 to 1``, ``above 0 and at most 1``."""
    least = max((meta.ge for meta in bounds if meta.ge is not None), default=-math.inf)
    above = max((meta.gt for meta in bounds if meta.gt is not None), default=-math.inf)
    most = min((meta.le for meta in bounds if meta.le is not None), default=math.inf)
    below = min((meta.lt for meta in bounds if meta.lt is not None), default=math.inf)
    if least > -math.inf and most < math.inf:
        return f" from {_number(least)} to {_number(most)}"
    words = (("of at least", least), ("above", above), ("at most", most), ("below", below))
    said = [f"{word} {_number(bound)}" for word, bound in words if math.isfinite(bound)]
    return f" {' and '.join(said)}" if said else ""


def _number(bound: float) -> str:
    return f"{bound:,.15g}"
