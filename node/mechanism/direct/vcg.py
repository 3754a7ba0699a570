"""The Vickrey-Clarke-Groves mechanism over all sellers at once: the optimum, each buyer charged its externality."""

import math
from dataclasses import dataclass

import numpy as np

from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Bundle, Outcome, Reports, had, totals
from node.mechanism.valuation import Valuation
from node.mechanism.welfare import Trades, best_trades


@dataclass(frozen=True, slots=True)
class Vcg(DirectMechanism):
    """Clarke's pivot rule (Vickrey, 1961; Clarke, 1971; Groves, 1973): the others' gains without a buyer, less theirs.

    A seller is no player: its reserve price is known, and what it keeps is worth that to it. A buyer counts as far as
    its budget reaches.
    """

    def outcome(self, reports: Reports) -> Outcome:
        """The exact optimum, and n further ones for the charges of n buyers.

        Examples
        --------
        >>> from node.mechanism.valuation import Flat
        >>> reports = Reports.of([Flat(60, 4), Flat(60, 2)], [100], ([0, 1], [0, 0]))
        >>> Vcg().outcome(reports).charge.tolist()  # buyer 0 keeps 20 MB from the other, who keeps nothing from it
        [40.0, 0.0]
        """
        theta = reports.payable
        best = best_trades(theta, reports.supply, reports.reserve, reports.edges)
        got = totals(reports, best.quantity).tolist()
        charge = [_externality(reports, theta, best, i, amount) for i, amount in enumerate(got)]
        return Outcome.charged(reports, best.quantity, charge)

    def bundle(self, reports: Reports, buyer: int) -> Bundle:
        """Without the charges of the others."""
        theta = reports.payable
        best = best_trades(theta, reports.supply, reports.reserve, reports.edges)
        amount = float(best.quantity[reports.pool(buyer)].sum())
        return amount, _externality(reports, theta, best, buyer, amount)

    def most_to_gain(self, reports: Reports, outcome: Outcome, buyer: int) -> float:
        """What the market gains by the buyer, less what it has: it pays for what it gets what that costs the others.

        Nothing if it has no budget: then that is what the truth leaves to it.
        """
        if reports.budgets[buyer] == math.inf:
            return 0.0
        return product_of(reports, buyer) - had(reports, outcome, buyer)


def product_of(reports: Reports, buyer: int) -> float:
    """What all gain by the presence of a buyer, money, if its own budget were no limit, and those of others were."""
    theta, others = reports.payable, reports.without(buyer)
    theta[buyer] = reports.valuations[buyer]
    with_it = best_trades(theta, reports.supply, reports.reserve, reports.edges)
    return with_it.gains - best_trades(others.payable, others.supply, others.reserve, others.edges).gains


def _externality(reports: Reports, theta: list[Valuation], best: Trades, buyer: int, amount: float) -> float:
    """What the others would gain without the buyer beyond what they gain with it, money; at most its own valuation."""
    if amount <= 0.0:
        return 0.0
    others = reports.without(buyer)
    without = best_trades(others.payable, others.supply, others.reserve, others.edges)
    worth = theta[buyer].value(amount)
    return float(np.clip(without.gains - (best.gains - worth), 0.0, worth))
