import math
from dataclasses import dataclass, field
from itertools import pairwise

from node.mechanism.bisection import turn
from node.mechanism.checks import non_negative
from node.mechanism.valuation.protocol import Valuation

_PANELS = 64
"""Parts of the demand in each of which θ' and limit/z are taken to cross once at most."""


@dataclass(frozen=True, slots=True)
class Paced:
    """∫ min(θ'(z), limit/z) dz: what the good is worth to a user that bids no more than ``limit`` in all.

    Whoever bids this marginal valuation for z MB offers no more than ``limit`` for them, whatever it is charged. It
    does not rise, so that the user bids as one without a limit would to whom the good is worth less.

    Attributes
    ----------
    valuation
        θ, without the limit.
    limit
        The most that its bids come to, price times MB, money.

    Raises
    ------
    ValueError
        If limit is not finite and at least 0.

    Examples
    --------
    >>> from node.mechanism.valuation import Flat
    >>> theta = Paced(Flat(demand_mb=50.0, price=2.0), limit=60.0)
    >>> theta.marginal(20), theta.marginal(40), theta.demand(1.5), round(theta.value(60), 4)  # 60 + 60 · ln(50/30)
    (2.0, 1.5, 40.0, 90.6495)
    """

    valuation: Valuation
    limit: float
    _turns: tuple[float, ...] = field(init=False, repr=False, compare=False)
    """0, and where the lesser of θ' and limit/z becomes the other one, MB: first θ' is, if the limit is above 0."""

    def __post_init__(self) -> None:
        non_negative("limit", self.limit)
        object.__setattr__(self, "_turns", (0.0, *_turns(self.valuation, self.limit)))

    @property
    def demand_mb(self) -> float:
        """The most it ever wants, MB."""
        return self.valuation.demand_mb

    def value(self, quantity: float) -> float:
        """The integral of the marginal valuation from 0, money."""
        if not self.limit:
            return 0.0
        quantity, worth, is_limited = min(quantity, self.demand_mb), 0.0, False
        for begin, stop in pairwise((*self._turns, self.demand_mb)):
            end = min(stop, quantity)
            if end <= begin:
                break
            if is_limited:
                worth += self.limit * math.log(end / begin)
            else:
                worth += self.valuation.value(end) - self.valuation.value(begin)
            is_limited = not is_limited
        return worth

    def marginal(self, quantity: float) -> float:
        """The lesser of θ'(z) and limit/z, price per MB."""
        worth = self.valuation.marginal(quantity)
        return self.limit / quantity if worth * quantity > self.limit else worth

    def demand(self, price: float) -> float:
        """MB wanted at ``price`` per MB: no more than the limit pays for."""
        wanted = self.valuation.demand(price)
        return self.limit / price if wanted * price > self.limit else wanted


def _turns(valuation: Valuation, limit: float) -> list[float]:
    """Where z · θ'(z) crosses the limit, MB, each found by halving one of the panels of the demand."""

    def exceeds(amount: float) -> bool:
        return valuation.marginal(amount) * amount > limit

    def is_within(amount: float) -> bool:
        return not exceeds(amount)

    points = [valuation.demand_mb * k / _PANELS for k in range(_PANELS + 1)]
    panels = zip(pairwise(points), pairwise(map(exceeds, points)), strict=True)
    return [turn(exceeds if was else is_within, *panel) for panel, (was, will) in panels if was != will]
