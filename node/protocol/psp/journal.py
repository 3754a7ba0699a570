"""What the nodes of an exchange write down (docs/ledger.md).

Buyers and sellers are addresses, ``auction`` numbers the auctions of one seller, ``round`` its clearings, and ``seq``
the bids of one buyer there.
"""

from node.protocol.journal import Entry, NodeEntry


class Offered(Entry, frozen=True, tag="offered"):
    """A seller has so much to sell in all, from now on."""

    auction: int
    supply_mb: float


class Sold(Entry, frozen=True, tag="sold"):
    """A seller gives a receipt; written before it is sent."""

    buyer: str
    auction: int
    round: int
    seq: int
    quantity_mb: float
    charge_money: float


class Ended(Entry, frozen=True, tag="closed"):
    """The auction is over."""

    auction: int
    round: int


class Wanted(Entry, frozen=True, tag="wanted"):
    """A buyer wants so much at most, and can pay so much; None without a budget."""

    demand_mb: float
    budget_money: float | None


class _OfAward(Entry, frozen=True):
    """Of which award it is."""

    seller: str
    auction: int
    round: int
    seq: int
    quantity_mb: float
    charge_money: float


class Accepted(_OfAward, frozen=True, tag="accepted"):
    """A buyer is bound to an award; written before it says so. ``supply_mb`` is all that the seller had advertised."""

    supply_mb: float


class Bought(_OfAward, frozen=True, tag="bought"):
    """The receipt for what the buyer had accepted is here; it may be charged less."""


class Freed(_OfAward, frozen=True, tag="freed"):
    """The seller knows nothing of what the buyer had accepted, which is not bound any more."""


class Lapsed(_OfAward, frozen=True, tag="lapsed"):
    """No receipt came within the patience for what the buyer had accepted, which is not bound any more."""


Agreement = Accepted | Bought | Freed | Lapsed
"""What a buyer writes down of one award."""

ExchangeEntry = NodeEntry | Offered | Sold | Ended | Wanted | Agreement
"""All that is written down in an exchange."""
