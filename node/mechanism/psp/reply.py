"""The truthful ε-best reply of one buyer to several auctions."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from node.mechanism.psp.staircase import MergedStaircase, Step, cost_of
from node.mechanism.rounding import SUM_ROUNDING
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

    It wants z* = sup{z : θ'(z) > P(z) and ∫₀ᶻ P ≤ budget}, retreats by ε/θ'(0) from where demand meets the dearest
    price p that it pays, to z = min(z*, [D(p) - ε/θ'(0)]⁺), and bids θ'(z) for it. Lazar & Semret retreat from z* also
    where supply or budget end before demand does; that would only lose, since the price is clear of rivals' already.
    The cheapest steps are filled first; steps at the last price share what is left to fill in proportion to their size.

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
    climbed, rest = list[Step](), iter(market)
    wanted, dearest = _wanted(valuation, climbed, rest, budget)
    choke_price = valuation.marginal(0.0)
    amount = max(0.0, min(wanted, valuation.demand(dearest) - epsilon / choke_price)) if choke_price > 0.0 else 0.0
    cost = cost_of(_from_the_foot(climbed, rest), amount)
    return Reply(
        quantity=_filled_cheapest_first(_from_the_foot(climbed, rest), market.sellers, amount),
        # θ' is at least the price of the step that it meets, but rounding may put it below, where it gets nothing.
        price=max(valuation.marginal(amount), dearest),
        cost=cost,
        utility=valuation.value(amount) - cost,
    )


def _wanted(valuation: Valuation, climbed: list[Step], rest: Iterable[Step], budget: float) -> tuple[float, float]:
    """z*, where the marginal valuation meets the staircase or the budget ends, and the price of the last step.

    It leaves the steps that it looks at in ``climbed``.
    """
    reach = spent = dearest = 0.0
    for step in rest:
        climbed.append(step)
        price, _, quantity = step
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


def _from_the_foot(climbed: list[Step], rest: Iterator[Step]) -> Iterator[Step]:
    """The steps that were climbed, then the rest, which are climbed now: rounding may lead one step further."""
    return chain(climbed, _kept(climbed, rest))


def _kept(climbed: list[Step], rest: Iterator[Step]) -> Iterator[Step]:
    for step in rest:
        climbed.append(step)
        yield step


def _filled_cheapest_first(steps: Iterable[Step], sellers: int, amount: float) -> list[float]:
    filled = [0.0] * sellers
    level, nothing = list[Step](), SUM_ROUNDING * amount  # as much may be left over by rounding where steps fit exactly
    for step in steps:
        if level and step[0] != level[0][0]:
            amount -= _shared(filled, level, amount)
            level.clear()
        if amount <= nothing:
            return filled
        level.append(step)
    _shared(filled, level, amount)
    return filled


def _shared(filled: list[float], level: list[Step], amount: float) -> float:
    """Share ``amount`` among the steps of one price, in proportion to their size; their MB in all."""
    width = 0.0
    for _, _, quantity in level:
        width += quantity
    for _, seller, quantity in level:
        filled[seller] += min(amount, width) / width * quantity
    return width
