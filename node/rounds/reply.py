"""The best replies of many buyers at once, each against the books as they stand."""

from dataclasses import dataclass, replace

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.rounds.books import Books
from node.rounds.steps import Buyers, Steps, charged, cost_of, filled, granted, merged, staircases, wanted_of
from node.strategy.psp.adaptive import SHIFT, SHRINK, STEP, STUCK

_BUYERS = 2048
"""Buyers who reply at once: their staircases stay in the processor's cache."""

_WINDOW = 12
"""Steps of each seller's staircase looked at first, the cheapest; a buyer who would climb higher sees more."""


@dataclass(frozen=True, slots=True)
class Caution:
    """How replies are tempered; all three as in ``AdaptiveBestReply``."""

    first_epsilon: float
    damping: float
    presence: float


@dataclass(frozen=True, slots=True)
class Replies:
    """What to bid, in the order of the buyers.

    Attributes
    ----------
    quantity, price
        Shape (b, k), MB, and (b,), price per MB, the same at every seller; 0 for a buyer whose gap is at most its ε.
    epsilon
        Shape (b,), money: its ε, which grows where the market has shifted.
    gain
        Shape (b,), money: by how much that bid beats the standing ones, infinite for whoever has none. For a buyer
        whose gap is at most its ε it is the gap, which is more.
    amount
        Shape (b,), MB: what that bid would get if it gains more than its ε, else what it has.
    gap
        Shape (b,), money: by how much the best unilateral reply (ε = 0, undamped) beats the standing bids.
    charge
        Shape (b, k), money: what the standing bids pay each seller, by what they exclude others from.
    """

    quantity: FloatArray
    price: FloatArray
    epsilon: FloatArray
    gain: FloatArray
    amount: FloatArray
    gap: FloatArray
    charge: FloatArray

    @classmethod
    def blank(cls, epsilon: FloatArray, amount: FloatArray, gap: FloatArray, charge: FloatArray) -> "Replies":
        """Of buyers who hold."""
        return cls(np.zeros(charge.shape), np.zeros(gap.size), epsilon.copy(), gap.copy(), amount, gap, charge)

    def put(self, at: IntArray, part: "Replies") -> None:
        """Replace those of the buyers named by index."""
        for name in ("quantity", "price", "epsilon", "gain", "amount", "gap", "charge"):
            getattr(self, name)[at] = getattr(part, name)


def best_replies(buyers: Buyers, books: Books, epsilon: FloatArray, caution: Caution) -> Replies:
    """The moves of ``AdaptiveBestReply``, each against the books as they stand.

    ``epsilon``, shape (b,), is the ε of each buyer, money: the least gain of a move.
    """
    count = epsilon.size
    replies = Replies.blank(epsilon, np.zeros(count), np.zeros(count), np.zeros(buyers.seller.shape))
    for begin in range(0, count, _BUYERS):
        todo, window = np.arange(begin, min(begin + _BUYERS, count)), _WINDOW
        while todo.size:
            part, short = _replies(buyers.some(todo), books, epsilon[todo], caution, window)
            replies.put(todo, part)
            todo, window = todo[short], 4 * window
    return replies


def _replies(
    buyers: Buyers, books: Books, epsilon: FloatArray, caution: Caution, window: int
) -> tuple[Replies, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """The replies, and which of them need a larger window."""
    steps = staircases(buyers, books, window)
    allocation = buyers.allocation(books)
    charge = charged(steps, allocation)
    amount = allocation.sum(axis=1)
    now = buyers.value(amount) - charge.sum(axis=1)
    price, reach = merged(steps)
    wanted, dearest = wanted_of(buyers, price, reach)
    gap = buyers.value(wanted) - cost_of(price, reach, wanted) - now
    short = (dearest >= steps.limit) | (allocation > steps.known).any(axis=1)
    replies = Replies.blank(epsilon, amount, gap, charge)
    newcomer = buyers.price == 0.0
    # Most buyers have too little to gain: what they would bid is of no interest.
    go = np.flatnonzero((gap > epsilon) | newcomer)
    seen = _Seen(buyers.some(go), steps.some(go), price[:, go], reach[:, go], wanted[go], now[go])
    move = _move(seen, epsilon[go], caution)
    shifted = np.flatnonzero((move[2] > SHIFT * epsilon[go]) & (epsilon[go] < caution.first_epsilon))
    if shifted.size:
        larger = np.minimum(caution.first_epsilon, SHRINK * epsilon[go[shifted]])
        replies.epsilon[go[shifted]] = larger
        for old, new in zip(move, _move(seen.some(shifted), larger, caution), strict=True):
            old[shifted] = new
    least = replies.epsilon[go]
    stuck = np.flatnonzero((move[2] <= least) & (_gain(seen, least) > STUCK * least) & ~newcomer[go])
    if stuck.size:
        for old, new in zip(move, _move(seen.some(stuck), least[stuck], replace(caution, damping=1.0)), strict=True):
            old[stuck] = new
    replies.quantity[go], replies.price[go], replies.gain[go], got = move
    replies.amount[go] = np.where(replies.gain[go] > replies.epsilon[go], got, amount[go])
    replies.gain[newcomer] = np.inf
    short[go] |= (replies.quantity[go] > seen.steps.known).any(axis=1)
    return replies, short


@dataclass(frozen=True, slots=True)
class _Seen:
    """Buyers, b of them, and what they see: staircases, apart and merged, z*, MB, and their utility now, money."""

    buyers: Buyers
    steps: Steps
    price: FloatArray
    reach: FloatArray
    wanted: FloatArray
    now: FloatArray

    def some(self, chosen: IntArray) -> "_Seen":
        """Those named by index."""
        price, reach = self.price[:, chosen], self.reach[:, chosen]
        return _Seen(
            self.buyers.some(chosen), self.steps.some(chosen), price, reach, self.wanted[chosen], self.now[chosen]
        )


def _amount(seen: _Seen, epsilon: FloatArray) -> FloatArray:
    """MB of the reply that forgoes some ε."""
    return np.maximum(seen.wanted - STEP * epsilon / seen.buyers.choke_price, 0.0)


def _gain(seen: _Seen, epsilon: FloatArray) -> FloatArray:
    """What that reply gains, money, if it gets all it asks for."""
    amount = _amount(seen, epsilon)
    return seen.buyers.value(amount) - cost_of(seen.price, seen.reach, amount) - seen.now


def _move(seen: _Seen, epsilon: FloatArray, caution: Caution) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Quantities (b, k), prices, what bidding that gains, money, and gets, MB: see ``AdaptiveBestReply``."""
    buyers = seen.buyers
    full = filled(seen.steps, seen.price, seen.reach, _amount(seen, epsilon))
    bids = buyers.quantity.any(axis=1)
    share = np.where(bids, caution.damping, 1.0)[:, None]  # whoever has no bid goes all the way
    mixed = (1.0 - share) * buyers.quantity + share * full
    before = mixed.sum(axis=1)
    after = np.minimum(before, full.sum(axis=1))
    mixed *= np.divide(after, before, out=np.zeros_like(after), where=before > 0.0)[:, None]
    quantity = np.maximum(caution.presence * buyers.demand_mb[:, None], mixed)
    price = buyers.choke_price * np.maximum(1.0 - after / buyers.demand_mb, 0.0)
    allocation = granted(seen.steps, quantity, price)
    got = allocation.sum(axis=1)
    gain = buyers.value(got) - charged(seen.steps, allocation).sum(axis=1) - seen.now
    return quantity, price, gain, got
