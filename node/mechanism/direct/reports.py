"""What users report to a mechanism that works everything out at once, and what they get."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray, non_negative_array
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Valuation
from node.mechanism.welfare import Edges, liquid


@dataclass(frozen=True, slots=True)
class Reports:
    """A market as its users report it.

    Attributes
    ----------
    valuations, budgets
        One per buyer; money, may be infinite.
    supply, reserve
        Shape (m,), MB, and the price per MB below which a seller does not sell.
    buyer, seller
        Shape (e,), who can trade with whom, by index.
    """

    valuations: Sequence[Valuation]
    budgets: Sequence[float]
    supply: FloatArray
    reserve: FloatArray
    buyer: IntArray
    seller: IntArray

    @classmethod
    def of(
        cls,
        valuations: Sequence[Valuation],
        supply: Any,  # noqa: ANN401 - whatever numpy takes for an array
        edges: Edges,
        reserve: Any = None,  # noqa: ANN401
        budgets: Sequence[float] | None = None,
    ) -> "Reports":
        """Reports of these users; without reserve prices, or without budgets, if none are given.

        Raises
        ------
        ValueError
            If a supply or reserve is NaN, infinite or negative; the text names it.
        """
        supply = non_negative_array("supply", supply)
        reserve = np.zeros(supply.size) if reserve is None else non_negative_array("reserve", reserve)
        buyer, seller = (np.asarray(side, dtype=np.intp) for side in edges)
        return cls(valuations, budgets or [math.inf] * len(valuations), supply, reserve, buyer, seller)

    @property
    def payable(self) -> list[Valuation]:
        """What the good is worth to each buyer as far as its budget reaches: who pays no more than that can pay it."""
        return liquid(self.valuations, self.budgets)

    @property
    def edges(self) -> Edges:
        """Who can trade with whom."""
        return self.buyer, self.seller

    def pool(self, buyer: int) -> IntArray:
        """The edges of one buyer, by index."""
        return np.flatnonzero(self.buyer == buyer)

    def without(self, buyer: int) -> "Reports":
        """The same, but that one buyer stays away; those after it move up."""
        kept = self.buyer != buyer
        others = self.buyer[kept]
        return replace(
            self,
            valuations=[*self.valuations[:buyer], *self.valuations[buyer + 1 :]],
            budgets=[*self.budgets[:buyer], *self.budgets[buyer + 1 :]],
            buyer=others - (others > buyer),
            seller=self.seller[kept],
        )

    def with_report(self, buyer: int, valuation: Valuation) -> "Reports":
        """The same, but that one buyer reports another valuation."""
        valuations = list(self.valuations)
        valuations[buyer] = valuation
        return replace(self, valuations=valuations)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who gets what from whom.

    Attributes
    ----------
    quantity, charge
        Shape (e,), along each edge: MB, and money for all of them.
    """

    quantity: FloatArray
    charge: FloatArray

    @classmethod
    def charged(cls, reports: Reports, quantity: FloatArray, charge: Sequence[float]) -> "Outcome":
        """What each buyer is charged in all, shape (n,), laid upon its edges in proportion to their MB."""
        got = totals(reports, quantity)
        per_mb = np.divide(np.asarray(charge, float), got, out=np.zeros(got.size), where=got > 0.0)
        return cls(quantity, per_mb[reports.buyer] * quantity)


Bundle = tuple[float, float]
"""What one buyer gets in all: MB, and money for them."""


def totals(reports: Reports, along: FloatArray) -> FloatArray:
    """The sums over each buyer's edges, shape (n,)."""
    return np.bincount(reports.buyer, weights=along, minlength=len(reports.valuations)).astype(np.float64)


def utility(valuation: Valuation, budget: float, bundle: Bundle) -> float:
    """Valuation minus charge, money; minus infinity beyond the budget."""
    amount, charge = bundle
    return valuation.value(amount) - charge if charge <= budget * (1.0 + ROUNDING) else -math.inf


def had(reports: Reports, outcome: Outcome, buyer: int) -> float:
    """The utility of what one buyer gets of an outcome, money."""
    pool = reports.pool(buyer)
    bundle = float(outcome.quantity[pool].sum()), float(outcome.charge[pool].sum())
    return utility(reports.valuations[buyer], reports.budgets[buyer], bundle)
