"""What keeps tables from being what they should be, in words of the file: which key, what stands there, what may."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from scenarios.errors import ScenarioError
from scenarios.files.names import meant
from scenarios.files.walk import element_type, is_table, plain_values, tables_of
from scenarios.files.wanted import wanted

MOST_FAULTS = 20
"""Said at once; a population file may have one in every row."""

_S = TypeVar("_S", bound=msgspec.Struct)


def converted(tables: Mapping[str, Any], whole: type[_S], within: str = "") -> _S:
    """The tables as that struct.

    ``within`` is the key that they have in the file, if they are not all of it.

    Raises
    ------
    ScenarioError
        If they are none; the text has a line for everything that is wrong.
    """
    try:
        return msgspec.convert(tables, whole)
    except msgspec.ValidationError as error:
        found = list(faults(tables, whole, within)) or [_said_by_code(error, within)]
        more = [f"and {len(found) - MOST_FAULTS:,} more of that kind"] if len(found) > MOST_FAULTS else []
        raise ScenarioError("\n".join([*found[:MOST_FAULTS], *more])) from error


def faults(value: Any, kind: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - whatever TOML holds, any type
    """Everything in the value at this key that keeps it from being of that type, a line each.

    What may stand where follows from the types of the fields alone.
    """
    tables, element = tables_of(kind), element_type(kind)
    if isinstance(value, Mapping) and tables:
        yield from _faults_of_table(value, kind, key)
    elif isinstance(value, list) and element is not None:
        within = [fault for k, one in enumerate(value) for fault in faults(one, element, _below(key, str(k)))]
        yield from within or _fault_of(value, kind, key)
    else:
        yield from _fault_of(value, kind, key)


def _faults_of_table(value: Mapping[str, Any], kind: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - any type
    tables = tables_of(kind)
    tag = next((table.__struct_config__.tag_field for table in tables if table.__struct_config__.tag_field), None)
    table = next((table for table in tables if is_table(table, value)), None)
    if tag is not None and tag not in value:
        yield f"{key} lacks the key {tag}"
    elif table is None:
        kinds = [str(table.__struct_config__.tag) for table in tables]
        yield f"{_below(key, str(tag))} = {value[str(tag)]!r}{_allowed(value[str(tag)], kinds)}"
    else:
        fields = {field.encode_name: field for field in msgspec.structs.fields(table)}
        for name, one in value.items():
            if name in fields:
                yield from faults(one, fields[name].type, _below(key, name))
            elif name != tag:
                yield f"unknown key {_below(key, name)}{meant(name, fields)}; allowed here: {', '.join(fields)}"
        for name, field in fields.items():
            if field.required and name not in value:
                yield f"{key or 'the scenario'} lacks the key {name}"


def _fault_of(value: Any, kind: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - as above
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        plain = [*map(str, plain_values(kind)), *(str(table.__struct_config__.tag) for table in tables_of(kind))]
        listed = plain_values(kind) and not isinstance(value, list | Mapping)
        yield f"{key} = {value!r}{_allowed(value, plain) if listed else f': must be {wanted(kind)}'}"


def _said_by_code(error: msgspec.ValidationError, within: str) -> str:
    """What a table found wrong with itself when it was made, as those of one's own may."""
    what = str(error).partition(" - at `")[0]
    return f"{within}: {what[0].lower()}{what[1:]}"


def _allowed(value: object, allowed: list[str]) -> str:
    return f"{meant(str(value), allowed)}: allowed are: {', '.join(allowed)}"


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
