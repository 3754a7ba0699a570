"""The study of learners from options to folder: plays in all cores, figures, verdict, pictures."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from rich.console import Console

from node.mechanism.checks import FloatArray
from scenarios.cli.progress import Progress
from scenarios.console import Log
from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.layout import print_table
from scenarios.results.figures import save
from scenarios.results.style import styled
from scenarios.study import learned_prices
from scenarios.study.folder import folder_for
from scenarios.study.learned_prices import WEIGHTS, Prices, priced
from scenarios.study.learners import NEAR, SIZES, Course, jobs, played
from scenarios.study.pictures import blank
from scenarios.sweep.pool import pool

NAME = "learners"

CALLS_PER_AUCTION = 12
"""Calls of the Digital Marketplace for each auction of the exchange: they are that much quicker to play."""

NEAR_PRICES = 0.1
"""Prices are next to the private equilibrium where a best reply would gain less than this, as a share of what operators
earn in it: Exp3 never stops to explore."""

Found = TypeVar("Found", Course, Prices)


class Learners(msgspec.Struct, frozen=True, kw_only=True):
    """All plays of the study."""

    study: str = NAME
    seeds: int
    auctions: int
    courses: list[Course]
    prices: list[Prices]


def report_learners(seeds: int, auctions: int, out: Path, log: Log) -> tuple[Learners, Path, Sequence[Path] | str]:
    """Play, and keep what came of it; the plays, the folder, and the pictures or why there are none.

    Raises
    ------
    ScenarioError
        If an option is out of its range, or the folder cannot be made.
    RunError
        If a result cannot be written.
    """
    for option, value, least, most in (("--seeds", seeds, 2, 1_000), ("--auctions", auctions, 100, 1_000_000)):
        if not least <= value <= most:
            raise ScenarioError(f"{option}: {value} is out of range; give a whole number from {least:,} to {most:,}")
    needs("scipy")
    options = {"seeds": seeds, "auctions": auctions}
    with folder_for(out, NAME, f"seeds{seeds}", options) as folder, Progress(log) as progress:
        found = _found(seeds, auctions, progress.wait)
        folder.write("summary.json", found)
        drawn = folder.draw(lambda path: [save(one(found), path, name) for name, one in PICTURES.items()])
        folder.finish("complete")
    return found, folder.path, drawn


def _found(seeds: int, auctions: int, say: Callable[[str], None]) -> Learners:
    calls = CALLS_PER_AUCTION * auctions
    asked = [
        learned_prices.Job(w, knows_type, calls, seed)
        for w, knows_type, seed in product(WEIGHTS, (False, True), range(seeds))
    ]
    with pool(os.cpu_count() or 1) as (processes, _):
        courses = _submitted(processes, played, jobs(seeds, auctions))
        prices = _submitted(processes, priced, asked)
        plays: list[Future[Any]] = [*courses, *prices]
        for done, one in enumerate(plays, 1):
            one.result()
            say(f"{done} of {len(plays)} plays")
    return Learners(
        seeds=seeds,
        auctions=auctions,
        courses=[one.result() for one in courses],
        prices=[one.result() for one in prices],
    )


def _submitted(processes: Executor, play: Callable[[Any], Found], asked: Iterable[Any]) -> list[Future[Found]]:
    return [processes.submit(play, one) for one in asked]


def rows(found: Learners) -> Iterator[tuple[str, ...]]:
    """Who reached the equilibrium of the exchange, in how many auctions; means over the seeds with 95 % intervals."""
    for size, (bidders, is_alone) in product(map(str, SIZES), _WHO):
        plays = of(found, size, bidders, is_alone=is_alone)
        reached = sorted(one.reached for one in plays if one.reached is not None)
        auctions = f"{int(np.median(reached)):,}" if reached else "-"
        yield (
            size,
            _WHO[bidders, is_alone],
            f"{len(reached)} of {len(plays)}",
            auctions,
            _interval(100.0 * _last(plays, "learned_gap")),
            _interval(100.0 * _last(plays, "gap")),
            _regret(plays) if bidders != "adaptive" else "",
            _interval(100.0 * _last(plays, "efficiency")),
            _interval(100.0 * _earned(found, size, plays)) if is_alone else "",
        )


HEADS = (
    "market",
    "who bids",
    "reached",
    "auctions",
    "learned gap, %",
    "played gap, %",
    "regret, %",
    "efficiency, %",
    "earns, % of adaptive",
)

_KNOWS = {False: "w", True: "w and their type"}

_WHO = {
    ("adaptive", False): "all adaptive",
    ("regret-matching", False): "all regret matching",
    ("exp3", False): "all Exp3",
    ("regret-matching", True): "one regret matching, others adaptive",
    ("exp3", True): "one Exp3, others adaptive",
}


def of(found: Learners, market: str, bidders: str, *, is_alone: bool) -> list[Course]:
    """The plays of one kind, in the order of their seeds."""
    return [one for one in found.courses if (one.market, one.bidders, one.is_alone) == (market, bidders, is_alone)]


def _last(plays: Sequence[Course], figure: str) -> FloatArray:
    """Of each play, the mean of the last tenth of the looks."""
    return np.array([np.mean(getattr(one, figure)[-max(1, len(one.gap) // 10) :]) for one in plays])


def _regret(plays: Sequence[Course]) -> str:
    """The regret per auction in the end, and what the theorem allows."""
    regret, bound = (100.0 * np.array([getattr(one, key)[-1] for one in plays]) for key in ("regret", "regret_bound"))
    return f"{_interval(regret)} of {bound.mean():.0f}"


def _earned(found: Learners, market: str, plays: Sequence[Course]) -> FloatArray:
    """What the one learner earned, as a share of what ``adaptive`` earns in its place."""
    baseline = {one.seed: one.earned for one in of(found, market, "adaptive", is_alone=False)}
    return np.array([one.earned / baseline[one.seed] for one in plays])


def _interval(values: FloatArray) -> str:
    """Mean ± half of its 95 % interval."""
    quantile = float(needs("scipy.stats").t.ppf(0.975, values.size - 1))
    return f"{values.mean():.2f} ± {quantile * values.std(ddof=1) / np.sqrt(values.size):.2f}"


PRICE_HEADS = ("w", "operators learn by", "calls", "distance from b*", "could gain", "earn", "in equilibrium")


def price_rows(found: Learners) -> Iterator[tuple[str, ...]]:
    """How far the prices that were learned are from the private equilibrium, in the last window."""
    for w, knows_type in product(WEIGHTS, (False, True)):
        plays = prices_of(found, w, knows_type=knows_type)
        distance, gain, profit = (
            np.array([getattr(one, figure)[-1] for one in plays]) for figure in ("distance", "gain", "profit")
        )
        fair = np.array([one.equilibrium_profit for one in plays])
        yield (
            f"{w:g}",
            _KNOWS[knows_type],
            f"{plays[0].calls[-1]:,}",
            *map(_precise, (distance, gain, profit, fair)),
        )


def prices_of(found: Learners, w: float, *, knows_type: bool) -> list[Prices]:
    """The plays of one kind."""
    return [one for one in found.prices if (one.w, one.knows_type) == (w, knows_type)]


def _precise(values: FloatArray) -> str:
    return f"{values.mean():.4f}"


def verdict(found: Learners) -> Iterator[str]:
    """What the plays say, in sentences."""
    for size, (who, name) in product(map(str, SIZES), _WHO.items()):
        plays = of(found, size, who[0], is_alone=who[1])
        reached = [one.reached for one in plays if one.reached is not None]
        learned = "what they do is" if who[0] == "adaptive" else "what is learned is"
        if len(reached) == len(plays):
            after = f"after {np.median(reached):,.0f} auctions"
            yield f"{size}, {name}: {learned} next to an equilibrium in every market, {after}"
        else:
            yield f"{size}, {name}: {learned} next to an equilibrium in {len(reached)} of {len(plays)} markets"
    for w, knows_type in product(WEIGHTS, (False, True)):
        priced_so = prices_of(found, w, knows_type=knows_type)
        share = np.mean([one.gain[-1] for one in priced_so]) / np.mean([one.equilibrium_profit for one in priced_so])
        is_near = "" if share <= NEAR_PRICES else "not "
        yield (
            f"operators at w = {w:g} that learn by {_KNOWS[knows_type]}: {is_near}next to the private equilibrium; "
            f"a best reply would gain {share:.1%} of what it earns there"
        )


def print_learners(found: Learners, folder: Path, pictures: Sequence[Path] | str, console: Console) -> None:
    """Print both tables, and the verdict."""
    print_table(console, HEADS, list(rows(found)), names=2)
    console.print()
    print_table(console, PRICE_HEADS, list(price_rows(found)), names=2)
    console.print()
    for line in verdict(found):
        console.print(line, highlight=False, soft_wrap=True)
    named = pictures if isinstance(pictures, str) else ", ".join(path.name for path in pictures)
    console.print(f"results: {folder}", f"pictures: {named}", sep="\n", highlight=False, soft_wrap=True, markup=False)


@styled()
def draw_gaps(found: Learners) -> Any:  # noqa: ANN401 - a matplotlib figure
    """What best replies would gain, auction by auction: a panel for each market, medians over the seeds.

    Lines are of what has been learned; pale ones of the same colour, of the bids as played.
    """
    figure = blank(12.0, 4.2)
    axes = figure.subplots(1, len(SIZES), sharey=True, squeeze=False)[0]
    for panel, size in zip(axes, map(str, SIZES), strict=True):
        for (bidders, is_alone), name in _WHO.items():
            plays = of(found, size, bidders, is_alone=is_alone)
            learned, as_played = (
                np.median([getattr(one, gap) for one in plays], axis=0) for gap in ("learned_gap", "gap")
            )
            (line,) = panel.plot(plays[0].auctions, learned, label=name)
            if bidders != "adaptive":
                pale = {"color": line.get_color(), "linestyle": "-", "linewidth": 0.8, "alpha": 0.25}
                panel.plot(plays[0].auctions, as_played, **pale)
        panel.axhline(NEAR, color="black", linestyle=":", linewidth=1.0)
        panel.set(title=size, xlabel="auctions", xscale="log", yscale="log", ylim=(1e-4, 1.0))
    axes[0].set_ylabel("gain of a best reply, as a share of the most")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return figure


@styled()
def draw_prices(found: Learners) -> Any:  # noqa: ANN401 - a matplotlib figure
    """How far learned prices are from the private equilibrium, and what a best reply to them would gain."""
    figure = blank(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    for w, knows_type in product(WEIGHTS, (False, True)):
        plays = prices_of(found, w, knows_type=knows_type)
        for axes, key in ((left, "distance"), (right, "gain")):
            course = np.mean([getattr(one, key) for one in plays], axis=0)
            axes.plot(plays[0].calls, course, marker=".", label=f"w = {w:g}, by {_KNOWS[knows_type]}")
    left.set(xlabel="calls", xscale="log", ylabel="mean distance from b*, money", ylim=(0, None))
    right.set(xlabel="calls", xscale="log", ylabel="gain of a best reply, money per call", ylim=(0, None))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return figure


PICTURES: dict[str, Callable[[Learners], Any]] = {"gaps": draw_gaps, "prices": draw_prices}
