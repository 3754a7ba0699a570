"""How far the shifts of a market spread: which of its numbers the report needs, and what it says in words."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from node.mechanism.psp import SLIVER
from node.mechanism.rounding import ROUNDING
from node.strategy.psp.adaptive import PRESENCE
from node.trace.psp.shifts import ShiftMetrics, ShiftReport
from scenarios.markets.psp.equilibrium import last_epsilons
from scenarios.markets.psp.market import BuyerSpec, Market, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, Shift
from scenarios.results.lines import some
from scenarios.words import counted


def by_time(market: Market) -> dict[float, list[Shift]]:
    """What happens at one time, which counts as one market shift."""
    return {at_s: list(same) for at_s, same in groupby(market.shifts, key=lambda one: one.at_s)}


def shift_metrics(market: Market) -> ShiftMetrics:
    """Metrics that know the shifts of this market."""
    return ShiftMetrics(
        [seller.name for seller in market.sellers],
        dict(zip((buyer.name for buyer in market.buyers), presence_mb(market), strict=True)),
        {at_s: frozenset(one.node for one in same) for at_s, same in by_time(market).items()},
    )


def presence_mb(market: Market) -> list[float]:
    """The largest bid by which each buyer only stays informed, MB; 0 for strategies that place none.

    ``adaptive`` bids at every seller at least an equal part of ``presence_share`` of its demand, but no more than
    ``PRESENCE`` slivers of that seller's supply. So this bounds what it keeps there, at any seller of its pool, however
    few of the auctions are open and however far supplies grow.
    """
    supply = _largest_supplies(market)
    # The same bid, if no more than a rounding error larger.
    return [(1.0 + ROUNDING) * _presence(buyer, supply) for buyer in market.buyers]


def _presence(buyer: BuyerSpec, supply: Mapping[str, float]) -> float:
    if not isinstance(buyer.strategy, AdaptiveStrategy):
        return 0.0
    sliver = SLIVER * max(supply[name] for name in buyer.pool)
    return min(buyer.strategy.presence_share * theta(buyer).demand_mb, PRESENCE * sliver)


def _largest_supplies(market: Market) -> dict[str, float]:
    """What each seller has at most at any time, MB: all shifts that raise it count."""
    supply = {seller.name: seller.supply_mb for seller in market.sellers}
    for shift in market.shifts:
        if shift.kind == "supply":
            supply[shift.node] *= max(1.0, shift.factor)
    return supply


def least_gain(market: Market) -> float:
    """ε: what a move must gain, money, for the most easily contented buyer; 0 where any gain will do."""
    epsilons = last_epsilons(market)
    return float(epsilons[np.isfinite(epsilons)].max(initial=0.0))


def sentence(report: ShiftReport, market: Market) -> str:
    """What one shift did, in a line."""
    changed = (
        f"price moved by more than ε = {report.epsilon:g} per MB in {_counted(report.beyond_epsilon, report.outside)}"
    )
    felt = f"by what is worth more than ε to a buyer in {_counted(report.worth_epsilon, report.worth_outside)}"
    return (
        f"shift at {report.time_s:g} s ({described(by_time(market)[report.time_s])}): "
        f"{counted(report.bids, 'bid')} in {report.rest_s:.2f} s; touched {_some(report.touched)}; "
        f"{report.sellers} of {counted(len(market.sellers), 'auction')} in its influence set; {changed}, {felt}"
    )


def _counted(count: int, outside: Sequence[str]) -> str:
    return f"{count} ({len(outside)} outside)"


def described(shifts: Sequence[Shift]) -> str:
    """What happens, in words."""
    replaced = {one.instead_of for one in shifts}
    return _some([_words(one) for one in shifts if one.node not in replaced])


def _words(shift: Shift) -> str:
    match shift.kind:
        case "join":
            return f"{shift.instead_of} becomes {shift.node}" if shift.instead_of else f"{shift.node} joins"
        case "leave":
            return f"{shift.node} leaves"
    return f"{shift.kind} of {shift.node} times {shift.factor:g}"


def _some(words: Sequence[str], most: int = 4) -> str:
    """The first of them, and how many more there are."""
    return some(words, most, ", ") or "no auction"
