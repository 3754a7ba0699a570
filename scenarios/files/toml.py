"""A scenario's tables as the text of a file."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.files.own import PLACEHOLDER

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(tables: Mapping[str, Any]) -> str:
    """The tables, as a file that is read as the same scenario; what is null is left out."""
    return "\n".join(_lines(tables, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    """The lines of a table without its heading: first its plain values, as those below a heading belong to that."""
    given = {key: as_written(value) for key, value in table.items() if value is not None}
    for key, value in given.items():
        if not has_headings(value):
            yield f"{key_of(key)} = {to_value(value)}"
    for key, value in given.items():
        if has_headings(value):
            heading = ".".join(map(key_of, (*place, key)))
            for one in value if isinstance(value, list) else [value]:
                yield from ("", f"[[{heading}]]" if isinstance(value, list) else f"[{heading}]")
                yield from _lines(one, (*place, key))


def as_written(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    """A value as a file has it: without what is null, and what code of one's own describes under the name of that."""
    if not isinstance(value, dict):
        return value
    if value.get("kind") == PLACEHOLDER and "code" in value:
        value = {"kind": value["code"], **value["keys"]}
    return {key: as_written(one) for key, one in value.items() if one is not None}


def has_headings(value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    """Whether it stands below a heading of its own: a table, but no short one, or a list of tables."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, dict) for one in value)
    return isinstance(value, dict) and "distribution" not in value


def key_of(key: str) -> str:
    """A key as TOML has it: bare, or quoted where it must be."""
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """A TOML string: JSON's, but for the one character that TOML forbids beyond those."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def to_value(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """One value as TOML has it; TypeError if it is none."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return repr(value)
        case float():
            return float.__repr__(value)  # numpy has floats that say what they are
        case str():
            return _quoted(value)
        case list() | tuple():
            return f"[{', '.join(map(to_value, value))}]"
        case Mapping():
            pairs = (f"{key_of(key)} = {to_value(one)}" for key, one in value.items())
            return f"{{ {', '.join(pairs)} }}"
    raise TypeError(f"{value!r} is no value of TOML")
