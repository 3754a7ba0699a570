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
    given = {key: _as_written(value) for key, value in table.items() if value is not None}
    for key, value in given.items():
        if not _has_headings(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in given.items():
        if _has_headings(value):
            heading = ".".join(map(_key, (*place, key)))
            for one in value if isinstance(value, list) else [value]:
                yield from ("", f"[[{heading}]]" if isinstance(value, list) else f"[{heading}]")
                yield from _lines(one, (*place, key))


def _as_written(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    """A table that code of one's own describes, as a file has it."""
    if isinstance(value, dict) and value.get("kind") == PLACEHOLDER and "code" in value:
        return {"kind": value["code"], **value["keys"]}
    return value


def _has_headings(value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    """Whether it stands below a heading of its own: a table, but no short one, or a list of tables."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, dict) for one in value)
    return isinstance(value, dict) and "distribution" not in value


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _value(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(_value, value))}]"
    pairs = (f"{_key(key)} = {_value(_as_written(one))}" for key, one in value.items() if one is not None)
    return f"{{ {', '.join(pairs)} }}"
