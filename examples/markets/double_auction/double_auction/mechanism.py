"""The k-double auction of one call: a price at which what is asked for and what is offered meet."""

from collections.abc import Sequence
from typing import NamedTuple


class Outcome(NamedTuple):
    """The price of all trades, and units traded in the order of the bids and of the asks."""

    price: float
    bought: list[float]
    sold: list[float]


def clear(bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]], k: float) -> Outcome:
    """Trade as much as possible at one price, the dearest bids with the cheapest asks.

    The price is ``k`` times the highest that clears the market and ``1 - k`` times the lowest (Chatterjee and Samuelson
    1983; of many traders, Satterthwaite and Williams 1989). Orders, which are units and a limit per unit, share pro
    rata what is left to them where their limits are equal.

    Examples
    --------
    >>> clear([(10, 5.0), (10, 3.0)], [(8, 1.0), (8, 4.0)], k=0.5)
    Outcome(price=4.5, bought=[10.0, 0.0], sold=[8.0, 2.0])
    """
    limits = sorted({price for _, price in (*bids, *asks)})
    traded, low, high = 0.0, 0.0, 0.0
    for price in limits:
        demand = sum(units for units, limit in bids if limit >= price)
        supply = sum(units for units, limit in asks if limit <= price)
        volume = min(demand, supply)
        if volume > traded:
            traded, low = volume, price
        if volume == traded:
            high = price
    price = min(high, max(low, k * high + (1.0 - k) * low))
    bought = _served(bids, traded, [limit for limit in limits[::-1] if limit >= price])
    sold = _served(asks, traded, [limit for limit in limits if limit <= price])
    return Outcome(price if traded else 0.0, bought, sold)


def _served(orders: Sequence[tuple[float, float]], traded: float, best_first: Sequence[float]) -> list[float]:
    served, left = [0.0] * len(orders), traded
    for limit in best_first:
        wanted = sum(units for units, at in orders if at == limit)
        for i, (units, at) in enumerate(orders):
            if at == limit and wanted:
                served[i] = units * min(1.0, left / wanted)
        left = max(0.0, left - wanted)
    return served
