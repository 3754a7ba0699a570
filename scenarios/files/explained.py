"""Errors of the decoder in the words of whoever wrote the file: which key, what stands there, what may."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from scenarios.errors import ScenarioError
from scenarios.files.walk import inner_type, is_table, plain_values, tables_of

Place = tuple[Any, Any]
"""A type, and the value found where it should be."""

_S = TypeVar("_S", bound=msgspec.Struct)


def converted(tables: Mapping[str, Any], whole: type[_S], within: str = "") -> _S:
    """The tables as that struct; ScenarioError if they are none, ``explained``."""
    try:
        return msgspec.convert(tables, whole)
    except msgspec.ValidationError as error:
        raise ScenarioError(explained(str(error), tables, whole, within)) from error


def explained(error: str, tables: Mapping[str, Any], whole: type[msgspec.Struct], within: str = "") -> str:
    """The decoder's error with the key as a user wrote it, and the value found there.

    ``whole`` is what the tables should be; all that may stand in them follows from the types of its fields. ``within``
    is the key that they have in the file, if they are not all of it.
    """
    start = f"{within}." if within else ""
    what, _, path = error.partition(" - at `")
    key = path.rstrip("`").removeprefix("$").lstrip(".").replace("[", ".").replace("]", "")
    if what.startswith("Object") and (tag := _lacking_tag(*_found(tables, whole, key))):
        return f"{start}{key} lacks the key {tag}"
    if what.startswith("Object contains unknown field"):
        unknown = what.split("`")[1]
        allowed = ", ".join(_keys(tables, whole, key))
        place = start + (f"{key}.{unknown}" if key else unknown)
        return f"unknown key {place}" + (f"; allowed here: {allowed}" if allowed else "")
    if what.startswith("Object missing required field"):
        return f"{(start + key).strip('.') or 'the scenario'} lacks the key {what.split('`')[1]}"
    found = _found(tables, whole, key)[1]
    allowed = ", ".join(map(str, _values(tables, whole, key))) if what.startswith("Invalid") else ""
    said = f"allowed are: {allowed}" if allowed else f"{what[0].lower()}{what[1:]}"
    return f"{start}{key} = {found!r}: {said}" if key else f"{within}: {said}"


def _lacking_tag(kind: Any, value: Any) -> str | None:  # noqa: ANN401 - any type, whatever TOML holds
    """The key that says which table it is, where that is missing: the decoder does not ask for it if there is one."""
    tags = {table.__struct_config__.tag_field for table in tables_of(kind)} - {None}
    return next((tag for tag in tags if isinstance(value, Mapping) and tag not in value), None)


def _found(tables: Any, whole: Any, key: str) -> Place:  # noqa: ANN401 - whatever TOML holds
    """What should be at the key, and what is; None and ``?`` where the types or the file do not lead there."""
    kind, value = whole, tables
    for part in filter(None, key.split(".")):
        kind = inner_type(kind, value, part)
        try:
            value = value[int(part)] if isinstance(value, list | tuple) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            value = "?"
    return kind, value


def _keys(tables: Mapping[str, Any], whole: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - as above
    kind, value = _found(tables, whole, key)
    for table in tables_of(kind):
        if is_table(table, value):
            yield from (field.encode_name for field in msgspec.structs.fields(table))


def _values(tables: Mapping[str, Any], whole: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 - as above
    """What may stand at the key: the tags of tables, or the values of a literal."""
    parent, _, last = key.rpartition(".")
    configs = [table.__struct_config__ for table in tables_of(_found(tables, whole, parent)[0])]
    yield from (config.tag for config in configs if config.tag_field == last)
    kind = _found(tables, whole, key)[0]
    if plain := plain_values(kind):
        yield from (*plain, *(table.__struct_config__.tag for table in tables_of(kind)))
