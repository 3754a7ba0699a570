"""The types of a file's tables, walked in step with what stands in the file."""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec


@cache
def choices(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any type
    """The members of a union, or the type alone, without annotations."""
    if get_origin(kind) is Annotated:
        return choices(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return tuple(inner for one in get_args(kind) for inner in choices(one))
    return (kind,)


@cache
def tables_of(kind: Any) -> tuple[type[msgspec.Struct], ...]:  # noqa: ANN401 - any type
    """The tables that may stand where this type is expected."""
    return tuple(one for one in choices(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct))


def plain_values(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any type
    """The values of the literals that may stand where this type is expected."""
    return tuple(value for one in choices(kind) if get_origin(one) is Literal for value in get_args(one))


def is_table(table: type[msgspec.Struct], value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    """Whether the value says it is this table, or need not say so."""
    config = table.__struct_config__
    return config.tag_field is None or (isinstance(value, Mapping) and value.get(config.tag_field) == config.tag)


def inner_type(kind: Any, value: Any, part: str) -> Any:  # noqa: ANN401 - any type, whatever TOML holds
    """The type of an element of a list, or of a field of that table of a union which ``value`` is; else None."""
    element = element_type(kind)
    if element is not None:
        return element
    for table in tables_of(kind):
        if is_table(table, value):
            return _types(table).get(part)
    return None


@cache
def element_type(kind: Any) -> Any:  # noqa: ANN401 - any type
    """The type of an element of the list that may stand where this type is expected; None if none may."""
    return next((get_args(one)[0] for one in choices(kind) if get_origin(one) is list), None)


@cache
def _types(table: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(table)}
