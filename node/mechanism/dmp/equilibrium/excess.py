"""How far the lowest of n rivals lies above t, given that it does: the margin of every first-price bid.

E[T_(1:n) | T_(1:n) > t] - t = ∫_t^high S(s)^n ds / S(t)^n, with S = 1 - F: the mean of the lowest order statistic,
whose survival is S^n (eq. 1), integrated by parts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.equilibrium.pseudo_type import PseudoType, SmoothPieces, UniformSum
from node.mechanism.dmp.equilibrium.quadrature import gauss_legendre, spread

PANELS, NODES = 256, 8
"""Of each piece of the table for distributions without a closed form, and of the quadrature over a panel."""

Excess = Callable[[FloatArray], FloatArray]


def mean_excess(distribution: PseudoType, n: int) -> Excess:
    """The mean excess of the lowest of n draws as a function of t in [low, high]; 0, its limit, at ``high``."""
    if isinstance(distribution, UniformSum):
        return _TrapezoidExcess(distribution, n)
    return _tabulated(distribution, n)


@dataclass(frozen=True, slots=True)
class _TrapezoidExcess:
    """Piece by piece from the upper end of a trapezoid; ratios to S(t) are taken before powers, so none is 0/0."""

    of: UniformSum
    n: int

    def __call__(self, t: FloatArray) -> FloatArray:
        narrow, wide, n = self.of.narrow, self.of.wide, self.n
        left = np.clip(self.of.high - t, 0.0, narrow + wide)
        pieces = [left / (2 * n + 1), self._on_the_flat(np.clip(left, narrow, wide))]
        return np.select([left <= narrow, left <= wide], pieces, self._below(narrow + wide - left))

    def _on_the_flat(self, left: FloatArray) -> FloatArray:
        """Where the density is constant: the corner above it, and a power of a linear survival."""
        half, n = 0.5 * self.of.narrow, self.n
        line = np.maximum(left - half, np.finfo(np.float64).tiny)
        ratio = np.minimum(half / line, 1.0)
        return 2.0 * half * ratio**n / (2 * n + 1) + line / (n + 1) * (1.0 - ratio ** (n + 1))

    def _below(self, past: FloatArray) -> FloatArray:
        """On the rising side, ``past`` above the lower end: a polynomial, exact by quadrature up to n = 63."""
        narrow, wide, n = self.of.narrow, self.of.wide, self.n
        nodes, weight = gauss_legendre(min(n + 1, 64))
        past = np.clip(past, 0.0, narrow)
        corner = 2.0 * narrow * wide or 1.0
        here = 1.0 - past**2 / corner
        survival = 1.0 - spread(past, np.full_like(past, narrow), nodes) ** 2 / corner
        above = (1.0 - 0.5 * narrow / wide) / here
        side = (narrow - past) * (weight * (survival / here[..., None]) ** n).sum(-1)
        return np.asarray(side + above**n * self._on_the_flat(np.asarray(wide)))


@dataclass(frozen=True, slots=True)
class _Tabulated:
    """A cubic through values and slopes at knots, shape (k,) each."""

    knots: FloatArray
    values: FloatArray
    slopes: FloatArray

    def __call__(self, t: FloatArray) -> FloatArray:
        k = np.clip(np.searchsorted(self.knots, t, side="right") - 1, 0, self.knots.size - 2)
        width = self.knots[k + 1] - self.knots[k]
        x = (t - self.knots[k]) / width
        rise = self.values[k + 1] - self.values[k]
        begin, end = self.slopes[k] * width - rise, rise - self.slopes[k + 1] * width
        cubic = self.values[k] + x * rise + x * (1.0 - x) * ((1.0 - x) * begin + x * end)
        return np.maximum(cubic, 0.0)


def _tabulated(distribution: SmoothPieces, n: int) -> Excess:
    """The excess at knots, from the upper end downwards, each panel by quadrature."""
    knots = _knots(distribution)
    nodes, weight = gauss_legendre(NODES)
    survival = distribution.survival(knots)
    inside = distribution.survival(spread(knots[:-1], knots[1:], nodes))
    panel = np.diff(knots) * (weight * _ratio(inside, survival[:-1, None]) ** n).sum(-1)
    onward = _ratio(survival[1:], survival[:-1]) ** n
    values = np.zeros_like(knots)
    for k in range(knots.size - 2, -1, -1):
        values[k] = panel[k] + onward[k] * values[k + 1]
    return _Tabulated(knots, values, _slopes(distribution, knots, survival, values, n))


def _slopes(
    distribution: SmoothPieces, knots: FloatArray, survival: FloatArray, values: FloatArray, n: int
) -> FloatArray:
    """The derivative n·f/S·g - 1 of the excess g; differences where f is infinite or S is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = n * distribution.density(knots) / survival * values - 1.0
    secant = np.diff(values) / np.diff(knots)
    return np.where(np.isfinite(slopes) & (survival > 0.0), slopes, np.append(secant, secant[-1]))


def _knots(distribution: SmoothPieces) -> FloatArray:
    """Panel ends, crowded towards both ends of each smooth piece of the support."""
    low, high = distribution.low, distribution.high
    ends = np.unique(np.clip([low, *distribution.kinks, high], low, high))
    x = np.linspace(0.0, 1.0, PANELS + 1)
    inside = spread(ends[:-1], ends[1:], x**2 * (3.0 - 2.0 * x))
    return np.unique(np.clip([*inside.ravel(), *ends], low, high))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """A ratio of survivals in [0, 1]; 0 where the survival is less than a float can tell."""
    quotient = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.minimum(np.divide(numerator, denominator, out=quotient, where=denominator > 0.0), 1.0)
