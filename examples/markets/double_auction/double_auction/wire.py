"""What traders and the market maker say to each other, tell observers, and write down."""

from typing import Annotated, Literal

import msgspec

from bidswarm.market import Entry, NodeEntry, NodeRecord, Trace

Side = Literal["buy", "sell"]
Amount = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A message of the call market."""


class Order(_Message, frozen=True, tag="order"):
    """Trader to market maker: trade so many units for me, at this price per unit or a better one."""

    side: Side
    units: Amount
    limit: Amount


class Fill(_Message, frozen=True, tag="fill"):
    """Market maker to trader: the call is over; so many units are traded for you at this price per unit."""

    units: Amount
    price: Amount


class Thanks(_Message, frozen=True, tag="thanks"):
    """Trader to market maker: I know my fill."""


class Closed(_Message, frozen=True, tag="closed"):
    """Market maker to the board: everybody has been told."""


class OrderPlaced(Trace, frozen=True, tag="order"):
    """A trader sent its order."""

    side: Side
    units: Amount
    limit: Amount


class Filled(Trace, frozen=True, tag="filled"):
    """A trader learned what was traded for it."""

    units: Amount
    price: Amount


class Called(Trace, frozen=True, tag="called"):
    """The market maker held the call."""

    price: float


class Ordered(Entry, frozen=True, tag="ordered"):
    """A trader is bound to its order."""


class OrderTaken(Entry, frozen=True, tag="taken"):
    """The market maker has the order of the trader at this address."""

    trader: str
    order: Order


class FillGiven(Entry, frozen=True, tag="given"):
    """The market maker has traded for the trader at this address."""

    trader: str
    fill: Fill


class FillLearned(Entry, frozen=True, tag="learned"):
    """A trader knows what was traded for it."""

    fill: Fill


CallMessage = Order | Fill | Thanks | Closed
CallRecord = OrderPlaced | Filled | Called | NodeRecord
CallEntry = Ordered | OrderTaken | FillGiven | FillLearned | NodeEntry
