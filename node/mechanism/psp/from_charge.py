"""What follows from the charge of a mechanism alone: its clearing, and a reply that is found by search."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from node.mechanism.checks import bids, non_negative
from node.mechanism.psp.clearing import Clearing
from node.mechanism.psp.price_impact import best_amounts, reply_with_clearance
from node.mechanism.psp.rationing import rationed
from node.mechanism.psp.reply import Reply, best_reply
from node.mechanism.psp.staircase import SLACK, Staircase, merged_staircase, unchecked_staircase
from node.mechanism.rounding import ROUNDING, SUM_ROUNDING
from node.mechanism.valuation import Valuation

MOST_PASSES = 50
"""So often the search looks at every auction again, if it still gains by that; two or three passes are usual."""


class Charge(Protocol):
    """What a bid pays: see ``AuctionMechanism.charge``."""

    def __call__(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        """Money for the ``amount`` MB that the bid of ``quantity`` MB at ``price`` is given."""
        ...


def cleared(
    charge: Charge,
    quantity: Any,  # noqa: ANN401 - whatever numpy takes for an array
    price: Any,  # noqa: ANN401
    supply: float,
    reserve: float = 0.0,
) -> Clearing:
    """Allocations as in every mechanism, and the charge of each winner for what the other bids leave to it.

    Parameters and errors are those of ``node.mechanism.psp.clear``. Each winner's opponents are sorted anew, so that
    it takes O(n² log n) for n bids.

    Examples
    --------
    >>> outcome = cleared(lambda steps, quantity, price, amount: price * amount, [60, 70], [4, 3], supply=100)
    >>> outcome.allocation.tolist(), outcome.charge.tolist()
    ([60.0, 40.0], [240.0, 120.0])
    """
    quantity, price = bids(quantity, price)
    supply, reserve = non_negative("supply", supply), non_negative("reserve", reserve)
    allocation = rationed(quantity, price, supply, reserve).allocation
    charges = np.zeros_like(allocation)
    quantities, prices = quantity.tolist(), price.tolist()
    for i in np.flatnonzero(allocation).tolist():
        others = quantities[:i] + quantities[i + 1 :], prices[:i] + prices[i + 1 :]
        steps = unchecked_staircase(*others, supply, reserve)
        charges[i] = charge(steps, quantities[i], prices[i], float(allocation[i]))
    return Clearing(allocation, charges)


def cheapest_price(charge: Charge, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
    """The price to bid for ``amount`` MB: what the last MB is worth, or what has to be beaten if that is cheaper.

    A charge that rises with the price of the bid, or falls, is least at one of the two; where it does not depend on
    the price, the higher one keeps the bid from being displaced.
    """
    least = min(worth, steps.price_at(amount) + clearance)
    if amount <= 0.0:
        return worth
    at_worth, at_least = (charge(steps, amount, price, amount) for price in (worth, least))
    return worth if at_worth <= at_least * (1.0 + SUM_ROUNDING) else least


def searched_reply(
    charge: Charge,
    valuation: Valuation,
    auctions: Sequence[Staircase],
    *,
    epsilon: float = 0.0,
    budget: float = math.inf,
) -> Reply:
    """The best reply that ``searched_amounts`` finds, with prices as in ``cheapest_price``.

    Like that of ``PayAsBid`` it forgoes ε twice: in MB, and in bids above what they have to beat.
    """
    epsilon = min(epsilon, budget)

    def cost(steps: Staircase, amount: float, worth: float, clearance: float) -> float:
        return charge(steps, amount, cheapest_price(charge, steps, amount, worth, clearance), amount)

    amounts = searched_amounts(charge, valuation, auctions, budget - epsilon)
    return reply_with_clearance(valuation, auctions, amounts, epsilon, cost)


def searched_amounts(
    charge: Charge, valuation: Valuation, auctions: Sequence[Staircase], budget: float = math.inf
) -> list[float]:
    """MB to take of each auction, each at the lowest price that gets them and none at more than it is worth.

    A search: from the truthful reply and from ``best_amounts`` it changes what it takes of one auction at a time, to
    the best for what it takes of the others, until that gains nothing more. At one seller it is exact where the charge
    at the lowest price is linear within each step of the staircase. At several sellers it is exact where that charge is
    one of PSP, or one price for all that is taken: the starts are the best then. Else it may miss amounts that are
    better only if two auctions change at once.
    """
    truthful = best_reply(valuation, merged_staircase(auctions), budget=budget).quantity
    search = _Search(charge, valuation, auctions, budget)
    found = [search.climbed(start) for start in (truthful, best_amounts(valuation, auctions, budget))]
    return max(found, key=search.utility)


class _Search:
    """A buyer before several auctions, who changes what it takes of one at a time."""

    def __init__(self, charge: Charge, valuation: Valuation, auctions: Sequence[Staircase], budget: float) -> None:
        self._charge, self._valuation, self._auctions, self._budget = charge, valuation, auctions, budget

    def utility(self, amounts: Sequence[float]) -> float:
        """Valuation minus charges, money; minus infinity beyond the budget."""
        cost = sum(map(self._cost, self._auctions, amounts))
        return self._worth(sum(amounts), cost, self._budget)

    def climbed(self, start: Sequence[float]) -> list[float]:
        """The amounts to which single changes lead."""
        amounts, utility = list(start), self.utility(start)
        for _ in range(MOST_PASSES):
            before = utility
            for k in range(len(amounts)):
                changed = [*amounts[:k], self._best_of_one(k, amounts), *amounts[k + 1 :]]
                if (better := self.utility(changed)) > utility:
                    amounts, utility = changed, better
            if not utility - before > ROUNDING * utility:
                break
        return amounts

    def _best_of_one(self, k: int, amounts: Sequence[float]) -> float:
        others = sum(amounts[:k]) + sum(amounts[k + 1 :])
        costs = list(map(self._cost, self._auctions, amounts))
        left = self._budget - sum(costs[:k]) - sum(costs[k + 1 :])
        steps = self._auctions[k]
        return max(
            self._candidates(steps, others, left),
            key=lambda amount: self._worth(others + amount, self._cost(steps, amount), left),
        )

    def _candidates(self, steps: Staircase, others: float, left: float) -> Iterator[float]:
        """In every step: its end, or where its price is no longer worth it; its best inside; where the money ends."""
        yield 0.0
        low, least = 0.0, SLACK * sum(steps.quantity)
        for price, width in zip(steps.price, steps.quantity, strict=True):
            high = min(low + width, self._valuation.demand(price) - others)
            if high <= low:
                return
            yield high
            if high - low > least:  # a step of rounding has no inside
                yield from self._inside(steps, low, high, others, left)
            low += width

    def _inside(self, steps: Staircase, low: float, high: float, others: float, left: float) -> Iterator[float]:
        middle, cost = 0.5 * (low + high), self._cost(steps, high)
        slope = (cost - self._cost(steps, middle)) / (high - middle)
        if slope > 0.0:
            found = self._valuation.demand(slope) - others, high - (cost - left) / slope * (1.0 + SUM_ROUNDING)
            yield from (amount for amount in found if low < amount < high)

    def _cost(self, steps: Staircase, amount: float) -> float:
        return self._charge(steps, amount, steps.price_at(amount), amount) if amount > 0.0 else 0.0

    def _worth(self, total: float, cost: float, budget: float) -> float:
        return self._valuation.value(total) - cost if cost <= budget * (1.0 + SUM_ROUNDING) else -math.inf
