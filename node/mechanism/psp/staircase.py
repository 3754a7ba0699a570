"""The market price function as the staircase it is: what more of the good costs a bidder, step by step.

Plain lists and iterators: most books have some twenty bids, and a bidder climbs only the first few steps.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate, islice, repeat
from operator import gt, neg, sub
from typing import Any

from node.mechanism.checks import bids, non_negative

SLACK = 1e-9
"""Share of a supply below which a lost or displaced quantity is rounding (docs/decisions/0007)."""


Step = tuple[float, int, float]
"""Its price per MB, whose it is, as an index into what was merged, and its positive MB."""


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
        return cost_of(zip(self.price, repeat(0), self.quantity), amount)

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

    Iterating gives the steps by ascending price, equal prices in the order of their sellers. They are merged as they
    are asked for, since a bidder climbs a few of some fifty.
    """

    staircases: Sequence[Staircase]

    @property
    def sellers(self) -> int:
        """How many are merged."""
        return len(self.staircases)

    def __iter__(self) -> Iterator[Step]:
        """The steps from the cheapest on."""
        return merge(*(zip(steps.price, repeat(k), steps.quantity) for k, steps in enumerate(self.staircases)))

    def cost(self, amount: float) -> float:
        """Money for the cheapest ``amount`` MB: the integral of P from 0, exactly."""
        return cost_of(self, amount)


def cost_of(steps: Iterable[Step], amount: float) -> float:
    """Money for the first ``amount`` MB of the steps; what exceeds them is not sold."""
    money = 0.0
    for price, _, quantity in steps:
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
    quantities: Sequence[float], prices: Sequence[float], supply: float, reserve: float
) -> Staircase:
    """The ``staircase`` of numbers that are known to be finite and at least 0.

    The dearest bids take from the supply first, so the margin, where the staircase begins, is found from its top; the
    seller's reserve takes what is left. Profiles are sorted already, and most have no two bids at one price.
    """
    if all(quantities) and all(map(gt, prices, islice(prices, 1, None))):
        return _of_falling_prices(quantities, prices, supply, reserve)
    heights: list[float] = []
    widths: list[float] = []
    left = supply
    for price, quantity in sorted(zip(prices, quantities, strict=True), reverse=True):
        if price < reserve or left <= 0.0:
            break
        taken = min(quantity, left)
        left -= taken
        if heights and price == heights[-1]:
            widths[-1] += taken
        elif taken > 0.0:
            heights.append(price)
            widths.append(taken)
    return _down_to_the_reserve(heights, widths, left, reserve)


def _of_falling_prices(
    quantities: Sequence[float], prices: Sequence[float], supply: float, reserve: float
) -> Staircase:
    """The same, where no two prices are equal and no quantity is 0: without a step of Python for each bid."""
    left = [*accumulate(quantities, sub, initial=supply)]  # by how many of the dearest have taken theirs
    buying = bisect_right(prices, -reserve, key=neg)
    sold_out = bisect_left(left, 0.0, key=neg)
    if sold_out > buying:
        return _down_to_the_reserve([*prices[:buying]], [*quantities[:buying]], left[buying], reserve)
    if sold_out == 0:
        return Staircase([], [])
    marginal = sold_out - 1
    return _down_to_the_reserve([*prices[:sold_out]], [*quantities[:marginal], left[marginal]], 0.0, reserve)


def _down_to_the_reserve(heights: list[float], widths: list[float], left: float, reserve: float) -> Staircase:
    """Of the dearest step first, those that are above the reserve, and what is left at it."""
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
    return MergedStaircase(staircases)
