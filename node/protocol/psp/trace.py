"""What the nodes of an exchange tell observers (docs/results.md).

Buyers and sellers are addresses, ``round`` is the clearing of the auction that a record refers to, and ``seq`` the
number of a bid.
"""

import sys
from typing import Annotated, Literal

import msgspec

from node.protocol.numbers import Count, Money, PositiveQuantity, Price, Quantity
from node.protocol.trace import NodeAddress, NodeRecord, TotalMoney, TotalQuantity, Trace

Factor = Annotated[float, msgspec.Meta(gt=0.0, le=sys.float_info.max)]


class BidPlaced(Trace, frozen=True, tag="bid"):
    """A buyer placed or replaced its bid; ``round`` is the last one it had seen there."""

    seller: NodeAddress
    round: Count
    seq: Count
    quantity_mb: PositiveQuantity
    price_per_mb: Price


class BidWithdrawn(Trace, frozen=True, tag="withdraw"):
    """A buyer took its bid back."""

    seller: NodeAddress
    round: Count
    seq: Count


class Allocated(Trace, frozen=True, tag="allocated"):
    """A clearing changed what a bidder would get, for how much in all; 0 if nothing."""

    buyer: NodeAddress
    round: Count
    quantity_mb: Quantity
    charge_money: Money


class Cleared(Trace, frozen=True, tag="cleared"):
    """A seller cleared, and sent so many profiles.

    ``price_per_mb`` is what a newcomer must beat; the other two are of all that is allocated or settled.
    """

    round: Count
    profiles: Count
    sold_mb: TotalQuantity
    price_per_mb: Price
    revenue_money: TotalMoney


class Awarding(Trace, frozen=True, tag="awarding"):
    """The auction is quiet and confirmed: its winners are being asked."""

    round: Count


class SaleSettled(Trace, frozen=True, tag="settled"):
    """A sale is final."""

    buyer: NodeAddress
    round: Count
    quantity_mb: PositiveQuantity
    charge_money: Money


class SaleRecalled(Trace, frozen=True, tag="recalled"):
    """A sale of an earlier life, said again."""

    buyer: NodeAddress
    round: Count
    quantity_mb: PositiveQuantity
    charge_money: Money


class AwardDeclined(Trace, frozen=True, tag="declined"):
    """A winner refused."""

    buyer: NodeAddress
    round: Count
    quantity_mb: PositiveQuantity


Cause = Literal["gone", "silent", "restless", "declined"]
"""Why a bid is struck out: its host is gone; or its bidder has used up the patience of the auction, at last by not
answering, by changing its bid, or by declining an award."""


class BidVoided(Trace, frozen=True, tag="voided"):
    """A bid is struck out, its award with it; unless its bidder is only gone it takes no more part in this auction."""

    buyer: NodeAddress
    round: Count
    cause: Cause


class Reopened(Trace, frozen=True, tag="reopened"):
    """The auction opens again, since supply came free while it was awarded."""

    round: Count
    left_mb: TotalQuantity


class AuctionClosed(Trace, frozen=True, tag="closed"):
    """The auction is over, having sold so much for so much in all."""

    round: Count
    sold_mb: TotalQuantity
    revenue_money: TotalMoney


class PurchaseReceived(Trace, frozen=True, tag="bought"):
    """A buyer has the receipt of a sale; told again after a restart."""

    seller: NodeAddress
    round: Count
    quantity_mb: PositiveQuantity
    charge_money: Money


class AcceptanceInDoubt(Trace, frozen=True, tag="in-doubt"):
    """A buyer accepted this award, and got no receipt."""

    seller: NodeAddress
    round: Count
    quantity_mb: PositiveQuantity
    charge_money: Money


class DoubtClearedUp(Trace, frozen=True, tag="cleared-up"):
    """What was in doubt is settled or void after all, or the buyer is not bound by it any more."""

    seller: NodeAddress
    round: Count
    quantity_mb: PositiveQuantity
    charge_money: Money


Lie = Literal["two books", "another award", "passed over", "no receipt", "no end"]
"""What a seller is exposed for: the board names another book than the buyer was told; an award differs from what that
book gives the bid; the book gives it something, and the auction went on without an award; no receipt came in time for
what was accepted; or the auction was neither awarded nor closed, though its book did not change for long."""


class SellerExposed(Trace, frozen=True, tag="exposed"):
    """A buyer has seen that its seller does not do as it should, and has nothing more to do with it."""

    seller: NodeAddress
    round: Count
    lie: Lie


class SupplyRevised(Trace, frozen=True, tag="supply"):
    """The seller's supply has changed to so much in all, what is sold included."""

    supply_mb: TotalQuantity


class ValuationRevised(Trace, frozen=True, tag="valuation"):
    """Every MB is worth so many times to the buyer what it was worth at first."""

    factor: Factor


SellerRecord = (
    NodeRecord
    | Allocated
    | Cleared
    | Awarding
    | SaleSettled
    | SaleRecalled
    | AwardDeclined
    | BidVoided
    | Reopened
    | AuctionClosed
    | SupplyRevised
)
BuyerRecord = (
    NodeRecord | BidPlaced | BidWithdrawn | PurchaseReceived | AcceptanceInDoubt | DoubtClearedUp | SellerExposed
)
"""What each role tells, whatever the scenario plans."""

ExchangeRecord = SellerRecord | BuyerRecord | ValuationRevised
"""All that is told in an exchange."""
