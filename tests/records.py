"""Any well-formed records, for laws of what reads them."""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from node.protocol.trace import NodeAddress, Record, Trace


def records(told: UnionType, addresses: Sequence[str]) -> st.SearchStrategy[list[Record[Trace]]]:
    """Sequences of any kinds in any order, told by and of these nodes."""
    whats = st.one_of([_built(kind, addresses) for kind in get_args(told)])
    times = st.floats(0.0, 12.0)
    return st.lists(st.builds(Record, times, st.sampled_from(addresses), whats), max_size=60)


def _built(kind: type[Trace], addresses: Sequence[str]) -> st.SearchStrategy[Trace]:
    fields = {field.name: _value(field.type, addresses) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


def _value(type_: Any, addresses: Sequence[str]) -> st.SearchStrategy[Any]:
    if type_ == NodeAddress:
        return st.sampled_from(addresses)
    if get_origin(type_) is Annotated:
        return _number(type_.__origin__, type_.__metadata__[0])
    if get_origin(type_) is Literal:
        return st.sampled_from(get_args(type_))
    return st.one_of(st.none() if one is NoneType else _value(one, addresses) for one in get_args(type_))


def _number(type_: type, bounds: msgspec.Meta) -> st.SearchStrategy[Any]:
    least, above, most = bounds.ge, bounds.gt, bounds.le
    if type_ is int:
        return st.one_of(st.integers(0, 3), st.integers(least, most))
    few = st.sampled_from([0.5, 1.0, 20.0]).filter(lambda one: one <= most)
    if above is not None:
        return st.one_of(few, st.floats(above, most, exclude_min=True))
    return st.one_of(few, st.floats(least, most))
