"""The market price function as the staircase it is: what more of the good costs a bidder, step by step.

Plain lists: most books have some twenty bids, and a bidder climbs only the first few steps.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from node.mechanism.checks import bids, non_negative

SLACK = 1e-9
"""Share of a supply below which a lost or displaced quantity is rounding (docs/decisions/0007)."""


@dataclass(frozen=True, slots=True)
class Staircase:
    """P(z) of one auction: ``quantity[k]`` MB more can be had at ``price[k]`` per MB.

    Attributes
    ----------
    price
        Strictly ascending, price per MB.
    quantity
        As many, positive, MB; they add up to the supply.
    """

    price: list[float]
    quantity: list[float]

    def cost(self, amount: float) -> float:
        """Money for ``amount`` MB: the integral of P from 0, exactly; what exceeds the supply is not sold."""
        return _cost(self.price, self.quantity, amount)

    def available(self, price: float) -> float:
        """MB that can be had at ``price`` per MB: Q of that price."""
        return sum(self.quantity[: bisect_right(self.price, price)])

    def price_at(self, amount: float) -> float:
        """P(amount): the price of the dearest step that it reaches into by more than rounding."""
        left = amount - SLACK * sum(self.quantity)
        for price, quantity in zip(self.price, self.quantity, strict=True):
            left -= quantity
            if left <= 0.0:
                return price
        return self.price[-1] if self.price else 0.0


@dataclass(frozen=True, slots=True)
class MergedStaircase:
    """P(z) over several sellers, who are substitutes: their quantities add up at every price.

    Attributes
    ----------
    price
        Ascending, price per MB; equal prices stand in the order of their sellers.
    quantity
        As many, positive, MB.
    seller
        As many; whose step it is: an index into the sequence that was merged.
    sellers
        How many were merged.
    """

    price: list[float]
    quantity: list[float]
    seller: list[int]
    sellers: int

    def cost(self, amount: float) -> float:
        """Money for the cheapest ``amount`` MB: the integral of P from 0, exactly."""
        return _cost(self.price, self.quantity, amount)


def _cost(prices: Iterable[float], quantities: Iterable[float], amount: float) -> float:
    money = 0.0
    for price, quantity in zip(prices, quantities, strict=True):
        if quantity >= amount:
            return money + price * amount
        money += price * quantity
        amount -= quantity
    return money


def staircase(quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Staircase:  # noqa: ANN401
    """The market price function that the opponents' bids of one auction leave to a bidder.

    Parameters
    ----------
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
    >>> steps = staircase([30, 50], [2, 1], supply=100)
    >>> steps.price, steps.quantity
    ([0.0, 1.0, 2.0], [20.0, 50.0, 30.0])
    """
    quantities, prices = bids(quantity, price)
    supply, reserve = non_negative("supply", supply), non_negative("reserve", reserve)
    return unchecked_staircase(quantities.tolist(), prices.tolist(), supply, reserve)


def unchecked_staircase(
    quantities: Iterable[float], prices: Iterable[float], supply: float, reserve: float
) -> Staircase:
    """The ``staircase`` of numbers that are known to be finite and at least 0.

    The dearest bids take from the supply first, so the staircase is built from its top; the seller's reserve takes what
    is left. Sorting what is sorted already, as profiles are, takes little time.
    """
    heights: list[float] = []
    widths: list[float] = []
    left = supply
    for price, quantity in sorted(zip(prices, quantities, strict=True), reverse=True):
        if price < reserve or left <= 0.0:
            break
        taken = quantity if quantity < left else left  # noqa: FURB136 - a call of min takes as long as all the rest
        left -= taken
        if heights and price == heights[-1]:
            widths[-1] += taken
        elif taken > 0.0:
            heights.append(price)
            widths.append(taken)
    if left > 0.0 and heights and heights[-1] == reserve:
        widths[-1] += left
    elif left > 0.0:
        heights.append(reserve)
        widths.append(left)
    heights.reverse()
    widths.reverse()
    return Staircase(heights, widths)


def merged_staircase(staircases: Sequence[Staircase]) -> MergedStaircase:
    """The market price function over several sellers (paper, eq. 2, read as the inverse of the summed quantities)."""
    if len(staircases) == 1:
        (steps,) = staircases
        return MergedStaircase(steps.price, steps.quantity, [0] * len(steps.price), 1)
    price = [price for steps in staircases for price in steps.price]
    quantity = [quantity for steps in staircases for quantity in steps.quantity]
    seller = [k for k, steps in enumerate(staircases) for _ in steps.price]
    cheapest_first = sorted(range(len(price)), key=price.__getitem__)
    return MergedStaircase(
        [price[step] for step in cheapest_first],
        [quantity[step] for step in cheapest_first],
        [seller[step] for step in cheapest_first],
        len(staircases),
    )
