"""What Prometheus is told, folded from the trace, the counters of hosts, and the journal (docs/metrics.md)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from node.protocol.host import Record
from node.protocol.machine import JournalEntry

STATES: Mapping[str, str] = {
    "cleared": "open",
    "reopened": "open",
    "resumed": "open",
    "awarding": "awarding",
    "closed": "closed",
}
"""Kind of a seller's trace record to the state of its auction from then on."""


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

    def take(self, records: Iterable[Record]) -> None:
        """Take in what happened."""
        for record in records:
            self.told[record.kind] += 1
            trade = record.node, record.peer, record.round
            match record.kind:
                case "settled" | "recalled" if trade not in self._sales:
                    self._sales.add(trade)
                    self.sold_mb += record.quantity
                    self.revenue_money += record.charge
                case "in-doubt":
                    self._doubts.add(trade)
                case "cleared-up":
                    self._doubts.discard(trade)
            if record.kind in STATES and record.node in self._states:
                self._states[record.node] = STATES[record.kind]

    def recall(self, entries: Iterable[JournalEntry]) -> None:
        """Take in what the journal knows from earlier lives; sellers say their sales again by themselves."""
        for entry in entries:
            if entry.kind == "bought":
                self.bought_mb += entry.quantity
                self.paid_money += entry.charge

    def note(self, entries: Iterable[JournalEntry]) -> None:
        """Take in what was written into the journal."""
        written = list(entries)
        self.entries.update(entry.kind for entry in written)
        self.recall(written)
