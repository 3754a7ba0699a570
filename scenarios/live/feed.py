"""What every viewer is sent: the state of a market, whole each time, as far as it differs from what that viewer has."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec

from node.protocol.trace import Record, Trace
from scenarios.live.desk import Desk
from scenarios.live.pace import Pace
from scenarios.markets.panels import Table, Value, View

State = Literal["waiting", "running", "ended", "lost"]
"""Nothing has been told yet; things happen; the market is over; the broker is gone for now."""

MOST_ROWS, MOST_ENTRIES, MOST_LINES, MOST_TEXT = 200, 200, 8, 100
"""Of a table, of the log, and of a course that one viewer gets; characters of what it searches for."""


REST = 10.0
"""A section that takes long to make is made anew after so many times as long at the earliest, while the market runs."""


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one viewer wants to see besides what all see; every field is bounded, since anybody may ask.

    Attributes
    ----------
    sort, descending, search, first, count
        Of the table: by which column, which way, rows with this text alone, and which of them.
    kinds, words
        Of the log: which kinds of events, with which text.
    lines
        Of courses: names of nodes that have a line of their own, by course.
    follow
        The node that is followed; empty for none.
    """

    sort: str = msgspec.field(default="")
    descending: bool = False
    search: str = ""
    first: int = 0
    count: int = 50
    kinds: list[str] | None = None
    words: str = ""
    lines: dict[str, list[str]] = {}
    follow: str = ""

    def bounded(self) -> "Wish":
        """The same within bounds."""
        return Wish(
            sort=self.sort[:MOST_TEXT],
            descending=self.descending,
            search=self.search[:MOST_TEXT],
            first=max(0, min(self.first, 1_000_000)),
            count=max(1, min(self.count, MOST_ROWS)),
            kinds=None if self.kinds is None else self.kinds[:MOST_ROWS],
            words=self.words[:MOST_TEXT],
            lines={key: names[:MOST_LINES] for key, names in list(self.lines.items())[:MOST_LINES]},
            follow=self.follow[:MOST_TEXT],
        )


@dataclass
class Viewer:
    """One page that looks on: what it wants, the bytes of each section that it got last, and what it may do.

    Attributes
    ----------
    may_order, may_set_time
        Whether it may have things happen, and pause, step and speed up the market, where anybody can.
    """

    wish: Wish = field(default_factory=Wish)
    has: dict[str, bytes] = field(default_factory=dict)
    may_order: bool = False
    may_set_time: bool = False


class _Made(NamedTuple):
    """What was made at a version, and until when that is good enough, seconds of the clock."""

    version: int
    due_s: float
    what: Any


class Feed:
    """A market as it is now, for any number of viewers.

    Attributes
    ----------
    pace
        How fast its time goes, where that can be set.
    desk
        Where things can be ordered to happen in it, if they can.
    note
        What a person should know of where this comes from.
    is_seen
        Whether anybody has ever looked.
    """

    def __init__(
        self,
        make_view: Callable[[], View],
        source: str,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        desk: Desk | None = None,
    ) -> None:
        self.pace = pace
        self.desk = desk
        self.source = source
        self.note = ""
        self.is_seen = False
        self.state: State = "waiting"
        self._make_view = make_view
        self.view = make_view()
        self.version = 0
        self._made: dict[str, _Made] = {}
        self._clock = clock
        self._encoder = msgspec.msgpack.Encoder()

    def restart(self, view: View | None = None) -> None:
        """Forget what has been told, and show another view, or one that knows nothing yet."""
        self.view = self._make_view() if view is None else view
        self._made.clear()
        self.state = "waiting"
        self.version += 1

    def take(self, records: Sequence[Record[Trace]]) -> None:
        """Take in what happened."""
        for record in records:
            self.view.add(record)
        if records:
            self.state = "running"
            self.version += 1

    def end(self) -> None:
        """The market is over: show how it ended."""
        self.view.finish()
        self.state = "ended"
        self.version += 1

    def show_whole(self, view: View) -> None:
        """The run is over: show what its folder has."""
        self.restart(view)
        self.state = "ended"
        self.note = "the run is over; these are the figures of its folder"

    def frame(self, viewer: Viewer) -> bytes | None:
        """What this viewer does not have yet, as MessagePack; None if it has all."""
        self.is_seen = True
        own = {"pace": self._pace_for(viewer), "desk": self._desk_for(viewer)}
        found = {
            **self._common(),
            **self._wanted(viewer.wish),
            **{key: self._encoder.encode(value) for key, value in own.items()},
        }
        news = {key: value for key, value in found.items() if viewer.has.get(key) != value}
        viewer.has = found
        return self._encoder.encode({key: msgspec.Raw(value) for key, value in news.items()}) if news else None

    def _pace_for(self, viewer: Viewer) -> dict[str, Any]:
        pace = self.pace
        known = {"speed": pace.speed, "paused": pace.is_paused, "may_set": viewer.may_set_time} if pace else None
        return {"state": self.state, "now": self.view.now_s, "pace": known, "source": self.source, "note": self.note}

    def _desk_for(self, viewer: Viewer) -> dict[str, Any] | None:
        desk = self.desk
        if desk is None:
            return None
        return {"offers": desk.offers if viewer.may_order else [], "said": desk.said, "is_open": self.state != "ended"}

    def _common(self) -> dict[str, bytes]:
        """The sections that all viewers get, encoded once however many they are."""
        view = self.view
        made: dict[str, Callable[[], Any]] = {
            "layout": lambda: view.layout,
            "figures": view.figures,
            "courses": view.courses,
            "drawings": view.drawings,
            "marks": lambda: list(view.chronicle.marks),
        }
        return {key: self._kept(key, partial(self._encoded, make)) for key, make in made.items()}

    def _encoded(self, make: Callable[[], Any]) -> bytes:
        return self._encoder.encode(make())

    def _kept(self, key: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - what is made
        """What was made of the market as it is; as it was a moment ago, where to make it takes long."""
        kept = self._made.get(key)
        began_s = self._clock()
        if kept and (kept.version == self.version or (self.state == "running" and began_s < kept.due_s)):
            return kept.what
        what = make()
        ended_s = self._clock()
        self._made[key] = _Made(self.version, ended_s + REST * (ended_s - began_s), what)
        return what

    def _wanted(self, wish: Wish) -> dict[str, bytes]:
        """The sections that depend on what a viewer wants."""
        view, encode = self.view, self._encoder.encode
        kinds = view.chronicle.shown if wish.kinds is None else set(wish.kinds)
        singles = {
            course: {name: curves for name in names if (curves := view.single(course, name)) is not None}
            for course, names in wish.lines.items()
        }
        return {
            "tables": encode(
                {
                    panel.key: cut(self._kept(panel.key, partial(view.rows, panel.key)), panel, wish)
                    for panel in tables_of(view)
                }
            ),
            "log": encode(view.chronicle.latest(kinds, wish.words, MOST_ENTRIES)),
            "singles": encode(singles),
            "detail": encode(view.detail(wish.follow) if wish.follow else None),
        }


def tables_of(view: View) -> list[Table]:
    """The tables among the panels."""
    return [panel for panel in view.layout.panels if isinstance(panel, Table)]


def cut(columns: Mapping[str, Sequence[Value]], table: Table, wish: Wish) -> dict[str, Any]:
    """The part of a table that a viewer wants to see: how many rows there are in all, how many match, and these."""
    keys = [column.key for column in table.columns]
    found = list(range(len(columns[keys[0]])))
    total = len(found)
    if wish.search:
        texts = [columns[column.key] for column in table.columns if column.kind == "text"]
        wanted = wish.search.casefold()
        found = [k for k in found if any(wanted in str(values[k]).casefold() for values in texts)]
    if wish.sort in keys:
        found = ordered(found, columns[wish.sort], descending=wish.descending)
    shown = found[wish.first : wish.first + wish.count]
    rows = [[columns[key][k] for key in keys] for k in shown]
    return {"total": total, "found": len(found), "first": wish.first, "rows": rows}


def ordered(places: Sequence[int], values: Sequence[Value], *, descending: bool) -> list[int]:
    """Places by their value, those without one last either way; texts with numbers in them as people count."""
    known = [k for k in places if values[k] is not None]
    unknown = [k for k in places if values[k] is None]
    return sorted(known, key=lambda k: _rank(values[k]), reverse=descending) + unknown


def _rank(value: Value) -> Any:  # noqa: ANN401 - of one column all are of one type
    if not isinstance(value, str):
        return value
    head = value.rstrip("0123456789")
    number = value[len(head) :]
    return head.casefold(), int(number) if number else -1
