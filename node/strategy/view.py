"""What a buyer knows when it decides, and what it can decide."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp import Staircase, expected_allocation, residual_supply, staircase
from node.mechanism.valuation import Valuation

ROUNDING = 1e-9
"""Share of a quantity below which a difference is rounding, not news."""


class Random(Protocol):
    """The one thing a strategy asks of a random stream; ``numpy.random.Generator`` has it."""

    def uniform(self, low: float, high: float) -> float:
        """Draw a float from [low, high)."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """A bid to place at one seller: MB, and price per MB; the quantity 0 withdraws."""

    quantity: float
    price: float


NOTHING = Target(0.0, 0.0)


def _no_bids() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True)
class Offer:
    """One open auction as one buyer sees it.

    Attributes
    ----------
    supply
        MB on sale; where the buyer has no bid, the MB that the advert shows as left.
    reserve
        Price per MB.
    quantity, price
        The opponents' bids, shape (n,); empty where the buyer has not bid.
    standing
        The buyer's own bid there.
    whole
        MB on sale before anybody bid.
    """

    supply: float
    reserve: float
    quantity: FloatArray = field(default_factory=_no_bids)
    price: FloatArray = field(default_factory=_no_bids)
    standing: Target = NOTHING
    whole: float = 0.0

    def as_if_empty(self) -> "Offer":
        """The offer itself where the buyer has a bid; else the auction as it would be if nobody had."""
        return self if self.standing.quantity > 0.0 else replace(self, supply=self.whole)

    @cached_property
    def staircase(self) -> Staircase:
        """What more of this auction's supply costs the buyer; worked out once, for every decision asks often."""
        return staircase(self.quantity, self.price, self.supply, self.reserve)

    def available(self, price: float) -> float:
        """Q(p): MB that a bid at ``price`` leaves no opponent above it to take (paper, eq. 3)."""
        return float(residual_supply([price], self.quantity, self.price, self.supply, self.reserve)[0])

    def allocation(self, target: Target) -> float:
        """MB that ``target`` would be given here, sharing its price pro rata (paper, eq. 5)."""
        return expected_allocation(target.quantity, target.price, self.quantity, self.price, self.supply, self.reserve)


@dataclass(frozen=True, slots=True)
class Need:
    """What a buyer still wants: the valuation of more on top of what it has bought, and the money left."""

    valuation: Valuation
    budget: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The targets in the order of the offers, or None to hold; ``reconsider`` asks to think again without news."""

    targets: Sequence[Target] | None
    reconsider: bool = False


HOLD = Decision(None)


class BuyerStrategy(Protocol):
    """The behaviour of one buyer; an instance belongs to one node and may keep state between decisions."""

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Seconds to wait before deciding.

        The busiest auction has so many ``participants``; bids have been taking ``round_trip_s`` seconds until a
        profile reflected them.
        """
        ...

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The bids to place now, at time ``now`` in seconds."""
        ...


def expected_allocations(offers: Sequence[Offer], targets: Sequence[Target]) -> list[float]:
    """MB that each target would be given."""
    return [offer.allocation(target) for offer, target in zip(offers, targets, strict=True)]


def expected_total(offers: Sequence[Offer], targets: Sequence[Target]) -> float:
    """MB that the targets would be given in all."""
    return sum(expected_allocations(offers, targets))


def expected_cost(offers: Sequence[Offer], amounts: Sequence[float]) -> float:
    """Money that so many MB of each offer would be charged in all."""
    return sum(offer.staircase.cost(amount) for offer, amount in zip(offers, amounts, strict=True) if amount > 0.0)


def expected_utility(need: Need, offers: Sequence[Offer], targets: Sequence[Target]) -> float:
    """Valuation minus charges of what the targets would be given, money; minus infinity where the budget bursts."""
    got = expected_allocations(offers, targets)
    cost = expected_cost(offers, got)
    if cost > need.budget * (1.0 + ROUNDING):
        return -math.inf
    return need.valuation.value(sum(got)) - cost


def affordable(need: Need, offers: Sequence[Offer], targets: Sequence[Target]) -> Sequence[Target]:
    """The targets; where they would cost more than the budget, those that get something lowered in proportion.

    A bid that its buyer must decline when it wins would be struck out and placed again for ever.
    """
    got = expected_allocations(offers, targets)
    cost = expected_cost(offers, got)
    if cost <= need.budget:
        return targets
    # The last MB are the dearest, so a share of what the targets get costs no more than that share of the cost.
    share = need.budget / cost
    return [
        Target(share * amount, target.price) if amount > 0.0 else target
        for amount, target in zip(got, targets, strict=True)
    ]
