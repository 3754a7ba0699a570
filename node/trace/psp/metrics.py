"""What a run shows, folded from its trace alone, so that it is the same in every world."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Scaled, Valuation
from node.protocol.numbers import MAX_PRICE
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    Allocated,
    AuctionClosed,
    AwardDeclined,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Cause,
    Cleared,
    DoubtClearedUp,
    Lie,
    PurchaseReceived,
    Reopened,
    SaleRecalled,
    SaleSettled,
    SellerExposed,
    SupplyRevised,
    ValuationRevised,
)
from node.protocol.topics import node_of
from node.protocol.trace import Joined, Leaving, Record, Resumed, Trace
from node.trace.psp.ledger import Amounts, total
from node.trace.psp.sales import SaleId, Sales, Verdict


def messages_told(what: Trace) -> int:
    """Messages that a record tells of: a bid or withdrawal, or the profiles that a clearing sent."""
    if type(what) is Cleared:
        return what.profiles
    return int(type(what) in _MOVES)


_MOVES = frozenset({BidPlaced, BidWithdrawn})

MOST_TRANCHES = 100
"""Of one auction, the first ones and the newest: a seller that claims to award it ever anew makes no figure slow."""


@dataclass(slots=True)
class Tranche:
    """What an auction awarded at once: on which bids, buyer to (MB, price per MB), the MB sold, and in which sales."""

    bids: dict[str, tuple[float, float]]
    sold: float = 0.0
    sales: list[SaleId] = field(default_factory=list)


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

    Buyers and sellers go by their node names, which are unique in a market. It takes any well-formed records in any
    order: what a seller tells of a purchase, or a buyer of a clearing, is ignored, and so is what a seller tells that
    the market does not have.

    Parameters
    ----------
    supply
        The most that each seller ever has to sell, MB; no limit for those that are left out.

    Attributes
    ----------
    joined, left
        Who came late, and who has gone.
    exposed
        Which buyers say of a seller that it does not do as the board says, and what they have seen, by seller.
    supply
        MB in all of the sellers whose supply has changed.
    most
        The most that each seller ever has to sell, MB, as far as that is known.
    struck_out
        Addresses of buyers that kept an auction waiting for too long, and how; not those whose hosts were gone.
    factor
        How many times its first valuation each buyer's present one is.
    """

    def __init__(
        self, valuations: Mapping[str, Valuation], sellers: Iterable[str], supply: Mapping[str, float] | None = None
    ) -> None:
        self.time_s = 0.0
        self.bids = 0
        self.messages = 0
        self.welfare = 0.0
        self.exposed: defaultdict[str, set[tuple[str, Lie]]] = defaultdict(set)
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
        self._sales = Sales()
        self.most = supply or {}
        self._held: defaultdict[str, float] = defaultdict(float)
        self._worth: defaultdict[str, float] = defaultdict(float)
        self._standing: defaultdict[str, dict[str, tuple[float, float]]] = defaultdict(dict)

    def allow(self, supply: Mapping[str, float]) -> None:
        """Let sellers have sold so much at most, MB, from a shift on that nobody had planned."""
        self.most = supply

    @property
    def closed(self) -> int:
        """How many auctions are over."""
        return sum(auction.state == "closed" for auction in self.auctions.values())

    @property
    def in_doubt(self) -> int:
        """How many acceptances their buyers have had no answer to, though they asked for long."""
        return self._sales.in_doubt

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        self.time_s = max(self.time_s, record.time_s)
        node, what = node_of(record.node), record.what
        read = (self._OF_SELLERS if node in self.auctions else self._OF_BUYERS).get(type(what))
        if read:
            read(self, node, what)
        else:
            self.trade(record)

    def trade(self, record: Record[Trace]) -> None:
        """Take in the record if it tells of a sale, and nothing else."""
        trade = self._TRADES.get(type(record.what))
        if trade:
            trade(self, record)

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

    def _on_exposure(self, buyer: str, exposed: SellerExposed) -> None:
        seller = node_of(exposed.seller)
        if seller in self.auctions:
            self.exposed[seller].add((buyer, exposed.lie))

    def _on_declining(self, seller: str, declined: AwardDeclined) -> None:
        self._standing[seller].pop(node_of(declined.buyer), None)

    def _on_voiding(self, seller: str, voided: BidVoided) -> None:
        self._standing[seller].pop(node_of(voided.buyer), None)
        if voided.cause != "gone":
            self.struck_out[voided.buyer].add(voided.cause)

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
        if buyer not in self._first_valuations:
            return
        valuation = Scaled(self._first_valuations[buyer], revised.factor)
        if valuation.marginal(0.0) > MAX_PRICE:
            return  # no bid can say so
        self.welfare -= self._worth[buyer]
        self.factor[buyer], self._valuations[buyer] = revised.factor, valuation
        self._worth[buyer] = self._valuations[buyer].value(max(0.0, self._held[buyer]))
        self.welfare += self._worth[buyer]

    def valuation(self, buyer: str) -> Valuation:
        """What data is worth to the buyer now."""
        return self._valuations[buyer]

    # Sales: the seller's word counts until all is told

    def _on_sale(self, record: Record[SaleSettled | SaleRecalled]) -> None:
        seller, sale = node_of(record.node), record.what
        amounts, id_ = Amounts(sale.quantity_mb, sale.charge_money), SaleId(record.node, sale.buyer, sale.round)
        if seller not in self.auctions or not self._sales.sold(id_, amounts, record.time_s):
            return
        buyer = node_of(sale.buyer)
        self._set(seller, buyer, 0.0, 0.0)
        self._settle(seller, buyer, *amounts)
        self._standing[seller].pop(buyer, None)
        if awarded := self.auctions[seller].awarded:
            awarded[-1].sold += sale.quantity_mb
            awarded[-1].sales.append(id_)

    def _settle(self, seller: str, buyer: str, quantity: float, charge: float) -> None:
        position = self.positions[seller, buyer]
        position.settled_quantity += quantity
        position.settled_charge += charge
        self._hold(buyer, quantity)

    def _on_purchase(self, record: Record[PurchaseReceived]) -> None:
        bought = record.what
        if node_of(record.node) in self.auctions or node_of(bought.seller) not in self.auctions:
            return
        amounts = Amounts(bought.quantity_mb, bought.charge_money)
        self._sales.bought(SaleId(bought.seller, record.node, bought.round), amounts, record.time_s)

    def _on_doubt(self, record: Record[AcceptanceInDoubt]) -> None:
        doubt = record.what
        amounts = Amounts(doubt.quantity_mb, doubt.charge_money)
        self._sales.doubted(SaleId(doubt.seller, record.node, doubt.round), amounts)

    def _on_answer(self, record: Record[DoubtClearedUp]) -> None:
        self._sales.cleared_up(SaleId(record.what.seller, record.node, record.what.round))

    def verdicts(self) -> list[Verdict]:
        """What counts of each sale, by what both sides have told."""
        return list(self._sales.verdicts(self._is_known, self.most))

    def finish(self) -> list[Verdict]:
        """Correct all figures by what both sides tell, once all is told; what counts of each sale."""
        verdicts = self.verdicts()
        counted: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            counted[node_of(verdict.sale.seller), node_of(verdict.sale.buyer)].append(verdict)
        for pair, of_pair in counted.items():
            position = self.positions[pair]
            position.settled_quantity, position.settled_charge = total(one.counted for one in of_pair)
        sold: defaultdict[str, list[Amounts]] = defaultdict(list)
        for (seller, _), position in self.positions.items():
            sold[seller].append(Amounts(position.settled_quantity, position.settled_charge))
        for seller, auction in self.auctions.items():
            in_all = total(sold[seller])
            if auction.state == "closed":
                auction.sold, auction.revenue = in_all
            else:
                self._limit(seller, self.most.get(seller, math.inf) - in_all.quantity)
        self._add_up()
        return verdicts

    def _add_up(self) -> None:
        """Work out anew what every buyer has and what that is worth: what did not count must leave no rounding."""
        amounts: defaultdict[str, list[float]] = defaultdict(list)
        for (_, buyer), position in self.positions.items():
            amounts[buyer].append(position.total)
        for buyer in self._first_valuations:
            self._held[buyer] = held = math.fsum(amounts[buyer])
            self._worth[buyer] = self._valuations[buyer].value(held)
        self.welfare = math.fsum(self._worth.values())

    def _is_known(self, address: str) -> bool:
        name = node_of(address)
        return name in self._first_valuations or name in self.auctions

    def _limit(self, seller: str, left: float) -> None:
        """Let what bidders would get reach no further than their bids, and all of it than what is left, MB."""
        for buyer in sorted(self._tentative[seller]):
            position = self.positions[seller, buyer]
            is_read = buyer in self._first_valuations
            quantity, price = self._standing[seller].get(buyer, (0.0, 0.0) if is_read else (math.inf, math.inf))
            allowed = min(position.quantity, quantity, max(0.0, left))
            if allowed < position.quantity * (1.0 - ROUNDING):
                self._set(seller, buyer, allowed, min(position.charge, price * allowed) if allowed else 0.0)
            left -= allowed

    def _on_awarding(self, seller: str, _: Awarding) -> None:
        auction = self.auctions[seller]
        auction.state = "awarding"
        del auction.awarded[MOST_TRANCHES - 1 :]
        auction.awarded.append(Tranche(dict(self._standing[seller])))

    def _on_reopening(self, seller: str, _: Reopened) -> None:
        auction = self.auctions[seller]
        auction.state = "open"
        for tranche in auction.awarded[-1:]:
            for buyer in self._tentative[seller]:
                tranche.bids.pop(buyer, None)

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

    _OF_SELLERS: ClassVar["_Readers"] = {
        Allocated: _on_allocation,
        Cleared: _on_clearing,
        Awarding: _on_awarding,
        Reopened: _on_reopening,
        AuctionClosed: _on_closing,
        AwardDeclined: _on_declining,
        BidVoided: _on_voiding,
        SupplyRevised: _on_supply,
        Joined: _on_joining,
        Leaving: _on_leaving,
        Resumed: _on_resumption,
    }
    _OF_BUYERS: ClassVar["_Readers"] = {
        BidPlaced: _on_bid,
        BidWithdrawn: _on_withdrawal,
        SellerExposed: _on_exposure,
        ValuationRevised: _on_valuation,
        Joined: _on_joining,
        Leaving: _on_leaving,
        Resumed: _on_resumption,
    }
    """By the class of a record: a table, for each class that ``match`` tries in vain takes ten times as long."""

    _TRADES: ClassVar[dict[type[Trace], Callable[["MarketMetrics", Record[Any]], None]]] = {
        SaleSettled: _on_sale,
        SaleRecalled: _on_sale,
        PurchaseReceived: _on_purchase,
        AcceptanceInDoubt: _on_doubt,
        DoubtClearedUp: _on_answer,
    }
    """These are known by the addresses of both sides: a stranger may bear the name of a user."""


_Readers = dict[type[Trace], Callable[[MarketMetrics, str, Any], None]]
