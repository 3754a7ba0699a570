"""A record or entry of any kind, for tests of what all kinds have in common."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from node.protocol.numbers import Share

T = TypeVar("T", bound=msgspec.Struct)

_EXAMPLES: dict[Any, Any] = {str: "a/a", bool: True, int: 1, float: 2.5, list[str]: ["a", "b"]}


def example(kind: type[T], **given: Any) -> T:
    """One of this kind: text is an address, counts are 1, shares 0.5 and other amounts 2.5, unless given."""
    fields = {field.name: _example(field.type) for field in msgspec.structs.fields(kind)}
    return kind(**fields | given)


def examples(kinds: UnionType) -> list[Any]:
    """One of every kind."""
    return [example(kind) for kind in get_args(kinds)]


def _example(type_: Any) -> Any:
    if get_origin(type_) is Annotated:
        return 0.5 if type_ == Share else _example(type_.__origin__)
    if get_origin(type_) is Literal:
        return get_args(type_)[0]
    if get_origin(type_) in {Union, UnionType}:
        return _example(next(one for one in get_args(type_) if one is not NoneType))
    return example(type_) if isinstance(type_, type) and issubclass(type_, msgspec.Struct) else _EXAMPLES[type_]
