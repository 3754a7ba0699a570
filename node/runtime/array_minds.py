"""What the buyers of the world ``array`` know of themselves, and how it makes them cautious or curious."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.strategy.adaptive import SHRINK

STREAK, RESTLESS_DAMPING, LEAST_DAMPING, RESTLESS_EPSILON = 5, 0.7, 0.1, 1.5
"""After so many moves without a quiet spell a buyer moves less and tolerates more."""

QUIET_LOOKS = 8
"""Looks without an own move after which ε shrinks: none is at stale books, so fewer do than with messages."""

_DRIFT_WEIGHT = 0.3
"""Share of its demand by which a buyer's gain is taken to follow the prices it sees, MB."""


@dataclass(slots=True)
class Minds:
    """The state of n buyers with up to k sellers each.

    Attributes
    ----------
    epsilon, damping
        Shape (n,), money and a share.
    gap
        Shape (n,), money: the gain that the best reply promised when the buyer looked last.
    price_seen, amount_seen
        Shape (n, k) and (n,): the marginal prices that it saw then, and the MB that it had.
    quiet_looks, streak
        Shape (n,): looks since the last own move, and moves since the last quiet spell.
    """

    epsilon: FloatArray
    damping: FloatArray
    gap: FloatArray
    price_seen: FloatArray
    amount_seen: FloatArray
    quiet_looks: IntArray
    streak: IntArray

    @classmethod
    def fresh(cls, shape: tuple[int, ...], epsilon: float, damping: float) -> "Minds":
        """Of buyers (n) with pools (k) who have seen nothing yet."""
        count = shape[0]
        unseen = np.full(count, np.inf), np.zeros(shape), np.zeros(count)
        return cls(
            np.full(count, epsilon),
            np.full(count, damping),
            *unseen,
            np.zeros(count, np.intp),
            np.zeros(count, np.intp),
        )

    def worth_of_news(
        self, chosen: IntArray, price: FloatArray, amount: FloatArray, demand: FloatArray, choke: FloatArray
    ) -> FloatArray:
        """About what a reply to the news since they looked may gain those named by index, money.

        Prices went elsewhere by so much, for part of the demand; and for having another amount than the wanted one, a
        buyer loses the triangle between its marginal valuation and the price.
        """
        drift = np.abs(price - self.price_seen[chosen]).max(axis=1)
        lost = amount - self.amount_seen[chosen]
        worth: FloatArray = _DRIFT_WEIGHT * drift * demand + 0.5 * choke / demand * lost * lost
        return worth

    def looked(self, lookers: IntArray, gap: FloatArray, price: FloatArray, amount: FloatArray) -> None:
        """They saw this, and could gain so much."""
        self.gap[lookers], self.price_seen[lookers], self.amount_seen[lookers] = gap, price, amount

    def moved(self, movers: IntArray, first_epsilon: float) -> None:
        """The restless move less and tolerate more."""
        self.quiet_looks[movers] = 0
        self.streak[movers] += 1
        restless = movers[self.streak[movers] >= STREAK]
        self.streak[restless] = 0
        self.damping[restless] = np.maximum(LEAST_DAMPING, self.damping[restless] * RESTLESS_DAMPING)
        self.epsilon[restless] = np.minimum(first_epsilon, self.epsilon[restless] * RESTLESS_EPSILON)

    def held(self, holders: IntArray, last_epsilon: float) -> None:
        """The quiet grow more exact."""
        self.quiet_looks[holders] += 1
        quiet = holders[(self.quiet_looks[holders] >= QUIET_LOOKS) & (self.epsilon[holders] > last_epsilon)]
        self.epsilon[quiet] = np.maximum(last_epsilon, self.epsilon[quiet] / SHRINK)
        self.quiet_looks[quiet] = self.streak[quiet] = 0
