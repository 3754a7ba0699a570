"""The rounds of a classroom, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.guests.classroom import Classroom
from scenarios.launch.options import Onlookers, RunOptions
from scenarios.launch.run import carry_out
from scenarios.live.beside import Beside
from scenarios.markets.base import Market, Scenario
from scenarios.markets.registry import draw_market
from scenarios.results import folder as rundir
from scenarios.results.drawing import draw_apart
from scenarios.results.result import Result
from scenarios.words import counted

MARKET = "classroom"
"""What the market of a round is called on a broker that somebody else has started."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """So many rounds of a scenario; each draws its market from a seed of its own.

    Attributes
    ----------
    seed
        Of the first round.
    folder
        Where each round has a folder of its own, and ``scores.json`` is.
    """

    scenario: Scenario
    rounds: int
    seed: int
    limit_s: float
    folder: Path
    broker: str
    pictures: bool


def held(lesson: Lesson, room: Classroom, say: Callable[[str], None]) -> None:
    """Hold the lesson; Ctrl-C ends it, and keeps the rounds that there were.

    Raises
    ------
    KeyboardInterrupt
        If it is ended before its last round is over; the text says what is kept, and how to go on.
    """
    try:
        _hold(lesson, room, say)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"{str(interrupt) or 'interrupted'}; {_kept(lesson, room)}") from interrupt


def discard_if_bare(folder: Path) -> None:
    """Remove the folder of a lesson of which no round has begun."""
    if not has_rounds(folder):
        rundir.discard(folder)


def has_rounds(folder: Path) -> bool:
    """Whether a round has begun, so that it has a folder of its own there."""
    return any(folder.glob("*/manifest.json"))


def _kept(lesson: Lesson, room: Classroom) -> str:
    """What there is of a lesson that is ended early, and how to go on."""
    over, begins_anew = room.over, "the same command begins anew"
    if not has_rounds(lesson.folder):
        return f"no round had begun, and nothing is kept; {begins_anew}"
    if not over:
        return f"no round was over; what there is of the first is kept in {lesson.folder}; {begins_anew}"
    kept = f"{over} of {counted(lesson.rounds, 'round')} {'was' if over == 1 else 'were'} over; kept in {lesson.folder}"
    if over == lesson.rounds:
        return kept
    return (
        f"{kept}; for the others give the same command with --seed {lesson.seed + over} --rounds {lesson.rounds - over}"
    )


def _hold(lesson: Lesson, room: Classroom, say: Callable[[str], None]) -> None:
    for number in range(1, lesson.rounds + 1):
        seed = lesson.seed + number - 1
        room.prepare(draw_market(lesson.scenario, seed))
        strategy = room.earned(_played_by_strategies(lesson, seed))
        say(f"round {number} of {lesson.rounds}: the board begins it")
        places = room.gather()
        market, page = room.open(places)
        options = RunOptions(
            seed=seed,
            broker=lesson.broker,
            market_name=f"{MARKET}-{lesson.folder.name[-6:]}-{number}",
            timeout_s=lesson.scenario.timeout_s + lesson.limit_s,
            out=lesson.folder,
            pictures=False,
        )
        result = _carried_out(lesson.scenario, options, page, market)
        room.close(page, result.run_dir, room.earned(result), strategy)
        rundir.write_json(lesson.folder / "scores.json", room.scores())
        room.over = number
        say(f"round {number} of {lesson.rounds} is over: {result.run_dir}")
        if lesson.pictures:  # after the scores, for which people wait
            draw_apart(result, None)
    room.stage = "over"


def _played_by_strategies(lesson: Lesson, seed: int) -> Result[Any]:
    """The same market without people, simulated: what their places can be expected to earn."""
    options = RunOptions(seed=seed, world="sim", out=lesson.folder / "strategies", pictures=False)
    return _carried_out(lesson.scenario, options)


def _carried_out(
    scenario: Scenario, options: RunOptions, page: Beside | None = None, market: Market | None = None
) -> Result[Any]:
    """As ``carry_out``, which takes Ctrl-C for the end of this run alone."""
    result = carry_out(scenario, options, Onlookers(page=page), market)
    if result.summary.status == "interrupted":
        raise KeyboardInterrupt
    return result
