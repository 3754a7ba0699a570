"""Who gets how much: dearest bids first, equal ones in proportion; the same in every mechanism of an auction."""

import math
from typing import NamedTuple

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.rounding import SUM_ROUNDING


class Margin(NamedTuple):
    """Where supply ends in the stack of bids, dearest first: inside the group ``start:end`` of one price."""

    price: float
    start: int
    end: int
    wanted: float
    served: float


class Rationing(NamedTuple):
    """The allocation of one book, and the stack of bids it comes from.

    Attributes
    ----------
    allocation
        Shape (n,), MB, in the order of the bids.
    order
        Indices of the bids at or above the reserve, dearest first.
    reach
        How much they want in all down to each one, shape of ``order``, MB.
    margin
        Where supply ends; None where it serves all of them.
    """

    allocation: FloatArray
    order: IntArray
    reach: FloatArray
    margin: Margin | None


def rationed(quantity: FloatArray, price: FloatArray, supply: float, reserve: float) -> Rationing:
    """Allocate by price; bids at the marginal price share what the dearer ones leave (paper, eq. 5).

    Parameters
    ----------
    quantity, price
        The bids: shape (n,), MB and price per MB, checked to be finite and at least 0.
    supply, reserve
        MB on sale, and the price per MB below which nothing is sold; checked likewise.

    Raises
    ------
    ValueError
        If the sum of the quantities or their worth is beyond the floating-point range.
    """
    order = price.argsort()[np.count_nonzero(price < reserve) :][::-1]
    reach = _reach(quantity, price, order)
    if not reach.size or reach[-1] <= supply:
        return Rationing(quantity * (price >= reserve), order, reach, None)
    marginal_price = float(price[order[reach.searchsorted(supply, side="right")]])
    allocation = quantity * (price > marginal_price)
    margin = _margin(quantity, price, order, marginal_price, supply, float(allocation.sum()))
    tied = order[margin.start : margin.end]
    allocation[tied] = quantity[tied] * (margin.served / margin.wanted)
    return Rationing(allocation, order, reach, margin)


def _reach(quantity: FloatArray, price: FloatArray, order: IntArray) -> FloatArray:
    reach = quantity[order]
    with np.errstate(over="ignore"):
        reach.cumsum(out=reach)
    if reach.size and not math.isfinite(float(reach[-1])):
        raise ValueError("quantity must have a finite sum")
    if reach.size and not math.isfinite(float(reach[-1]) * float(price[order[0]])):
        raise ValueError("quantity times price must be finite")
    return reach


def _margin(
    quantity: FloatArray, price: FloatArray, order: IntArray, marginal_price: float, supply: float, sold: float
) -> Margin:
    """The group of bids at the price in which the supply ends, sharing what the dearer bids left unsold."""
    start = int(np.count_nonzero(price > marginal_price))
    end = int(np.count_nonzero(price >= marginal_price))
    wanted = float(quantity[order[start:end]].sum())
    left = supply - sold
    # A rounding error is no allocation: who gets it would pass for a winner.
    return Margin(marginal_price, start, end, wanted, served=min(left, wanted) if left > SUM_ROUNDING * supply else 0.0)
