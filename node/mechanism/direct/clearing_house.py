"""A uniform-price double auction: one price for the whole market, where all demand meets all supply."""

import math
from dataclasses import dataclass

import numpy as np

from node.mechanism.bisection import turn
from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Outcome, Reports
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Capped, Valuation
from node.mechanism.welfare import best_trades


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


def clearing_price(reports: Reports) -> float:
    """The least price per MB at which no more is wanted than sellers who ask no more than it have."""
    users = [*zip(reports.valuations, reports.budgets, strict=True)]

    def is_short(price: float) -> bool:
        supply = float(reports.supply[reports.reserve <= price].sum())
        return sum(min(theta.demand(price), _payable_mb(budget, price)) for theta, budget in users) > supply

    highest = max((theta.marginal(0.0) for theta in reports.valuations), default=0.0)
    return turn(is_short, 0.0, highest) if is_short(0.0) else 0.0


def _payable_mb(budget: float, price: float) -> float:
    return budget / price if price > 0.0 else math.inf


def _limited(theta: Valuation, budget: float, price: float) -> Valuation:
    """The valuation as if more than the budget pays for at this price were worth nothing."""
    payable = _payable_mb(budget, price)
    return Capped(theta, theta.value(payable)) if payable < theta.demand_mb else theta
