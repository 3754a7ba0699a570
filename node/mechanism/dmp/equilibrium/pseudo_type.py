"""The pseudo-type t = w·c + (1 - w)·r, all of an operator's cost and reputation that matters to the auction."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.equilibrium.distribution import Distribution, Uniform
from node.mechanism.dmp.equilibrium.quadrature import soft_ended, spread

NODES = 64
"""Of the quadrature over costs: past ten digits for smooth densities."""


class SmoothPieces(Protocol):
    """A distribution whose density is smooth but for a few points."""

    @property
    def low(self) -> float:
        """The lower end of the support."""

    @property
    def high(self) -> float:
        """The upper end of the support."""

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where in the support its density is not smooth."""

    def survival(self, t: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """P(T > t)."""

    def density(self, t: Any) -> FloatArray:  # noqa: ANN401
        """The density of T."""


@dataclass(frozen=True, slots=True)
class UniformSum:
    """The sum of two uniform draws of unlike widths: a trapezoid, in closed form.

    Attributes
    ----------
    low
        The lower end of the support.
    narrow, wide
        The widths of the two, 0 <= narrow <= wide, wide above 0.
    """

    low: float
    narrow: float
    wide: float

    @property
    def high(self) -> float:
        """The upper end of the support."""
        return self.low + self.narrow + self.wide

    def survival(self, t: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """P(T > t), each piece of the trapezoid from its own end, so that nothing cancels."""
        left = np.clip(self.high - np.asarray(t, dtype=np.float64), 0.0, self.narrow + self.wide)
        past = np.clip(self.narrow + self.wide - left, 0.0, self.narrow)
        corner = 2.0 * self.narrow * self.wide or 1.0  # without corners the first and last piece are empty
        pieces = [left**2 / corner, (left - 0.5 * self.narrow) / self.wide]
        return np.select([left <= self.narrow, left <= self.wide], pieces, 1.0 - past**2 / corner)


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """T for costs and reputations of any distributions, by quadrature over the cost.

    Attributes
    ----------
    w
        The price weight, in (0, 1).
    cost, reputation
        The distributions of C and R.
    """

    w: float
    cost: Distribution
    reputation: Distribution

    @property
    def low(self) -> float:
        """The lower end of the support."""
        return self.w * self.cost.low + (1.0 - self.w) * self.reputation.low

    @property
    def high(self) -> float:
        """The upper end of the support."""
        return self.w * self.cost.high + (1.0 - self.w) * self.reputation.high

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where one of the two draws begins to be able to be at either end."""
        return (
            self.w * self.cost.low + (1.0 - self.w) * self.reputation.high,
            self.w * self.cost.high + (1.0 - self.w) * self.reputation.low,
        )

    def survival(self, t: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """P(T > t): certain for costs that suffice alone, of the rest by the reputation they need."""
        at = np.asarray(t, dtype=np.float64)
        weight, needed = self._split(at)
        partly = (weight * self.reputation.survival(needed)).sum(-1)
        return np.asarray(self.cost.survival(self._needed_cost(at)) + partly)

    def density(self, t: Any) -> FloatArray:  # noqa: ANN401
        """The convolution of the two densities."""
        weight, needed = self._split(np.asarray(t, dtype=np.float64))
        return np.asarray((weight * self.reputation.density(needed)).sum(-1) / (1.0 - self.w))

    def _needed_cost(self, t: FloatArray) -> FloatArray:
        """The cost from which on T exceeds t even at the best reputation."""
        return (t - (1.0 - self.w) * self.reputation.low) / self.w

    def _split(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Of costs for which the reputation decides: their probability weights, and the reputations they need."""
        nodes, weight = soft_ended(NODES)
        least = (t - (1.0 - self.w) * self.reputation.high) / self.w
        low = np.clip(least, self.cost.low, self.cost.high)
        high = np.clip(self._needed_cost(t), self.cost.low, self.cost.high)
        costs = spread(low, high, nodes)
        needed = (t[..., None] - self.w * costs) / (1.0 - self.w)
        density = self.cost.density(costs)
        # Of a beta density below shape 1 the end is infinite; where the range is empty all nodes are there.
        return (high - low)[..., None] * weight * np.where(np.isfinite(density), density, 0.0), needed


PseudoType = UniformSum | SmoothPieces
"""The distribution of T = w·C + (1 - w)·R."""


def pseudo_type(w: float, cost: Distribution, reputation: Distribution) -> PseudoType:
    """The distribution of T = w·C + (1 - w)·R for a price weight in (0, 1]; in closed form for uniform draws."""
    if isinstance(cost, Uniform) and isinstance(reputation, Uniform):
        widths = w * (cost.high - cost.low), (1.0 - w) * (reputation.high - reputation.low)
        return UniformSum(w * cost.low + (1.0 - w) * reputation.low, min(widths), max(widths))
    return alone(cost) if w == 1.0 else WeightedSum(w, cost, reputation)


@dataclass(frozen=True, slots=True)
class _Alone:
    """A distribution by itself, without kinks."""

    low: float
    high: float
    of: Distribution
    kinks: tuple[float, ...] = ()

    def survival(self, t: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        return self.of.survival(t)

    def density(self, t: Any) -> FloatArray:  # noqa: ANN401
        return self.of.density(t)


def alone(cost: Distribution) -> PseudoType:
    """The pseudo-type at w = 1, the cost itself."""
    if isinstance(cost, Uniform):
        return UniformSum(cost.low, 0.0, cost.high - cost.low)
    return _Alone(cost.low, cost.high, cost)
