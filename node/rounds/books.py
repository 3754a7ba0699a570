"""All books of a large market as a few flat arrays, and the clearing of many auctions at once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from node.mechanism.checks import BoolArray, FloatArray, IntArray
from node.mechanism.psp import SLIVER
from node.mechanism.rounding import SUM_ROUNDING

_ROWS = 4096
"""Books sorted at once: their matrices stay in the processor's cache."""

_FEW = 4096
"""Places of all books up to which they are sorted at once, though books of unlike size leave some empty."""

_TOP = np.int64(0x7FF0_0000_0000_0000)
"""Bits of the infinite float64. Those of prices are below it and in the order of the prices."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Books of like size, the rows of one matrix: of ``sellers``, shape (r,), ``width`` places each, from ``start``."""

    sellers: IntArray
    start: int
    width: int

    def rows(self, flat: Any) -> Any:  # noqa: ANN401 - an array of any kind
        """Its part of a flat array as a matrix (r, width), not a copy."""
        return flat[self.start : self.start + self.sellers.size * self.width].reshape(-1, self.width)


class Books:
    """Standing bids of m auctions, ordered by price within each; f places in all.

    A book of b bids has b places or a few more. Sort keys carry the place of their bid in their low bits, so prices
    are kept rounded down to the bits above (``rounded``): relative 2⁻⁴⁶ for 64 bids, 2⁻³² for a million.

    Attributes
    ----------
    supply, reserve
        Shape (m,), MB and price per MB.
    place
        Shape (e,), where each edge's bid is kept: an index into the arrays of shape (f,).
    first, size
        Shape (m,), the first place of each book and how many it uses.
    quantity, bid_price
        Shape (f,), MB and price per MB of each bid at its place; bids below the reserve are kept as 0 MB.
    key, reach
        Shape (f,), book by book, dearest first: sort keys, and how much the bids want down to each one, MB.
    ends
        Shape (m,), the rank of the bid with which the supply ends; the last rank where it does not.
    marginal_price, share
        Shape (m,): bids above this price are served, those at it in this share; -inf where all are served.
    """

    def __init__(self, supply: FloatArray, reserve: FloatArray, seller: IntArray) -> None:
        self.supply, self.reserve = supply, reserve
        crowd = np.bincount(seller, minlength=supply.size)
        self._shelves = _shelves(crowd)
        self.first, self.size = np.zeros(supply.size, np.intp), np.zeros(supply.size, np.intp)
        for shelf in self._shelves:
            self.size[shelf.sellers] = shelf.width
        if self.largest * supply.size <= _FEW:
            self._shelves = [_Shelf(np.arange(supply.size), 0, self.largest)]
        for shelf in self._shelves:
            self.first[shelf.sellers] = shelf.start + np.arange(shelf.sellers.size) * shelf.width
        self._low = np.int64((1 << self.largest.bit_length()) - 1)
        self._by_seller = np.argsort(seller, kind="stable")
        slot = np.empty(seller.size, np.intp)
        slot[self._by_seller] = np.arange(seller.size) - np.repeat(np.cumsum(crowd) - crowd, crowd)
        self.place = self.first[seller] + slot
        places = sum(shelf.sellers.size * shelf.width for shelf in self._shelves)
        self.quantity, self.bid_price = np.zeros(places), np.zeros(places)
        self.key, self.reach = np.zeros(places, np.int64), np.zeros(places)
        self.ends = np.zeros(supply.size, np.intp)
        self.marginal_price, self.share = np.full(supply.size, -np.inf), np.zeros(supply.size)
        self.clear(np.ones(supply.size, np.bool_))

    @cached_property
    def largest(self) -> int:
        """Places of the largest book."""
        return int(self.size.max())

    @cached_property
    def _in_order(self) -> IntArray:
        """The auctions in the order of their books' places."""
        return np.concatenate([shelf.sellers for shelf in self._shelves])

    @cached_property
    def _kept(self) -> FloatArray:
        """Shape (f,), what a newcomer who asks for a sliver leaves of each bid's supply, MB."""
        kept = (1.0 - SLIVER) * self.supply
        return np.concatenate([kept[shelf.sellers].repeat(shelf.width) for shelf in self._shelves])

    def rounded(self, price: FloatArray) -> FloatArray:
        """The prices as the books keep them."""
        return (price.view(np.int64) & ~self._low).view(np.float64)

    def write(self, place: IntArray, seller: IntArray, quantity: FloatArray, price: FloatArray) -> FloatArray:
        """Let bids stand, of arrays that broadcast to one shape; the prices rounded. Nothing is cleared yet.

        Returns the quantities that stand: 0 of a bid below the reserve.
        """
        standing = np.where(price >= self.reserve[seller], quantity, 0.0)
        self.quantity[place], self.bid_price[place] = standing, price
        return standing

    def market_price(self) -> FloatArray:
        """P(z) of eq. 2 for a sliver of each supply, shape (m,), price per MB."""
        last = np.empty_like(self.first)
        last[self._in_order] = np.add.reduceat(self.reach <= self._kept, self.first[self._in_order])
        is_taken = last < self.size
        price = self.reserve.copy()
        price[is_taken] = self.price_of(self.key[(self.first + last)[is_taken]])
        return price

    def key_of(self, price: FloatArray, rank: IntArray) -> IntArray:
        """The sort keys of bids at these prices and places of their books, counted from the first."""
        key: IntArray = (_TOP - price.view(np.int64)) | rank
        return key

    def price_of(self, key: IntArray) -> FloatArray:
        """The prices that sort keys hold."""
        price: FloatArray = (_TOP - (key & ~self._low)).view(np.float64)
        return price

    def allocation(self, quantity: FloatArray, price: FloatArray, seller: IntArray) -> FloatArray:
        """What bids that stand get, MB; equal prices share pro rata (paper, eq. 5)."""
        margin = self.marginal_price.take(seller)
        return quantity * np.where(price == margin, self.share.take(seller), price > margin)

    def clear(self, dirty: BoolArray) -> None:
        """Sort the books marked in ``dirty``, shape (m,), and find their margins."""
        for shelf in self._shelves:
            rows = dirty[shelf.sellers].nonzero()[0]
            if rows.size:
                self._clear_rows(shelf, rows)

    def _clear_rows(self, shelf: _Shelf, rows: IntArray) -> None:
        key = (_TOP - shelf.rows(self.bid_price)[rows].view(np.int64)) | np.arange(shelf.width)
        key.sort(axis=1)
        bids = (key & self._low) + (rows * shelf.width + shelf.start)[:, None]
        reach = np.cumsum(self.quantity[bids], axis=1)
        shelf.rows(self.key)[rows], shelf.rows(self.reach)[rows] = key, reach
        sellers = shelf.sellers[rows]
        supply = self.supply[sellers]
        self.ends[sellers] = np.minimum((reach < supply[:, None]).sum(axis=1), self.size[sellers] - 1)
        self.marginal_price[sellers], self.share[sellers] = _margin(self.price_of(key), reach, supply)


def _margin(price: FloatArray, reach: FloatArray, supply: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The price at which each supply ends, and the share that bids at it get; books are rows, dearest first."""
    served = (reach <= supply[:, None]).sum(axis=1)
    ends = served < price.shape[1]
    at = np.minimum(served, price.shape[1] - 1)
    marginal_price = np.where(ends, price[np.arange(supply.size), at], -np.inf)
    margin = marginal_price[:, None]
    above = np.where(price > margin, reach, 0.0).max(axis=1)
    tied = np.where(price >= margin, reach, 0.0).max(axis=1) - above
    # What sums leave of a supply that is in truth sold out is nothing, as in ``psp.clear``.
    left = supply - above
    left *= left > SUM_ROUNDING * supply
    return marginal_price, np.divide(left, tied, out=np.zeros(left.size), where=ends & (tied > 0.0))


def _shelves(crowd: IntArray) -> list[_Shelf]:
    """Sellers by the size of their books, so that hardly a place stays empty."""
    order = np.argsort(crowd, kind="stable")
    sizes = np.maximum(crowd[order], 1)
    shelves, begin, start = [], 0, 0
    while begin < order.size:
        alike = int(np.searchsorted(sizes, 1.25 * sizes[begin] + 2.0))
        end = min(begin + _ROWS, alike)
        shelves.append(_Shelf(order[begin:end], start, int(sizes[end - 1])))
        start += (end - begin) * shelves[-1].width
        begin = end
    return shelves
