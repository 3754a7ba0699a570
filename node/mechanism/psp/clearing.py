"""Clearing of one auction: every allocation and every charge from a single sort."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, bids, non_negative
from node.mechanism.psp.rationing import Margin, rationed
from node.mechanism.rounding import SUM_ROUNDING


@dataclass(frozen=True, slots=True)
class Clearing:
    """The outcome of one auction, in the order of its bids.

    Attributes
    ----------
    allocation
        Shape (n,), MB.
    charge
        Shape (n,), money for the whole allocation, not per MB.
    """

    allocation: FloatArray
    charge: FloatArray


@dataclass(frozen=True, slots=True)
class _Queue:
    """The unserved demand, dearest first, as running totals: its width in MB and what it would have paid."""

    width: FloatArray
    value: FloatArray
    reserve: float

    def worth(self, displaced: FloatArray) -> FloatArray:
        """What the first ``displaced`` MB would have paid; past the end of the queue the seller's reserve does."""
        paid = np.interp(displaced, self.width, self.value)
        if self.reserve > 0.0 and displaced.max(initial=0.0) > self.width[-1]:
            paid += self.reserve * np.maximum(displaced - self.width[-1], 0.0)
        return paid


def clear(quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:  # noqa: ANN401
    """Allocations and charges of one progressive second price auction, in O(n log n).

    Bids at the marginal price share what the dearer ones leave, in proportion to their quantities (paper, eq. 5); bids
    below the reserve get nothing. A charge is what the bids that its payer excludes would have paid (eq. 6, with the
    prices of the excluded), where the seller's reserve counts as one more bid for the whole supply.

    Parameters
    ----------
    quantity, price
        The bids: shape (n,), MB and price per MB.
    supply
        MB on sale.
    reserve
        Price per MB below which nothing is sold.

    Raises
    ------
    ValueError
        If an argument is NaN, infinite, negative or of another shape, or the sum of the quantities or their worth is
        beyond the floating-point range; the text names it.

    Examples
    --------
    >>> outcome = clear([60, 70, 40, 10], [4, 4, 2, 1], supply=100)
    >>> outcome.allocation.round(4).tolist()
    [46.1538, 53.8462, 0.0, 0.0]
    >>> outcome.charge.round(4).tolist()
    [124.6154, 135.3846, 0.0, 0.0]
    """
    quantity, price = bids(quantity, price)
    supply, reserve = non_negative("supply", supply), non_negative("reserve", reserve)
    if not quantity.size:
        return Clearing(np.zeros(0), np.zeros(0))
    allocation, order, reach, margin = rationed(quantity, price, supply, reserve)
    if margin is None:
        return Clearing(allocation, reserve * allocation)  # nobody is excluded
    tied = order[margin.start : margin.end]
    # No bid displaces more than itself, so the queue is needed only that far: a few bids of a large book.
    longest = max(allocation.max(), quantity[tied].max())
    queue_end = int(reach.searchsorted((reach[margin.end - 1] + longest) * (1.0 + SUM_ROUNDING))) + 1
    losers = order[margin.end : max(margin.end, queue_end)]
    behind = quantity[losers], price[losers], reserve
    charge = _queue(margin.wanted - margin.served, margin.price, *behind).worth(allocation)
    charge[tied] = _marginal_charge(quantity[tied], allocation[tied], margin, _queue(0.0, 0.0, *behind))
    return Clearing(allocation, charge)


def _queue(width: float, paid: float, quantity: FloatArray, price: FloatArray, reserve: float) -> _Queue:
    """``width`` MB that pay the price ``paid``, then the losers, dearest first: what a served bid excludes."""
    widths = np.concatenate(([0.0, width], quantity))
    values = widths * np.concatenate(([0.0, paid], price))
    return _Queue(widths.cumsum(), values.cumsum(), reserve)


def _marginal_charge(quantity: FloatArray, allocation: FloatArray, margin: Margin, losers: _Queue) -> FloatArray:
    """What the bids at the marginal price pay, who do not queue behind themselves.

    Without such a bid the rest of its group could take all but ``cheap`` MB of what it gets, at the group's price;
    the losers behind the group would take those.
    """
    cheap = np.maximum(margin.served - (margin.wanted - quantity), 0.0)
    return margin.price * np.maximum(allocation - cheap, 0.0) + losers.worth(cheap)
