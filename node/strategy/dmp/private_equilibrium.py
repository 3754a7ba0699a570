"""The equilibrium bid where reputations are private."""

from dataclasses import dataclass
from functools import lru_cache

from node.mechanism.dmp import NoEquilibriumError, PrivateEquilibrium
from node.mechanism.dmp.equilibrium.distribution import UNIT
from node.strategy.dmp.beliefs import CEILING, Belief, believed, capped, check_ceiling
from node.strategy.dmp.call import Call

CACHED = 1024
"""Equilibria kept: the 100 price weights of the earlier public simulator, for ten numbers of bidders."""

SMALLEST_WEIGHT = 1e-12
"""Smaller price weights are taken for this one: nearly all bids are at the ceiling, and smaller ones overflow."""

solved = lru_cache(CACHED)(PrivateEquilibrium)
"""The equilibrium of (w, bidders, cost, reputation), shared by all operators of a process."""


@dataclass(frozen=True, slots=True)
class PrivateEquilibriumBid:
    """Bids b*(c, r) of the symmetric equilibrium for the announced price weight and number of bidders.

    The answer to the paper's Conjecture 3 (``node.mechanism.dmp.PrivateEquilibrium``). There is no equilibrium for a
    sole bidder, nor where the price does not count (w = 0, Proposition 1): the higher the better, so it asks its
    ceiling. Bids grow without bound as w goes to 0, so the ceiling also cuts those; a market goes on, and what it asks
    does not jump at 0. An unexpected cost or reputation is taken for the nearest expected one, but no cost is ever bid
    below.

    Attributes
    ----------
    cost, reputation
        What it believes everybody's costs (money) and reputations to be drawn from; hashable.
    ceiling
        The most it asks, unless the call costs more; money, at least the highest cost believed. Where the market has a
        known budget or reserve, that.
    """

    cost: Belief = UNIT
    reputation: Belief = UNIT
    ceiling: float = CEILING

    def __post_init__(self) -> None:
        check_ceiling(self.ceiling, self.cost)

    def price(self, call: Call) -> float:
        """b*(c, r) up to the ceiling, money."""
        try:
            w = max(call.price_weight, SMALLEST_WEIGHT) if call.price_weight else 0.0
            equilibrium = solved(w, call.bidders, self.cost, self.reputation)
        except NoEquilibriumError:
            return capped(self.ceiling, call.cost, self.ceiling)
        bid = equilibrium.bid(believed(call.cost, self.cost), believed(call.reputation, self.reputation))
        return capped(float(bid), call.cost, self.ceiling)

    def learned(self, profit: float | None) -> None:
        """Nothing: beliefs are fixed."""
