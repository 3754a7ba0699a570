"""What a run shows, folded from its trace alone, so that it is the same in every world."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from node.mechanism.valuation import Scaled, Valuation
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    Allocated,
    AuctionClosed,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Cause,
    Cleared,
    DoubtClearedUp,
    Lie,
    Reopened,
    SaleRecalled,
    SaleSettled,
    SellerExposed,
    SupplyRevised,
    ValuationRevised,
)
from node.protocol.topics import node_of
from node.protocol.trace import Joined, Leaving, Record, Resumed, Trace


def messages_told(what: Trace) -> int:
    """Messages that a record tells of: a bid or withdrawal, or the profiles that a clearing sent."""
    if type(what) is Cleared:
        return what.profiles
    return int(type(what) in _MOVES)


_MOVES = frozenset({BidPlaced, BidWithdrawn})


@dataclass(slots=True)
class Tranche:
    """What an auction awarded at once: the bids it did so on, buyer to (MB, price per MB), and the MB sold."""

    bids: dict[str, tuple[float, float]]
    sold: float = 0.0


@dataclass(slots=True)
class AuctionMetrics:
    """One auction so far.

    Attributes
    ----------
    price
        What a newcomer must beat, price per MB; NaN before the first clearing.
    sold, revenue
        MB and money, tentative until the auction is closed.
    awarded
        Its tranches so far; more than one where it opened again because supply came free while it awarded.
    """

    price: float = float("nan")
    sold: float = 0.0
    revenue: float = 0.0
    state: str = "open"
    awarded: list[Tranche] = field(default_factory=list)


@dataclass(slots=True)
class Position:
    """What one buyer has or would get from one seller, MB and money."""

    quantity: float = 0.0
    charge: float = 0.0
    settled_quantity: float = 0.0
    settled_charge: float = 0.0

    @property
    def total(self) -> float:
        """MB, bought and tentative."""
        return self.quantity + self.settled_quantity

    @property
    def total_charge(self) -> float:
        """Money, paid and tentative."""
        return self.charge + self.settled_charge


class MarketMetrics:
    """Bids, prices, allocations and welfare of a market, one record at a time.

    Buyers and sellers go by their node names, which are unique in a market.

    Attributes
    ----------
    joined, left
        Who came late, and who has gone.
    exposed
        Sellers whose buyers saw that they do not do as the board says, and what was seen of each.
    supply
        MB in all of the sellers whose supply has changed.
    struck_out
        Buyers that kept an auction waiting for too long, and how; not those whose hosts were gone.
    factor
        How many times its first valuation each buyer's present one is.
    """

    def __init__(self, valuations: Mapping[str, Valuation], sellers: Iterable[str]) -> None:
        self.time_s = 0.0
        self.bids = 0
        self.messages = 0
        self.welfare = 0.0
        self.exposed: defaultdict[str, set[Lie]] = defaultdict(set)
        self.struck_out: defaultdict[str, set[Cause]] = defaultdict(set)
        self.auctions = {seller: AuctionMetrics() for seller in sellers}
        self.positions: defaultdict[tuple[str, str], Position] = defaultdict(Position)
        self.bids_of: defaultdict[str, int] = defaultdict(int)
        self.joined: set[str] = set()
        self.left: set[str] = set()
        self.supply: dict[str, float] = {}
        self.factor = dict.fromkeys(valuations, 1.0)
        self._first_valuations = valuations
        self._valuations = dict(valuations)
        self._tentative: defaultdict[str, set[str]] = defaultdict(set)
        self._settled: set[tuple[str, str, int]] = set()
        self._in_doubt: set[tuple[str, str, int]] = set()
        self._held: defaultdict[str, float] = defaultdict(float)
        self._worth: defaultdict[str, float] = defaultdict(float)
        self._standing: defaultdict[str, dict[str, tuple[float, float]]] = defaultdict(dict)

    @property
    def closed(self) -> int:
        """How many auctions are over."""
        return sum(auction.state == "closed" for auction in self.auctions.values())

    @property
    def in_doubt(self) -> int:
        """How many acceptances their buyers have had no answer to, though they asked for long."""
        return len(self._in_doubt)

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        self.time_s = max(self.time_s, record.time_s)
        what = record.what
        read = self._READERS.get(type(what))
        if read:
            read(self, node_of(record.node), what)

    def _on_bid(self, buyer: str, bid: BidPlaced) -> None:
        self._on_move(buyer)
        self._standing[node_of(bid.seller)][buyer] = (bid.quantity_mb, bid.price_per_mb)

    def _on_withdrawal(self, buyer: str, withdrawn: BidWithdrawn) -> None:
        self._on_move(buyer)
        self._standing[node_of(withdrawn.seller)].pop(buyer, None)

    def _on_move(self, buyer: str) -> None:
        self.bids += 1
        self.messages += 1
        self.bids_of[buyer] += 1

    def _on_allocation(self, seller: str, allocated: Allocated) -> None:
        self._set(seller, node_of(allocated.buyer), allocated.quantity_mb, allocated.charge_money)

    def _on_clearing(self, seller: str, cleared: Cleared) -> None:
        self.messages += cleared.profiles
        auction = self.auctions[seller]
        auction.price, auction.sold, auction.revenue = cleared.price_per_mb, cleared.sold_mb, cleared.revenue_money

    def _on_doubt(self, buyer: str, doubt: AcceptanceInDoubt) -> None:
        self._in_doubt.add((node_of(doubt.seller), buyer, doubt.round))

    def _on_answer(self, buyer: str, doubt: DoubtClearedUp) -> None:
        self._in_doubt.discard((node_of(doubt.seller), buyer, doubt.round))

    def _on_exposure(self, _buyer: str, exposed: SellerExposed) -> None:
        self.exposed[node_of(exposed.seller)].add(exposed.lie)

    def _on_voiding(self, _seller: str, voided: BidVoided) -> None:
        if voided.cause != "gone":
            self.struck_out[node_of(voided.buyer)].add(voided.cause)

    def _on_joining(self, node: str, _: Joined) -> None:
        self.joined.add(node)

    def _on_leaving(self, node: str, _: Leaving) -> None:
        self.left.add(node)

    def _on_supply(self, seller: str, revised: SupplyRevised) -> None:
        self.supply[seller] = revised.supply_mb

    def _set(self, seller: str, buyer: str, quantity: float, charge: float) -> None:
        """Set a tentative allocation."""
        position = self.positions[seller, buyer]
        self._hold(buyer, quantity - position.quantity)
        position.quantity, position.charge = quantity, charge
        if quantity:
            self._tentative[seller].add(buyer)
        else:
            self._tentative[seller].discard(buyer)

    def _hold(self, buyer: str, more: float) -> None:
        valuation = self._valuations.get(buyer)
        if valuation is None or not more:
            return  # somebody from outside, whose worth nobody here knows; or only the charge has changed
        held = self._held[buyer] + more
        worth = valuation.value(max(0.0, held))
        self.welfare += worth - self._worth[buyer]
        self._held[buyer], self._worth[buyer] = held, worth

    def _on_valuation(self, buyer: str, revised: ValuationRevised) -> None:
        self.welfare -= self._worth[buyer]
        self.factor[buyer] = revised.factor
        self._valuations[buyer] = Scaled(self._first_valuations[buyer], revised.factor)
        self._worth[buyer] = self._valuations[buyer].value(max(0.0, self._held[buyer]))
        self.welfare += self._worth[buyer]

    def valuation(self, buyer: str) -> Valuation:
        """What data is worth to the buyer now."""
        return self._valuations[buyer]

    def _on_sale(self, seller: str, sale: SaleSettled | SaleRecalled) -> None:
        buyer = node_of(sale.buyer)
        if (seller, buyer, sale.round) in self._settled:
            return
        self._settled.add((seller, buyer, sale.round))
        self._set(seller, buyer, 0.0, 0.0)
        position = self.positions[seller, buyer]
        position.settled_quantity += sale.quantity_mb
        position.settled_charge += sale.charge_money
        self._hold(buyer, sale.quantity_mb)
        self._standing[seller].pop(buyer, None)
        if awarded := self.auctions[seller].awarded:
            awarded[-1].sold += sale.quantity_mb

    def _on_awarding(self, seller: str, _: Awarding) -> None:
        auction = self.auctions[seller]
        auction.state = "awarding"
        auction.awarded.append(Tranche(dict(self._standing[seller])))

    def _on_reopening(self, seller: str, _: Reopened) -> None:
        auction = self.auctions[seller]
        auction.state = "open"
        bids = auction.awarded[-1].bids
        for buyer in self._tentative[seller]:
            bids.pop(buyer, None)

    def _on_closing(self, seller: str, closed: AuctionClosed) -> None:
        auction = self.auctions[seller]
        auction.state, auction.sold, auction.revenue = "closed", closed.sold_mb, closed.revenue_money
        self._forget(seller)

    def _forget(self, seller: str) -> None:
        for buyer in sorted(self._tentative[seller]):  # not in the order of a set, which sums otherwise each time
            self._set(seller, buyer, 0.0, 0.0)

    def _on_resumption(self, node: str, _: Resumed) -> None:
        if node in self.auctions:
            self.auctions[node].state = "open"
            self._standing[node].clear()
            self._forget(node)
        else:
            for bids in self._standing.values():
                bids.pop(node, None)

    def tranches(self, seller: str) -> list[Tranche]:
        """What an auction was awarded on, in the order of time; at the end the bids that stand, while it is open."""
        auction = self.auctions[seller]
        standing = [Tranche(self._standing[seller])] if auction.state == "open" else []
        return auction.awarded + standing

    _READERS: ClassVar[dict[type[Trace], Callable[["MarketMetrics", str, Any], None]]] = {
        BidPlaced: _on_bid,
        BidWithdrawn: _on_withdrawal,
        Allocated: _on_allocation,
        Cleared: _on_clearing,
        Awarding: _on_awarding,
        SaleSettled: _on_sale,
        SaleRecalled: _on_sale,
        Reopened: _on_reopening,
        AuctionClosed: _on_closing,
        BidVoided: _on_voiding,
        AcceptanceInDoubt: _on_doubt,
        DoubtClearedUp: _on_answer,
        SellerExposed: _on_exposure,
        SupplyRevised: _on_supply,
        ValuationRevised: _on_valuation,
        Joined: _on_joining,
        Leaving: _on_leaving,
        Resumed: _on_resumption,
    }
    """By the class of a record: a table, for each class that ``match`` tries in vain takes ten times as long."""
