"""What a run shows, folded from its trace alone, so that it is the same in every world."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from node.mechanism.valuation import Scaled, Valuation
from node.protocol.host import Record
from node.protocol.topics import node_of


def messages_told(record: Record) -> int:
    """Messages that a record tells of: a bid or withdrawal, or the profiles that a clearing sent."""
    if record.kind == "cleared":
        return record.seq
    return int(record.kind in {"bid", "withdraw"})


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
        Sellers who have told two different books of one clearing.
    supply
        MB in all of the sellers whose supply has changed.
    factor
        How many times its first valuation each buyer's present one is.
    """

    def __init__(self, valuations: Mapping[str, Valuation], sellers: Iterable[str]) -> None:
        self.time_s = 0.0
        self.bids = 0
        self.messages = 0
        self.welfare = 0.0
        self.exposed: set[str] = set()
        self.auctions = {seller: AuctionMetrics() for seller in sellers}
        self.positions: defaultdict[tuple[str, str], Position] = defaultdict(Position)
        self.bids_of: defaultdict[str, int] = defaultdict(int)
        self.joined: set[str] = set()
        self.left: set[str] = set()
        self.supply: dict[str, float] = {}
        self.factor: defaultdict[str, float] = defaultdict(lambda: 1.0)
        self._first_valuations = valuations
        self._valuations = dict(valuations)
        self._tentative: defaultdict[str, set[str]] = defaultdict(set)
        self._settled: set[tuple[str, str, int]] = set()
        self._in_doubt: set[tuple[str, str, int]] = set()
        self._held: defaultdict[str, float] = defaultdict(float)
        self._standing: defaultdict[str, dict[str, tuple[float, float]]] = defaultdict(dict)

    @property
    def closed(self) -> int:
        """How many auctions are over."""
        return sum(auction.state == "closed" for auction in self.auctions.values())

    @property
    def in_doubt(self) -> int:
        """How many acceptances their buyers have had no answer to, though they asked for long."""
        return len(self._in_doubt)

    def add(self, record: Record) -> None:
        """Take in the next record."""
        self.time_s = max(self.time_s, record.time_s)
        self.messages += messages_told(record)
        node, peer = node_of(record.node), node_of(record.peer)
        match record.kind:
            case "bid" | "withdraw":
                self._moved(node, peer, record)
            case "allocated":
                self._set(node, peer, record.quantity, record.charge)
            case "settled" | "recalled":
                self._sold(node, peer, record)
            case "cleared":
                auction = self.auctions[node]
                auction.price, auction.sold, auction.revenue = record.price, record.quantity, record.charge
            case "awarding":
                self._awarding(node)
            case "reopened":
                self._reopened(node)
            case "closed":
                self._closed(node, record)
            case "in-doubt" | "cleared-up" | "resumed":
                self._faulted(node, peer, record)
            case "exposed":
                self.exposed.add(peer)
            case _:
                self._shifted(node, record)

    def _faulted(self, node: str, peer: str, record: Record) -> None:
        match record.kind:
            case "in-doubt":
                self._in_doubt.add((peer, node, record.round))
            case "cleared-up":
                self._in_doubt.discard((peer, node, record.round))
            case "resumed":
                self._resumed(node)

    def _shifted(self, node: str, record: Record) -> None:
        match record.kind:
            case "joined":
                self.joined.add(node)
            case "left":
                self.left.add(node)
            case "supply":
                self.supply[node] = record.quantity
            case "valuation":
                self._revalued(node, record.price)

    def _moved(self, buyer: str, seller: str, record: Record) -> None:
        self.bids += 1
        self.bids_of[buyer] += 1
        if record.kind == "bid":
            self._standing[seller][buyer] = (record.quantity, record.price)
        else:
            self._standing[seller].pop(buyer, None)

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
        if buyer not in self._valuations:
            return  # somebody from outside, whose worth nobody here knows
        value = self._valuations[buyer].value
        before = self._held[buyer]
        self._held[buyer] = before + more
        self.welfare += value(max(0.0, before + more)) - value(max(0.0, before))

    def _revalued(self, buyer: str, factor: float) -> None:
        held = max(0.0, self._held[buyer])
        self.welfare -= self._valuations[buyer].value(held)
        self.factor[buyer] = factor
        self._valuations[buyer] = Scaled(self._first_valuations[buyer], factor)
        self.welfare += self._valuations[buyer].value(held)

    def valuation(self, buyer: str) -> Valuation:
        """What data is worth to the buyer now."""
        return self._valuations[buyer]

    def _sold(self, seller: str, buyer: str, record: Record) -> None:
        if (seller, buyer, record.round) in self._settled:
            return  # a seller that was started anew says again what it sold, since that may not have been recorded
        self._settled.add((seller, buyer, record.round))
        self._set(seller, buyer, 0.0, 0.0)
        position = self.positions[seller, buyer]
        position.settled_quantity += record.quantity
        position.settled_charge += record.charge
        self._hold(buyer, record.quantity)
        self._standing[seller].pop(buyer, None)
        if awarded := self.auctions[seller].awarded:
            awarded[-1].sold += record.quantity

    def _awarding(self, seller: str) -> None:
        auction = self.auctions[seller]
        auction.state = "awarding"
        auction.awarded.append(Tranche(dict(self._standing[seller])))

    def _reopened(self, seller: str) -> None:
        """Those who were to get something and have not bought it are not of the tranche: they moved, or declined."""
        auction = self.auctions[seller]
        auction.state = "open"
        bids = auction.awarded[-1].bids
        for buyer in self._tentative[seller]:
            bids.pop(buyer, None)

    def _closed(self, seller: str, record: Record) -> None:
        auction = self.auctions[seller]
        auction.state, auction.sold, auction.revenue = "closed", record.quantity, record.charge
        self._forgotten(seller)

    def _forgotten(self, seller: str) -> None:
        for buyer in sorted(self._tentative[seller]):  # not in the order of a set, which sums otherwise each time
            self._set(seller, buyer, 0.0, 0.0)

    def _resumed(self, node: str) -> None:
        """A node that was started anew knows of no bid."""
        if node in self.auctions:
            self.auctions[node].state = "open"
            self._standing[node].clear()
            self._forgotten(node)
        else:
            for bids in self._standing.values():
                bids.pop(node, None)

    def tranches(self, seller: str) -> list[Tranche]:
        """What an auction was awarded on, in the order of time; at the end the bids that stand, while it is open."""
        auction = self.auctions[seller]
        standing = [Tranche(self._standing[seller])] if auction.state == "open" else []
        return auction.awarded + standing
