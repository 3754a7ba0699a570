"""What one bidder can get from one auction, and at which price."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, bids, non_negative, non_negative_array


def residual_supply(
    at_price: Any,  # noqa: ANN401 - whatever numpy takes for an array
    quantity: Any,  # noqa: ANN401
    price: Any,  # noqa: ANN401
    supply: float,
    reserve: float = 0.0,
) -> FloatArray:
    """Q(y): MB left for a bid at price y by the opponents who bid more (paper, eq. 3); 0 below the reserve.

    Parameters
    ----------
    at_price
        The prices y asked about, shape (m,); the result has the same shape.
    quantity, price
        The opponents' bids, shape (n,), MB and price per MB, in any order.
    supply, reserve
        MB on sale, and the price per MB below which nothing is sold.

    Raises
    ------
    ValueError
        If an argument is NaN, infinite, negative or of another shape; the text names it.

    Examples
    --------
    >>> residual_supply([1, 2, 3], [30, 50], [2, 1], supply=100).tolist()
    [70.0, 100.0, 100.0]
    """
    quantity, price = bids(quantity, price)
    supply, reserve = non_negative("supply", supply), non_negative("reserve", reserve)
    asked = non_negative_array("at_price", at_price)
    dearest_first = np.argsort(-price)
    taken = np.concatenate(([0.0], np.cumsum(quantity[dearest_first])))
    dearer = price.size - price[dearest_first][::-1].searchsorted(asked, side="right")
    return np.where(asked >= reserve, np.maximum(supply - taken[dearer], 0.0), 0.0)


def market_price(
    amount: Any,  # noqa: ANN401 - whatever numpy takes for an array
    quantity: Any,  # noqa: ANN401
    price: Any,  # noqa: ANN401
    supply: float,
    reserve: float = 0.0,
) -> FloatArray:
    """P(z): the lowest price at which the opponents leave z MB (paper, eq. 2, one auction); infinite past the supply.

    The auctions of several sellers are substitutes, so their quantities add up, not their prices: see
    ``merged_staircase``.

    Parameters
    ----------
    amount
        The quantities z asked about, shape (m,), MB; the result has the same shape, price per MB.
    quantity, price, supply, reserve
        As in ``residual_supply``.

    Raises
    ------
    ValueError
        If an argument is NaN, infinite, negative or of another shape; the text names it.

    Examples
    --------
    >>> market_price([20, 21, 100, 101], [30, 50], [2, 1], supply=100).tolist()
    [0.0, 1.0, 2.0, inf]
    """
    asked = non_negative_array("amount", amount)
    quantity, price = bids(quantity, price)
    reserve = non_negative("reserve", reserve)
    levels = np.unique(np.append(price, reserve))
    levels = levels[levels >= reserve]
    available = residual_supply(levels, quantity, price, supply, reserve)
    return np.append(levels, math.inf)[available.searchsorted(asked)]


SLIVER = 0.001
"""Share of a supply: the price of an auction is what must be bid for more than this (docs/decisions/0012)."""


def entry_price(quantity: FloatArray, price: FloatArray, supply: float, reserve: float) -> float:
    """P(z) of eq. 2 for a sliver of the supply, price per MB: what a newcomer must beat, given bids of falling prices.

    Examples
    --------
    >>> entry_price(np.array([30, 50, 60]), np.array([4, 2, 1]), supply=100, reserve=0.5)
    1.0
    """
    last = int(quantity.cumsum().searchsorted((1.0 - SLIVER) * supply, side="right"))
    return max(reserve, float(price[last])) if last < price.size else reserve


def expected_allocation(
    own_quantity: float,
    own_price: float,
    quantity: Iterable[float],
    price: Iterable[float],
    supply: float,
    reserve: float = 0.0,
) -> float:
    """MB that one more bid would get against the opponents' bids, sharing its price pro rata (paper, eq. 5)."""
    if own_price < reserve or own_quantity <= 0.0:
        return 0.0
    dearer = tied = 0.0
    for amount, at in zip(quantity, price, strict=True):
        if at > own_price:
            dearer += amount
        elif at == own_price:
            tied += amount
    return min(own_quantity, max(0.0, supply - dearer) * (own_quantity / (own_quantity + tied)))
