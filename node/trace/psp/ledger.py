"""Whether the journals of an exchange agree: nothing sold twice, nothing bought twice (docs/ledger.md)."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from node.mechanism.rounding import ROUNDING
from node.protocol.journal import Entry, JournalEntry
from node.protocol.psp.journal import Accepted, Agreement, Bought, Freed, Lapsed, Offered, Sold, Wanted
from node.trace.breach import Breach


class SaleKey(NamedTuple):
    """What makes a sale one of a kind; addresses."""

    seller: str
    auction: int
    round: int
    buyer: str


class Amounts(NamedTuple):
    """MB and money."""

    quantity: float
    charge: float


Why = Literal[
    "receipt on its way",
    "no receipt in time",
    "seller never confirmed",
    "seller's journal missing",
    "buyer's journal missing",
]

Rule = Literal["supply", "oversold", "twin", "once", "demand", "budget", "order"]

RULES: dict[Rule, str] = {
    "supply": "no auction sold more than its supply",
    "oversold": "no seller gave receipts for more than it had advertised to their buyers",
    "twin": "every receipt has its twin, of the same amounts",
    "once": "nothing was sold, accepted or received twice",
    "demand": "no buyer is bound to more than it wanted",
    "budget": "no buyer is bound to pay more than its budget",
    "order": "every line follows from those before it",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """An agreement of which only one side is known, and why that is no breach."""

    sale: SaleKey
    amounts: Amounts
    why: Why


@dataclass(slots=True)
class _Auction:
    """``advertised`` is the most that a buyer had read on the board when it accepted."""

    supply: float = 0.0
    advertised: float = 0.0
    sold: dict[SaleKey, Amounts] = field(default_factory=dict)


@dataclass(slots=True)
class _Buyer:
    """What it wrote down of awards.

    Attributes
    ----------
    accepted
        What it is bound to.
    bought
        Of that, what it has a receipt for, at the charge of the receipt.
    freed, lapsed
        What it is not bound to any more: by the seller's word, and because no receipt came in time.
    """

    demand: float = math.inf
    budget: float = math.inf
    accepted: dict[SaleKey, Amounts] = field(default_factory=dict)
    bought: set[SaleKey] = field(default_factory=set)
    freed: set[SaleKey] = field(default_factory=set)
    lapsed: dict[SaleKey, Amounts] = field(default_factory=dict)


class Ledger:
    """What the journals of an exchange say together; those of one node in their order.

    Attributes
    ----------
    nodes
        Addresses of all nodes with a journal.
    breaches, doubts
        Every rule that does not hold, and every agreement of which only one side is known.
    """

    def __init__(self, entries: Iterable[JournalEntry]) -> None:
        self.nodes: set[str] = set()
        self.breaches: list[Breach] = []
        self.doubts: list[Doubt] = []
        self._auctions: defaultdict[tuple[str, int], _Auction] = defaultdict(_Auction)
        self._buyers: defaultdict[str, _Buyer] = defaultdict(_Buyer)
        for line in entries:
            self.nodes.add(line.node)
            self._add(line.node, line.entry)
        self._check_sellers()
        self._check_buyers()
        self._check_twins()

    @property
    def auctions(self) -> int:
        """How many auctions there were."""
        return len(self._auctions)

    @property
    def sales(self) -> dict[SaleKey, Amounts]:
        """All that sellers have given a receipt for."""
        return {key: amounts for auction in self._auctions.values() for key, amounts in auction.sold.items()}

    @property
    def purchases(self) -> dict[SaleKey, Amounts]:
        """All that buyers have a receipt for."""
        return {key: buyer.accepted[key] for buyer in self._buyers.values() for key in sorted(buyer.bought)}

    # One entry

    def _add(self, node: str, entry: Entry) -> None:
        match entry:
            case Offered():
                self._auctions[node, entry.auction].supply = entry.supply_mb
            case Sold():
                self._sold(SaleKey(node, entry.auction, entry.round, entry.buyer), _amounts_of(entry))
            case Wanted():
                buyer = self._buyers[node]
                buyer.demand = entry.demand_mb
                buyer.budget = math.inf if entry.budget_money is None else entry.budget_money
            case Accepted() | Bought() | Freed() | Lapsed():
                key = SaleKey(entry.seller, entry.auction, entry.round, node)
                if isinstance(entry, Accepted):
                    auction = self._auctions[entry.seller, entry.auction]
                    auction.advertised = max(auction.advertised, entry.supply_mb)
                self._agreed(self._buyers[node], entry, key)

    def _sold(self, key: SaleKey, amounts: Amounts) -> None:
        sold = self._auctions[key.seller, key.auction].sold
        if key in sold:
            self._breach("once", key.seller, f"sold to {key.buyer} twice in round {key.round}")
        sold[key] = amounts

    def _agreed(self, buyer: _Buyer, entry: Agreement, key: SaleKey) -> None:
        known, amounts = buyer.accepted.get(key), _amounts_of(entry)
        if isinstance(entry, Accepted):
            if known:
                self._breach("once", key.buyer, f"accepted {_sale(key)} twice")
            buyer.accepted[key] = amounts
        elif known is None or not (_is_within(amounts, known) if isinstance(entry, Bought) else amounts == known):
            self._breach("order", key.buyer, f"{entry.kind}, but never accepted like this: {_sale(key)}")
        elif isinstance(entry, Bought):
            if key in buyer.bought:
                self._breach("once", key.buyer, f"received {_sale(key)} twice")
            buyer.accepted[key] = amounts
            buyer.bought.add(key)
        else:
            del buyer.accepted[key]
            if isinstance(entry, Freed):
                buyer.freed.add(key)
            else:
                buyer.lapsed[key] = amounts

    def _breach(self, rule: Rule, node: str, text: str) -> None:
        self.breaches.append(Breach(rule, node, text))

    # All together

    def _check_sellers(self) -> None:
        received: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for key, amounts in self.purchases.items():
            received[key.seller, key.auction].append(amounts.quantity)
        for (seller, number), auction in self._auctions.items():
            sold = math.fsum(amounts.quantity for amounts in auction.sold.values())
            if sold > auction.supply * (1.0 + ROUNDING):
                self._breach("supply", seller, f"auction {number} sold {sold:.6g} of {auction.supply:.6g} MB")
            bought = math.fsum(received[seller, number])
            if bought > auction.advertised * (1.0 + ROUNDING):
                shown = f"{bought:.6g} MB, and had advertised {auction.advertised:.6g}"
                self._breach("oversold", seller, f"auction {number} gave its buyers receipts for {shown}")

    def _check_buyers(self) -> None:
        for name, buyer in self._buyers.items():
            quantity = math.fsum(amounts.quantity for amounts in buyer.accepted.values())
            charge = math.fsum(amounts.charge for amounts in buyer.accepted.values())
            if quantity > buyer.demand * (1.0 + ROUNDING):
                self._breach("demand", name, f"bound to {quantity:.6g} MB, wanted {buyer.demand:.6g}")
            if charge > buyer.budget * (1.0 + ROUNDING):
                self._breach("budget", name, f"bound to pay {charge:.6g}, its budget is {buyer.budget:.6g}")

    def _check_twins(self) -> None:
        sales = self.sales
        for key, amounts in sales.items():
            self._check_sale(key, amounts)
        for buyer in self._buyers.values():
            for key in sorted(buyer.accepted.keys() - sales.keys()):
                self._check_unsold(key, buyer)
            for key, amounts in buyer.lapsed.items():
                self._doubt(key, amounts, "no receipt in time")

    def _check_sale(self, key: SaleKey, amounts: Amounts) -> None:
        if key.buyer not in self.nodes:
            self._doubt(key, amounts, "buyer's journal missing")
            return
        buyer = self._buyers[key.buyer]
        accepted = buyer.accepted.get(key)
        if key in buyer.freed:
            self._breach("twin", key.seller, f"sold, but its buyer was told that it is not bound: {_sale(key)}")
        elif key in buyer.lapsed:
            return
        elif accepted is None:
            self._breach("twin", key.seller, f"sold, but never accepted: {_sale(key)}")
        elif not (accepted == amounts if key in buyer.bought else _is_within(amounts, accepted)):
            self._breach("twin", key.seller, f"sold {_amounts(amounts)}, accepted {_amounts(accepted)}: {_sale(key)}")
        elif key not in buyer.bought:
            self._doubt(key, amounts, "receipt on its way")

    def _check_unsold(self, key: SaleKey, buyer: _Buyer) -> None:
        if key.seller not in self.nodes:
            self._doubt(key, buyer.accepted[key], "seller's journal missing")
        elif key in buyer.bought:
            self._breach("twin", key.buyer, f"has a receipt that its seller never gave: {_sale(key)}")
        else:
            self._doubt(key, buyer.accepted[key], "seller never confirmed")

    def _doubt(self, key: SaleKey, amounts: Amounts, why: Why) -> None:
        self.doubts.append(Doubt(key, amounts, why))


def total(amounts: Iterable[Amounts]) -> Amounts:
    """The sum, MB and money."""
    known = list(amounts)
    return Amounts(math.fsum(one.quantity for one in known), math.fsum(one.charge for one in known))


def _amounts_of(entry: Sold | Agreement) -> Amounts:
    return Amounts(entry.quantity_mb, entry.charge_money)


def _is_within(receipt: Amounts, accepted: Amounts) -> bool:
    """Whether a receipt is for what was accepted: as many MB, for no more money."""
    return receipt.quantity == accepted.quantity and receipt.charge <= accepted.charge


def _sale(key: SaleKey) -> str:
    return f"{key.seller} to {key.buyer}, auction {key.auction}, round {key.round}"


def _amounts(amounts: Amounts) -> str:
    return f"{amounts.quantity:.6g} MB for {amounts.charge:.6g}"
