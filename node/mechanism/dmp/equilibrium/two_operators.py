from dataclasses import dataclass, field

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.checks import finite


@dataclass(frozen=True, slots=True)
class TwoOperators:
    """Two operators with uniform costs on [c1, e1] and [c2, e2] of equal width, c1 < c2 < (e1 + e2)/2: in closed form.

    With Δ = e2 - e1, b̄ = (e1 + e2)/2 and s = b̄ - b, Lebrun's two equations have the integral (b - ĉ1)(b - ĉ2) = s², so
    that 1/(ĉ1 - e1) solves a linear one: ĉ1(b) = e1 + Δ²/(2·d1·s·exp(Δ/2s) + 4(e2 - b)), and ĉ2 with both swapped. The
    lower ends fix the lowest bid and the constants d1 and d2.

    Attributes
    ----------
    start1, start2
        c1 and c2, the lower ends.
    width
        e1 - c1 = e2 - c2.
    lower, upper
        The lowest bid, and the highest that may win, b̄.
    d1, d2
        The constants of integration.

    Raises
    ------
    ValueError
        If the ends are not in this order: otherwise operator 1 bids c2 whatever its cost, or both are alike.

    Examples
    --------
    >>> market = TwoOperators(start1=0.125, start2=0.375, width=0.5)
    >>> market.lower, market.upper, round(market.d1, 5), round(market.d2, 5)
    (0.515625, 0.75, -1.95549, -2.04553)
    """

    start1: float
    start2: float
    width: float
    lower: float = field(init=False)
    upper: float = field(init=False)

    def __post_init__(self) -> None:
        upper = 0.5 * (finite("start1", self.start1) + finite("start2", self.start2)) + finite("width", self.width)
        if not self.start1 < self.start2 < upper:
            raise ValueError(
                f"start2 must be above start1 and below {upper:g}, got {self.start1!r} and {self.start2!r}"
            )
        object.__setattr__(self, "lower", (upper**2 - self.start1 * self.start2) / (2.0 * self.width))
        object.__setattr__(self, "upper", upper)

    @property
    def d1(self) -> float:
        """The constant of ĉ1."""
        return self._constant(self.start1, self.start2)

    @property
    def d2(self) -> float:
        """The constant of ĉ2; it may overflow to -inf next to start2 = e2, where nothing is computed from it."""
        return self._constant(self.start2, self.start1)

    def _constant(self, own: float, other: float) -> float:
        with np.errstate(over="ignore"):
            return float(self._at_lower(own, other) * np.exp((own - other) / (2.0 * (self.upper - self.lower))))

    def _at_lower(self, own: float, other: float) -> float:
        """The constant times the exponential that goes with it at the lowest bid: what c1 or c2 there demands."""
        constant = 4.0 * (self.lower - other - self.width) - (other - own) ** 2 / self.width
        return constant / (2.0 * (self.upper - self.lower))

    def inverse(self, operator: int, bid: FloatArray) -> FloatArray:
        """ĉ_i(b) of operator 0 or 1 for bids in [lower, upper)."""
        own, other = (self.start1, self.start2) if operator == 0 else (self.start2, self.start1)
        gap, room = other - own, 2.0 * np.maximum(self.upper - bid, 1e-300)
        # Relative to the lowest bid, the exponential overflows only where the operator's costliest type bids.
        growth = np.exp(np.minimum(gap / room - gap / (2.0 * (self.upper - self.lower)), 700.0))
        grown = room * self._at_lower(own, other) * growth
        cost = own + self.width + gap**2 / (grown + 4.0 * (other + self.width - bid))
        return np.clip(cost, own, np.minimum(bid, own + self.width))
