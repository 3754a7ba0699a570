"""The best that a buyer can do where the reserve price of an auction rises with what the buyer takes of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate, count, pairwise
from typing import NamedTuple

from node.mechanism.psp.reply import best_reply
from node.mechanism.psp.staircase import Staircase, merged_staircase
from node.mechanism.rounding import ROUNDING, SUM_ROUNDING
from node.mechanism.valuation import Valuation

MOST_PARTS = 1_000
"""So many parts of the problem are looked at. Random books of up to 10 sellers and 20 bids need fewer than ten."""


class ReserveLevel(NamedTuple):
    """A buyer can have up to ``reach`` MB of an auction while its reserve price is ``reserve`` per MB."""

    reach: float
    reserve: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What MB cost at one reserve: ``steps``, of which no more than ``reach`` MB can be had."""

    steps: Staircase
    reach: float

    @classmethod
    def of(cls, steps: Staircase, reach: float) -> "Stage":
        """The steps up to ``reach``."""
        left, widths = reach, list[float]()
        for width in steps.quantity:
            if left <= 0.0:
                break
            widths.append(min(width, left))
            left -= width
        return cls(Staircase(steps.price[: len(widths)], widths), reach)


def best_utility(valuation: Valuation, auctions: Sequence[Sequence[Stage]], budget: float = math.inf) -> float:
    """The most that a buyer can have of several PSP auctions, money; quantities and prices are free at each.

    An amount is paid for by the first stage that it is in reach of. So the cost of an auction jumps at the end of each
    stage but the last, and the problem is that of ``price_impact.best_amounts``. It is solved in the same way: each
    cost function is replaced by its lower convex hull, which ``best_reply`` solves exactly, with a bound as the result;
    where that reply lies inside an edge of a hull, the stages of that auction are split there. The part with the
    highest bound is split first. After ``MOST_PARTS`` of them the result is that bound, no less than the truth.

    Parameters
    ----------
    auctions
        By auction, the stages, of ascending reach and reserve.
    """
    most, number = 0.0, count()
    parts: list[tuple[float, int, list[Sequence[Stage]]]] = [(-math.inf, next(number), list(auctions))]
    for _ in range(MOST_PARTS):
        if not parts or -parts[0][0] <= most * (1.0 + ROUNDING):
            return most
        _, _, stages = heappop(parts)
        hulls = [_hull(one) for one in stages]
        bound = best_reply(valuation, merged_staircase(hulls), budget=budget)
        places = [_place(one, amount) for one, amount in zip(stages, bound.quantity, strict=True)]
        excess = [
            one[place].steps.cost(amount) - hull.cost(amount)
            for one, place, hull, amount in zip(stages, places, hulls, bound.quantity, strict=True)
        ]
        below = [
            one[place - 1].reach if place and over > 0.0 else amount
            for one, place, over, amount in zip(stages, places, excess, bound.quantity, strict=True)
        ]
        most = max(most, *(_utility(valuation, stages, amounts, budget) for amounts in (bound.quantity, below)))
        k = max(range(len(excess)), key=excess.__getitem__)
        if excess[k] > 0.0 and bound.utility > most * (1.0 + ROUNDING):
            cut = max(places[k], 1)
            for half in (stages[k][:cut], stages[k][cut:]):
                heappush(parts, (-bound.utility, next(number), [*stages[:k], half, *stages[k + 1 :]]))
    return max(most, -parts[0][0]) if parts else most


def _hull(stages: Sequence[Stage]) -> Staircase:
    """The lower convex hull of what the stages cost, as a staircase."""
    if len(stages) == 1:
        return stages[0].steps
    hull = [(0.0, 0.0)]
    for stage in stages:
        for amount in accumulate(stage.steps.quantity):
            if amount <= hull[-1][0] * (1.0 + SUM_ROUNDING):
                continue  # in reach of the stage before
            end = amount, stage.steps.cost(amount)
            while len(hull) > 1 and _slope(hull[-2], hull[-1]) >= _slope(hull[-1], end):
                hull.pop()
            hull.append(end)
    edges = list(pairwise(hull))
    return Staircase([_slope(*edge) for edge in edges], [high[0] - low[0] for low, high in edges])


def _slope(low: tuple[float, float], high: tuple[float, float]) -> float:
    """What each MB between the two points costs."""
    return (high[1] - low[1]) / (high[0] - low[0])


def _place(stages: Sequence[Stage], amount: float) -> int:
    """Which stage pays for the amount: the first in reach."""
    last = len(stages) - 1
    return next((k for k in range(last) if amount <= stages[k].reach * (1.0 + SUM_ROUNDING)), last)


def _utility(valuation: Valuation, stages: Sequence[Sequence[Stage]], amounts: Sequence[float], budget: float) -> float:
    """Valuation minus cost, money; nothing where the cost exceeds the budget."""
    cost = sum(one[_place(one, amount)].steps.cost(amount) for one, amount in zip(stages, amounts, strict=True))
    return valuation.value(sum(amounts)) - cost if cost <= budget * (1.0 + ROUNDING) else 0.0
