"""Whether the journals of a Digital Marketplace agree: no call carried or paid for twice (docs/ledger.md)."""

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from node.protocol.journal import JournalEntry
from node.protocol.numbers import MAX_PRICE
from node.trace.breach import Breach
from node.trace.dmp.books import CallBooks, CallKey, Rule, Side, named

Why = Literal[
    "not auctioned yet",
    "contract on its way",
    "call not over yet",
    "outcome on its way",
    "provider's journal missing",
    "network's journal missing",
    "market agent's journal missing",
    "customer's journal missing",
]

CALL_RULES: dict[Rule, str] = {
    "contract": "every contract has its commit and its customer's twin, at the same price",
    "outcome": "all sides agree on how each call ended, and so on who pays whom",
    "once": "no call was asked for, auctioned, carried or ended twice",
    "capacity": "no network carried more than its capacity at any second of the market",
    "order": "every line follows from those before it",
}


class CallDoubt(NamedTuple):
    """A call of which not all sides are known, and why that is no breach; price in money, 0 if there is none yet."""

    customer: str
    call: int
    network: str
    price: float
    why: Why


class CallLedger:
    """What the journals of a Digital Marketplace say together; those of one node in their order.

    Attributes
    ----------
    books
        What each says.
    breaches, doubts
        Every rule that does not hold, and every call of which not all sides are known.
    """

    def __init__(self, entries: Iterable[JournalEntry]) -> None:
        self.books = CallBooks()
        for entry in entries:
            self.books.add(entry)
        self.breaches = self.books.breaches
        self.doubts: list[CallDoubt] = []
        self._check_market()
        self._check_networks()
        self._check_customers()

    def count(self, outcome: str) -> int:
        """Calls with this outcome, by the market agent's books."""
        return sum(one.outcome == outcome for one in self.books.auctioned.values())

    @property
    def earned(self) -> float:
        """What networks earn on calls that were served, by the market agent's books, money."""
        return math.fsum(one.price for one in self.books.auctioned.values() if one.outcome == "served")

    @property
    def paid(self) -> float:
        """What those who asked the market agent pay on calls that were served, by their own books, money."""
        books = self.books
        own = [one for key, one in books.asked.items() if key not in books.brokered]
        return math.fsum(one.price for one in own if one.outcome == "served")

    def _breach(self, rule: Rule, node: str, text: str) -> None:
        self.breaches.append(Breach(rule, node, text))

    def _doubt(self, key: CallKey, side: Side, why: Why) -> None:
        self.doubts.append(CallDoubt(*key, side.network, side.price, why))

    # The market agent and the networks

    def _check_market(self) -> None:
        """Every contract has its commit; one that was decommitted may have none."""
        books = self.books
        for key, side in books.auctioned.items():
            if key not in books.asked:
                self._check_unasked(key, side)
            if side.network and side.outcome != "decommitted" and side.auction not in books.carried:
                self._check_uncommitted(key, side)

    def _check_unasked(self, key: CallKey, side: Side) -> None:
        if key.customer in self.books.nodes:
            self._breach("contract", key.customer, f"{named(key)} auctioned, but never asked for")
        else:
            self._doubt(key, side, "customer's journal missing")

    def _check_uncommitted(self, key: CallKey, side: Side) -> None:
        if side.network not in self.books.nodes:
            self._doubt(key, side, "network's journal missing")
        elif side.outcome:
            self._breach("contract", side.network, f"{named(key)} {side.outcome}, but never committed to")
        else:
            self._doubt(key, side, "contract on its way")

    def _check_networks(self) -> None:
        """Every commit is to a contract, at its price."""
        books = self.books
        for number, carried in books.carried.items():
            key = books.keys.get(number, CallKey(carried.customer, 0))
            side = books.auctioned.get(key, Side())
            if not books.market:
                known = Side(network=carried.network, price=carried.price)
                self._doubt(CallKey(carried.customer, 0), known, "market agent's journal missing")
            elif carried != (side.network, key.customer, side.price):
                text = f"auction {number}: committed at {carried.price:.6g}, but contracted with"
                self._breach("contract", carried.network, f"{text} {side.network or 'nobody'} at {side.price:.6g}")

    # Customers and whom they asked

    def _check_customers(self) -> None:
        for key, side in self.books.asked.items():
            if side.provider and side.provider != self.books.market:
                self._check_brokered(key, side)
            elif self.books.market:
                self._check_sides(key, side, self.books.auctioned.get(key))
            else:
                self._doubt(key, side, "provider's journal missing")

    def _check_brokered(self, key: CallKey, side: Side) -> None:
        """A terminal's provider is a service agent, which adds its fee to the price."""
        books = self.books
        if side.provider not in books.nodes:
            self._doubt(key, side, "provider's journal missing")
        elif key in books.refused and key not in books.brokered:
            self._check_sides(key, side, Side(said="blocked"))
        elif key not in books.brokered:
            self._check_sides(key, side, None)
        else:
            own, fee = books.brokered[key]
            theirs = books.asked[own]
            price = min(theirs.price + fee, MAX_PRICE) if theirs.network else 0.0
            self._check_sides(key, side, Side(network=theirs.network, price=price, said=theirs.said))

    def _check_sides(self, key: CallKey, side: Side, theirs: Side | None) -> None:
        """``side`` is the customer's, ``theirs`` the provider's, who writes down first."""
        if theirs is None:
            if side.network or side.outcome:
                self._breach("contract", key.customer, f"{named(key)}: {side.outcome or 'a contract'} that nobody gave")
            else:
                self._doubt(key, side, "not auctioned yet")
        elif side.network and (side.network, side.price) != (theirs.network, theirs.price):
            text = f"{named(key)}: {side.network} at {side.price:.6g}, but its provider has"
            self._breach("contract", key.customer, f"{text} {theirs.network or 'nobody'} at {theirs.price:.6g}")
        elif side.outcome and side.outcome != theirs.outcome:
            text = f"{named(key)}: {side.outcome}, but its provider has it as {theirs.outcome or 'open'}"
            self._breach("outcome", key.customer, text)
        elif not side.outcome:
            self._check_open(key, side, theirs)

    def _check_open(self, key: CallKey, side: Side, theirs: Side) -> None:
        if theirs.outcome:
            self._doubt(key, theirs, "outcome on its way")
        elif theirs.network and not side.network:
            self._doubt(key, theirs, "contract on its way")
        else:
            self._doubt(key, side, "call not over yet" if side.network else "not auctioned yet")
