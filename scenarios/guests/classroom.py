"""A classroom: people take the places of users of a scenario, and see what its strategy earns there.

The rounds are runs like any other, in the main thread; the pages are served by another one.
"""

import asyncio
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from scenarios.errors import ScenarioError
from scenarios.files.explained import converted
from scenarios.guests.visitors import Visitors
from scenarios.live.beside import Beside
from scenarios.live.feed import Feed
from scenarios.live.guard import Guard
from scenarios.markets.base import Market
from scenarios.markets.registry import kind_of
from scenarios.markets.seats import Move, Seats
from scenarios.results.result import Result

MOST_NAME = 40
"""Characters of the name of a person."""

LOOK_S = 0.1
"""Between two looks at whether somebody has begun a round; Ctrl-C is heard as often."""

Stage = Literal["lobby", "playing", "over"]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME)]


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page of a person says. It names no user: which one that is, the cookie tells."""

    name: Name | None = None
    move: dict[str, Any] | None = None


class Ordered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the board says."""

    start: bool = False


class Score(msgspec.Struct, frozen=True):
    """What one person earned in one round as one user, and what the strategy would have earned that it stood in for."""

    round: int
    user: str
    earned: float
    strategy: float


@dataclass
class Pupil:
    """A person in the classroom.

    Attributes
    ----------
    name
        What it calls itself; empty until it has said so.
    user
        Whose place it takes in this round; None if nobody's.
    note
        What it should know.
    """

    name: str = ""
    user: str | None = None
    note: str = ""
    moved: msgspec.Struct | None = None
    scores: list[Score] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_busy(self) -> bool:
        """Whether it has a place, or has had one."""
        return self.user is not None or bool(self.scores)


def seats_of(market: Market) -> Seats:
    """How people take part in a market of this kind.

    Raises
    ------
    ScenarioError
        If they cannot.
    """
    kind = kind_of(market)
    if kind.seats is None:
        raise ScenarioError(f"market = {kind.name!r}: people cannot take part in it; take a scenario of psp or dmp")
    if not kind.seats.free(market):
        raise ScenarioError(f"scenario {market.scenario!r} has no {kind.seats.role} whose place somebody could take")
    return kind.seats


class Classroom:
    """Lobby, places and scores of the people who have come.

    Parameters
    ----------
    guard
        Of the board and the page of the market.
    limit_s
        How long people have in a round.
    page
        Where the page of the market is, its token included.

    Attributes
    ----------
    url
        What people open.
    is_ready
        Whether the next round can begin.
    over
        How many rounds are over, and kept.
    """

    page = "class.html"

    def __init__(self, market: Market, guard: Guard, rounds: int, limit_s: float, page: str) -> None:
        self.guard = guard
        self.visitors = Visitors[Pupil](self, guard)
        self.url = self.visitors.url_of(page)
        self.rounds, self.limit_s = rounds, limit_s
        self.round = self.over = 0
        self.stage: Stage = "lobby"
        self.is_ready = False
        self._seats = seats_of(market)
        self._beside = _shown(market)
        self.feed: Feed = self._beside.feed
        self._coming = asyncio.Queue[Beside]()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._market = market
        self._began = threading.Event()

    # In the thread of the rounds

    def gather(self) -> Mapping[str, Pupil]:
        """Wait in the lobby until somebody at the board begins the next round; who takes whose place.

        Who has had the fewest rounds comes first, then who came first.
        """
        self._began.clear()
        self.is_ready = True
        while not self._began.wait(LOOK_S):
            pass
        self.is_ready = False
        self.round += 1
        people = sorted(self._people, key=lambda one: len(one.scores))
        places = dict(zip(self._seats.free(self._market), people, strict=False))
        for pupil in people:
            pupil.user, pupil.moved, pupil.note = None, None, "All places are taken: watch, and have the next."
        for user, pupil in places.items():
            pupil.user, pupil.note = user, ""
        return places

    def open(self, places: Collection[str]) -> tuple[Market, Beside]:
        """The market of this round, in which people act for these users, and the page that shows it."""
        self._market = self._seats.seated(self._market, places, self.limit_s)
        beside = _shown(self._market, self.feed)
        assert self._loop
        self._loop.call_soon_threadsafe(self._coming.put_nowait, beside)
        self.stage = "playing"
        return self._market, beside

    def close(self, beside: Beside, folder: Path, earned: Mapping[str, float], strategy: Mapping[str, float]) -> None:
        """The round is over: show what its folder has, and note what people have earned."""
        view = beside.finish(folder)
        for pupil in self._people:
            if pupil.user is not None:
                pupil.scores.append(Score(self.round, pupil.user, earned[pupil.user], strategy[pupil.user]))
                pupil.receipts += self._seats.shown(self._market, view, pupil.user).get("receipts", [])

    def prepare(self, market: Market) -> None:
        """Have people come into the lobby of the round of this market."""
        self._market, self.stage = market, "lobby"

    def earned(self, result: Result[Any]) -> Mapping[str, float]:
        """The utility of each user whose place people can take, money."""
        return self._seats.earned(result)

    @property
    def _people(self) -> list[Pupil]:
        """Those who have said their names."""
        return [one for one in self.visitors.all if one.name]

    def scores(self) -> list[dict[str, Any]]:
        """The score board: who has earned most compared with the strategy comes first."""
        rows = [
            {
                "name": one.name,
                "rounds": one.scores,
                "earned": sum(score.earned for score in one.scores),
                "strategy": sum(score.strategy for score in one.scores),
            }
            for one in self._people
            if one.scores
        ]
        return sorted(rows, key=lambda row: row["strategy"] - row["earned"])

    # In the thread of the pages

    async def run(self) -> None:
        """Show one round after the other."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.feed.view.prepare)
        while True:
            self._beside = await self._coming.get()
            await self._beside.run()

    def restart(self) -> None:
        """A round cannot begin anew."""

    def admit(self, others: Collection[Pupil]) -> Pupil:
        """One more person, whose name nobody knows yet."""
        del others
        return Pupil()

    def state_of(self, pupil: Pupil) -> bytes:
        """All that the page of a person shows."""
        return msgspec.json.encode({**self._common(), "name": pupil.name, "note": pupil.note, **self._place_of(pupil)})

    def _common(self) -> dict[str, Any]:
        return {
            "phase": self.stage,
            "market": self._market.scenario,
            "role": self._seats.role,
            "round": self.round,
            "rounds": self.rounds,
            "left_s": max(0.0, round(self.limit_s - self.feed.view.now_s)) if self.stage == "playing" else None,
            "scores": self.scores(),
        }

    def _place_of(self, pupil: Pupil) -> dict[str, Any]:
        if pupil.user is None or self.stage == "lobby":
            return {"user": None}
        shown = self._seats.shown(self._market, self.feed.view, pupil.user)
        return {"user": pupil.user, "moved": pupil.moved, **shown}

    def heed(self, pupil: Pupil, said: str) -> bool:
        """Do for a person what its page says; whether it is something that pages say."""
        try:
            word = msgspec.json.decode(said, type=Said)
        except msgspec.MsgspecError:
            return False
        if word.name is not None:
            self._call(pupil, word.name.strip())
        if word.move is not None and self.stage == "playing" and pupil.user is not None:
            try:
                pupil.moved = converted(word.move, self._seats.move, "move")
            except ScenarioError as error:
                pupil.note = str(error)
                return True
            pupil.note = ""
            self._beside.move(Move(pupil.user, word.move))
        return True

    def _call(self, pupil: Pupil, name: str) -> None:
        if not name or not name.isprintable():
            pupil.note = "Say a name that others can read."
        elif any(one.name == name for one in self.visitors.all if one is not pupil):
            pupil.note = f"Somebody here is called {name} already: say another name."
        else:
            pupil.name, pupil.note = name, ""

    def receipts_of(self, pupil: Pupil) -> dict[str, Any]:
        """Its scores, and what it has bought in the rounds that are over."""
        return {"name": pupil.name, "scores": pupil.scores, "receipts": pupil.receipts}

    # The board

    def board(self) -> bytes:
        """All that the board shows."""
        people = [{"name": one.name, "user": one.user if self.stage == "playing" else None} for one in self._people]
        places = len(self._seats.free(self._market))
        return msgspec.json.encode(
            {
                **self._common(),
                "people": people,
                "places": places,
                "url": self.url,
                "is_ready": self.is_ready,
                "note": "",
            }
        )

    def heed_board(self, said: str) -> bool:
        """Begin the next round, if the board says so and somebody is there; whether it is something that boards say."""
        try:
            word = msgspec.json.decode(said, type=Ordered)
        except msgspec.MsgspecError:
            return False
        if word.start and self.is_ready and self._people:
            self._began.set()
        return True


def _shown(market: Market, feed: Feed | None = None) -> Beside:
    """The page of a round, from which nothing can be made to happen."""
    beside = Beside(market, is_paced=False, feed=feed)
    beside.close("people act in this market: nothing else can be made to happen in it")
    return beside
