"""The progressive second price auction as a mechanism: a buyer pays what the bids that it excludes would have paid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node.mechanism.psp.clearing import Clearing, clear
from node.mechanism.psp.reply import Reply, best_reply
from node.mechanism.psp.staircase import Staircase, merged_staircase
from node.mechanism.valuation import Valuation


@dataclass(frozen=True, slots=True)
class ProgressiveSecondPrice:
    """Lazar & Semret's auction. The truthful reply is a best one (their Prop. 1)."""

    @property
    def name(self) -> str:
        """What a scenario calls it."""
        return "psp"

    @property
    def is_truthful(self) -> bool:
        """Yes, with a fixed reserve."""
        return True

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:  # noqa: ANN401
        """Allocations and charges of a book; see ``node.mechanism.psp.clear``."""
        return clear(quantity, price, supply, reserve)

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        """What the opponents are excluded from: the integral of their staircase, whatever the bid says."""
        del quantity, price
        return steps.cost(amount)

    def best_reply(
        self,
        valuation: Valuation,
        auctions: Sequence[Staircase],
        *,
        epsilon: float = 0.0,
        budget: float = math.inf,
    ) -> Reply:
        """The truthful ε-best reply; see ``node.mechanism.psp.best_reply``."""
        return best_reply(valuation, merged_staircase(auctions), epsilon=epsilon, budget=budget)

    def bid_price(self, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
        """What the last MB is worth."""
        del steps, amount, clearance
        return worth
