"""The best amounts of a buyer who pays one price for all that it takes of an auction: to take more makes all dearer.

That is so under uniform prices, where the last opponent that the buyer displaces sets the price, and where a buyer pays
its bid, which need be no higher than the price of that opponent.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from node.mechanism.psp.reply import Reply, best_reply
from node.mechanism.psp.staircase import SLACK, Staircase, merged_staircase
from node.mechanism.rounding import SUM_ROUNDING
from node.mechanism.valuation import Valuation

_SAME = 1e-9
"""Share of a utility by which a better one is not looked for."""


class _Level(NamedTuple):
    """Up to ``reach`` MB of an auction can be had at ``price`` per MB for all of them."""

    reach: float
    price: float


_NOTHING = _Level(0.0, 0.0)

_Auctions = list[list[_Level]]
"""By auction, the levels that are still considered, ascending."""


def best_amounts(valuation: Valuation, auctions: Sequence[Staircase], budget: float = math.inf) -> list[float]:
    """MB to take of each auction: the a that maximise θ(Σ a_j) - Σ P_j(a_j)·a_j, of a cost within the budget.

    P_j·a_j jumps at the end of every step, so a greedy choice can be wrong, and the problem holds the knapsack problem.
    It is solved by branch and bound. The bound replaces every cost function by its lower convex hull, which makes the
    problem that of ``best_reply``. Where its answer lies inside an edge of a hull, that auction is split at the edge.

    Examples
    --------
    >>> from node.mechanism.psp import staircase
    >>> from node.mechanism.valuation import Flat
    >>> best_amounts(Flat(100, 3), [staircase([30], [2], supply=100)])  # 30 MB more would cost 2 for all 100
    [70.0]
    """
    best, most = [0.0] * len(auctions), 0.0
    to_do: list[_Auctions] = [[list(_levels(valuation, steps)) for steps in auctions]]
    while to_do:
        levels = to_do.pop()
        hulls = [_hull(one) for one in levels]
        bound = best_reply(valuation, merged_staircase([_steps(hull) for hull in hulls]), budget=budget)
        if bound.utility <= most * (1.0 + _SAME):
            continue
        ends = [_end_below(hull, amount) for hull, amount in zip(hulls, bound.quantity, strict=True)]
        for amounts in (bound.quantity, [end.reach for end in ends]):
            cost = sum(map(_cost, levels, amounts))
            utility = valuation.value(sum(amounts)) - cost
            if utility > most and cost <= budget * (1.0 + _SAME):
                best, most = amounts, utility
        if bound.utility > most * (1.0 + _SAME):
            to_do += _split(levels, hulls, bound.quantity, ends)
    least = SUM_ROUNDING * sum(best)  # what rounding has left over at a dearer auction is no amount to bid for
    return [amount if amount > least else 0.0 for amount in best]


def _levels(valuation: Valuation, steps: Staircase) -> Iterator[_Level]:
    """The levels of an auction that a buyer of this valuation could want to reach; one step of rounding is none."""
    reach, least = 0.0, SLACK * sum(steps.quantity)
    for price, quantity in zip(steps.price, steps.quantity, strict=True):
        if valuation.demand(price) <= reach:
            return
        if quantity > least:
            reach += quantity
            yield _Level(reach, price)


def _hull(levels: list[_Level]) -> list[_Level]:
    """The vertices, the origin first, of the lower convex hull of the costs of reaching each level's end."""
    hull = [_NOTHING]
    for level in levels:
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) >= _slope(hull[-1], level):
            hull.pop()
        hull.append(level)
    return hull


def _slope(low: _Level, high: _Level) -> float:
    """What each MB between the two ends costs."""
    return (high.price * high.reach - low.price * low.reach) / (high.reach - low.reach)


def _steps(hull: list[_Level]) -> Staircase:
    edges = list(pairwise(hull))
    return Staircase([_slope(low, high) for low, high in edges], [high.reach - low.reach for low, high in edges])


def _end_below(hull: list[_Level], amount: float) -> _Level:
    """The vertex that the amount has come to."""
    return next(vertex for vertex in reversed(hull) if vertex.reach <= amount * (1.0 + SUM_ROUNDING))


def _cost(levels: list[_Level], amount: float) -> float:
    """P(amount)·amount, of the levels that are considered."""
    if amount <= 0.0:
        return 0.0
    return amount * next(level.price for level in levels if amount <= level.reach * (1.0 + SUM_ROUNDING))


def _split(
    levels: _Auctions, hulls: list[list[_Level]], amounts: Sequence[float], ends: list[_Level]
) -> Iterator[_Auctions]:
    """Both halves of what is considered: up to the edge, and beyond it, in the auction whose hull errs most."""
    excess = [
        _cost(one, amount) - _steps(hull).cost(amount) if end.reach > 0.0 else 0.0
        for one, hull, amount, end in zip(levels, hulls, amounts, ends, strict=True)
    ]
    k = excess.index(max(excess))
    if excess[k] <= 0.0:
        return  # there is no edge that errs: all of the difference is rounding
    for half in (lambda level: level.reach > ends[k].reach, lambda level: level.reach <= ends[k].reach):
        yield [*levels[:k], list(filter(half, levels[k])), *levels[k + 1 :]]


def retreated(valuation: Valuation, amounts: Sequence[float], epsilon: float) -> list[float]:
    """The amounts lowered alike, by ε/θ'(0) in all, to stay clear of rivals: that forgoes no more than ε."""
    total = sum(amounts)
    if total <= 0.0:
        return list(amounts)
    share = max(0.0, total - epsilon / valuation.marginal(0.0)) / total
    return [share * amount for amount in amounts]


class Cost(Protocol):
    """What an amount of an auction costs a buyer who bids for it as its mechanism makes it worth."""

    def __call__(self, steps: Staircase, amount: float, worth: float, clearance: float) -> float:
        """Money for ``amount`` MB, above 0; ``worth`` and ``clearance`` are those of ``bid_price``."""
        ...


def reply_with_clearance(
    valuation: Valuation, auctions: Sequence[Staircase], amounts: Sequence[float], epsilon: float, cost: Cost
) -> Reply:
    """The reply that asks for these amounts and forgoes ε twice: in MB, and in bids above what they have to beat."""
    retreat = retreated(valuation, amounts, epsilon)
    free = reply_of(valuation, auctions, retreat, 0.0)
    clearance = epsilon / sum(retreat) if any(retreat) else 0.0
    paid = (
        cost(steps, amount, free.price, clearance)
        for steps, amount in zip(auctions, retreat, strict=True)
        if amount > 0.0
    )
    money = sum(paid, 0.0)
    return Reply(retreat, free.price, money, free.utility - money)


def reply_of(valuation: Valuation, auctions: Sequence[Staircase], amounts: Sequence[float], cost: float) -> Reply:
    """The reply that asks for these amounts, at what the last MB of all is worth, for that cost."""
    total = sum(amounts)
    dearest = max(
        (steps.price_at(amount) for steps, amount in zip(auctions, amounts, strict=True) if amount), default=0.0
    )
    # A sum that is a rounding error beyond the demand would be worth nothing there.
    price = max(valuation.marginal(total * (1.0 - SUM_ROUNDING)), dearest)
    return Reply(list(amounts), price, cost, valuation.value(total) - cost)
