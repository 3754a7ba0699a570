"""Policies: what a buyer sees as a row of shares, and shares as its bids (docs/learning.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Valuation
from node.strategy.psp.offer import HOLD, NOTHING, Decision, Need, Offer, Target, affordable
from node.strategy.random import Random

LEVELS = 20
"""Equally spaced prices, up to what the first MB is worth, at which a policy sees demand and residual supply."""

OWN = ("budget", "wanted")
"""What of a buyer itself comes before its demand at each level: money left, and MB still wanted."""

SLOT = ("is_open", "supply", "reserve", "quantity", "price", "allocation", "charge")
"""What of one seller comes before its residual supply, MB at each level, and the cost of that, money for each."""

SLOT_SIZE = len(SLOT) + 2 * LEVELS
OWN_SIZE = len(OWN) + LEVELS

Act = Callable[[FloatArray], FloatArray]
"""From an observation, shape (size,), to an action, shape (slots, 2); all in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Units:
    """What the shares of one buyer are shares of.

    Attributes
    ----------
    demand_mb
        All that it wants, MB.
    price
        What its first MB is worth, price per MB.
    """

    demand_mb: float
    price: float

    @classmethod
    def of(cls, theta: Valuation) -> "Units":
        """Those of a buyer with this valuation."""
        return cls(theta.demand_mb, theta.marginal(0.0))

    @property
    def money(self) -> float:
        """What all that it wants would be worth if all of it were worth as much as the first MB."""
        return self.demand_mb * self.price

    @property
    def levels(self) -> list[float]:
        """The prices of all levels, the lowest first."""
        return [self.price * level / LEVELS for level in range(1, LEVELS + 1)]


def size_of(slots: int) -> int:
    """Numbers of an observation."""
    return OWN_SIZE + slots * SLOT_SIZE


@dataclass(frozen=True, slots=True)
class Sight:
    """An observation by its parts; s slots.

    Attributes
    ----------
    budget, wanted
        Money left and MB still wanted.
    demand
        Shape (levels,), MB still wanted at each price.
    slot
        Shape (s, 7), the numbers that ``SLOT`` names; all 0 where the slot is empty or its auction is over.
    available, cost
        Shape (s, levels): MB that the others leave at each price, at most all that is wanted, and the money for them.
    """

    budget: float
    wanted: float
    demand: FloatArray
    slot: FloatArray
    available: FloatArray
    cost: FloatArray

    @classmethod
    def of(cls, observation: FloatArray) -> "Sight":
        """The parts of an observation, not copied."""
        own, slots = observation[:OWN_SIZE], observation[OWN_SIZE:].reshape(-1, SLOT_SIZE)
        first = len(SLOT)
        return cls(
            float(own[0]),
            float(own[1]),
            own[len(OWN) :],
            slots[:, :first],
            slots[:, first : first + LEVELS],
            slots[:, first + LEVELS :],
        )


@dataclass(slots=True)
class Slots:
    """Which row is which seller's: so many sellers, in the order in which their auctions were first seen open.

    Those seen open at once are in the order of the pool. Over a network, adverts can be late.
    """

    count: int
    _row: dict[str, int] = field(init=False, default_factory=dict)

    def of(self, offers: Sequence[Offer]) -> list[int | None]:
        """The row of each offer; None for sellers beyond the last slot, at whom a policy does not bid."""
        for offer in offers:
            if len(self._row) < self.count:
                self._row.setdefault(offer.seller, len(self._row))
        return [self._row.get(offer.seller) for offer in offers]


def observation(need: Need, offers: Sequence[Offer], slots: Slots) -> FloatArray:
    """What the buyer sees, shape (size,): shares of its units, at most 1; more than 1 of each it has no use for."""
    units = Units.of(need.whole or need.valuation)
    seen = np.zeros(size_of(slots.count))
    demand = [need.valuation.demand(price) for price in units.levels]
    seen[0], seen[1] = need.budget / units.money, need.valuation.demand_mb / units.demand_mb
    seen[len(OWN) : OWN_SIZE] = np.array(demand) / units.demand_mb
    rows = seen[OWN_SIZE:].reshape(-1, SLOT_SIZE)
    for row, offer in zip(slots.of(offers), offers, strict=True):
        if row is not None:
            rows[row] = _slot(offer, units)
    return np.minimum(seen, 1.0, out=seen)


def _slot(offer: Offer, units: Units) -> FloatArray:
    steps, standing = offer.staircase, offer.standing
    amount, charge = offer.outcome(standing)
    available = [min(steps.available(price), units.demand_mb) for price in units.levels]
    mb = np.array([standing.quantity, amount, offer.supply, *available]) / units.demand_mb
    price = np.array([offer.reserve, standing.price]) / units.price
    money = np.array([charge, *map(steps.cost, available)]) / units.money
    return np.concatenate(([1.0, mb[2], price[0], mb[0], price[1], mb[1], money[0]], mb[3:], money[1:]))


def targets(action: FloatArray, need: Need, offers: Sequence[Offer], slots: Slots) -> Sequence[Target]:
    """The bids that an action asks for, all lowered alike to what is still wanted and to the money left.

    Raises
    ------
    ValueError
        If the action is not one share of the demand and one of the price for each slot.
    """
    shares = checked(action, slots.count)
    units = Units.of(need.whole or need.valuation)
    rows = [shares[row] if row is not None else np.zeros(2) for row in slots.of(offers)]
    asked = units.demand_mb * sum(float(quantity) for quantity, _ in rows)
    most = (
        1.0 - ROUNDING
    ) * need.valuation.demand_mb  # else a part sold might make the others a rounding error too much
    scale = units.demand_mb * min(1.0, most / asked if asked else 1.0)
    wished = [Target(scale * float(quantity), units.price * float(price)) for quantity, price in rows]
    return affordable(need, offers, [bid if bid.quantity > 0.0 else NOTHING for bid in wished]).targets


def checked(action: FloatArray, slots: int) -> FloatArray:
    """The action, with shares beyond 0 and 1 put there, shape (slots, 2)."""
    shares = np.asarray(action, dtype=np.float64)
    if shares.shape != (slots, 2):
        raise ValueError(
            f"action has shape {shares.shape}; give {(slots, 2)}: shares of demand and price for each slot"
        )
    if not np.isfinite(shares).all():
        raise ValueError("action has a number that is infinite or none; give shares from 0 to 1")
    return np.minimum(np.maximum(shares, 0.0), 1.0)  # several times as fast as numpy.clip for so few


@dataclass(slots=True)
class PolicyBuyer:
    """Bids as a policy says, step by step, and stands by its last bids.

    Attributes
    ----------
    act
        The policy.
    slots
        Sellers that it sees at most.
    step_s
        From one step to the next, seconds.
    steps
        After so many it moves no more; until then it tells sellers that it is undecided.
    """

    act: Act
    slots: Slots
    step_s: float
    steps: int
    _taken: int = field(init=False, default=0)

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """A step from one bid to the next; none before the first and after the last."""
        del participants, round_trip_s, random
        return self.step_s if 0 < self._taken < self.steps else 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """What the policy makes of what the buyer sees; nothing new after the last step."""
        del now
        if self._taken >= self.steps:
            return HOLD
        self._taken += 1
        action = self.act(observation(need, offers, self.slots))
        return Decision(targets(action, need, offers, self.slots), reconsider=self._taken < self.steps)
