"""Whether bid functions are an equilibrium: what any type of operator could still gain by bidding otherwise.

Expected utilities are (b - c)·P(win), the probability by quadrature over a rival's type, so that nothing is random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.checks import price_weight, rivals
from node.mechanism.dmp.equilibrium.common import CommonEquilibrium
from node.mechanism.dmp.equilibrium.distribution import UNIT, Distribution
from node.mechanism.dmp.equilibrium.quadrature import gauss_legendre, spread
from node.mechanism.rounding import SUM_ROUNDING

_PANELS, _COSTS = 1000, 501
"""Of a rival's type: panels of reputations with two nodes each, and costs between which its bid is interpolated."""

_TYPES, _DEVIATIONS, _FINE = 41, 1201, 201
"""Costs and reputations audited, deviations tried of each, and of the worst around its best."""

BidFunction = Callable[[FloatArray, FloatArray], FloatArray]
"""Prices for costs and reputations of shapes that broadcast."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The type that gains most by a deviation.

    Attributes
    ----------
    gain
        By how much its expected utility rises, money per call; an approximate equilibrium has next to nothing.
    cost, reputation
        The type.
    bid, better_bid
        What it bids, and what it had better bid, money per call.
    """

    gain: float
    cost: float
    reputation: float
    bid: float
    better_bid: float


def best_reply_gain(
    bid: BidFunction,
    w: float,
    bidders: int,
    cost: Distribution = UNIT,
    reputation: Distribution = UNIT,
) -> Audit:
    """How much an operator gains at most by leaving a symmetric bid function that its rivals keep to.

    Parameters
    ----------
    bid
        b(c, r), non-decreasing in the cost; ties must be of probability 0.
    w
        The price weight, in (0, 1].
    bidders
        N, at least 2.
    cost, reputation
        What everybody draws its type from.

    Returns
    -------
    Audit
        The worst of a grid of types, after a search over all compound bids; accurate to about 1e-6/w.

    Raises
    ------
    ValueError
        If ``w`` or ``bidders`` is out of range, or ``bid`` decreases in the cost or is not finite somewhere.
    NoEquilibriumError
        If ``w`` is 0 or ``bidders`` is 1: every higher bid is better.

    Examples
    --------
    >>> from node.mechanism.dmp.equilibrium.first_price import first_price_bid
    >>> audit = best_reply_gain(lambda c, r: first_price_bid(c, 3) + 0 * r, w=0.5, bidders=3)
    >>> audit.gain > 0.05
    True
    """
    n, rival = rivals(bidders), _Rival(bid, price_weight(w), cost, reputation)
    costs, offers = np.linspace(cost.low, cost.high, _TYPES), np.linspace(*rival.range, _DEVIATIONS)
    odds = rival.survival(offers) ** n
    worst = max(
        (
            _Row(rival.w, float(r), costs, bid(costs, np.full(_TYPES, r)), rival.survival, n).worst(offers, odds)
            for r in np.linspace(reputation.low, reputation.high, _TYPES)
        ),
        key=lambda suspect: suspect.gain,
    )
    return worst.searched()


def common_best_reply_gain(equilibrium: CommonEquilibrium) -> Audit:
    """The same for commonly known reputations: the operator and cost that gain most by leaving the equilibrium.

    Examples
    --------
    >>> common_best_reply_gain(CommonEquilibrium(w=0.5, reputations=(0.25, 0.75))).gain < 1e-6
    True
    """
    costs = np.linspace(equilibrium.cost.low, equilibrium.cost.high, _TYPES)
    offers = np.linspace(equilibrium.lower, equilibrium.upper, _DEVIATIONS)
    suspects = []
    for operator, r in enumerate(equilibrium.reputations):
        survival = partial(_undercut, equilibrium, operator)
        row = _Row(equilibrium.w, r, costs, equilibrium.bid(operator, costs), survival, 1)
        suspects.append(row.worst(offers, survival(offers)).searched())
    return max(suspects, key=lambda audit: audit.gain)


def _undercut(equilibrium: CommonEquilibrium, operator: int, offers: FloatArray) -> FloatArray:
    """The probability that nobody else bids less, shape of ``offers``."""
    odds = np.ones_like(offers)
    for other, r in enumerate(equilibrium.reputations):
        if other != operator:
            cost = (equilibrium.inverse(other, offers) - (1.0 - equilibrium.w) * r) / equilibrium.w
            odds *= equilibrium.cost.survival(cost)
    return odds


@dataclass(frozen=True, slots=True)
class _Row:
    """Operators of one reputation and many costs, all shapes (k,), each against n rivals of the same survival."""

    w: float
    reputation: float
    costs: FloatArray
    prices: FloatArray
    survival: Callable[[FloatArray], FloatArray]
    n: int

    def price(self, offers: FloatArray) -> FloatArray:
        """The price that makes a compound bid."""
        return (offers - (1.0 - self.w) * self.reputation) / self.w

    def worst(self, offers: FloatArray, odds: FloatArray) -> "_Suspect":
        """The cost that gains most, and the two offers around its best one."""
        now = (self.prices - self.costs) * self.survival(self.compound) ** self.n
        utility = (self.price(offers) - self.costs[:, None]) * odds
        best = utility.argmax(axis=1)
        gain = np.maximum(utility.max(axis=1), 0.0) - now
        k = int(gain.argmax())
        around = offers[[max(best[k] - 1, 0), min(best[k] + 1, offers.size - 1)]]
        return _Suspect(self, k, float(gain[k]), float(now[k]), (float(around[0]), float(around[1])))

    @property
    def compound(self) -> FloatArray:
        """The compound bids."""
        return self.w * self.prices + (1.0 - self.w) * self.reputation


@dataclass(frozen=True, slots=True)
class _Suspect:
    """One type, and where its best deviation lies."""

    row: _Row
    index: int
    gain: float
    now: float
    around: tuple[float, float]

    def searched(self) -> Audit:
        """What it gains at best, by a finer search; not to take part, which earns 0, is a deviation too."""
        row, cost = self.row, float(self.row.costs[self.index])
        offers = np.linspace(*self.around, _FINE)
        prices = row.price(offers)
        utility = (prices - cost) * row.survival(offers) ** row.n
        best = int(utility.argmax())
        gain = max(0.0, float(utility[best])) - self.now
        return Audit(gain, cost, row.reputation, float(row.prices[self.index]), float(prices[best]))


class _Rival:
    """The compound bid of one rival that keeps to the bid function."""

    def __init__(self, bid: BidFunction, w: float, cost: Distribution, reputation: Distribution) -> None:
        self.w = w
        ends = np.linspace(reputation.low, reputation.high, _PANELS + 1)
        nodes, weight = gauss_legendre(2)
        r = spread(ends[:-1], ends[1:], nodes).ravel()
        self.costs = np.linspace(cost.low, cost.high, _COSTS)
        self.left = cost.survival(self.costs)
        self.mass = np.diff(-reputation.survival(ends)).repeat(2) * np.tile(weight, _PANELS)
        prices = np.broadcast_to(bid(self.costs[None, :], r[:, None]), (r.size, _COSTS))
        if not np.isfinite(prices).all() or (np.diff(prices, axis=1) < -SUM_ROUNDING).any():
            raise ValueError("bid must be finite and non-decreasing in the cost")
        self.compound = w * prices + (1.0 - w) * r[:, None]
        self.range = float(self.compound.min()), float(self.compound.max())

    def survival(self, offers: FloatArray) -> FloatArray:
        """P(its compound bid is above), shape of ``offers``."""
        total = np.zeros_like(offers)
        for mass, row in zip(self.mass, self.compound, strict=True):
            total += mass * np.interp(offers, row, self.left, left=1.0, right=0.0)
        return total
