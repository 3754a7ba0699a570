"""What a live page shows of a market that says nothing of panels of its own: who tells how much, and what happened."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from node.protocol.machine import Message
from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.trace.history import History
from scenarios.markets.chronicle import COMINGS, Chronicle, Event
from scenarios.markets.panels import Course, Curves, Detail, Drawing, Layout, Line, Named, Table, Value, curves

FIGURES = (
    Named(key="records", label="records", kind="count", help="What nodes have told."),
    Named(key="nodes", label="nodes", kind="count", help="Who has told anything."),
)
RECORDS = Course(key="records", title="Records", kind="count", lines=[Line(key="records", label="so far")])
NODES = Table(
    key="nodes",
    title="Nodes",
    columns=[
        Named(key="name", label="node", kind="text"),
        Named(key="last", label="last told", kind="text"),
        Named(key="moves", label="records", kind="count"),
    ],
)


class PlainView:
    """What can be shown of any market.

    Attributes
    ----------
    EVENTS
        What happens, in words; a subclass adds those of its market.
    """

    EVENTS: ClassVar[Sequence[Event]] = COMINGS

    def __init__(self, market: Any) -> None:  # noqa: ANN401 - of any kind, or None
        self.now_s = 0.0
        self.chronicle = Chronicle(self.EVENTS)
        self._title = market.scenario if market else "market"
        self._told: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._course = History(1)

    @property
    def layout(self) -> Layout:
        """The same for all."""
        return Layout(
            title=self._title,
            subtitle="",
            figures=FIGURES,
            panels=[RECORDS, NODES],
            events=self.chronicle.events,
        )

    def prepare(self) -> None:
        """Nothing takes long."""

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        if self._course.is_due(record.time_s):
            self._course.add(self.now_s, [self._told.total()])
        self.now_s = max(self.now_s, record.time_s)
        self.chronicle.add(record)
        node = node_of(record.node)
        self._told[node] += 1
        self._last[node] = record.kind

    def settle(self, record: Record[Trace]) -> None:
        """Take in a record from after the end, as any other."""
        self.add(record)

    def post(self, poster: str, message: Message) -> None:
        """Heed no post."""
        del poster, message

    def finish(self) -> None:
        """Take the last row."""
        self._course.add(self.now_s, [self._told.total()])

    def figures(self) -> dict[str, Value]:
        """How much has been told, and by how many."""
        return {"records": self._told.total(), "nodes": len(self._told)}

    def courses(self) -> dict[str, Curves]:
        """How much had been told."""
        return {"records": curves(self._course, {"records": 0})}

    def single(self, course: str, node: str) -> None:
        """There is no course of a node."""
        del course, node

    def drawings(self) -> dict[str, Drawing]:
        """There is no graph."""
        return {}

    def rows(self, table: str) -> dict[str, Sequence[Value]]:
        """Who has told anything."""
        del table
        return {"name": list(self._last), "last": list(self._last.values()), "moves": list(self._told.values())}

    def detail(self, node: str) -> Detail | None:
        """How much one node has told, and what last."""
        if node not in self._told:
            return None
        facts: list[tuple[str, Value, str]] = [
            ("records", float(self._told[node]), ""),
            ("last told", self._last[node], ""),
        ]
        return Detail(node=node, role="node", facts=facts, plots=[])
