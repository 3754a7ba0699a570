"""The same market in a terminal, as where nobody has a browser: figures, courses, nodes, and what happened last."""

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.columns import Columns as Flow
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from node.runtime.mqtt.loop import event_loop
from scenarios.layout import Columns, spark
from scenarios.live.feed import Feed
from scenarios.live.serving import Shown
from scenarios.markets.panels import Course, Curves, Kind, Table, Value

LOOK_S, REST = 0.25, 10.0
"""It is drawn anew so often at most; where that takes long, after so many times as long."""

SPARK_WIDTH, ENTRIES, LEAST_ROWS = 40, 5, 3
"""Characters of a course; of the log so many lines, and of the nodes so many rows at least."""

AROUND = 4
"""Lines around the rows of nodes: a blank one, their head, how many more there are, and that of the cursor."""

LARGE, SMALL, SMALL_SHARE = 1e4, 1e-4, 0.01
"""A number from ``LARGE`` on is shown as an integer, one below ``SMALL`` with its exponent, a share below
``SMALL_SHARE`` with two digits."""


def watch_in_terminal(shown: Shown, console: Console) -> None:
    """Show it until the market is over, or until Ctrl-C; the last picture stays.

    Into a pipe or a file goes the last picture alone.
    """
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_watch(shown, console))


async def _watch(shown: Shown, console: Console) -> None:
    feed, feeding = shown.feed, asyncio.ensure_future(shown.run())
    try:
        if console.is_terminal:
            await _draw(feed, feeding, console)
        while feed.state != "ended" and not feeding.done():
            await asyncio.wait({feeding}, timeout=LOOK_S)
        if feeding.done():
            feeding.result()
    finally:
        feeding.cancel()
        if not console.is_terminal:
            console.print(Picture(feed, None))


async def _draw(feed: Feed, feeding: asyncio.Future[None], console: Console) -> None:
    """Draw it again and again in the same place, once more when it is over."""
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        is_over = False
        while not is_over:
            is_over, began_s = feed.state == "ended" or feeding.done(), time.monotonic()
            live.update(Picture(feed, console.height), refresh=True)
            if not is_over:
                await asyncio.wait({feeding}, timeout=max(LOOK_S, REST * (time.monotonic() - began_s)))


class Picture:
    """The market of a feed as it is now, in at most ``height`` lines, if that is given."""

    def __init__(self, feed: Feed, height: int | None) -> None:
        self._feed, self._height = feed, height

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Everything from top to bottom; the nodes have the lines that are left."""
        head, log = [*self._head(min(SPARK_WIDTH, options.max_width // 3))], [*self._log()]
        used = sum(len(console.render_lines(one, options, pad=False)) for one in (*head, *log))
        rows = None if self._height is None else max(LEAST_ROWS, self._height - used - AROUND)
        yield from head
        for table in self._feed.view.layout.panels:
            if isinstance(table, Table):
                yield Text()
                yield self._table(table, rows)
        yield from log

    def _head(self, width: int) -> Iterator[RenderableType]:
        feed, view = self._feed, self._feed.view
        layout, figures, courses = view.layout, view.figures(), view.courses()
        yield Text(f"{layout.title}: {feed.state}, {view.now_s:.2f} s", style="bold")
        yield Text("; ".join(one for one in (layout.subtitle, feed.note) if one), style="dim")
        yield Flow(
            [
                Text.assemble((f"{one.label} ", "dim"), with_unit(figures.get(one.key), one.kind, one.unit))
                for one in layout.figures
            ],
            padding=(0, 3),
        )
        for panel in layout.panels:
            if isinstance(panel, Course):
                yield from _course(panel, courses[panel.key], width)

    def _table(self, table: Table, most: int | None) -> Columns:
        columns = self._feed.view.rows(table.key)
        count = len(columns[table.columns[0].key])
        heads = [f"{one.label}, {one.unit}" if one.unit else one.label for one in table.columns]
        rows = [[shown(columns[one.key][k], one.kind) for one in table.columns] for k in range(count)[:most]]
        return Columns(heads, rows, count - len(rows))

    def _log(self) -> Iterator[RenderableType]:
        chronicle = self._feed.view.chronicle
        latest = chronicle.latest(chronicle.shown, most=ENTRIES)
        if latest:
            yield Text()
        for entry in reversed(latest):
            yield Text(f"{entry.time_s:9.2f} s  {entry.node} {entry.text}", overflow="ellipsis", no_wrap=True)


def _course(course: Course, found: Curves, width: int) -> Iterator[RenderableType]:
    """A row for each of its lines but those at the ends of bands."""
    ends = {line.until for line in course.lines} | {line.key for line in course.lines if line.until}
    lines = [line for line in course.lines if line.key not in ends]
    time_s = np.frombuffer(found.time_s, np.float32)
    for line in lines:
        values = np.frombuffer(found.lines[line.key], np.float32).astype(float)
        last = float(values[-1]) if values.size else None
        heights = np.log10(np.maximum(values, course.least)) if course.scale == "log" else values
        yield Text.assemble(
            spark(sampled(time_s, heights, width)).ljust(width),
            f" {with_unit(last, course.kind, course.unit)} ",
            (f"{course.title}: {line.label}" if len(lines) > 1 else course.title, "dim"),
            overflow="ellipsis",
            no_wrap=True,
        )


def sampled(time_s: Any, values: Any, points: int) -> list[float]:  # noqa: ANN401 - arrays of floats
    """What a course was at so many times, evenly apart, from its first to its last."""
    if not time_s.size:
        return []
    at = np.linspace(float(time_s[0]), float(time_s[-1]), points)
    found: list[float] = values[np.searchsorted(time_s, at, side="right") - 1].tolist()
    return found


def shown(value: Value, kind: Kind) -> str:
    """A figure as the page shows it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, str):
        return value
    if kind == "count" or abs(value) >= LARGE:
        return f"{value:,.0f}"
    if kind == "share":
        return f"{100.0 * value:.2g}%" if 0.0 < abs(value) < SMALL_SHARE else f"{100.0 * value:.2f}%"
    return f"{value:.1e}" if 0.0 < abs(value) < SMALL else f"{value:.4g}"


def with_unit(value: Value, kind: Kind, unit: str) -> str:
    """The same, with what it is measured in."""
    return f"{shown(value, kind)} {unit}".rstrip()
