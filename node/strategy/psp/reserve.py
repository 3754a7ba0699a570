"""How a seller sets its reserve price, anew at every clearing."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp import clear


class ReserveRule(Protocol):
    """A function of the book alone, so that a market shift needs no special case."""

    @property
    def floor(self) -> float:
        """The lowest reserve price the seller would set, price per MB."""
        ...

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """Price per MB below which nothing is sold, for bids of shape (n,) and ``supply`` MB."""
        ...


@dataclass(frozen=True, slots=True)
class FixedReserve:
    """The same reserve price throughout (Lazar & Semret)."""

    floor: float

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """The floor."""
        del quantity, price, supply
        return self.floor


@dataclass(frozen=True, slots=True)
class HighestLosingReserve:
    """The price of the highest losing bid plus ε (paper, eq. 14), never below the floor.

    A losing bid is positive, not below the floor, and gets nothing. The reserve never exceeds the lowest winning price,
    or it would turn a winner away (docs/decisions/0003-reserve-price.md).
    """

    floor: float
    epsilon: float

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """The floor where nobody loses, so that unsold supply is offered at it again."""
        won = clear(quantity, price, supply, self.floor).allocation > 0.0
        losing = price[(quantity > 0.0) & (price >= self.floor) & ~won]
        if not losing.size or not won.any():
            return self.floor
        return max(self.floor, min(float(np.max(losing)) + self.epsilon, float(np.min(price[won]))))
