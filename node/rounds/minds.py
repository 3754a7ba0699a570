"""Per buyer of the world ``array``: ε, last gain and last prices seen, which decide when it looks again."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.rounds.reply import Replies
from node.strategy.psp.adaptive import SHRINK

QUIET_LOOKS = 8
"""Looks without an own move after which ε shrinks; fewer than with messages, since books are never stale here."""

_DRIFT_WEIGHT = 0.1
"""Share of its demand by which a buyer's gain is taken to follow the prices it sees, MB."""


@dataclass(slots=True)
class Minds:
    """The state of n buyers with up to k sellers each.

    Attributes
    ----------
    epsilon
        Shape (n,), money.
    gain, gap
        Shape (n,), money, as of ``Replies`` when the buyer looked last; less what its move gained.
    price_seen, amount_seen
        Shape (n, k) and (n,): the marginal prices that it saw then, and the MB that it had or was to get.
    quiet_looks
        Shape (n,): looks since the last own move.
    moves_at_level
        Shape (n,): own moves since ε shrank.
    """

    epsilon: FloatArray
    gain: FloatArray
    gap: FloatArray
    price_seen: FloatArray
    amount_seen: FloatArray
    quiet_looks: IntArray
    moves_at_level: IntArray

    @classmethod
    def fresh(cls, shape: tuple[int, ...], epsilon: FloatArray) -> "Minds":
        """The state of n buyers, with pools of up to k sellers, that have not looked yet."""
        count = shape[0]
        gain, gap = np.full((2, count), np.inf)
        looks, moves = np.zeros((2, count), np.intp)
        return cls(epsilon.copy(), gain, gap, np.zeros(shape), np.zeros(count), looks, moves)

    def worth_of_news(
        self, chosen: IntArray, price: FloatArray, amount: FloatArray, demand: FloatArray, bend: FloatArray
    ) -> FloatArray:
        """About what a reply to the news since they looked may gain those named by index, money.

        Prices went elsewhere by so much, for part of the demand; and for having another amount than the wanted one, a
        buyer loses the triangle between its marginal valuation and the price; ``bend`` is half of how much the former
        falls per MB, price per MB².
        """
        drift = np.abs(price - self.price_seen.take(chosen, axis=0)).max(axis=1)
        lost = amount - self.amount_seen[chosen]
        worth: FloatArray = _DRIFT_WEIGHT * drift * demand + bend * lost * lost
        return worth

    def looked(self, lookers: IntArray, replies: Replies, price: FloatArray) -> None:
        """Store the prices that the lookers saw, shape (lookers, k), and the gains and amounts of their replies."""
        moves = replies.gain > replies.epsilon
        left = np.where(moves & np.isfinite(replies.gain), replies.gap - replies.gain, replies.gain)
        self.epsilon[lookers], self.gain[lookers], self.gap[lookers] = replies.epsilon, left, replies.gap
        self.price_seen[lookers], self.amount_seen[lookers] = price, replies.amount

    def held(self, holders: IntArray, last_epsilon: FloatArray) -> None:
        """Count one more look without a move; after ``QUIET_LOOKS`` of them divide ε by ``SHRINK``."""
        looks = self.quiet_looks[holders] + 1
        self.quiet_looks[holders] = looks
        quiet = holders[looks >= QUIET_LOOKS]
        quiet = quiet[self.epsilon[quiet] > last_epsilon[quiet]]
        if not quiet.size:
            return
        self.epsilon[quiet] = np.maximum(last_epsilon[quiet], self.epsilon[quiet] / SHRINK)
        self.gain[quiet] = self.gap[quiet]
        self.quiet_looks[quiet] = self.moves_at_level[quiet] = 0

    def moved(self, movers: IntArray) -> None:
        """Count a move each."""
        self.quiet_looks[movers] = 0
        self.moves_at_level[movers] += 1
