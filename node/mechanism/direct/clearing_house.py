"""A uniform-price double auction: one price for the whole market, where all demand meets all supply."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from node.mechanism.bisection import turn
from node.mechanism.direct.lying import with_most_at_stake
from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Outcome, Reports, had
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Capped, Valuation
from node.mechanism.welfare import best_trades

SEARCHED = 6
"""Buyers whose lies are searched: those of whom it is estimated that they gain most."""

PRICES = 33
"""That a buyer may bring about, evenly from the least to the present one, at which its gain is estimated."""


@dataclass(frozen=True, slots=True)
class ClearingHouse(DirectMechanism):
    """A call market: demand curves are crossed with the sellers' asks, which are their reserve prices.

    Everybody trades at that one price, and wants no more than its budget pays for. Where the pools of buyers do not let
    all demand at it reach all supply, what they do let is traded so that it gains the buyers most.
    """

    def outcome(self, reports: Reports) -> Outcome:
        """Trades at the clearing price.

        Examples
        --------
        >>> from node.mechanism.valuation import Parabolic
        >>> reports = Reports.of([Parabolic(100, 10), Parabolic(100, 20)], [90], ([0, 1], [0, 0]))
        >>> outcome = ClearingHouse().outcome(reports)
        >>> outcome.quantity.round(2).tolist(), (outcome.charge / outcome.quantity).round(2).tolist()
        ([26.67, 63.33], [7.33, 7.33])
        """
        price = clearing_price(reports)
        supply = np.where(reports.reserve <= price, reports.supply, 0.0)
        asked = np.full(supply.size, price * (1.0 - ROUNDING))  # who is indifferent at the price buys at it
        wanted = [_limited(*one, price) for one in zip(reports.valuations, reports.budgets, strict=True)]
        quantity = best_trades(wanted, supply, asked, reports.edges).quantity
        return Outcome(quantity, price * quantity)

    def largest_gain_of_lying(self, reports: Reports, outcome: Outcome) -> tuple[int, float]:
        """Of the few buyers who could gain most by moving the price, as if pools kept nobody from anything."""
        estimates = {buyer: _estimate(reports, outcome, buyer) for buyer in with_most_at_stake(reports, outcome)}
        likely = sorted(estimates, key=estimates.__getitem__, reverse=True)[:SEARCHED]
        gains = {buyer: self.gain_of_lying(reports, outcome, buyer) for buyer in likely}
        liar = max(gains, key=gains.__getitem__, default=0)
        return liar, gains.get(liar, 0.0)


def _estimate(reports: Reports, outcome: Outcome, buyer: int) -> float:
    """The best that a buyer could buy of what the others leave at each price, less what it has, money.

    Its report moves the price, which is no lower than without it. Where pools keep others from what they want, they may
    leave more than that.
    """
    theta, budget, others = reports.valuations[buyer], reports.budgets[buyer], reports.without(buyer)
    prices = np.linspace(clearing_price(others), clearing_price(reports), PRICES).tolist()
    best = 0.0
    for low, high in pairwise([*prices, math.inf]):
        left = _supplied(others, high) - _wanted(others, high) if high < math.inf else math.inf
        amount = max(0.0, min(theta.demand(low), left, _payable_mb(budget, low)))
        best = max(best, theta.value(amount) - low * amount)
    return best - had(reports, outcome, buyer)


def clearing_price(reports: Reports) -> float:
    """The least price per MB at which no more is wanted than sellers who ask no more than it have."""

    def is_short(price: float) -> bool:
        return _wanted(reports, price) > _supplied(reports, price)

    highest = max((theta.marginal(0.0) for theta in reports.valuations), default=0.0)
    return turn(is_short, 0.0, highest) if is_short(0.0) else 0.0


def _wanted(reports: Reports, price: float) -> float:
    users = zip(reports.valuations, reports.budgets, strict=True)
    return sum(min(theta.demand(price), _payable_mb(budget, price)) for theta, budget in users)


def _supplied(reports: Reports, price: float) -> float:
    return float(reports.supply[reports.reserve <= price].sum())


def _payable_mb(budget: float, price: float) -> float:
    return budget / price if price > 0.0 else math.inf


def _limited(theta: Valuation, budget: float, price: float) -> Valuation:
    """The valuation as if more than the budget pays for at this price were worth nothing."""
    payable = _payable_mb(budget, price)
    return Capped(theta, theta.value(payable)) if payable < theta.demand_mb else theta
