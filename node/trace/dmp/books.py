"""What each journal of a Digital Marketplace says of its calls, folded line by line (docs/ledger.md)."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, NamedTuple

from node.mechanism.rounding import ROUNDING
from node.protocol.machine import JournalEntry
from node.trace.breach import Breach

Rule = Literal["contract", "outcome", "once", "capacity", "order"]


class CallKey(NamedTuple):
    """A call of one customer, by its number; the address of a terminal or a service agent."""

    customer: str
    call: int


@dataclass(slots=True)
class Side:
    """A call as a customer or the market agent has it: money, and empty where there is nothing yet.

    Attributes
    ----------
    provider
        Whom the customer has asked.
    auction
        Of the market agent; 0 for customers.
    said
        The last of served, decommitted, blocked, and at the market agent reported: by its customer, as served.
    """

    provider: str = ""
    auction: int = 0
    network: str = ""
    price: float = 0.0
    said: str = ""

    @property
    def outcome(self) -> str:
        """What binds: the market agent counts a call some time after it has confirmed its customer's report."""
        return "served" if self.said == "reported" else self.said


class Carried(NamedTuple):
    """A call as its network has it; money."""

    network: str
    customer: str
    price: float


class Brokered(NamedTuple):
    """Which call of a service agent's own a terminal's call became, and the fee on top, money."""

    own: CallKey
    fee: float


class CallBooks:
    """Everybody's books, and what is wrong with them taken one by one.

    Attributes
    ----------
    market
        The market agent, if its journal is here.
    asked, auctioned, carried
        What customers have asked for; what the market agent has auctioned; by auction, what networks have committed to.
    brokered, refused
        Terminals' calls that a service agent has asked on, and those for which the budget did not reach.
    """

    def __init__(self) -> None:
        self.nodes: set[str] = set()
        self.market = ""
        self.breaches: list[Breach] = []
        self.asked: dict[CallKey, Side] = {}
        self.auctioned: dict[CallKey, Side] = {}
        self.carried: dict[int, Carried] = {}
        self.brokered: dict[CallKey, Brokered] = {}
        self.refused: set[CallKey] = set()
        self.keys: dict[int, CallKey] = {}
        self._capacity: dict[str, float] = {}
        self._loads: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, entry: JournalEntry) -> None:
        """Take in the next line of a journal."""
        match entry.kind:
            case "network" | "called":
                self.market = entry.node
                if entry.kind == "called":
                    self._called(entry)
            case "contracted" | "reported":
                self._at_market(entry)
            case "served" | "decommitted" | "blocked":
                self._at_market(entry) if entry.auction else self._heard(entry)
            case "capacity" | "registered" | "committed":
                self._at_network(entry)
            case "requested" | "connected":
                self._asked(CallKey(entry.node, entry.seq), entry) if entry.kind == "requested" else self._heard(entry)
            case "brokered":
                self._asked_on(entry)
            case "refused":
                self.refused.add(CallKey(entry.peer, entry.seq))
            case _:
                return
        self.nodes.add(entry.node)

    def _breach(self, rule: Rule, entry: JournalEntry, text: str) -> None:
        self.breaches.append(Breach(rule, entry.node, text))

    # The market agent

    def _called(self, entry: JournalEntry) -> None:
        key = CallKey(entry.peer, entry.seq)
        if key in self.auctioned or entry.auction in self.keys:
            self._breach("once", entry, f"auction {entry.auction}: {named(key)} auctioned twice")
        self.keys[entry.auction] = key
        self.auctioned[key] = Side(auction=entry.auction)

    def _at_market(self, entry: JournalEntry) -> None:
        key = self.keys.get(entry.auction)
        if key is None:
            self._breach("order", entry, f"auction {entry.auction}: {entry.kind}, but never called")
        elif entry.kind == "contracted":
            self._contracted(self.auctioned[key], entry, named(key))
        else:
            self._ended(self.auctioned[key], entry, named(key))

    # Customers

    def _asked(self, key: CallKey, entry: JournalEntry) -> None:
        if key in self.asked:
            self._breach("once", entry, f"{named(key)} asked for twice")
        self.asked[key] = Side(entry.peer if entry.kind == "requested" else "")

    def _asked_on(self, entry: JournalEntry) -> None:
        theirs, own = CallKey(entry.peer, entry.seq), CallKey(entry.node, entry.round)
        if theirs in self.brokered:
            self._breach("once", entry, f"{named(theirs)} asked on twice")
        self._asked(own, entry)
        self.brokered[theirs] = Brokered(own, entry.charge)

    def _heard(self, entry: JournalEntry) -> None:
        key = CallKey(entry.node, entry.seq)
        if key not in self.asked:
            self._breach("order", entry, f"{named(key)}: {entry.kind}, but never asked for")
        elif entry.kind == "connected":
            self._contracted(self.asked[key], entry, named(key))
        else:
            self._ended(self.asked[key], entry, named(key))

    # Both

    def _contracted(self, side: Side, entry: JournalEntry, name: str) -> None:
        if side.network:
            self._breach("once", entry, f"{name}: {entry.kind} twice")
        side.network, side.price = entry.peer, entry.charge

    def _ended(self, side: Side, entry: JournalEntry, name: str) -> None:
        if side.said and (side.said, entry.kind) != ("reported", "served"):
            self._breach("once", entry, f"{name}: {side.said}, and then {entry.kind}")
        elif entry.kind in {"served", "reported"} and not side.network:
            self._breach("order", entry, f"{name}: {entry.kind} without a contract")
        elif entry.kind == "blocked" and side.network:
            self._breach("order", entry, f"{name}: blocked in spite of a contract")
        side.said = entry.kind

    # Networks

    def _at_network(self, entry: JournalEntry) -> None:
        if entry.kind == "capacity":
            self._capacity[entry.node] = entry.quantity
        elif entry.kind == "registered":  # what it carried before is gone
            self._loads[entry.node].clear()
        else:
            if entry.auction in self.carried:
                self._breach("once", entry, f"auction {entry.auction}: committed twice")
            self.carried[entry.auction] = Carried(entry.node, entry.peer, entry.charge)
            self._loaded(entry)

    def _loaded(self, entry: JournalEntry) -> None:
        """Auctions are in the order of the market's time: what is over once is over for good."""
        going_on = [(end, rate) for end, rate in self._loads[entry.node] if end > entry.at_s]
        self._loads[entry.node] = [*going_on, (entry.at_s + entry.holding_s, entry.quantity)]
        load = math.fsum(rate for _, rate in self._loads[entry.node])
        capacity = self._capacity.get(entry.node, math.inf)
        if load > capacity * (1.0 + ROUNDING):
            self._breach("capacity", entry, f"carries {load:.6g} of {capacity:.6g} kbit/s in auction {entry.auction}")


def named(key: CallKey) -> str:
    """A call, as users read it."""
    return f"{key.customer} call {key.call}"
