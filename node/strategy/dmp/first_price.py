"""The paper's bid, whatever the price weight."""

from dataclasses import dataclass

from node.mechanism.dmp import Distribution, NoEquilibriumError, first_price_bid
from node.mechanism.dmp.equilibrium.distribution import UNIT
from node.strategy.dmp.beliefs import believed
from node.strategy.dmp.call import Call


@dataclass(frozen=True, slots=True)
class FirstPrice:
    """Bids b*(c) of the standard first-price auction (Konka, Atkinson and Irvine, Proposition 2).

    The equilibrium where only the price counts (w = 1). For w < 1 it is none, for it ignores the reputation; the paper
    studies how far it carries all the same (section III.C). A sole bidder asks the highest cost believed, which is
    what the formula for uniform costs gives with N = 1. An unexpected cost is taken for the nearest expected one, but
    never bid below.

    Attributes
    ----------
    cost
        What it believes everybody's costs to be drawn from, money.
    """

    cost: Distribution = UNIT

    def price(self, call: Call) -> float:
        """b*(c), money."""
        try:
            bid = float(first_price_bid(believed(call.cost, self.cost), call.bidders, self.cost))
        except NoEquilibriumError:
            bid = self.cost.high
        return max(call.cost, bid)

    def learned(self, profit: float | None) -> None:
        """Nothing: beliefs are fixed."""
