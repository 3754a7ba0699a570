"""The equilibrium bid where reputations are common knowledge."""

import math
from dataclasses import dataclass
from functools import lru_cache

from node.mechanism.dmp import CommonEquilibrium, Uniform
from node.mechanism.dmp.equilibrium.distribution import UNIT
from node.strategy.dmp.beliefs import CEILING, Belief, believed, capped, check_ceiling
from node.strategy.dmp.call import Call
from node.strategy.dmp.private_equilibrium import PrivateEquilibriumBid

STEPS = 50
"""Handicaps are rounded to 1/50 of the range of costs, which moves a bid by about 1/100 of it at most."""

CACHED = 512
"""Equilibria kept, some 100 kB each: more than two operators with the default ceiling can ever ask for."""


@lru_cache(CACHED)
def solved(steps: tuple[int, ...], reach: int, cost: Uniform) -> CommonEquilibrium:
    """The equilibrium of operators with these ascending handicaps, the first 0, none above ``reach`` steps.

    Shared by all operators of a process. Reputations of steps/reach at the price weight that makes a reputation of 1
    the handicap ``reach``.
    """
    money = reach * (cost.high - cost.low) / STEPS
    return CommonEquilibrium(1.0 / (1.0 + money), tuple(step / reach for step in steps), cost)


@dataclass(frozen=True, slots=True)
class CommonEquilibriumBid:
    """Bids as the asymmetric equilibrium says when everybody knows everybody's reputation.

    Konka's thesis; the equations are Lebrun's (``node.mechanism.dmp.CommonEquilibrium``). The lowest w·b + (1 - w)·r
    wins where the lowest b + h does, with the handicap h = (r - r_best)·(1 - w)/w in money. So an equilibrium depends
    on handicaps alone, and is solved once for all price weights that make the same ones, rounded to 1/50 of the range
    of costs. Who has a handicap of twice that range never wins; none counts for more than that or the ceiling.

    Where the rivals' reputations are not known it bids the private equilibrium. A sole bidder, or w = 0, has no
    equilibrium; there, and for bids above it, it asks its ceiling, as ``PrivateEquilibriumBid`` does. An unexpected
    cost is taken for the nearest expected one, but never bid below.

    Attributes
    ----------
    cost
        The uniform distribution it believes everybody's costs to be drawn from, money.
    reputation
        What it believes reputations it does not know to be drawn from; hashable.
    ceiling
        The most it asks, unless the call costs more; money, at least the highest cost believed.
    """

    cost: Uniform = UNIT
    reputation: Belief = UNIT
    ceiling: float = CEILING

    def __post_init__(self) -> None:
        check_ceiling(self.ceiling, self.cost)

    def price(self, call: Call) -> float:
        """The equilibrium bid up to the ceiling, money."""
        if call.rivals is None:
            return PrivateEquilibriumBid(self.cost, self.reputation, self.ceiling).price(call)
        if not call.rivals or call.price_weight == 0.0:
            return capped(self.ceiling, call.cost, self.ceiling)
        width = self.cost.high - self.cost.low
        reach = math.ceil(max(self.ceiling / width, 2.0) * STEPS)
        own, ranked = _steps(call, width, reach)
        bid = solved(ranked, reach, self.cost).bid(ranked.index(own), believed(call.cost, self.cost))
        return capped(float(bid), call.cost, self.ceiling)

    def learned(self, profit: float | None) -> None:
        """Nothing: beliefs are fixed."""


def _steps(call: Call, width: float, reach: int) -> tuple[int, tuple[int, ...]]:
    """The operator's own handicap and everybody's, ascending, in steps of width/STEPS."""
    reputations = [call.reputation, *(call.rivals or ())]
    best, w = min(reputations), call.price_weight
    # What is infinite for the smallest of weights is within reach after the minimum.
    own, *others = (round(min(reach, (r - best) * (1.0 - w) / w * STEPS / width)) for r in reputations)
    return own, tuple(sorted([own, *others]))
