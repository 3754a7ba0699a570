"""What happened in a market, in sentences: the newest of every kind, and what is marked in the course of time."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping

import msgspec

from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultBegun, FaultHealed

MOST_OF_A_KIND = 300
"""Of each kind so many are remembered, so that the frequent ones do not push out the rare."""

MOST_MARKS = 200

FAULT, HEALED = "fault", "healed"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of record, and what it says in words: fields of the record in braces, ``node`` being who told it.

    Attributes
    ----------
    is_shown
        Whether a page shows it from the start.
    is_marked
        Whether it is marked in the course of time.
    """

    key: str
    label: str
    text: str
    is_shown: bool = True
    is_marked: bool = False


class Entry(msgspec.Struct, frozen=True):
    """Something that happened, in words."""

    number: int
    time_s: float
    kind: str
    node: str
    text: str


class Mark(msgspec.Struct, frozen=True):
    """Something to be marked in the course of time; ``until_s`` is None while it lasts."""

    kind: str
    label: str
    from_s: float
    until_s: float | None


COMINGS = (
    Event(key="joined", label="joined", text="joins", is_marked=True),
    Event(key="left", label="left", text="leaves", is_marked=True),
    Event(key="resumed", label="restarted", text="is back from its journal"),
)
"""Of nodes of every market."""

FAULTS = (
    Event(key=FAULT, label="fault", text="begins: {hosts}", is_marked=True),
    Event(key=HEALED, label="healed", text="is over: {hosts}"),
)
"""Of every market."""


class Chronicle:
    """Remembers what happened, and tells it in words when somebody asks.

    Attributes
    ----------
    shown
        The kinds of events that are shown from the start.
    marks
        What to mark, in the order in which it began.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = [*events, *FAULTS]
        self.shown = frozenset(event.key for event in self.events if event.is_shown)
        self._of = {event.key: event for event in self.events}
        self._kept: dict[str, deque[tuple[int, Record[Trace]]]] = {
            event.key: deque(maxlen=MOST_OF_A_KIND) for event in self.events
        }
        self._numbers = itertools.count(1)
        self.marks: deque[Mark] = deque(maxlen=MOST_MARKS)

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record; kinds without words are left out."""
        kept = self._kept.get(record.kind)
        if kept is None:
            return
        kept.append((next(self._numbers), record))
        if self._of[record.kind].is_marked:
            self._mark(record)
        elif isinstance(record.what, FaultHealed):
            self._end(node_of(record.node), record)

    def _mark(self, record: Record[Trace]) -> None:
        if isinstance(record.what, FaultBegun):
            self.marks.append(Mark(node_of(record.node), _words(record, "{node} {hosts}"), record.time_s, None))
            return
        event = self._of[record.kind]
        self.marks.append(
            Mark("shift", f"{node_of(record.node)} {_words(record, event.text)}", record.time_s, record.time_s)
        )

    def _end(self, kind: str, record: Record[Trace]) -> None:
        label = _words(record, "{node} {hosts}")
        for place, mark in enumerate(self.marks):
            if mark.kind == kind and mark.label == label and mark.until_s is None:
                self.marks[place] = Mark(kind, label, mark.from_s, record.time_s)
                return

    def latest(self, kinds: Collection[str], text: str = "", most: int = 100) -> list[Entry]:
        """The newest that are of one of these kinds and have this text in them, newest first, at most so many."""
        rings = [reversed(ring) for kind, ring in self._kept.items() if kind in kinds]
        wanted = text.casefold()
        found = (self._entry(*one) for one in heapq.merge(*rings, key=lambda one: -one[0]))
        return list(itertools.islice((one for one in found if wanted in f"{one.node} {one.text}".casefold()), most))

    def _entry(self, number: int, record: Record[Trace]) -> Entry:
        node = node_of(record.node)
        return Entry(number, record.time_s, record.kind, node, _words(record, self._of[record.kind].text))


def _words(record: Record[Trace], text: str) -> str:
    what = record.what
    fields: Mapping[str, object] = {name: _value(getattr(what, name)) for name in what.__struct_fields__}
    return text.format(node=node_of(record.node), **fields)


def _value(value: object) -> object:
    """A field as words have it: nodes by name, numbers with four significant digits."""
    if isinstance(value, str):
        return node_of(value) or value
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return ", ".join(map(str, value)) or "all" if isinstance(value, list) else value
