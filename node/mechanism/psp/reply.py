"""The truthful ε-best reply of one buyer to several auctions."""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp.staircase import MergedStaircase
from node.mechanism.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Reply:
    """What to bid: one price, and a quantity for each seller.

    Attributes
    ----------
    quantity
        Shape (m,), MB, in the order in which the staircases were merged.
    price
        Price per MB, the same at every seller (a coordinated bid).
    cost
        What the opponents leave it to pay for all of it, money.
    utility
        Valuation minus cost, money.
    """

    quantity: FloatArray
    price: float
    cost: float
    utility: float


def best_reply(
    valuation: Valuation, market: MergedStaircase, *, epsilon: float = 0.0, budget: float = math.inf
) -> Reply:
    """The truthful ε-best reply (Lazar & Semret, Proposition 1) on the merged staircase of several sellers.

    It wants z* = sup{z : θ'(z) > P(z) and ∫₀ᶻ P ≤ budget}, retreats to z = [z* - ε/θ'(0)]⁺ and bids θ'(z) for it. The
    cheapest steps are filled first; steps at the last price share what is left to fill in proportion to their size.

    Parameters
    ----------
    epsilon
        Utility that the buyer forgoes to stay clear of its rivals, money (the ε of the step, not the bid fee). At 0 the
        reply is the limit of what it can get: its price may tie with a rival's, and a tie shares.
    budget
        Money it can pay at most.

    Examples
    --------
    >>> from node.mechanism.psp import merged_staircase, staircase
    >>> from node.mechanism.valuation import Parabolic
    >>> market = merged_staircase([staircase([30], [2], supply=40), staircase([], [], supply=20, reserve=3)])
    >>> reply = best_reply(Parabolic(demand_mb=50, choke_price=5), market)
    >>> reply.quantity.tolist(), reply.price, reply.cost
    ([30.0, 0.0], 2.0, 40.0)
    """
    wanted = _wanted(valuation, market, budget)
    choke_price = valuation.marginal(0.0)
    amount = max(0.0, wanted - epsilon / choke_price) if choke_price > 0.0 else 0.0
    cost = market.cost(amount)
    return Reply(
        quantity=_filled_cheapest_first(market, amount),
        price=valuation.marginal(amount),
        cost=cost,
        utility=valuation.value(amount) - cost,
    )


def _wanted(valuation: Valuation, market: MergedStaircase, budget: float) -> float:
    """z*: where the marginal valuation meets the staircase, or where the budget ends."""
    if not market.price.size:
        return 0.0
    price: list[float] = market.price.tolist()
    reach = market.quantity.cumsum()
    begin: list[float] = [0.0, *reach.tolist()]
    # Demand falls and the steps begin ever later, so one step is the last that is wanted at its price.
    unwanted = bisect_left(range(len(price)), True, key=lambda step: valuation.demand(price[step]) <= begin[step])  # noqa: FBT003
    if not unwanted:
        return 0.0
    wanted = min(begin[unwanted], valuation.demand(price[unwanted - 1]))
    return min(wanted, _affordable(market, reach, budget))


def _affordable(market: MergedStaircase, reach: FloatArray, budget: float) -> float:
    """The largest amount that costs no more than the budget."""
    if budget == math.inf:
        return float(reach[-1])
    worth = market.price * market.quantity
    spent = worth.cumsum()
    step = int(spent.searchsorted(budget, side="right"))
    if step == spent.size:
        return float(reach[-1])
    left = budget - (float(spent[step - 1]) if step else 0.0)
    return float(reach[step] - market.quantity[step]) + left / float(market.price[step])


def _filled_cheapest_first(market: MergedStaircase, amount: float) -> FloatArray:
    if not market.price.size:
        return np.zeros(market.sellers)
    # The steps ascend, so a new level begins wherever the price differs from the one before.
    level = np.concatenate(([False], market.price[1:] != market.price[:-1])).cumsum()
    width = np.bincount(level, weights=market.quantity)
    share = np.minimum(np.maximum(amount - (width.cumsum() - width), 0.0), width) / width
    filled = np.bincount(market.seller, weights=market.quantity * share[level], minlength=market.sellers)
    return np.asarray(filled, dtype=np.float64)
