"""A finished run played back from its folder, at any speed."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from node.protocol.trace import Record, Trace
from scenarios.errors import ScenarioError
from scenarios.live.feed import Feed
from scenarios.live.pace import Pace
from scenarios.markets.panels import View
from scenarios.report.finish import Remains, records_of, remains_of

LOOK_S = 0.05

REACHING = "working out what can be reached ..."

READ_AT_ONCE = 5_000

MOST_AT_ONCE = 500
"""Records taken in before viewers have their turn."""


class Playback:
    """The records of a run, fed as its time goes."""

    def __init__(self, folder: Path, speed: float) -> None:
        self._remains = playable(folder)
        self._begins_anew = asyncio.Event()
        self.pace = Pace(speed)
        self.feed = Feed(self._view, "folder", self.pace)

    def _view(self) -> View:
        return self._remains.kind.view(self._remains.market)

    def restart(self) -> None:
        """Play it from the beginning."""
        self._begins_anew.set()

    async def run(self) -> None:
        """Play it, and again whenever that is asked for."""
        while True:
            self._begins_anew.clear()
            view = self._view()
            self.feed.note = REACHING
            await asyncio.to_thread(view.prepare)
            self.feed.note = ""
            self.feed.restart(view)
            self.pace.restart()
            await self._play()
            await self._begins_anew.wait()

    async def _play(self) -> None:
        remains = self._remains
        until = remains.run.outcome.duration_s
        opened_at = remains.run.outcome.opened_at
        records = records_of(remains.run.folder, remains.kind, opened_at, is_over=remains.is_over)
        # Read in a thread: unpacking a part of the trace takes longer than viewers should wait.
        while read := await asyncio.to_thread(list, itertools.islice(records, READ_AT_ONCE)):
            for moment in moments(read):
                if moment[0].time_s > until:
                    for record in moment:
                        self.feed.view.settle(record)
                    continue
                await self._due(moment[0].time_s)
                if self._begins_anew.is_set():
                    return
                self.feed.take(moment)
        self.feed.end()

    async def _due(self, time_s: float) -> None:
        """Wait until the time of the market has come that far, or a step is asked for."""
        while not self._begins_anew.is_set() and self.pace.reach() < time_s:
            if self.pace.take_step():
                self.pace.stepped(time_s)
                return
            await asyncio.sleep(LOOK_S)
        await self._yield_now_and_then()

    async def _yield_now_and_then(self) -> None:
        if self.feed.version % MOST_AT_ONCE == 0:
            await asyncio.sleep(0)


def moments(records: Iterable[Record[Trace]]) -> Iterator[list[Record[Trace]]]:
    """The records of each instant together, at most so many."""
    for _, found in itertools.groupby(records, key=lambda record: record.time_s):
        while moment := list(itertools.islice(found, MOST_AT_ONCE)):
            yield moment


def playable(folder: Path) -> Remains:
    """What the folder has of a run that can be played back; ScenarioError if it is none, or has no trace."""
    remains = remains_of(folder)
    if remains.run.world in remains.kind.worlds:
        raise ScenarioError(
            f"{folder} is of world {remains.run.world!r}, which keeps no trace: look at it with bidswarm report, or "
            "run the scenario in world 'sim' or 'mqtt'"
        )
    return remains


def whole_view(folder: Path) -> View:
    """The view of a run that is over, of all that its folder has."""
    remains = remains_of(folder)
    view = remains.kind.view(remains.market)
    view.prepare()
    outcome = remains.run.outcome
    for record in records_of(folder, remains.kind, outcome.opened_at, is_over=True):
        if record.time_s <= outcome.duration_s:
            view.add(record)
        else:
            view.settle(record)
    view.finish()
    return view
