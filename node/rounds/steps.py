"""The residual supply that very many buyers face: one staircase for each seller, and all of them merged."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.rounding import ROUNDING
from node.rounds.books import Books

_NEAR = 16
"""Ranks among which counting is faster than halving."""

_MANY = 200
"""Buyers from which on adding up row by row is faster than ``numpy.add.accumulate``, which goes column by column."""


@dataclass(frozen=True, slots=True)
class Buyers:
    """Buyers with parabolic valuations, b of them, and their pools of up to k sellers.

    Attributes
    ----------
    demand_mb, choke_price
        Shape (b,), MB and price per MB: θ'(z) = choke_price · (1 - z/demand_mb).
    seller, place
        Shape (b, k), the pool and where its bids are kept in the books; a short pool ends in sellers without supply.
    least
        Shape (b, k), MB of a presence bid; 0 where there is nobody.
    quantity, price
        Shape (b, k) and (b,), the standing bids: MB, and price per MB, the same at every seller. The books have them
        too, but not one beside the other.
    """

    demand_mb: FloatArray
    choke_price: FloatArray
    seller: IntArray
    place: IntArray
    least: FloatArray
    quantity: FloatArray
    price: FloatArray

    def some(self, chosen: IntArray) -> "Buyers":
        """Those named by index."""
        return Buyers(
            self.demand_mb[chosen],
            self.choke_price[chosen],
            self.seller.take(chosen, axis=0),
            self.place.take(chosen, axis=0),
            self.least.take(chosen, axis=0),
            self.quantity.take(chosen, axis=0),
            self.price[chosen],
        )

    def allocation(self, books: Books) -> FloatArray:
        """What they get of each seller, shape (b, k), MB."""
        return books.allocation(self.quantity, self.price[:, None], self.seller)

    def value(self, amount: FloatArray) -> FloatArray:
        """θ(z) of each, shape (b,), money."""
        amount = np.minimum(amount, self.demand_mb)
        return self.choke_price * amount * (1.0 - 0.5 * amount / self.demand_mb)

    def marginal(self, amount: FloatArray) -> FloatArray:
        """θ'(z) of each, shape (b,), price per MB."""
        worth: FloatArray = self.choke_price * np.maximum(1.0 - amount / self.demand_mb, 0.0)
        return worth


@dataclass(frozen=True, slots=True)
class Steps:
    """The staircases that the others leave each buyer, dearest step first, the reserve last; shape (w, b, k).

    Steps are the first axis, so that numpy's inner loops run over the buyers and are long. ``cheaper`` is what a seller
    leaves below each step, MB. Steps are known up to ``limit``, shape (b,), price per MB, and up to ``known``, shape
    (b, k), MB.
    """

    price: FloatArray
    quantity: FloatArray
    cheaper: FloatArray
    limit: FloatArray
    known: FloatArray

    def some(self, chosen: IntArray) -> "Steps":
        """Those of the buyers named by index."""
        price, quantity, cheaper = (part.take(chosen, axis=1) for part in (self.price, self.quantity, self.cheaper))
        return Steps(price, quantity, cheaper, self.limit[chosen], self.known.take(chosen, axis=0))


def staircases(buyers: Buyers, books: Books, window: int) -> Steps:
    """The cheapest ``window`` steps of what the others leave each buyer at every seller of its pool."""
    seller, own = buyers.seller, buyers.quantity
    supply, first = books.supply.take(seller), books.first.take(seller)
    own_key = books.key_of(buyers.price[:, None], buyers.place - first)
    window = min(window, books.largest)
    begin = _sold_out(books, seller, own, own_key) - window
    at = begin + np.arange(window + 1)[:, None, None]
    np.maximum(at, 0, out=at)
    at += first
    key = books.key.take(at)
    taken = np.empty((window + 2, *seller.shape))
    np.subtract(books.reach.take(at), np.where(key >= own_key, own, 0.0), out=taken[:-1])
    cheapest = taken[0]
    cheapest *= begin >= 0
    taken[-1] = supply
    within(0.0, taken, supply)
    price = np.empty((window + 1, *seller.shape))
    price[:-1], price[-1] = books.price_of(key[1:]), books.reserve.take(seller)
    # Room for the keys of the merge: prices that differ by a rounding error only must tie, or they would be misplaced.
    bits = price.view(np.int64)
    bits &= ~_low_bits((window + 1) * seller.shape[1])
    left, hides = supply - taken, cheapest > 0.0
    limit = np.where(hides, price[0], np.inf).min(axis=1)
    known = np.where(hides, left[0], np.inf)
    return Steps(price, taken[1:] - taken[:-1], left[1:], limit, known)


def within(least: float, amount: FloatArray, most: FloatArray) -> None:
    """Raise or lower the amounts where they are out of bounds; for few of them faster than ``numpy.clip``."""
    np.maximum(amount, least, out=amount)
    np.minimum(amount, most, out=amount)


def _sold_out(books: Books, seller: IntArray, own: FloatArray, own_key: IntArray) -> IntArray:
    """The rank of the bid with which the others exhaust the supply, or the last, shape of ``seller``.

    It is the book's own unless the bid that goes away is ahead of it: a binary search of all those at once, which
    ends by counting.
    """
    first, end = books.first.take(seller), books.ends.take(seller)
    last = first + end
    ahead = (own_key <= books.key.take(last)).ravel().nonzero()[0]
    of = seller.ravel()[ahead]
    begin, enough = first.ravel()[ahead], books.supply[of] + own.ravel()[ahead]
    low, high = last.ravel()[ahead], begin + books.size[of] - 1
    while (apart := int((high - low).max(initial=0))) > _NEAR:
        middle = (low + high) >> 1
        before = books.reach.take(middle) < enough
        low, high = np.where(before, np.minimum(middle + 1, high), low), np.where(before, high, middle)
    between = np.minimum(low + np.arange(apart)[:, None], high)
    low += (books.reach.take(between) < enough).sum(axis=0)
    end.ravel()[ahead] = np.minimum(low, high) - begin
    return end


def _low_bits(steps: int) -> int:
    """The bits that number so many steps."""
    return (1 << steps.bit_length()) - 1


def charged(steps: Steps, allocation: FloatArray) -> FloatArray:
    """What the buyers pay each seller for their allocations, shape (b, k): the integral of its staircase."""
    paid = allocation - steps.cheaper
    within(0.0, paid, steps.quantity)
    paid *= steps.price
    charge: FloatArray = paid.sum(axis=0)
    return charge


def merged(steps: Steps) -> tuple[FloatArray, FloatArray]:
    """Prices and running quantities of all steps of a buyer, cheapest first; shape (s, b)."""
    buyers = steps.price.shape[1]
    keys = steps.price.view(np.int64).transpose(1, 0, 2).reshape(buyers, -1)
    keys = keys | np.arange(keys.shape[1])  # a copy: with a single buyer, reshape returned a view
    keys.sort(axis=1)
    order, low = np.ascontiguousarray(keys.T), _low_bits(keys.shape[1])
    cheapest_first: FloatArray = (order & ~low).view(np.float64)
    order &= low
    order += np.arange(buyers) * keys.shape[1]
    quantity = steps.quantity.transpose(1, 0, 2).ravel()
    reach: FloatArray = quantity.take(order)
    if buyers < _MANY:
        np.add.accumulate(reach, out=reach)
    else:
        for step in range(1, reach.shape[0]):
            reach[step] += reach[step - 1]
    return cheapest_first, reach


def wanted_of(buyers: Buyers, price: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """z* and the price of the last step that is looked at, shape (b,): where θ' meets the merged staircase."""
    demand = price * (-buyers.demand_mb / buyers.choke_price)
    demand += buyers.demand_mb
    steps = (demand[1:] > reach[:-1]).sum(axis=0) + (demand[0] > 0.0)
    wants, last = steps > 0, _in_columns(np.maximum(steps - 1, 0))
    wanted = np.where(wants, np.minimum(reach.take(last), demand.take(last)), 0.0)
    return wanted, np.where(wants, price.take(last), 0.0)


def _in_columns(row: IntArray) -> IntArray:
    """The places, in a flat table of so many columns, of one element of each, given its row."""
    return row * row.size + np.arange(row.size)


def dearest_of(price: FloatArray, reach: FloatArray, wanted: FloatArray) -> FloatArray:
    """The price of the last MB of z*, shape (b,), but for a rounding error: there are steps without any MB."""
    at = (reach < (1.0 - ROUNDING) * wanted).sum(axis=0)
    dearest: FloatArray = np.where(wanted > 0.0, price.take(_in_columns(at)), 0.0)
    return dearest


def cost_of(price: FloatArray, reach: FloatArray, amount: FloatArray) -> FloatArray:
    """What the cheapest ``amount`` of merged steps costs, shape (b,), money."""
    within = np.minimum(reach, amount)
    bought = within.copy()
    bought[1:] -= within[:-1]
    bought *= price
    cost: FloatArray = bought.sum(axis=0)
    return cost


def filled(steps: Steps, price: FloatArray, reach: FloatArray, amount: FloatArray) -> FloatArray:
    """Quantities, shape (b, k), of the cheapest ``amount`` of merged steps; those at the last price share."""
    at = np.minimum((reach < amount).sum(axis=0), reach.shape[0] - 1)
    dearest = _for_each_seller(price.take(_in_columns(at)), steps)
    last = np.where(steps.price == dearest, steps.quantity, 0.0).sum(axis=0)
    sure = np.where(steps.price < dearest, steps.quantity, 0.0).sum(axis=0)
    rest, width = np.maximum(amount - sure.sum(axis=1), 0.0), last.sum(axis=1)
    quantity: FloatArray = sure + last * np.minimum(ratio(rest, width), 1.0)[:, None]
    return quantity


def granted(steps: Steps, quantity: FloatArray, price: FloatArray) -> FloatArray:
    """What bids of these quantities (b, k) and prices (b,) would get, shape (b, k), MB."""
    left = np.where(steps.price <= _for_each_seller(price, steps), steps.quantity, 0.0).sum(axis=0)
    allocation: FloatArray = np.minimum(quantity, left)
    return allocation


def _for_each_seller(price: FloatArray, steps: Steps) -> FloatArray:
    """Shape (b, k), one price per buyer: copied, for long inner loops."""
    pool = steps.price.shape[2]
    each: FloatArray = price.repeat(pool).reshape(-1, pool)
    return each


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """One by the other; 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(part.size), where=whole > 0.0)
