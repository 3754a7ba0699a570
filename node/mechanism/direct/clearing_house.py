"""A uniform-price double auction: one price for the whole market, where all demand meets all supply."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.bisection import turn
from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Outcome, Reports
from node.mechanism.rounding import ROUNDING
from node.mechanism.welfare import best_trades


@dataclass(frozen=True, slots=True)
class ClearingHouse(DirectMechanism):
    """A call market: demand curves are crossed with the sellers' asks, which are their reserve prices.

    Everybody trades at that one price. Where the pools of buyers do not let all demand at it reach all supply, what
    they do let is traded so that it gains the buyers most.
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
        quantity = best_trades(reports.payable, supply, asked, reports.edges).quantity
        return Outcome(quantity, price * quantity)


def clearing_price(reports: Reports) -> float:
    """The least price per MB at which no more is wanted than sellers who ask no more than it have."""

    def is_short(price: float) -> bool:
        supply = float(reports.supply[reports.reserve <= price].sum())
        return sum(theta.demand(price) for theta in valuations) > supply

    valuations = reports.payable
    highest = max((theta.marginal(0.0) for theta in valuations), default=0.0)
    return turn(is_short, 0.0, highest) if is_short(0.0) else 0.0
