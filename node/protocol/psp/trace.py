"""What the nodes of an exchange tell observers (docs/results.md).

Buyers and sellers are addresses, ``round`` is the clearing of the auction that a record refers to, and ``seq`` the
number of a bid.
"""

from typing import Literal

from node.protocol.trace import NodeRecord, Trace


class BidPlaced(Trace, frozen=True, tag="bid"):
    """A buyer placed or replaced its bid; ``round`` is the last one it had seen there."""

    seller: str
    round: int
    seq: int
    quantity_mb: float
    price_per_mb: float


class BidWithdrawn(Trace, frozen=True, tag="withdraw"):
    """A buyer took its bid back."""

    seller: str
    round: int
    seq: int


class Allocated(Trace, frozen=True, tag="allocated"):
    """A clearing changed what a bidder would get, for how much in all; 0 if nothing."""

    buyer: str
    round: int
    quantity_mb: float
    charge_money: float


class Cleared(Trace, frozen=True, tag="cleared"):
    """A seller cleared, and sent so many profiles.

    ``price_per_mb`` is what a newcomer must beat; the other two are of all that is allocated or settled.
    """

    round: int
    profiles: int
    sold_mb: float
    price_per_mb: float
    revenue_money: float


class Awarding(Trace, frozen=True, tag="awarding"):
    """The auction is quiet and confirmed: its winners are being asked."""

    round: int


class SaleSettled(Trace, frozen=True, tag="settled"):
    """A sale is final."""

    buyer: str
    round: int
    quantity_mb: float
    charge_money: float


class SaleRecalled(Trace, frozen=True, tag="recalled"):
    """A sale of an earlier life, said again."""

    buyer: str
    round: int
    quantity_mb: float
    charge_money: float


class AwardDeclined(Trace, frozen=True, tag="declined"):
    """A winner refused."""

    buyer: str
    round: int
    quantity_mb: float


Cause = Literal["gone", "silent", "restless", "declined"]
"""Why a bid is struck out: its host is gone; or its bidder has used up the patience of the auction, at last by not
answering, by changing its bid, or by declining an award."""


class BidVoided(Trace, frozen=True, tag="voided"):
    """A bid is struck out, its award with it; unless its bidder is only gone it takes no more part in this auction."""

    buyer: str
    round: int
    cause: Cause


class Reopened(Trace, frozen=True, tag="reopened"):
    """The auction opens again, since supply came free while it was awarded."""

    round: int
    left_mb: float


class AuctionClosed(Trace, frozen=True, tag="closed"):
    """The auction is over, having sold so much for so much in all."""

    round: int
    sold_mb: float
    revenue_money: float


class AcceptanceInDoubt(Trace, frozen=True, tag="in-doubt"):
    """A buyer accepted this award, and got no receipt."""

    seller: str
    round: int
    quantity_mb: float
    charge_money: float


class DoubtClearedUp(Trace, frozen=True, tag="cleared-up"):
    """What was in doubt is settled or void after all."""

    seller: str
    round: int
    quantity_mb: float
    charge_money: float


Lie = Literal["two books", "another award", "passed over"]
"""What a seller is exposed for: the board names another book than the buyer was told; an award differs from what that
book gives the bid; or the book gives it something, and the auction went on without an award."""


class SellerExposed(Trace, frozen=True, tag="exposed"):
    """A buyer has seen that its seller does not do as the board says, and has nothing more to do with it."""

    seller: str
    round: int
    lie: Lie


class SupplyRevised(Trace, frozen=True, tag="supply"):
    """The seller's supply has changed to so much in all, what is sold included."""

    supply_mb: float


class ValuationRevised(Trace, frozen=True, tag="valuation"):
    """Every MB is worth so many times to the buyer what it was worth at first."""

    factor: float


ExchangeRecord = (
    NodeRecord
    | BidPlaced
    | BidWithdrawn
    | Allocated
    | Cleared
    | Awarding
    | SaleSettled
    | SaleRecalled
    | AwardDeclined
    | BidVoided
    | Reopened
    | AuctionClosed
    | AcceptanceInDoubt
    | DoubtClearedUp
    | SellerExposed
    | SupplyRevised
    | ValuationRevised
)
"""All that is told in an exchange."""
