from dataclasses import dataclass, field
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.dmp.checks import NoEquilibriumError, count, price_weight, within
from node.mechanism.dmp.equilibrium.distribution import UNIT, Uniform
from node.mechanism.dmp.equilibrium.lebrun import Solution, highest_bid, solve
from node.mechanism.dmp.equilibrium.two_operators import TwoOperators

_POINTS = 4097
_CANCELLING = 1e-3
"""Handicaps below which the closed form for two operators, a difference of large terms, loses too many digits."""

_NEGLIGIBLE = 1e-9
"""Lead of the highest bid over an operator's lower end, in widths of the costs, that leaves it nothing to win."""


@dataclass(frozen=True)
class CommonEquilibrium:
    """The equilibrium when all know all reputations, and each its own cost.

    In compound units, ĉ = w·c + (1 - w)·r and b̂ = w·b + (1 - w)·r, it is a first-price procurement auction of bidders
    with unlike supports (Lebrun 1999, 2006). The better an operator's reputation, the wider the margin it can take.

    Attributes
    ----------
    w
        The price weight, in (0, 1].
    reputations
        r of each operator, shape (n,), n at least 2, in [0, 1], in any order; kept as a tuple.
    cost
        Everybody's costs, a uniform distribution.

    Raises
    ------
    ValueError
        If ``w`` or a reputation is outside of [0, 1], or ``cost`` is not uniform.
    NoEquilibriumError
        If ``w`` is 0 (Proposition 1) or there are not two operators: every higher bid is better.

    Examples
    --------
    >>> equilibrium = CommonEquilibrium(w=0.5, reputations=(0.75, 0.25))
    >>> round(equilibrium.lower, 6), round(equilibrium.upper, 6), equilibrium.bid(1, [0.0, 0.5]).round(3).tolist()
    (0.515625, 0.75, [0.781, 0.95])
    """

    w: float
    reputations: tuple[float, ...]
    cost: Uniform = UNIT
    _order: IntArray = field(init=False, repr=False, compare=False)
    _upper: float = field(init=False, repr=False, compare=False)
    _solution: Solution = field(init=False, repr=False, compare=False)
    _entry: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "w", price_weight(self.w))
        reputations = _reputations(self.reputations)
        if not isinstance(self.cost, Uniform):
            raise ValueError(f"cost must be uniform where reputations are common knowledge, got {self.cost!r}")  # noqa: TRY004 - one kind of error for bad arguments
        object.__setattr__(self, "reputations", tuple(reputations.tolist()))
        order = np.argsort(reputations, kind="stable")
        handicaps = (1.0 - self.w) / self._scale * (reputations[order] - reputations[order[0]])
        upper, solution, entry = _equilibrium(handicaps)
        object.__setattr__(self, "_order", np.argsort(order))
        object.__setattr__(self, "_upper", upper)
        object.__setattr__(self, "_solution", solution)
        object.__setattr__(self, "_entry", entry)

    @property
    def lower(self) -> float:
        """The lowest compound bid."""
        return float(self._compound_of(self._solution.bids[0]))

    @property
    def upper(self) -> float:
        """The highest compound bid that may win."""
        return float(self._compound_of(self._upper))

    @property
    def entry(self) -> FloatArray:
        """The compound bid of each operator's cheapest type, shape (n,); at least ``upper`` for who can never win."""
        return self._compound_of(self._entry[self._order])

    def inverse(self, operator: int, compound_bid: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes
        """ĉ, the compound cost of the operator's type that bids so; of its cheapest below its bids, costliest above.

        Raises
        ------
        ValueError
            If there is no such operator, or a compound bid is NaN.
        """
        rank = self._rank(operator)
        bids = (within("compound_bid", compound_bid, -np.inf, np.inf) - self._base) / self._scale
        costs = bids  # a compound cost above the highest bid that may win is bid as it is
        if rank < len(self._solution.costs):
            costs = np.where(
                bids >= self._upper, bids, np.interp(bids, self._solution.bids, self._solution.costs[rank])
            )
        start = self._handicap(operator)
        return self._compound_of(np.clip(costs, start, start + 1.0))

    def compound(self, operator: int, cost: Any) -> FloatArray:  # noqa: ANN401
        """b̂, the compound bid of the operator at that cost, any shape.

        Raises
        ------
        ValueError
            If there is no such operator, or a cost is outside of the support.
        """
        return self._compound_of(self._best(operator, cost))

    def bid(self, operator: int, cost: Any) -> FloatArray:  # noqa: ANN401
        """The price b = (b̂ - (1 - w)·r)/w, money per call, at least the cost; the cost itself for who cannot win.

        Raises
        ------
        ValueError
            If there is no such operator, or a cost is outside of the support.
        """
        width = self.cost.high - self.cost.low
        price = self.cost.low + width * (self._best(operator, cost) - self._handicap(operator))
        return np.maximum(price, np.asarray(cost, dtype=np.float64))

    def _best(self, operator: int, cost: Any) -> FloatArray:  # noqa: ANN401
        """The bid in the unit of the solution: widths of the costs, from the strongest operator's lower end."""
        rank = self._rank(operator)
        share = self.cost.cdf(within("cost", cost, self.cost.low, self.cost.high))
        costs = self._handicap(operator) + share
        if rank >= len(self._solution.costs):
            return costs
        bids = np.interp(costs, self._solution.costs[rank], self._solution.bids)
        # An inverse bid function is flat until the operator enters, but its cheapest type bids the end of that.
        return np.where(costs > self._upper, costs, np.maximum(np.maximum(bids, costs), self._entry[rank]))

    def _rank(self, operator: int) -> int:
        """The operator's place by reputation."""
        if count("operator", operator, 0) >= len(self.reputations):
            raise ValueError(f"operator must be below {len(self.reputations)}, got {operator!r}")
        return int(self._order[operator])

    def _handicap(self, operator: int) -> float:
        return (1.0 - self.w) / self._scale * (self.reputations[operator] - min(self.reputations))

    @property
    def _scale(self) -> float:
        """The width of compound costs."""
        return self.w * (self.cost.high - self.cost.low)

    @property
    def _base(self) -> float:
        """The lowest compound cost."""
        return self.w * self.cost.low + (1.0 - self.w) * min(self.reputations)

    def _compound_of(self, bids: Any) -> FloatArray:  # noqa: ANN401
        return np.asarray(self._base + self._scale * bids)


def _reputations(values: Any) -> FloatArray:  # noqa: ANN401
    """Reputations of two operators at least, shape (n,)."""
    reputations = within("reputations", values, 0.0, 1.0)
    if reputations.ndim != 1:
        raise ValueError(f"reputations must have shape (n,), got {reputations.shape}")
    if reputations.size < 2:  # noqa: PLR2004 - a rival
        raise NoEquilibriumError("reputations must be of two operators at least: alone, every higher bid is better")
    return reputations


def _equilibrium(handicaps: FloatArray) -> tuple[float, Solution, FloatArray]:
    """The highest bid, the bid functions of those who can win, and the lowest bid of each operator; all by rank."""
    upper = highest_bid(handicaps)
    inside = int((handicaps < upper - _NEGLIGIBLE).sum())
    entry = handicaps.copy()
    if inside == 1:  # the strongest bids the next one's lower end, whatever its cost
        entry[0] = upper
        return upper, Solution(np.array([upper, upper]), np.array([[0.0, 1.0]])), entry
    solution = _solved(handicaps[:inside], upper)
    entry[:inside] = [_entry(solution, rank) for rank in range(inside)]
    return upper, solution, entry


def _solved(handicaps: FloatArray, upper: float) -> Solution:
    """In closed form where there is one."""
    n, largest = handicaps.size, float(handicaps[-1])
    crowded = np.sin(np.linspace(0.0, 0.5 * np.pi, _POINTS)) if largest else np.linspace(0.0, 1.0, 2)
    if not largest:
        bids = 1.0 / n + (1.0 - 1.0 / n) * crowded
        return Solution(bids, np.tile(crowded, (n, 1)))
    if n == 2 and largest > _CANCELLING and abs(upper - 1.0 - 0.5 * largest) < 1e-12:  # noqa: PLR2004 - two operators
        two = TwoOperators(0.0, largest, 1.0)
        bids = two.lower + (upper - two.lower) * crowded
        costs = np.array([[*two.inverse(k, bids[:-1]), end] for k, end in ((0, 1.0), (1, upper))])
        return Solution(bids, np.maximum.accumulate(costs, axis=1))
    return solve(handicaps, upper)


def _entry(solution: Solution, rank: int) -> float:
    """The bid of the cheapest type: the lowest of all, or where the margins of those ahead let one more in."""
    if rank < 2:  # noqa: PLR2004 - the two strongest are in from the start
        return float(solution.bids[0])
    bids, start = solution.bids, solution.costs[rank, 0]
    margins = bids - solution.costs[:rank]
    inside = (margins > 0.0).all(axis=0)  # operators with better reputations enter at lower bids
    pressure = np.divide(1.0, margins, out=np.zeros_like(margins), where=margins > 0.0).sum(0)
    room = np.where(inside, (bids - start) * pressure - (rank - 1), -1.0)
    room[-1] = 1.0  # where all margins are 0, everybody has entered
    after = int((room > 0.0).argmax())
    if after == 0:
        return float(bids[0])
    return float(np.interp(0.0, room[after - 1 : after + 1], bids[after - 1 : after + 1]))
