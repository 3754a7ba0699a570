"""What observers are told: the base of every market's kinds of records, and the kinds that belong to no market."""

import sys
from typing import Annotated, Generic, TypeVar

import msgspec

from node.protocol.numbers import MAX_MONEY, MAX_QUANTITY_MB, Count, Instant

NodeAddress = Annotated[str, msgspec.Meta(max_length=129)]
"""Of whom a record tells. Bounded only: to match every one against the pattern would take longer than all the rest."""

TotalQuantity = Annotated[float, msgspec.Meta(ge=0.0, le=2.0 * MAX_QUANTITY_MB)]
TotalMoney = Annotated[float, msgspec.Meta(ge=0.0, le=2.0 * MAX_MONEY)]
"""Of a whole auction: rounding may take a sum beyond what a message may carry."""

Finite = Annotated[float, msgspec.Meta(ge=0.0, le=sys.float_info.max)]
"""What no message carries, and no bound but that of floats limits."""


class Trace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something observers want to know. A subclass for each kind names it by its tag, and its fields with their units.

    Each market has its kinds in its own ``trace.py``; docs/results.md has them all.
    """

    @property
    def kind(self) -> str:
        """The tag of its class."""
        return str(self.__struct_config__.tag)


class Resumed(Trace, frozen=True, tag="resumed"):
    """The node was started again, and knows its agreements from its journal; it had lived ``lives`` times before."""

    lives: Count


class Joined(Trace, frozen=True, tag="joined"):
    """A latecomer begins."""


class Leaving(Trace, frozen=True, tag="left"):
    """The node leaves before its time."""


NodeRecord = Resumed | Joined | Leaving
"""What a node of any market may tell."""

Told_co = TypeVar("Told_co", bound=Trace, covariant=True)


class Record(msgspec.Struct, Generic[Told_co], frozen=True, array_like=True, gc=False):
    """What a node told, with the time (seconds since the world began) and the address of the node.

    Decoded as ``Record[Union]``, with the union of all kinds that may come.
    """

    time_s: Instant
    node: NodeAddress
    what: Told_co

    @property
    def kind(self) -> str:
        """The kind of what was told."""
        return self.what.kind
