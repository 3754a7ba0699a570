"""The paper's buyer strategy (Def. IV.2): bid at few sellers, opt out of the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from node.mechanism.psp import best_reply, merged_staircase
from node.mechanism.rounding import ROUNDING
from node.strategy.psp.offer import HOLD, NOTHING, Decision, Need, Offer, Target, affordable, prospect
from node.strategy.psp.pace import FALLEN
from node.strategy.random import Random

Split = Literal["equal", "fill-largest-first"]
PriceAt = Literal["total", "share"]


@dataclass(slots=True)
class OptOut:
    """Bids at the fewest sellers that can serve the demand, and moves only if its expected allocation grows.

    A buyer whose standing bids would cost more than its budget lowers them, since it would have to decline the awards.
    From then on it wants no more than it could pay for at that time, until its bids cost half as much; else it would
    lower and raise its bids without end.

    Attributes
    ----------
    split
        ``equal`` (the paper): the same quantity at each chosen seller. ``fill-largest-first``: as much as each can
        give, largest first.
    price_at
        ``total``: all bids carry θ' of the whole demand. ``share``: θ' of the quantity bid at one seller, as the
        paper prints it, which overstates the value where sellers are substitutes.
    think_s
        Longest think time, seconds; a decision waits a uniform share of it.
    """

    split: Split = "equal"
    price_at: PriceAt = "total"
    think_s: float = 0.0
    _most: float = field(init=False, default=math.inf)
    _forgets_at: float = field(init=False, default=math.inf)
    """What its bids must cost less than for it to want more again, money: half as much each time, so a few times."""

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """A uniform share of ``think_s``, whatever the crowd and the network."""
        del participants, round_trip_s
        return random.uniform(0.0, self.think_s) if self.think_s > 0.0 else 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The targets of Def. IV.2, or hold where they would not give more than the standing bids."""
        del now
        desired, least_price = _desired_allocation(need, offers)
        standing = prospect(offers, [offer.standing for offer in offers])
        if standing.cost < self._forgets_at:
            self._most = math.inf
        wanted = min(self._most, desired)
        price = max(need.valuation.marginal(wanted), least_price)
        moved = affordable(need, offers, self._targets(wanted, price, need, offers))
        if standing.bursts(need.budget):
            self._most = moved.total
            self._forgets_at = min(self._forgets_at, FALLEN * moved.cost)
            return Decision(moved.targets)
        grows = moved.total > standing.total + ROUNDING * wanted
        return Decision(moved.targets) if grows else HOLD

    def _targets(self, wanted: float, price: float, need: Need, offers: Sequence[Offer]) -> list[Target]:
        available = [offer.available(price) for offer in offers]
        # Sorting is stable, so equal quantities keep the order of the pool.
        pool = sorted((k for k, amount in enumerate(available) if amount > 0.0), key=lambda k: -available[k])
        targets = [NOTHING] * len(offers)
        if not pool:
            return targets
        if self.split == "equal":
            chosen = pool[: _fewest_sellers([available[k] for k in pool], wanted)]
            shares = [wanted / len(chosen)] * len(chosen)
        else:
            chosen, shares = pool, _filled([available[k] for k in pool], wanted)
        for k, share in zip(chosen, shares, strict=True):
            if share > 0.0:
                own = max(price, need.valuation.marginal(share)) if self.price_at == "share" else price
                targets[k] = Target(share, own)
        return targets


def _desired_allocation(need: Need, offers: Sequence[Offer]) -> tuple[float, float]:
    """The buyer's a, and the least price that gets it.

    All it values if even the last MB is worth a price, else what it wants at the market's prices.
    """
    demand = need.valuation.demand_mb
    if need.valuation.marginal(demand) > 0.0:
        return demand, 0.0
    market = merged_staircase([offer.staircase for offer in offers])
    reply = best_reply(need.valuation, market, budget=need.budget)
    return sum(reply.quantity), reply.price


def _fewest_sellers(available: Sequence[float], wanted: float) -> int:
    """The smallest n with n · Q^(n) >= wanted; where there is none, the n that makes n · Q^(n) largest."""
    reach = [n * amount for n, amount in enumerate(available, start=1)]
    enough = wanted * (1.0 - ROUNDING)
    return next((n for n, amount in enumerate(reach, start=1) if amount >= enough), reach.index(max(reach)) + 1)


def _filled(available: Sequence[float], wanted: float) -> list[float]:
    shares = []
    for amount in available:
        shares.append(min(amount, wanted))
        wanted -= shares[-1]
    return shares
