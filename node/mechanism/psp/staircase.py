"""The market price function as the staircase it is: what more of the good costs a bidder, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray, bids, non_negative


@dataclass(frozen=True, slots=True)
class Staircase:
    """P(z) of one auction: ``quantity[k]`` MB more can be had at ``price[k]`` per MB.

    Attributes
    ----------
    price
        Shape (k,), strictly ascending, price per MB.
    quantity
        Shape (k,), positive, MB; they add up to the supply.
    """

    price: FloatArray
    quantity: FloatArray

    def cost(self, amount: float) -> float:
        """Money for ``amount`` MB: the integral of P from 0, exactly; what exceeds the supply is not sold."""
        return _cost(self.price, self.quantity, amount)


@dataclass(frozen=True, slots=True)
class MergedStaircase:
    """P(z) over several sellers, who are substitutes: their quantities add up at every price.

    Attributes
    ----------
    price
        Shape (k,), ascending, price per MB; equal prices stand in the order of their sellers.
    quantity
        Shape (k,), positive, MB.
    seller
        Shape (k,), whose step it is: an index into the sequence that was merged.
    sellers
        How many were merged.
    """

    price: FloatArray
    quantity: FloatArray
    seller: IntArray
    sellers: int

    def cost(self, amount: float) -> float:
        """Money for the cheapest ``amount`` MB: the integral of P from 0, exactly."""
        return _cost(self.price, self.quantity, amount)


def _cost(price: FloatArray, quantity: FloatArray, amount: float) -> float:
    before = quantity.cumsum() - quantity
    return float(price @ np.minimum(np.maximum(amount - before, 0.0), quantity))


def staircase(quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Staircase:  # noqa: ANN401
    """The market price function that the opponents' bids of one auction leave to a bidder.

    Parameters
    ----------
    quantity, price
        The opponents' bids, shape (n,), MB and price per MB.
    supply, reserve
        MB on sale, and the price per MB below which nothing is sold.

    Raises
    ------
    ValueError
        If an argument is NaN, infinite, negative or of another shape; the text names it.

    Examples
    --------
    >>> steps = staircase([30, 50], [2, 1], supply=100)
    >>> steps.price.tolist(), steps.quantity.tolist()
    ([0.0, 1.0, 2.0], [20.0, 50.0, 30.0])
    """
    quantity, price = bids(quantity, price)
    supply, reserve = non_negative("supply", supply), non_negative("reserve", reserve)
    order = price.argsort()[np.count_nonzero(price < reserve) :]
    level = np.concatenate(([reserve], price[order]))
    # What the bids from each one upwards want; behind a level stand those above it.
    wanted = np.concatenate((quantity[order][::-1].cumsum()[::-1], [0.0]))
    last_of_tie = np.concatenate((level[1:] != level[:-1], [True]))
    available = np.maximum(supply - wanted[last_of_tie], 0.0)
    steps = available.copy()
    steps[1:] -= available[:-1]
    real = steps > 0.0
    return Staircase(level[last_of_tie][real], steps[real])


def merged_staircase(staircases: Sequence[Staircase]) -> MergedStaircase:
    """The market price function over several sellers (paper, eq. 2, read as the inverse of the summed quantities)."""
    if not staircases:
        return MergedStaircase(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.intp), 0)
    if len(staircases) == 1:
        (steps,) = staircases
        return MergedStaircase(steps.price, steps.quantity, np.zeros(steps.price.size, dtype=np.intp), 1)
    price = np.concatenate([steps.price for steps in staircases])
    quantity = np.concatenate([steps.quantity for steps in staircases])
    seller = np.repeat(np.arange(len(staircases)), [steps.price.size for steps in staircases])
    cheapest_first = price.argsort(kind="stable")
    return MergedStaircase(price[cheapest_first], quantity[cheapest_first], seller[cheapest_first], len(staircases))
