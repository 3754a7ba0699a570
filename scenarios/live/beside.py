"""A page beside a run of this very process, which tells it all that happens."""

import asyncio
import contextlib
import math
import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from node.protocol.trace import Record, Trace
from scenarios.launch.options import OVER
from scenarios.launch.steered import offers_of
from scenarios.live.desk import Desk
from scenarios.live.feed import Feed
from scenarios.live.pace import Pace
from scenarios.live.playback import REACHING, whole_view
from scenarios.markets.base import Market
from scenarios.markets.panels import View
from scenarios.markets.registry import kind_of
from scenarios.markets.seats import Move
from scenarios.markets.steering import Order

LOOK_S = 0.05

MOST_AT_ONCE = 2_000
"""Records taken in before viewers have their turn."""


class Beside:
    """What a run tells, from its own thread, and what the page of another thread makes of it.

    Parameters
    ----------
    feed
        What shows it, if that has shown another run before.

    Attributes
    ----------
    told
        How many records have been heard.
    """

    def __init__(self, market: Market, *, is_paced: bool, feed: Feed | None = None) -> None:
        self.told = 0
        self._view = partial(kind_of(market).view, market)
        self._pace = Pace() if is_paced else None
        self._heard: deque[Record[Trace]] = deque()
        self._last: View | None = None
        self._desk = Desk(offers_of(market))
        self._steering = kind_of(market).steering
        self._revised: Market | None = None
        self._moves: deque[Move] = deque()
        self._is_first = feed is None
        self.feed = feed or Feed(self._view, "run", self._pace, desk=self._desk)

    # In the thread of the run

    def hear(self, records: Sequence[Record[Trace]]) -> None:
        """Pass on what has happened."""
        self.told += len(records)
        self._heard.extend(records)

    def reach(self) -> float:
        """How far a simulated run may go, seconds since the market opened: nowhere until somebody looks."""
        if self._pace is None:
            return math.inf
        return self._pace.reach() if self.feed.is_seen else 0.0

    def take_step(self) -> bool:
        """Whether one more record is wanted."""
        return self._pace is not None and self._pace.take_step()

    def stepped(self, now_s: float) -> None:
        """Up to there it has led, seconds."""
        if self._pace:
            self._pace.stepped(now_s)

    def take_order(self) -> Order | None:
        """What somebody wants to happen, if anything."""
        return self._desk.take()

    def answer(self, text: str, *, is_refused: bool) -> None:
        """What became of that."""
        self._desk.answer(text, is_refused=is_refused)

    def revise(self, market: Market) -> None:
        """What is heard from now on is of this market."""
        self._revised = market

    def take_move(self) -> Move | None:
        """What a person wants who acts for a user, if anything."""
        return self._moves.popleft() if self._moves else None

    def close(self, why: str = OVER) -> None:
        """Nothing can happen any more."""
        self._desk.close(why)

    def finish(self, folder: Path) -> View:
        """Show what the folder of the run has, and return the view of that."""
        self._last = whole_view(folder)
        return self._last

    def stay(self, folder: Path) -> None:
        """Show what the folder of the run has, until Ctrl-C."""
        self.finish(folder)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()

    # In the thread of the page

    def move(self, move: Move) -> None:
        """Have the run tell the node of a person what that wants."""
        self._moves.append(move)

    def restart(self) -> None:
        """A run cannot begin anew."""

    async def run(self) -> None:
        """Show what is told; in the end the run as its folder has it."""
        if not self._is_first:
            self.feed.restart(self._view())
        self.feed.note = REACHING
        await asyncio.to_thread(self.feed.view.prepare)
        self.feed.version += 1
        self.feed.note = ""
        while self._pace and not self.feed.is_seen:  # noqa: ASYNC110 - soon over
            await asyncio.sleep(LOOK_S)
        if self._pace and not self._pace.is_paused:
            self._pace.restart()
        while self._last is None:
            heard = [self._heard.popleft() for _ in range(min(MOST_AT_ONCE, len(self._heard)))]
            if self._revised and self._steering:  # asked after that: what is heard of a shift comes after its market
                self._steering.revise(self.feed.view, self._revised)
            self.feed.take(heard)
            await asyncio.sleep(0.0 if self._heard else LOOK_S)
        self.feed.show_whole(self._last)
