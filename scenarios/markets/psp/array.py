"""A market in the world ``array``: numpy on one core, rounds instead of messages."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from node.mechanism.welfare import efficiency
from node.rounds.market import ArrayMarket, Progress
from node.rounds.outcome import ArrayOutcome, Course
from node.runtime.streams import stream
from node.trace.psp.convergence import ConvergenceMetrics, Oscillation, Quiescence
from node.trace.psp.metrics import MarketMetrics
from scenarios.errors import ScenarioError
from scenarios.markets.psp.course import Convergence, Fold, metrics_of
from scenarios.markets.psp.market import Market, edges
from scenarios.markets.psp.results import Allocation, Result, Summary, is_exact, optimum_of
from scenarios.markets.psp.schema import AdaptiveStrategy, ParabolicValuation
from scenarios.markets.psp.spread import shift_metrics
from scenarios.results.outcome import Status

MOST_PAIRS = 50_000_000
"""Buyers times the largest pool: what some 8 GiB hold."""

SELLERS_SHOWN = 1_000
"""Sellers whose prices and sales are kept over time: each takes two columns of a table."""

WatchRounds = Callable[[Market, Progress], None]
"""Told now and then how far the rounds are."""


def check_arrayable(market: object) -> Market:
    """The market, if the world ``array`` can play it; else ScenarioError, naming key, value and remedy."""
    if not isinstance(market, Market):
        raise ScenarioError("market = 'dmp': world 'array' knows 'psp' only; choose world 'sim' or 'mqtt'")
    _only(market.auction.reserve_rule == "fixed", "auction.reserve_rule", market.auction.reserve_rule, "'fixed' only")
    for fault in ("loss", "duplication", "reordering"):
        share = getattr(market.network, fault)
        _only(share == 0.0, f"network.{fault}", share, "no network faults: it has no messages")
    _only(not market.shifts, "shifts", len(market.shifts), "no shifts: take out shifts, joins_at_s")
    _only(market.chaos is None, "chaos", "…", "no faults: it has neither messages nor processes")
    first = market.buyers[0].strategy
    for buyer in market.buyers:
        of = f"buyer {buyer.name!r}:"
        kind = type(buyer.valuation).__struct_config__.tag
        _only(isinstance(buyer.valuation, ParabolicValuation), f"{of} valuation.kind", kind, "'parabolic' only")
        kind = type(buyer.strategy).__struct_config__.tag
        _only(isinstance(buyer.strategy, AdaptiveStrategy), f"{of} strategy.kind", kind, "'adaptive' only")
        _only(buyer.budget_money is None, f"{of} budget_money", buyer.budget_money, "no budgets: leave it out")
        _only(buyer.strategy == first, f"{of} strategy", buyer.strategy, "one strategy for all buyers")
    assert isinstance(first, AdaptiveStrategy)
    last = first.epsilon_end_money
    _only(last > 0.0, "strategy.epsilon_end_money", last, "amounts above 0")
    _only(last <= first.epsilon_start_money, "strategy.epsilon_end_money", last, "at most epsilon_start_money")
    pairs = len(market.buyers) * max(len(buyer.pool) for buyer in market.buyers)
    _only(pairs <= MOST_PAIRS, "sellers_each: buyers times the largest pool", pairs, f"at most {MOST_PAIRS:,}")
    return market


def _only(fulfilled: bool, key: str, value: object, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not fulfilled:
        raise ScenarioError(
            f"{key} = {value!r}: world 'array' knows {what}; change it, or choose world 'sim' or 'mqtt'"
        )


def run_arrayed(market: Market, timeout_s: float, watch: WatchRounds | None, folder: Path, rounds: str) -> Result:
    """Play the market until nobody moves, or for ``timeout_s``, where a round takes a clearing interval.

    Ctrl-C keeps what there is.

    Parameters
    ----------
    rounds
        ``random`` or ``synchronous``, as in a scenario.
    """
    strategy, interval = market.buyers[0].strategy, market.auction.clearing_interval_s
    assert isinstance(strategy, AdaptiveStrategy)
    course = Course(sellers=len(market.sellers) if len(market.sellers) <= SELLERS_SHOWN else 0)
    outcome = _array_market(market).run(
        strategy.epsilon_start_money,
        strategy.epsilon_end_money,
        stream(market.seed, "array", "rounds"),
        most_rounds=int(timeout_s / interval),
        watch=None if watch is None else lambda progress: watch(market, progress),
        presence=strategy.presence_share,
        damping=strategy.damping,
        synchronous=rounds == "synchronous",
        course=course,
    )
    rest = _Rest(outcome, np.bincount(edges(market)[0], minlength=len(market.buyers)), interval)
    summary = _summary(market, outcome, rest.quiescence.bids, folder)
    folded = Fold(_metrics(market, outcome, summary), _convergence(course, interval), rest, shift_metrics(market), [])
    return Result(summary, market, folded, {"rounds": outcome.rounds})


def _array_market(market: Market) -> ArrayMarket:
    numbers = [buyer.valuation for buyer in market.buyers if isinstance(buyer.valuation, ParabolicValuation)]
    return ArrayMarket(
        [valuation.demand_mb for valuation in numbers],
        [valuation.choke_price_per_mb for valuation in numbers],
        [seller.supply_mb for seller in market.sellers],
        [seller.reserve_price_per_mb for seller in market.sellers],
        edges(market),
    )


def _summary(market: Market, outcome: ArrayOutcome, bids: int, folder: Path) -> Summary:
    rows = _allocations(market, outcome)
    best = optimum_of(market).welfare if is_exact(market) else outcome.bound
    return Summary(
        scenario=market.scenario,
        seed=market.seed,
        world="array",
        broker=None,
        nodes=market.nodes,
        status=_status(outcome),
        duration_s=outcome.rounds * market.auction.clearing_interval_s,
        bids=bids,
        messages=0,
        welfare=outcome.welfare,
        optimum=best,
        efficiency=efficiency(outcome.welfare, best),
        epsilon_gap=float(outcome.gap.max(initial=0.0)),
        supply=sum(seller.supply_mb for seller in market.sellers),
        sold=sum(row.quantity for row in rows),
        revenue=sum(row.charge for row in rows),
        allocations=rows,
        run_dir=str(folder),
        optimum_is="exact" if is_exact(market) else "bound",
    )


def _status(outcome: ArrayOutcome) -> Status:
    if outcome.quiescent:
        return "settled"
    return "interrupted" if outcome.interrupted else "timeout"


def _allocations(market: Market, outcome: ArrayOutcome) -> list[Allocation]:
    """Every purchase, by the names of buyer and seller as in the other worlds."""
    buyer, seller = edges(market)
    served = np.flatnonzero(outcome.allocation)
    columns = buyer[served], seller[served], outcome.allocation[served], outcome.charge[served]
    rows = [
        Allocation(market.buyers[i].name, market.sellers[j].name, quantity, charge)
        for i, j, quantity, charge in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return sorted(rows, key=lambda row: (row.buyer, row.seller))


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


def _convergence(course: Course, interval: float) -> Convergence:
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
