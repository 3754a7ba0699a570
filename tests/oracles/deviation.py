"""The best that a buyer can do, by trying bids: a grid of quantities and prices, refined where it is best.

Nothing is known here of staircases, levels or truthful replies: every bid is put into the book, the reserve is set
anew, and the book is cleared and charged by the definitions.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.oracles import psp

Book = list[tuple[float, float]]
Reserve = Callable[[Book, float], float]

STARTS, FINE, FINEST = 6, 4, 1e-8
A_LITTLE = 1e-10


class Tried(NamedTuple):
    """A bid, and what comes of it."""

    quantity: float
    price: float
    got: float
    paid: float
    losers: int


def fixed(floor: float) -> Reserve:
    return lambda book, supply: floor  # noqa: ARG005


def highest_losing(floor: float, step: float) -> Reserve:
    """Eq. 14 with the cap of docs/decisions/0003; a loser wants more than a thousandth of the supply."""

    def reserve(book: Book, supply: float) -> float:
        got = psp.allocations(book, supply, floor)
        won = [price for (_, price), amount in zip(book, got, strict=True) if amount > 0.0]
        lost = [
            price
            for (wanted, price), amount in zip(book, got, strict=True)
            if wanted > 0.001 * supply and price >= floor and not amount > 0.0
        ]
        return max(floor, min(max(lost) + step, *won)) if won and lost else floor

    return reserve


def outcome(bid: tuple[float, float], others: Book, supply: float, rule: Reserve) -> Tried:
    book = [*others, bid]
    reserve = rule(book, supply)
    *rest, amount = map(float, psp.allocations(book, supply, reserve))
    return Tried(*bid, amount, float(psp.cost(amount, psp.steps_of(others, supply, reserve))), rest.count(0.0))


def best_utility(theta: Any, auctions: list[tuple[Book, float, Reserve]], budget: float = math.inf) -> float:
    """θ of what is got in all less what is paid, of the best combination of bids that was tried."""
    options = [[outcome(bid, *auction) for bid in _grid(theta, *auction[:2])] for auction in auctions]
    best: dict[tuple[int, ...], tuple[Tried, ...]] = {}  # by how many others lose at each seller
    for bids in sorted(itertools.product(*map(_undominated, options)), key=lambda bids: -_utility(theta, bids, budget)):
        best.setdefault(tuple(bid.losers for bid in bids), bids)
    return max(_refined(theta, auctions, budget, start) for start in list(best.values())[:STARTS])


def _grid(theta: Any, others: Book, supply: float) -> list[tuple[float, float]]:
    """Quantities at which another bid is just displaced, a little less, more, and many between; prices likewise."""
    prices = sorted({price for _, price in others})
    ends = {supply - sum(d for d, p in others if p >= price) for price in prices} | {
        supply - sum(d for d, p in others if p > price) for price in prices
    }
    amounts = {end - A_LITTLE for end in ends} | ends | {supply * k / 40 for k in range(41)}
    amounts |= {float(theta.demand(price)) for price in prices}
    high = max(prices, default=0.0) + 100.0
    bids = [*prices, *(price + A_LITTLE for price in prices), high]
    return [(0.0, 0.0)] + [(d, p) for d in sorted(amounts) for p in bids if 0.0 < d <= supply]


def _undominated(options: list[Tried]) -> list[Tried]:
    """Those than which none gets as much for less."""
    kept: list[Tried] = []
    for option in sorted(options, key=lambda one: (one.paid, -one.got)):
        if not kept or option.got > kept[-1].got:
            kept.append(option)
    return kept


def _utility(theta: Any, bids: tuple[Tried, ...], budget: float) -> float:
    paid = sum(bid.paid for bid in bids)
    return theta.value(sum(bid.got for bid in bids)) - paid if paid <= budget + 1e-9 else -math.inf


def _refined(theta: Any, auctions: list[tuple[Book, float, Reserve]], budget: float, start: tuple[Tried, ...]) -> float:
    """The best near a combination of bids, on ever finer grids of quantities; the prices stay."""
    best, width = start, max(supply for _, supply, _ in auctions) / 8
    while width > FINEST:
        near = [
            [bid, *(outcome((d, bid.price), *auction) for d in _around(bid.quantity, width))]
            for bid, auction in zip(best, auctions, strict=True)
        ]
        best = max(itertools.product(*near), key=lambda bids: _utility(theta, bids, budget))
        width *= 0.6
    return _utility(theta, best, budget)


def _around(quantity: float, width: float) -> list[float]:
    """None, and what is no further away than the width."""
    return [0.0, *(d for k in range(-FINE, FINE + 1) if k and (d := quantity + width * k / FINE) > 0.0)]
