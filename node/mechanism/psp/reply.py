"""The truthful ε-best reply of one buyer to several auctions."""

import math
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from node.mechanism.psp.staircase import MergedStaircase
from node.mechanism.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Reply:
    """What to bid: one price, and a quantity for each seller.

    Attributes
    ----------
    quantity
        MB, in the order in which the staircases were merged.
    price
        Price per MB, the same at every seller (a coordinated bid): at least that of the dearest step it fills.
    cost
        What the opponents leave it to pay for all of it, money.
    utility
        Valuation minus cost, money.
    """

    quantity: list[float]
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
    >>> reply.quantity, reply.price, reply.cost
    ([30.0, 0.0], 2.0, 40.0)
    """
    wanted, dearest = _wanted(valuation, market, budget)
    choke_price = valuation.marginal(0.0)
    amount = max(0.0, wanted - epsilon / choke_price) if choke_price > 0.0 else 0.0
    cost = market.cost(amount)
    return Reply(
        quantity=_filled_cheapest_first(market, amount),
        # θ' is at least the price of the step that it meets, but rounding may put it below, where it gets nothing.
        price=max(valuation.marginal(amount), dearest),
        cost=cost,
        utility=valuation.value(amount) - cost,
    )


def _wanted(valuation: Valuation, market: MergedStaircase, budget: float) -> tuple[float, float]:
    """z*, where the marginal valuation meets the staircase or the budget ends, and the price of the last step."""
    reach = spent = dearest = 0.0
    for price, _, quantity in market:
        demand = valuation.demand(price)
        if demand <= reach:
            break
        dearest = price
        cost = price * quantity
        if spent + cost > budget:
            return min(demand, reach + (budget - spent) / price), dearest
        # Demand falls and the steps begin ever later, so a step that is not wanted whole is the last.
        if demand <= reach + quantity:
            return demand, dearest
        reach += quantity
        spent += cost
    return reach, dearest


def _filled_cheapest_first(market: MergedStaircase, amount: float) -> list[float]:
    filled = [0.0] * market.sellers
    for _, level in groupby(market, key=itemgetter(0)):
        if amount <= 0.0:
            break
        width = 0.0
        steps = [*level]
        for _, _, quantity in steps:
            width += quantity
        share = min(amount, width) / width
        for _, seller, quantity in steps:
            filled[seller] += share * quantity
        amount -= width
    return filled
