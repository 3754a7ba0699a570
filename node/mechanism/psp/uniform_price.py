"""The uniform price auction of a divisible good: all winners pay the highest losing price."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node.mechanism.checks import bids, non_negative
from node.mechanism.psp.clearing import Clearing
from node.mechanism.psp.price_impact import best_amounts, reply_of, retreated
from node.mechanism.psp.rationing import rationed
from node.mechanism.psp.reply import Reply
from node.mechanism.psp.staircase import SLACK, Staircase
from node.mechanism.valuation import Valuation


@dataclass(frozen=True, slots=True)
class UniformPrice:
    """Every winner pays the price of the dearest bid that loses anything; the reserve where none does.

    A bid that is served in part loses the rest of it, so it sets the price. What is lost by rounding is not lost.
    """

    @property
    def name(self) -> str:
        """What a scenario calls it."""
        return "uniform-price"

    @property
    def is_truthful(self) -> bool:
        """No: who asks for less than it wants may keep the price low for all that it gets (demand reduction)."""
        return False

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:  # noqa: ANN401
        """Allocations and charges of a book.

        Parameters and errors are those of ``node.mechanism.psp.clear``.

        Examples
        --------
        >>> outcome = UniformPrice().clear([60, 70, 40], [4, 3, 2], supply=100)
        >>> outcome.allocation.tolist(), outcome.charge.tolist()
        ([60.0, 40.0, 0.0], [180.0, 120.0, 0.0])
        """
        quantity, price = bids(quantity, price)
        supply, reserve = non_negative("supply", supply), non_negative("reserve", reserve)
        allocation, order, reach, _ = rationed(quantity, price, supply, reserve)
        first_loser = int(reach.searchsorted(supply * (1.0 + SLACK), side="right"))
        highest_losing = float(price[order[first_loser]]) if first_loser < reach.size else reserve
        return Clearing(allocation, highest_losing * allocation)

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        """The price of the bid itself where it loses something, else of the dearest opponent that it displaces."""
        is_rationed = quantity - amount > SLACK * sum(steps.quantity)
        return amount * (price if is_rationed else steps.price_at(amount))

    def best_reply(
        self,
        valuation: Valuation,
        auctions: Sequence[Staircase],
        *,
        epsilon: float = 0.0,
        budget: float = math.inf,
    ) -> Reply:
        """The amounts that are best at the prices they lead to, at θ' of their sum; ε costs MB as in ``best_reply``.

        A bid that is served in full does not set the price, so it may as well be what the last MB is worth: that
        keeps it from being displaced.
        """
        amounts = retreated(valuation, best_amounts(valuation, auctions, budget), epsilon)
        cost = sum(steps.price_at(amount) * amount for steps, amount in zip(auctions, amounts, strict=True))
        return reply_of(valuation, auctions, amounts, cost)

    def bid_price(self, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
        """What the last MB is worth."""
        del steps, amount, clearance
        return worth
