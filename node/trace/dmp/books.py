"""What each journal of a Digital Marketplace says of its calls, folded line by line (docs/ledger.md)."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, NamedTuple

from node.mechanism.rounding import ROUNDING
from node.protocol.dmp.journal import (
    Admitted,
    Blocked,
    Brokered,
    Called,
    Capacity,
    Committed,
    Connected,
    Contracted,
    Decommitted,
    Heard,
    NetworkIn,
    Refused,
    Reported,
    Requested,
    Served,
)
from node.protocol.journal import JournalEntry
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


class PassedOn(NamedTuple):
    """Which call of a service agent's own a terminal's call became, and the fee on top, money."""

    own: CallKey
    fee: float


class CallBooks:
    """The books of all nodes, and the rules that each breaks by itself.

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
        self.brokered: dict[CallKey, PassedOn] = {}
        self.refused: set[CallKey] = set()
        self.keys: dict[int, CallKey] = {}
        self._capacity: dict[str, float] = {}
        self._loads: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, line: JournalEntry) -> None:
        """Take in the next line of a journal."""
        node, entry = line.node, line.entry
        match entry:
            case NetworkIn():
                self.market = node
            case Called():
                self.market = node
                self._called(node, entry)
            case Contracted() | Reported() | Served() | Decommitted() | Blocked():
                self._at_market(node, entry)
            case Capacity() | Admitted() | Committed():
                self._at_network(node, entry)
            case Requested():
                self._asked(node, CallKey(node, entry.call), entry.provider)
            case Brokered():
                self._asked_on(node, entry)
            case Refused():
                self.refused.add(CallKey(entry.terminal, entry.call))
            case Connected() | Heard():
                self._heard(node, entry)
            case _:
                return
        self.nodes.add(node)

    def _breach(self, rule: Rule, node: str, text: str) -> None:
        self.breaches.append(Breach(rule, node, text))

    # The market agent

    def _called(self, node: str, entry: Called) -> None:
        key = CallKey(entry.customer, entry.call)
        if key in self.auctioned or entry.auction in self.keys:
            self._breach("once", node, f"auction {entry.auction}: {named(key)} auctioned twice")
        self.keys[entry.auction] = key
        self.auctioned[key] = Side(auction=entry.auction)

    def _at_market(self, node: str, entry: Contracted | Reported | Served | Decommitted | Blocked) -> None:
        key = self.keys.get(entry.auction)
        if key is None:
            self._breach("order", node, f"auction {entry.auction}: {entry.kind}, but never called")
        elif isinstance(entry, Contracted):
            self._contracted(node, self.auctioned[key], entry, named(key))
        else:
            self._ended(node, self.auctioned[key], entry.kind, named(key))

    # Customers

    def _asked(self, node: str, key: CallKey, provider: str) -> None:
        if key in self.asked:
            self._breach("once", node, f"{named(key)} asked for twice")
        self.asked[key] = Side(provider)

    def _asked_on(self, node: str, entry: Brokered) -> None:
        theirs, own = CallKey(entry.terminal, entry.call), CallKey(node, entry.own_call)
        if theirs in self.brokered:
            self._breach("once", node, f"{named(theirs)} asked on twice")
        self._asked(node, own, "")
        self.brokered[theirs] = PassedOn(own, entry.fee_money)

    def _heard(self, node: str, entry: Connected | Heard) -> None:
        key = CallKey(node, entry.call)
        said = entry.outcome if isinstance(entry, Heard) else entry.kind
        if key not in self.asked:
            self._breach("order", node, f"{named(key)}: {said}, but never asked for")
        elif isinstance(entry, Connected):
            self._contracted(node, self.asked[key], entry, named(key))
        else:
            self._ended(node, self.asked[key], entry.outcome, named(key))

    # Both

    def _contracted(self, node: str, side: Side, entry: Contracted | Connected, name: str) -> None:
        if side.network:
            self._breach("once", node, f"{name}: {entry.kind} twice")
        side.network, side.price = entry.network, entry.price_money

    def _ended(self, node: str, side: Side, said: str, name: str) -> None:
        if side.said and (side.said, said) != ("reported", "served"):
            self._breach("once", node, f"{name}: {side.said}, and then {said}")
        elif said in {"served", "reported"} and not side.network:
            self._breach("order", node, f"{name}: {said} without a contract")
        elif said == "blocked" and side.network:
            self._breach("order", node, f"{name}: blocked in spite of a contract")
        side.said = said

    # Networks

    def _at_network(self, node: str, entry: Capacity | Admitted | Committed) -> None:
        match entry:
            case Capacity():
                self._capacity[node] = entry.capacity_kbps
            case Admitted():  # the calls that the network carried before are lost
                self._loads[node].clear()
            case Committed():
                if entry.auction in self.carried:
                    self._breach("once", node, f"auction {entry.auction}: committed twice")
                self.carried[entry.auction] = Carried(node, entry.customer, entry.price_money)
                self._loaded(node, entry)

    def _loaded(self, node: str, entry: Committed) -> None:
        """Auctions are in the order of the market's time: what is over once is over for good."""
        wanted = entry.wanted
        going_on = [(end, rate) for end, rate in self._loads[node] if end > wanted.market_s]
        self._loads[node] = [*going_on, (wanted.market_s + wanted.holding_s, wanted.rate_kbps)]
        load = math.fsum(rate for _, rate in self._loads[node])
        capacity = self._capacity.get(node, math.inf)
        if load > capacity * (1.0 + ROUNDING):
            self._breach("capacity", node, f"carries {load:.6g} of {capacity:.6g} kbit/s in auction {entry.auction}")


def named(key: CallKey) -> str:
    """A call, as users read it."""
    return f"{key.customer} call {key.call}"
