"""The best replies of many buyers at once, each against the books as they stand."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.runtime.array_books import Books

_BUYERS = 2048
"""Buyers who reply at once: their staircases stay in the processor's cache."""

_WINDOW = 12
"""Steps of each seller's staircase looked at first, the cheapest; a buyer who would climb higher sees more."""


@dataclass(frozen=True, slots=True)
class Buyers:
    """Buyers with parabolic valuations, b of them, and their pools of up to k sellers.

    Attributes
    ----------
    demand_mb, choke_price
        Shape (b,), MB and price per MB: θ'(z) = choke_price · (1 - z/demand_mb).
    seller, place
        Shape (b, k), the pool and where its bids are kept in the books; a short pool ends in sellers without supply.
    """

    demand_mb: FloatArray
    choke_price: FloatArray
    seller: IntArray
    place: IntArray

    def some(self, chosen: IntArray) -> "Buyers":
        """Those named by index."""
        return Buyers(self.demand_mb[chosen], self.choke_price[chosen], self.seller[chosen], self.place[chosen])

    def value(self, amount: FloatArray) -> FloatArray:
        """θ(z) of each, shape (b,), money."""
        amount = np.minimum(amount, self.demand_mb)
        return self.choke_price * amount * (1.0 - 0.5 * amount / self.demand_mb)


@dataclass(frozen=True, slots=True)
class Replies:
    """What to bid at best, in the order of the buyers.

    Attributes
    ----------
    quantity
        Shape (b, k), MB.
    price
        Shape (b,), price per MB, the same at every seller.
    gap
        Shape (b,), money: by how much the best unilateral reply (ε = 0) beats the standing bids.
    """

    quantity: FloatArray
    price: FloatArray
    gap: FloatArray


@dataclass(frozen=True, slots=True)
class _Steps:
    """The staircases that the others leave each buyer, dearest step first, the reserve last; shape (b, k, w).

    ``cheaper`` is what a seller leaves below each step, MB. Steps are known up to ``limit``, shape (b,), price per MB,
    and up to ``known``, shape (b, k), MB.
    """

    price: FloatArray
    quantity: FloatArray
    cheaper: FloatArray
    limit: FloatArray
    known: FloatArray


def best_replies(buyers: Buyers, books: Books, epsilon: FloatArray) -> Replies:
    """The truthful ε-best replies (Lazar & Semret, Prop. 1) on the merged staircases, as ``psp.best_reply`` has them.

    Parameters
    ----------
    epsilon
        Shape (b,), the ε of each buyer's step, money.
    """
    replies = Replies(np.zeros(buyers.seller.shape), np.zeros(epsilon.size), np.zeros(epsilon.size))
    for begin in range(0, epsilon.size, _BUYERS):
        todo, window = np.arange(begin, min(begin + _BUYERS, epsilon.size)), _WINDOW
        while todo.size:
            some = buyers.some(todo)
            part, short = _replies(some, books, epsilon[todo], window)
            replies.quantity[todo], replies.price[todo], replies.gap[todo] = part.quantity, part.price, part.gap
            todo, window = todo[short], 4 * window
    return replies


def _replies(
    buyers: Buyers, books: Books, epsilon: FloatArray, window: int
) -> tuple[Replies, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """The replies, and which of them need a larger window."""
    steps = _steps(buyers, books, window)
    allocation = books.allocation(buyers.place, buyers.seller)
    now = buyers.value(allocation.sum(axis=1)) - _charge(steps, allocation)
    price, reach = _merged(steps)
    wanted, dearest = _wanted(buyers, price, reach)
    full, _ = _filled(steps, dearest, wanted)
    best = buyers.value(wanted) - full
    amount = np.maximum(wanted - epsilon / buyers.choke_price, 0.0)
    step = np.minimum((reach < amount[:, None]).sum(axis=1), reach.shape[1] - 1)
    _, quantity = _filled(steps, price[np.arange(step.size), step], amount)
    reply = buyers.choke_price * np.maximum(1.0 - amount / buyers.demand_mb, 0.0)
    short = (dearest >= steps.limit) | (allocation > steps.known).any(axis=1)
    return Replies(quantity, reply, best - now), short


def _steps(buyers: Buyers, books: Books, window: int) -> _Steps:
    seller, place = buyers.seller, buyers.place
    own, supply, first, size = books.quantity[place], books.supply[seller], books.first[seller], books.size[seller]
    mine = _position(books.key, first, size, books.key_of(place, seller))
    window = min(window, books.largest)
    end = _sold_out(books.reach, first, size, own, mine, supply)
    begin = np.maximum(end - window + 1, 0)
    at = np.minimum(begin[..., None] + np.arange(window), (size - 1)[..., None])
    flat = first[..., None] + at
    taken = np.empty((*seller.shape, window + 2))
    taken[..., 1:-1] = books.reach[flat] - own[..., None] * (at >= mine[..., None])
    above = books.reach[first + np.maximum(begin - 1, 0)] - own * (begin > mine)
    taken[..., 0] = np.where(begin > 0, above, 0.0)
    taken[..., -1] = supply
    np.clip(taken, 0.0, supply[..., None], out=taken)
    price = np.empty((*seller.shape, window + 1))
    price[..., :-1], price[..., -1] = books.price[flat], books.reserve[seller]
    # Room for the keys of the merge: prices that differ by a rounding error only must tie, or they would be misplaced.
    price.view(np.int64)[...] &= ~_low_bits(price[0].size if price.size else 1)
    left = supply[..., None] - taken
    limit = np.where(taken[..., 0] > 0.0, price[..., 0], np.inf).min(axis=1)
    known = np.where(taken[..., 0] > 0.0, left[..., 0], np.inf)
    return _Steps(price, np.diff(taken), left[..., 1:], limit, known)


def _position(key: IntArray, first: IntArray, size: IntArray, own: IntArray) -> IntArray:
    """Where in its book a bid stands, dearest first: a binary search of all at once."""
    low, high = np.zeros_like(size), size - 1
    for _ in range(int(size.max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        before = key[first + middle] < own
        low, high = np.where(before, np.minimum(middle + 1, high), low), np.where(before, high, middle)
    return low


def _sold_out(
    reach: FloatArray, first: IntArray, size: IntArray, own: FloatArray, mine: IntArray, supply: FloatArray
) -> IntArray:
    """The bid with which the others exhaust the supply, or the last: a binary search of all at once."""
    low, high = np.zeros_like(size), size - 1
    for _ in range(int(size.max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        before = reach[first + middle] - own * (middle >= mine) < supply
        low, high = np.where(before, np.minimum(middle + 1, high), low), np.where(before, high, middle)
    return low


def _low_bits(steps: int) -> int:
    """The bits that number so many steps."""
    return (1 << steps.bit_length()) - 1


def _charge(steps: _Steps, allocation: FloatArray) -> FloatArray:
    """What the buyers pay for their allocations, shape (b,): the integral of each seller's staircase."""
    paid = np.clip(allocation[..., None] - steps.cheaper, 0.0, steps.quantity)
    paid *= steps.price
    charge: FloatArray = paid.sum(axis=(1, 2))
    return charge


def _merged(steps: _Steps) -> tuple[FloatArray, FloatArray]:
    """Prices and running quantities of all steps of a buyer, cheapest first; shape (b, s)."""
    price = steps.price.reshape(steps.price.shape[0], -1)
    order = price.view(np.int64) | np.arange(price.shape[1])
    order.sort(axis=1)
    order &= _low_bits(price.shape[1])
    order += (np.arange(price.shape[0]) * price.shape[1])[:, None]
    return price.ravel()[order], np.cumsum(steps.quantity.ravel()[order], axis=1)


def _wanted(buyers: Buyers, price: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """z* and the price of its last MB, shape (b,): where the marginal valuation meets the merged staircase."""
    demand = buyers.demand_mb[:, None] * (1.0 - price / buyers.choke_price[:, None])
    below = np.zeros_like(reach)
    below[:, 1:] = reach[:, :-1]
    steps = (demand > below).sum(axis=1)
    row, last = np.arange(steps.size), np.maximum(steps - 1, 0)
    wanted = np.where(steps > 0, np.minimum(reach[row, last], demand[row, last]), 0.0)
    return wanted, np.where(steps > 0, price[row, last], 0.0)


def _filled(steps: _Steps, dearest: FloatArray, amount: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cost, shape (b,), and quantities, shape (b, k), of the cheapest ``amount``; steps at the last price share."""
    cheap = np.where(steps.price < dearest[:, None, None], steps.quantity, 0.0)
    last = np.where(steps.price == dearest[:, None, None], steps.quantity, 0.0).sum(axis=2)
    sure = cheap.sum(axis=2)
    rest, width = np.maximum(amount - sure.sum(axis=1), 0.0), last.sum(axis=1)
    share = np.divide(rest, width, out=np.zeros_like(rest), where=width > 0.0)
    cheap *= steps.price
    return cheap.sum(axis=(1, 2)) + dearest * rest, sure + last * np.minimum(share, 1.0)[:, None]
