"""Errors of the decoder in the words of whoever wrote the file: which key, what stands there, what may."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

Place = tuple[Any, Any]
"""A type, and the value found where it should be."""


def explained(error: str, tables: Mapping[str, Any], whole: type[msgspec.Struct]) -> str:
    """The decoder's error with the key as a user wrote it, and the value found there.

    ``whole`` is what the file should be; all that may stand in it follows from the types of its fields.
    """
    what, _, path = error.partition(" - at `")
    key = path.rstrip("`").removeprefix("$").lstrip(".").replace("[", ".").replace("]", "")
    if what.startswith("Object contains unknown field"):
        unknown = what.split("`")[1]
        allowed = ", ".join(_keys(tables, whole, key))
        place = f"{key}.{unknown}" if key else unknown
        return f"unknown key {place}" + (f"; allowed here: {allowed}" if allowed else "")
    if what.startswith("Object missing required field"):
        return f"{key or 'the scenario'} lacks the key {what.split('`')[1]}"
    found = _found(tables, whole, key)[1]
    choices = ", ".join(map(str, _values(tables, whole, key))) if what.startswith("Invalid") else ""
    return f"{key} = {found!r}: " + (f"allowed are: {choices}" if choices else f"{what[0].lower()}{what[1:]}")


def _found(tables: Any, whole: Any, key: str) -> Place:  # noqa: ANN401 - whatever TOML holds
    """What should be at the key, and what is; None and ``?`` where the types or the file do not lead there."""
    kind, value = whole, tables
    for part in filter(None, key.split(".")):
        kind = _inner_type(kind, value, part)
        try:
            value = value[int(part)] if isinstance(value, list | tuple) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            value = "?"
    return kind, value


def _inner_type(kind: Any, value: Any, part: str) -> Any:  # noqa: ANN401 - as above
    """The type of an element of a list, or of a field of that table of a union which ``value`` is."""
    for one in _choices(kind):
        if get_origin(one) is list:
            return get_args(one)[0]
    for table in _tables(kind):
        if _is(table, value):
            return next((one.type for one in msgspec.structs.fields(table) if one.encode_name == part), None)
    return None


def _choices(kind: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    """The members of a union, or the type alone, without annotations."""
    if get_origin(kind) is Annotated:
        yield from _choices(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            yield from _choices(one)
    else:
        yield kind


def _tables(kind: Any) -> Iterator[type[msgspec.Struct]]:  # noqa: ANN401 - as above
    yield from (one for one in _choices(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct))


def _is(table: type[msgspec.Struct], value: Any) -> bool:  # noqa: ANN401 - as above
    """Whether the value says it is this table, or need not say so."""
    config = table.__struct_config__
    return config.tag_field is None or (isinstance(value, Mapping) and value.get(config.tag_field) == config.tag)


def _keys(tables: Mapping[str, Any], whole: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - as above
    kind, value = _found(tables, whole, key)
    for table in _tables(kind):
        if _is(table, value):
            yield from (field.encode_name for field in msgspec.structs.fields(table))


def _values(tables: Mapping[str, Any], whole: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 - as above
    """What may stand at the key: the tags of tables, or the values of a literal."""
    parent, _, last = key.rpartition(".")
    configs = [table.__struct_config__ for table in _tables(_found(tables, whole, parent)[0])]
    yield from (config.tag for config in configs if config.tag_field == last)
    yield from (value for one in _choices(_found(tables, whole, key)[0]) for value in _of_literal(one))


def _of_literal(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    return get_args(kind) if get_origin(kind) is Literal else ()
