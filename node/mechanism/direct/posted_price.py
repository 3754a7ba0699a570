"""Posted prices: first come, first served."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Outcome, Reports


@dataclass(frozen=True, slots=True)
class PostedPrice(DirectMechanism):
    """Every seller posts its reserve price; buyers come one after the other, in their order, and take what they want.

    A buyer takes from the cheapest of its sellers first, of equal ones from the first of its pool, up to what the next
    MB is worth to it and its budget pays for. Nothing that it says changes a price or what is left, so it is truthful.
    """

    def outcome(self, reports: Reports) -> Outcome:
        """What each buyer takes of what the earlier ones have left.

        Examples
        --------
        >>> from node.mechanism.valuation import Flat
        >>> reports = Reports.of([Flat(60, 4), Flat(60, 9)], [100], ([0, 1], [0, 0]), [3])
        >>> PostedPrice().outcome(reports).quantity.tolist()
        [60.0, 40.0]
        """
        left, quantity = reports.supply.copy(), np.zeros(reports.buyer.size)
        price = reports.reserve[reports.seller]
        for i, (theta, budget) in enumerate(zip(reports.valuations, reports.budgets, strict=True)):
            got, spent, pool = 0.0, 0.0, reports.pool(i)
            for edge in pool[np.argsort(price[pool], kind="stable")].tolist():
                seller, asked = reports.seller[edge], float(price[edge])
                payable = (budget - spent) / asked if asked > 0.0 else np.inf
                amount = max(0.0, min(theta.demand(asked) - got, float(left[seller]), payable))
                quantity[edge] = amount
                left[seller] -= amount
                got += amount
                spent += asked * amount
        return Outcome(quantity, price * quantity)

    def most_to_gain(self, reports: Reports, outcome: Outcome, buyer: int) -> float:
        """Nothing: it takes what it likes best of what is left, and its report changes nothing else."""
        del reports, outcome, buyer
        return 0.0
