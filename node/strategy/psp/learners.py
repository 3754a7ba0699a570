"""Policies that learn while they bid, from what each clearing shows them: Exp3, and regret matching.

An arm is a truthful bid (Lazar & Semret, Prop. 1): all that is worth a level of price, at that price, in parts that are
as large as what the others leave at each seller. All amounts here are shares, as in observations.
"""

from dataclasses import dataclass, field

import numpy as np

from node.mechanism.checks import FloatArray
from node.strategy.psp.policy import LEVELS, Sight
from node.strategy.random import Random

EXPLORATION = 0.1
"""Share of its bids that Exp3 draws from all arms alike, unless it is told another."""

_PRICES = np.arange(1, LEVELS + 1) / LEVELS

_FALLING = np.append(_PRICES[::-1], 0.0)
"""The prices at which more and more is wanted, down to nothing."""


def action_of(sight: Sight, arm: int) -> FloatArray:
    """What the arm bids, shape (slots, 2)."""
    parts = _parts(sight)[:, arm]
    return np.column_stack((sight.demand[arm] * parts, np.full(parts.size, _PRICES[arm])))


def _parts(sight: Sight) -> FloatArray:
    """Shape (slots, levels): the parts of what an arm asks for, at each seller; equal ones where nothing is left."""
    is_open = sight.slot[:, :1]
    left = sight.available.sum(axis=0)
    equal = is_open / max(1.0, float(is_open.sum()))
    has_some = left > 0.0
    return np.where(has_some, sight.available / np.where(has_some, left, 1.0), equal)


def payoffs(sight: Sight) -> FloatArray:
    """What each arm would bring against the others' bids as seen last, if it won all ties; shape (levels,)."""
    left = sight.available.sum(axis=0)
    amount = _parts(sight) * np.minimum(sight.demand, left)
    available, cost = np.zeros((2, amount.shape[0], LEVELS + 1))
    available[:, 1:], cost[:, 1:] = sight.available, sight.cost
    charges = [np.interp(*slot) for slot in zip(amount, available, cost, strict=True)]
    paid: FloatArray = np.sum(charges, axis=0)
    return worth(sight, amount.sum(axis=0)) - paid


def worth(sight: Sight, amount: FloatArray) -> FloatArray:
    """θ of these amounts: the integral of the price that the last of them is worth, linear between levels."""
    mb, first = np.zeros((2, LEVELS + 1))
    mb[:-1], mb[-1] = sight.demand[::-1], sight.wanted
    np.cumsum(0.5 * (mb[1:] - mb[:-1]) * (_FALLING[1:] + _FALLING[:-1]), out=first[1:])
    below = np.minimum(np.maximum(mb.searchsorted(amount, side="right") - 1, 0), LEVELS)
    theta: FloatArray = first[below] + 0.5 * (amount - mb[below]) * (_FALLING[below] + np.interp(amount, mb, _FALLING))
    return theta


def payoff(sight: Sight) -> float:
    """What the standing bids would bring."""
    allocation, charge = sight.slot[:, 5].sum(), sight.slot[:, 6].sum()
    return float(worth(sight, np.array([allocation]))[0] - charge)


def _drawn(probability: FloatArray, random: Random) -> int:
    drawn = int(np.searchsorted(np.cumsum(probability), random.uniform(0.0, 1.0), side="right"))
    return min(drawn, LEVELS - 1)  # they may add up to a hair less than 1


@dataclass(slots=True)
class Exp3:
    """Learns from what its own bids brought, and from nothing else that it sees.

    Auer, Cesa-Bianchi, Freund and Schapire (2002), "The nonstochastic multiarmed bandit problem", section 3, with
    rewards of truthful bids, which are at least 0 and at most 1.

    Attributes
    ----------
    random
        Its own stream; one draw per bid.
    exploration
        Share of the bids drawn from all arms alike, the paper's gamma; the learning rate is that over the arms.
    """

    random: Random
    exploration: float = EXPLORATION
    _log_weight: FloatArray = field(init=False, default_factory=lambda: np.zeros(LEVELS))
    _played: tuple[int, float] | None = field(init=False, default=None)

    @property
    def favourite(self) -> int:
        """The arm that it would play if it explored no more: that of the largest weight."""
        return int(self._log_weight.argmax())

    def act(self, observation: FloatArray) -> FloatArray:
        """The next bid; the last is credited with what it would bring now."""
        sight = Sight.of(observation)
        if self._played:
            arm, probability = self._played
            self._log_weight[arm] += self.exploration / LEVELS * payoff(sight) / probability
        weight = np.exp(self._log_weight - self._log_weight.max())
        mixed = (1.0 - self.exploration) * weight / weight.sum() + self.exploration / LEVELS
        arm = _drawn(mixed, self.random)
        self._played = arm, float(mixed[arm])
        return action_of(sight, arm)


@dataclass(slots=True)
class RegretMatching:
    """Plays each arm in proportion to how much more it would have brought so far: no regret in the long run.

    Hart and Mas-Colell (2000), "A simple adaptive procedure leading to correlated equilibrium", section 4 (c). The
    profile shows it what each arm would have brought.

    Attributes
    ----------
    random
        Its own stream; one draw per bid.
    """

    random: Random
    regret: FloatArray = field(init=False, default_factory=lambda: np.zeros(LEVELS))
    _has_bid: bool = field(init=False, default=False)

    @property
    def favourite(self) -> int:
        """The arm that it plays most: that of the largest regret."""
        return int(self.regret.argmax())

    def act(self, observation: FloatArray) -> FloatArray:
        """The next bid."""
        sight = Sight.of(observation)
        if self._has_bid:
            self.regret += payoffs(sight) - payoff(sight)
        self._has_bid = True
        positive = np.maximum(self.regret, 0.0)
        total = float(positive.sum())
        mixed = positive / total if total > 0.0 else np.full(LEVELS, 1.0 / LEVELS)
        return action_of(sight, _drawn(mixed, self.random))
