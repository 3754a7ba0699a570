"""Offers, needs and random streams for the tests of strategies."""

import math
from collections.abc import Sequence

from node.mechanism.psp import PSP, AuctionMechanism
from node.mechanism.valuation import Flat, Parabolic, Valuation
from node.strategy.psp.offer import NOTHING, Need, Offer, Target

ELASTIC = Parabolic(demand_mb=100.0, choke_price=20.0)


class Scripted:
    """A random stream that gives a fixed share of every range, and remembers what it was asked."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.asked: list[tuple[float, float]] = []

    def uniform(self, low: float, high: float) -> float:
        self.asked.append((low, high))
        return low + self.share * (high - low)


def offer(
    supply: float,
    *bids: tuple[float, float],
    reserve: float = 0.0,
    standing: tuple[float, float] | None = None,
    mechanism: AuctionMechanism = PSP,
    asked: float | None = None,
) -> Offer:
    """An auction with these opponents' bids, (MB, price per MB); it asks its reserve, if not more because of losers."""
    return Offer(
        supply,
        reserve,
        lambda: ([quantity for quantity, _ in bids], [price for _, price in bids]),
        Target(*standing) if standing else NOTHING,
        whole=supply,
        mechanism=mechanism,
        asked=reserve if asked is None else asked,
    )


def flat_need(demand: float, price: float = 1.0) -> Need:
    return Need(Flat(demand, price), math.inf)


def need_of(valuation: Valuation, budget: float = math.inf) -> Need:
    return Need(valuation, budget)


def quantities(targets: Sequence[Target] | None) -> list[float]:
    assert targets is not None
    return [target.quantity for target in targets]


def prices(targets: Sequence[Target] | None) -> list[float]:
    assert targets is not None
    return [target.price for target in targets if target.quantity > 0.0]
