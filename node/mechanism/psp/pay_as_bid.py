"""The discriminatory auction of a divisible good: every winner pays its own bid for what it gets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node.mechanism.checks import bids, non_negative
from node.mechanism.psp.clearing import Clearing
from node.mechanism.psp.price_impact import best_amounts, reply_with_clearance
from node.mechanism.psp.rationing import rationed
from node.mechanism.psp.reply import Reply
from node.mechanism.psp.staircase import Staircase
from node.mechanism.valuation import Valuation


@dataclass(frozen=True, slots=True)
class PayAsBid:
    """Every winner pays its own price for its allocation."""

    @property
    def name(self) -> str:
        """What a scenario calls it."""
        return "pay-as-bid"

    @property
    def is_truthful(self) -> bool:
        """No: who bids what it is worth gains nothing by the last MB, and by none if all are worth the same to it."""
        return False

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:  # noqa: ANN401
        """Allocations and charges of a book.

        Parameters and errors are those of ``node.mechanism.psp.clear``.

        Examples
        --------
        >>> outcome = PayAsBid().clear([60, 70, 40], [4, 3, 2], supply=100)
        >>> outcome.allocation.tolist(), outcome.charge.tolist()
        ([60.0, 40.0, 0.0], [240.0, 120.0, 0.0])
        """
        quantity, price = bids(quantity, price)
        allocation = rationed(
            quantity, price, non_negative("supply", supply), non_negative("reserve", reserve)
        ).allocation
        return Clearing(allocation, price * allocation)

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        """What it bids."""
        del steps, quantity
        return price * amount

    def best_reply(
        self,
        valuation: Valuation,
        auctions: Sequence[Staircase],
        *,
        epsilon: float = 0.0,
        budget: float = math.inf,
    ) -> Reply:
        """The amounts that are best at the prices they have to beat, which it bids.

        It forgoes ε twice: in MB, as in ``best_reply``, and in bids that are above what they have to beat.
        """
        epsilon = min(epsilon, budget)
        amounts = best_amounts(valuation, auctions, budget - epsilon)
        return reply_with_clearance(valuation, auctions, amounts, epsilon, self._cost)

    def _cost(self, steps: Staircase, amount: float, worth: float, clearance: float) -> float:
        return self.bid_price(steps, amount, worth, clearance) * amount

    def bid_price(self, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
        """A little more than the price of the dearest opponent to displace, at most what the last MB is worth."""
        return min(worth, steps.price_at(amount) + clearance)
