"""What Prometheus is told, folded from the trace, the counters of hosts, and the journal (docs/metrics.md)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from node.protocol.journal import JournalEntry
from node.protocol.psp.journal import Bought
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    AuctionClosed,
    Awarding,
    Cleared,
    DoubtClearedUp,
    Reopened,
    SaleRecalled,
    SaleSettled,
)
from node.protocol.trace import Record, Resumed, Trace

STATES: Mapping[type[Trace], str] = {
    Cleared: "open",
    Reopened: "open",
    Resumed: "open",
    Awarding: "awarding",
    AuctionClosed: "closed",
}
"""What a seller tells to the state of its auction from then on."""


class Driven(Protocol):
    """The one host of a process."""

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection now."""
        ...

    @property
    def round_trip_s(self) -> float:
        """How long the broker took to acknowledge, seconds."""
        ...

    @property
    def timers(self) -> int:
        """How many timers are set."""
        ...


class Meter:
    """Figures of all nodes of one process, or of a run as its launcher sees it.

    Attributes
    ----------
    told
        Trace records by kind.
    sold_mb, revenue_money
        What sellers have given receipts for.
    bought_mb, paid_money
        What buyers have receipts for, by the journal.
    entries
        Lines of the journal by kind.
    node
        The one host of a process that carries one.
    """

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.sold_mb = self.revenue_money = 0.0
        self.bought_mb = self.paid_money = 0.0
        self.entries: Counter[str] = Counter()
        self.node: Driven | None = None
        self._states: dict[str, str] = {}
        self._sales: set[tuple[str, str, int]] = set()
        self._doubts: set[tuple[str, str, int]] = set()
        self._counters: dict[str, Mapping[str, int]] = {}

    def expect(self, sellers: Iterable[str]) -> None:
        """Count the auctions of the sellers at these addresses."""
        self._states.update(dict.fromkeys(sellers, "open"))

    def watch(self, node: Driven) -> None:
        """Take the state of the connection from there."""
        self.node = node

    def count(self, host: str, counters: Mapping[str, int]) -> None:
        """Take the counters of a host; a live mapping need be given only once."""
        self._counters[host] = counters

    @property
    def counters(self) -> Counter[str]:
        """What all hosts have counted."""
        return sum(map(Counter, map(dict, list(self._counters.values()))), Counter[str]())

    @property
    def auctions(self) -> Counter[str]:
        """How many auctions are in each state."""
        return Counter(dict(self._states).values())

    @property
    def in_doubt(self) -> int:
        """How many acceptances have neither a receipt nor a void."""
        return len(self._doubts)

    def take(self, records: Iterable[Record[Trace]]) -> None:
        """Take in what happened."""
        for record in records:
            self.told[record.kind] += 1
            told = type(record.what)
            if told in STATES and record.node in self._states:
                self._states[record.node] = STATES[told]
            self._trade(record.node, record.what)

    def _trade(self, node: str, what: Trace) -> None:
        match what:
            case SaleSettled() | SaleRecalled() if (sale := (node, what.buyer, what.round)) not in self._sales:
                self._sales.add(sale)
                self.sold_mb += what.quantity_mb
                self.revenue_money += what.charge_money
            case AcceptanceInDoubt():
                self._doubts.add((node, what.seller, what.round))
            case DoubtClearedUp():
                self._doubts.discard((node, what.seller, what.round))

    def recall(self, lines: Iterable[JournalEntry]) -> None:
        """Take in what the journal knows from earlier lives; sellers say their sales again by themselves."""
        for line in lines:
            if isinstance(line.entry, Bought):
                self.bought_mb += line.entry.quantity_mb
                self.paid_money += line.entry.charge_money

    def note(self, lines: Iterable[JournalEntry]) -> None:
        """Take in what was written into the journal."""
        written = list(lines)
        self.entries.update(line.kind for line in written)
        self.recall(written)
