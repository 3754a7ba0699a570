"""The best replies of many buyers at once, each against the books as they stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import BoolArray, FloatArray, IntArray
from node.mechanism.rounding import ROUNDING
from node.rounds.books import Books
from node.rounds.steps import (
    Buyers,
    Steps,
    charged,
    cost_of,
    dearest_of,
    filled,
    granted,
    merged,
    ratio,
    staircases,
    wanted_of,
)
from node.strategy.psp.adaptive import DISPLACED, LEFT, LEFT_AT_FIRST, PRESENT_OF_WANTED, SHIFT, SHRINK, STEP

_BUYERS = 2048
"""Buyers who reply at once: their staircases stay in the processor's cache."""

_WINDOW = 12
"""Steps of each seller's staircase looked at first, the cheapest; a buyer who would climb higher sees more."""


@dataclass(frozen=True, slots=True)
class Caution:
    """How replies are tempered, as in ``AdaptiveBestReply``.

    Attributes
    ----------
    first_epsilon
        Shape (b,), money.
    is_restless
        Shape (b,), who has made more than a few moves at its ε.
    damping
        Share of the way to the reply.
    """

    first_epsilon: FloatArray
    is_restless: BoolArray
    damping: float

    def some(self, chosen: IntArray) -> "Caution":
        """That of the buyers named by index."""
        return Caution(self.first_epsilon[chosen], self.is_restless[chosen], self.damping)


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
    if 0 < count <= _BUYERS:
        return _replies_of_few(buyers, books, epsilon, caution)
    replies = Replies.blank(epsilon, np.zeros(count), np.zeros(count), np.zeros(buyers.seller.shape))
    for begin in range(0, count, _BUYERS):
        few = np.arange(begin, min(begin + _BUYERS, count))
        replies.put(few, _replies_of_few(buyers.some(few), books, epsilon[few], caution.some(few)))
    return replies


def _replies_of_few(buyers: Buyers, books: Books, epsilon: FloatArray, caution: Caution) -> Replies:
    """The replies, each with as large a window as it needs."""
    window = _WINDOW
    replies, short = _replies(buyers, books, epsilon, caution, window)
    todo = short.nonzero()[0]
    while todo.size:
        window *= 4
        part, short = _replies(buyers.some(todo), books, epsilon[todo], caution.some(todo), window)
        replies.put(todo, part)
        todo = todo[short]
    return replies


def _replies(
    buyers: Buyers, books: Books, epsilon: FloatArray, caution: Caution, window: int
) -> tuple[Replies, BoolArray]:
    """The replies, and which of them need a larger window."""
    steps = staircases(buyers, books, window)
    allocation = buyers.allocation(books)
    charge = charged(steps, allocation)
    amount = allocation.sum(axis=1)
    now = buyers.value(amount) - charge.sum(axis=1)
    price, reach = merged(steps)
    wanted, highest = wanted_of(buyers, price, reach)
    gap = buyers.value(wanted) - cost_of(price, reach, wanted) - now
    short = (highest >= steps.limit) | (allocation > steps.known).any(axis=1)
    replies = Replies.blank(epsilon, amount, gap, charge)
    newcomer = buyers.price == 0.0
    # Most buyers have too little to gain: what they would bid is of no interest.
    go = ((gap > epsilon) | newcomer).nonzero()[0]
    if not go.size:
        return replies, short
    price, reach, wanted = price.take(go, axis=1), reach.take(go, axis=1), wanted[go]
    dearest = dearest_of(price, reach, wanted)
    seen = _Seen(buyers.some(go), steps.some(go), price, reach, wanted, dearest, now[go], gap[go])
    epsilon, caution = epsilon[go], caution.some(go)
    move = _tempered(seen, epsilon, caution)
    first = caution.first_epsilon
    shifted = ((move[2] > SHIFT * epsilon) & (epsilon < first)).nonzero()[0]
    if shifted.size:
        larger = np.minimum(first[shifted], SHRINK * epsilon[shifted])
        coarse = _tempered(seen.some(shifted), larger, caution.some(shifted))
        pays = (coarse[2] > larger).nonzero()[0]
        replies.epsilon[go[shifted[pays]]] = larger[pays]
        _replace(move, shifted[pays], [part[pays] for part in coarse])
    quantity, replies.price[go], gain, got = move
    replies.quantity[go], replies.gain[go] = quantity, gain
    replies.amount[go] = np.where(gain > replies.epsilon[go], got, amount[go])
    replies.gain[newcomer] = np.inf
    short[go] |= (quantity > seen.steps.known).any(axis=1)
    return replies, short


@dataclass(frozen=True, slots=True)
class _Seen:
    """Buyers, b of them, and what they see: staircases, apart and merged, z*, its last price; utility now, and gap."""

    buyers: Buyers
    steps: Steps
    price: FloatArray
    reach: FloatArray
    wanted: FloatArray
    dearest: FloatArray
    now: FloatArray
    gap: FloatArray

    def some(self, chosen: IntArray) -> "_Seen":
        """Those named by index."""
        price, reach = self.price.take(chosen, axis=1), self.reach.take(chosen, axis=1)
        return _Seen(
            self.buyers.some(chosen),
            self.steps.some(chosen),
            price,
            reach,
            self.wanted[chosen],
            self.dearest[chosen],
            self.now[chosen],
            self.gap[chosen],
        )


def _amount(seen: _Seen, forgone: FloatArray) -> FloatArray:
    """MB of the reply that forgoes so much money: see ``best_reply``."""
    buyers = seen.buyers
    clear = buyers.demand_mb * (1.0 - seen.dearest / buyers.choke_price) - forgone / buyers.choke_price
    amount: FloatArray = np.maximum(np.minimum(seen.wanted, clear), 0.0)
    return amount


_Move = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Quantities (b, k), prices, what bidding that gains, money, and gets, MB, all others (b,)."""


def _replace(move: _Move, at: IntArray, other: Sequence[FloatArray]) -> None:
    for old, new in zip(move, other, strict=True):
        old[at] = new


def _tempered(seen: _Seen, epsilon: FloatArray, caution: Caution) -> _Move:
    """The shortest of a few steps to the reply that gains more than ε: see ``AdaptiveBestReply._reply``."""
    wanted = _amount(seen, STEP * epsilon)
    full = filled(seen.steps, seen.price, seen.reach, wanted)
    asked = seen.buyers.quantity.sum(axis=1)
    at_reserve = (full * seen.steps.price[-1]).sum(axis=1)
    takes_from_nobody = cost_of(seen.price, seen.reach, wanted) <= (1.0 + ROUNDING) * at_reserve
    # Whoever has no bid goes all the way.
    is_bold = (asked <= 0.0) | (takes_from_nobody & ~caution.is_restless)
    share = np.where(is_bold, 1.0, caution.damping)
    rise = np.maximum(wanted - asked, 0.0)
    careful = np.sqrt(2.0 * DISPLACED * epsilon * seen.buyers.demand_mb / seen.buyers.choke_price)
    is_careful = (asked > 0.0) & (share * rise > careful)
    first = np.divide(careful, rise, out=share.copy(), where=is_careful)
    move = _move(seen, full, first)
    if (move[2] > epsilon).all():
        return move
    longer = ((move[2] <= epsilon) & is_careful).nonzero()[0]
    if longer.size:
        _replace(move, longer, _move(seen.some(longer), full[longer], share[longer]))
    left = np.where(caution.is_restless, LEFT, LEFT_AT_FIRST)
    stuck = ((move[2] <= epsilon) & (seen.gap > left * epsilon)).nonzero()[0]
    if stuck.size:
        some = seen.some(stuck)
        clearer = _amount(some, (left[stuck] - 1.0) * epsilon[stuck])
        whole = _move(some, filled(some.steps, some.price, some.reach, clearer), np.ones(stuck.size))
        better = (whole[2] > move[2][stuck]).nonzero()[0]
        _replace(move, stuck[better], [part[better] for part in whole])
    return move


def _move(seen: _Seen, full: FloatArray, share: FloatArray) -> _Move:
    """A share of the way to the reply: see ``AdaptiveBestReply._step``."""
    buyers = seen.buyers
    mixed = (1.0 - share[:, None]) * buyers.quantity + share[:, None] * full
    before, presence = mixed.sum(axis=1), buyers.least.sum(axis=1)
    total = np.minimum(before, full.sum(axis=1))
    mixed *= ratio(total, before)[:, None]
    least, is_much = buyers.least, (total > 0.0) & (total < presence / PRESENT_OF_WANTED)
    total = np.where(total > 0.0, total, presence)
    if is_much.any():
        present = np.divide(PRESENT_OF_WANTED * total, presence, out=np.ones(total.size), where=is_much)
        least, presence = present[:, None] * least, present * presence
    above: FloatArray = np.maximum(mixed - least, 0.0)
    room = above.sum(axis=1)
    above *= ratio(total - presence, room)[:, None]
    quantity = least + above
    price = buyers.marginal(total)
    allocation = granted(seen.steps, quantity, price)
    got = allocation.sum(axis=1)
    gain = buyers.value(got) - charged(seen.steps, allocation).sum(axis=1) - seen.now
    return quantity, price, gain, got
