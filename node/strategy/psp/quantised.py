"""Quantised bids (Qu, Jia & Caines, 2007): all prices are levels of one grid, so that bidders soon agree on one."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from node.mechanism.psp import best_reply, merged_staircase
from node.mechanism.psp.residual import SLIVER
from node.mechanism.valuation import Flat
from node.strategy.psp.adaptive import LEAST_THINK_TIME, PRESENCE, with_presence
from node.strategy.psp.offer import HOLD, NOTHING, Decision, Need, Offer, Target, prospect
from node.strategy.random import Random

SERVED = 0.01
"""Share of what is asked for that may be lacking."""


@dataclass(slots=True)
class Quantised:
    """Bids what it wants at the lowest level that serves it, and climbs from level to level where it is not served.

    A buyer that gets all that it asks for holds. One that does not looks for the lowest level, from its own on, at
    which bids of that level or above leave it what it wants at that price, and takes it where it is cheapest. So levels
    only rise, and the bids come to rest. In Qu, Jia and Caines' auction there is one seller, and levels may fall again.

    Attributes
    ----------
    price_step
        How far apart the levels are, price per MB; the same for all buyers.
    crowd
        Mean think time as a share of a round trip per participant; half a round trip at least.
    """

    price_step: float
    crowd: float = 0.1
    _level: int = field(init=False, default=1)

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Uniform with a mean that lets about one bidder of the busiest auction move per clearing."""
        return random.uniform(0.0, 2.0 * max(LEAST_THINK_TIME, self.crowd * participants) * round_trip_s)

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The bids at the level that serves the buyer, or hold where the standing ones do."""
        del now
        standing = prospect(offers, [offer.standing for offer in offers])
        asked = sum(target.quantity for target in standing.targets)
        if asked > 0.0 and standing.total >= (1.0 - SERVED) * asked:
            return HOLD
        targets = self._targets(need, offers)
        return HOLD if targets == list(standing.targets) else Decision(targets)

    def _targets(self, need: Need, offers: Sequence[Offer]) -> list[Target]:
        """Those at the lowest level that serves it, which is kept; presence bids below its worth if none does."""
        steps = [offer.staircase for offer in offers]

        def wanted_at(price: float) -> float:
            return min(need.valuation.demand(price), need.budget / price)  # nobody pays more than its bid

        def serves(level: int) -> bool:
            price = level * self.price_step
            left = sum(one.available(math.nextafter(price, 0.0)) for one in steps)
            return left >= (1.0 - SERVED) * wanted_at(price)

        highest = math.ceil(need.valuation.marginal(0.0) / self.price_step) - 1
        if highest < 1 or not need.budget > 0.0:
            return [NOTHING] * len(offers)
        if self._level <= highest and serves(highest):
            levels = range(self._level, highest)
            self._level += bisect_left(levels, True, key=serves)  # noqa: FBT003 - to the first that is true
            price = self._level * self.price_step
            quantity = best_reply(Flat(wanted_at(price), price), merged_staircase(steps)).quantity
            wanted = sum(quantity)
            kept = with_presence(quantity, wanted, _presence(offers, wanted))
            return [Target(amount, price) for amount in kept]
        price = highest * self.price_step
        return [Target(amount, price) for amount in _presence(offers, wanted_at(price))]


def _presence(offers: Sequence[Offer], wanted: float) -> list[float]:
    """MB to ask for at each seller at least, so that it is told the profile: no more than half of what is wanted."""
    return [min(PRESENCE * SLIVER * offer.whole, 0.5 * wanted / len(offers)) for offer in offers]
