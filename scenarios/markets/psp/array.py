"""A market in the world ``array``: numpy on one core, rounds instead of messages."""

import dataclasses
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.welfare import StandingBids, switching_gains
from node.protocol.trace import Record, Trace
from node.rounds.market import ArrayMarket, Progress
from node.rounds.outcome import ArrayCourse, ArrayOutcome
from node.rounds.play import Play
from node.runtime.streams import stream
from node.trace.psp.convergence import ConvergenceMetrics, Oscillation, Quiescence
from node.trace.psp.metrics import MarketMetrics
from scenarios.chaos.expectations import FaultLog
from scenarios.errors import ScenarioError, reason
from scenarios.files.own import kind_of_table
from scenarios.markets.kind import Watch
from scenarios.markets.psp.course import Convergence, Fold, metrics_of
from scenarios.markets.psp.figures import figures
from scenarios.markets.psp.final_bids import FinalBid
from scenarios.markets.psp.ladder import EdgeBids, Rungs, eq_20, switching_of
from scenarios.markets.psp.live import optimum_of
from scenarios.markets.psp.market import Market, edges, lowest_reserves, theta
from scenarios.markets.psp.mechanisms import name_of_mechanism
from scenarios.markets.psp.results import Allocation, Result, Summary, in_order, sales
from scenarios.markets.psp.schema import AdaptiveStrategy, ParabolicValuation
from scenarios.markets.psp.spread import shift_metrics
from scenarios.results.outcome import Outcome, Run, Status
from scenarios.words import counted

MOST_PAIRS = 50_000_000
"""Buyers times the largest pool: what some 8 GiB hold."""

ROUNDS = "rounds.npz"
"""In the folder of the run: what its rounds came to, as numpy keeps arrays."""

SELLERS_SHOWN = 1_000
"""Sellers whose prices and sales are kept over time: each takes two columns of a table."""


@dataclass(frozen=True, slots=True)
class _Rounds:
    """How far the rounds are, for those who watch."""

    market: Market
    progress: Progress
    in_doubt: int = 0

    def add(self, record: Record[Trace]) -> None:
        """Take in nothing: there is no trace."""

    def headline(self, elapsed_s: float, messages: int) -> str:
        """Rounds, moves, and the share of buyers who have not come to rest."""
        del elapsed_s, messages
        at = self.progress
        return (
            f"{self.market.scenario}  {counted(at.rounds, 'round')}  {counted(at.bids, 'move')}  "
            f"{at.pending:.2%} of {counted(len(self.market.buyers), 'buyer')} have something to think about"
        )

    def table(self) -> None:
        """Nothing: very many buyers fit on no terminal."""


def check_arrayable(market: Market) -> None:
    """Raise ScenarioError, naming key, value and remedy, if the world ``array`` cannot play the market."""
    _only(market.auction.reserve_rule == "fixed", "auction.reserve_rule", market.auction.reserve_rule, "'fixed' only")
    _only(market.auction.mechanism == "psp", "auction.mechanism", name_of_mechanism(market.auction), "'psp' only")
    for fault in ("loss", "duplication", "reordering"):
        share = getattr(market.network, fault)
        _only(share == 0.0, f"network.{fault}", share, "no network faults: it has no messages")
    _only(not market.shifts, "shifts", len(market.shifts), "no shifts: take out shifts, joins_at_s")
    _only(market.chaos is None, "chaos", "…", "no faults: it has neither messages nor processes")
    first = market.buyers[0].strategy
    for buyer in market.buyers:
        of = f"buyer {buyer.name!r}:"
        kind = kind_of_table(buyer.valuation)
        _only(isinstance(buyer.valuation, ParabolicValuation), f"{of} valuation.kind", kind, "'parabolic' only")
        kind = kind_of_table(buyer.strategy)
        _only(isinstance(buyer.strategy, AdaptiveStrategy), f"{of} strategy.kind", kind, "'adaptive' only")
        _only(buyer.budget_money is None, f"{of} budget_money", buyer.budget_money, "no budgets: leave it out")
        _only(buyer.strategy == first, f"{of} strategy", buyer.strategy, "one strategy for all buyers")
    assert isinstance(first, AdaptiveStrategy)
    last = first.epsilon[1]
    _only(last > 0.0, f"strategy.epsilon_end_{first.unit}", last, "amounts above 0")
    pairs = len(market.buyers) * max(len(buyer.pool) for buyer in market.buyers)
    _only(pairs <= MOST_PAIRS, "sellers_each: buyers times the largest pool", pairs, f"at most {MOST_PAIRS:,}")


def _only(fulfilled: bool, key: str, value: object, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not fulfilled:
        raise ScenarioError(
            f"{key} = {value!r}: world 'array' knows {what}; change it, or choose world 'sim' or 'mqtt'"
        )


def run_arrayed(market: Market, timeout_s: float, watch: Watch, folder: Path) -> Outcome:
    """Play the market until nobody moves, or for ``timeout_s``, where a round takes a clearing interval.

    Ctrl-C keeps what there is. What it came to is left in the folder.
    """
    interval = market.auction.clearing_interval_s
    course = ArrayCourse(sellers=len(market.sellers) if len(market.sellers) <= SELLERS_SHOWN else 0)
    strategy, first, last = _adaptive(market)
    outcome = _array_market(market).run(
        first,
        last,
        stream(market.seed, "array", "rounds"),
        most_rounds=int(timeout_s / interval),
        watch=lambda progress: watch(_Rounds(market, progress), interval * progress.rounds, 0),
        presence=strategy.presence_share,
        damping=strategy.damping,
        synchronous=market.array.rounds == "synchronous",
        course=course,
    )
    _keep(outcome, course, folder / ROUNDS)
    return Outcome(_status(outcome), 0.0, outcome.rounds * interval, {"rounds": outcome.rounds})


def play_of(market: Market, told: IntArray) -> Play:
    """The market before its first round; the buyers that ``told`` names by index do nothing by themselves."""
    strategy, first, last = _adaptive(market)
    first[told] = last[told] = np.inf
    one = _array_market(market)
    numbers = one.demand_mb, one.choke_price, one.supply, one.reserve, one.edges
    is_synchronous = market.array.rounds == "synchronous"
    return Play(*numbers, first, last, strategy.presence_share, strategy.damping, is_synchronous)


def _adaptive(market: Market) -> tuple[AdaptiveStrategy, FloatArray, FloatArray]:
    """The one strategy of all buyers, and the first and the last ε of each, money."""
    strategy = market.buyers[0].strategy
    assert isinstance(strategy, AdaptiveStrategy)
    reserves = zip(market.buyers, lowest_reserves(market), strict=True)
    first, last = np.array([strategy.epsilon_money(theta(buyer), price) for buyer, price in reserves]).T
    return strategy, first, last


def arrayed_result(market: Market, run: Run) -> Result:
    """The result of a market from what ``run_arrayed`` left in the folder."""
    outcome, course = _kept(run.folder / ROUNDS)
    interval = market.auction.clearing_interval_s
    rest = _Rest(outcome, np.bincount(edges(market)[0], minlength=len(market.buyers)), interval)
    summary = _summary(market, outcome, rest.quiescence.bids, run)
    folded = Fold(
        _metrics(market, outcome, summary),
        _convergence(course, interval),
        rest,
        shift_metrics(market),
        [],
        outcome.gap,
        partial(_ladder, market, outcome),
        bids=_final_bids(market, outcome),
    )
    return Result(summary, market, folded, run.outcome.counters)


def _keep(outcome: ArrayOutcome, course: ArrayCourse, path: Path) -> None:
    """Write both to disk, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez(
            file,
            **{one.name: getattr(outcome, one.name) for one in dataclasses.fields(outcome)},
            course_rounds=course.rounds,
            course_welfare=course.welfare,
            course_price=np.array(course.price),
            course_sold=np.array(course.sold),
        )
    part.replace(path)


def _kept(path: Path) -> tuple[ArrayOutcome, ArrayCourse]:
    """Both, as ``_keep`` wrote them.

    Raises
    ------
    ScenarioError
        If they are not there, or not whole.
    """
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            arrays = {name: file[name] for name in file.files}
        kept: dict[str, Any] = {name: array if array.ndim else array.item() for name, array in arrays.items()}
        outcome = ArrayOutcome(**{one.name: kept[one.name] for one in dataclasses.fields(ArrayOutcome)})
        price, sold = kept["course_price"], kept["course_sold"]
        rounds, welfare = kept["course_rounds"].tolist(), kept["course_welfare"].tolist()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ScenarioError(
            f"{path} cannot be read: {reason(error)}; it is what a run in world 'array' leaves"
        ) from error
    return outcome, ArrayCourse(price.shape[1], rounds, welfare, [*price], [*sold])


def _array_market(market: Market) -> ArrayMarket:
    numbers = [buyer.valuation for buyer in market.buyers if isinstance(buyer.valuation, ParabolicValuation)]
    return ArrayMarket(
        [valuation.demand_mb for valuation in numbers],
        [valuation.choke_price_per_mb for valuation in numbers],
        [seller.supply_mb for seller in market.sellers],
        [seller.reserve_price_per_mb for seller in market.sellers],
        edges(market),
    )


def _summary(market: Market, outcome: ArrayOutcome, bids: int, run: Run) -> Summary:
    rows = _allocations(market, outcome)
    most, prices = outcome.bound, [outcome.market_price]
    if not market.is_large:
        best = optimum_of(market)
        most, prices = best.welfare, [best.price, *prices]
    own = figures(market, rows, outcome.welfare, most, prices, outcome.gap)
    return Summary(
        **run.figures(market, FaultLog()),
        **own,
        **sales(market, rows),
        bids=bids,
        truthfulness_gap=0.0,  # by Prop. 1 of Lazar & Semret
    )


def _ladder(market: Market, outcome: ArrayOutcome) -> Rungs:
    """The price ladder; without the corrected law in a large market, where every buyer would take a staircase."""
    buyer, seller = edges(market)
    sold = np.bincount(seller, weights=outcome.allocation, minlength=len(market.sellers)).astype(np.float64)
    demand = np.array([theta(one).demand_mb for one in market.buyers])
    bids = EdgeBids(outcome.allocation, outcome.price, outcome.price)
    printed = eq_20(market, bids, sold, demand)
    if market.is_large:
        return Rungs(printed, None)
    supply, reserve = zip(*((one.supply_mb, one.reserve_price_per_mb) for one in market.sellers), strict=True)
    profile = StandingBids(buyer, seller, outcome.quantity, outcome.price)
    gains = switching_gains(len(market.buyers), supply, reserve, profile, (buyer, seller))
    return Rungs(printed, switching_of(market, gains, bids.by_buyer(market)))


def _status(outcome: ArrayOutcome) -> Status:
    if outcome.quiescent:
        return "settled"
    return "interrupted" if outcome.interrupted else "timeout"


def _allocations(market: Market, outcome: ArrayOutcome) -> list[Allocation]:
    """Every purchase, in the order of the other worlds."""
    buyer, seller = edges(market)
    served = np.flatnonzero(outcome.allocation)
    columns = buyer[served], seller[served], outcome.allocation[served], outcome.charge[served]
    rows = [
        Allocation(market.buyers[i].name, market.sellers[j].name, quantity, charge)
        for i, j, quantity, charge in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return in_order(market, rows)


def _final_bids(market: Market, outcome: ArrayOutcome) -> dict[str, Sequence[Any]]:
    """Every standing bid, in the columns and the order of ``FinalBid``: each auction is one tranche."""
    buyer, seller = edges(market)
    names = (np.array([one.name for one in users], object) for users in (market.buyers, market.sellers))
    buyers, sellers = next(names)[buyer], next(names)[seller]
    supply, reserve = np.array([(one.supply_mb, one.reserve_price_per_mb) for one in market.sellers])[seller].T
    stands = np.flatnonzero(outcome.quantity)
    order = stands[np.lexsort((buyers[stands], seller[stands]))]
    amounts = outcome.quantity, outcome.price, outcome.allocation, outcome.charge, supply, reserve
    columns = sellers, np.ones(len(buyer), np.int64), buyers, *amounts
    return dict(zip(FinalBid._fields, (column[order].tolist() for column in columns), strict=True))


def _metrics(market: Market, outcome: ArrayOutcome, summary: Summary) -> MarketMetrics:
    """What the other worlds fold from a trace, which this one has not."""
    metrics = metrics_of(market)
    for seller, price in zip(market.sellers, outcome.market_price.tolist(), strict=True):
        auction = metrics.auctions[seller.name]
        auction.price, auction.state = price, "closed" if outcome.quiescent else "open"
    for row in summary.allocations:
        auction = metrics.auctions[row.seller]
        auction.sold += row.quantity
        auction.revenue += row.charge
    metrics.bids, metrics.welfare = summary.bids, summary.welfare
    for buyer, moves in zip(market.buyers, outcome.bids.tolist(), strict=True):
        metrics.bids_of[buyer.name] = moves * len(buyer.pool)
    return metrics


def _convergence(course: ArrayCourse, interval: float) -> Convergence:
    return Convergence(
        time_s=interval * np.array(course.rounds, float),
        welfare=np.array(course.welfare),
        price=np.array(course.price).reshape(len(course.rounds), -1),
        sold=np.array(course.sold).reshape(len(course.rounds), -1),
    )


class _Rest(ConvergenceMetrics):
    """How buyers came to rest: a move bids at every seller of the pool. Nobody looks for cycling buyers here."""

    def __init__(self, outcome: ArrayOutcome, pool: np.ndarray, interval: float) -> None:
        super().__init__()
        self._moves, self._pool, self._last_s = outcome.bids, pool, interval * float(outcome.moved_at.max(initial=0))

    @property
    def quiescence(self) -> Quiescence:
        """Time, bids and moves."""
        moved = self._moves > 0
        if not moved.any():
            return Quiescence(0.0, 0, 0, 0.0, 0, 0.0, 0)
        moves = self._moves[moved]
        bids = moves * self._pool[moved]
        per_buyer = float(np.median(bids)), int(bids.max()), float(np.median(moves)), int(moves.max())
        return Quiescence(self._last_s, int(bids.sum()), int(moves.sum()), *per_buyer)

    @property
    def oscillations(self) -> list[Oscillation]:
        """Nobody."""
        return []
