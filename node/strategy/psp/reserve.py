"""How a seller sets its reserve price, anew at every clearing."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp import SLIVER, clear
from node.mechanism.psp.moving_reserve import ReserveLevel
from node.mechanism.rounding import SUM_ROUNDING


class ReserveRule(Protocol):
    """A function of the book alone, so that a market shift needs no special case."""

    @property
    def floor(self) -> float:
        """The lowest reserve price the seller would set, price per MB."""
        ...

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """Price per MB below which nothing is sold, for bids of shape (n,) and ``supply`` MB."""
        ...

    def levels(self, quantity: FloatArray, price: FloatArray, supply: float) -> list[ReserveLevel]:
        """The reserve that one more bidder brings about, by the MB that it gets beside these bids.

        Of ascending reach and reserve. At the end of a level it is the limit from below: so many MB, but for any
        part of one, can be had at that reserve.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedReserve:
    """The same reserve price throughout (Lazar & Semret)."""

    floor: float

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """The floor."""
        del quantity, price, supply
        return self.floor

    def levels(self, quantity: FloatArray, price: FloatArray, supply: float) -> list[ReserveLevel]:
        """One, for all of the supply."""
        del quantity, price
        return [ReserveLevel(supply, self.floor)]


@dataclass(frozen=True, slots=True)
class HighestLosingReserve:
    """The price of the highest losing bid plus ε (paper, eq. 14), never below the floor.

    A losing bid is larger than a sliver of the supply, not below the floor, and gets nothing: smaller ones are placed
    to be told the profile. The reserve never exceeds the lowest winning price, or it would turn a winner away
    (docs/decisions/0003-reserve-price.md).
    """

    floor: float
    epsilon: float

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """The floor where nobody loses, so that unsold supply is offered at it again."""
        won = clear(quantity, price, supply, self.floor).allocation > 0.0
        losing = price[(quantity > SLIVER * supply) & (price >= self.floor) & ~won]
        if not losing.size or not won.any():
            return self.floor
        return max(self.floor, min(float(np.max(losing)) + self.epsilon, float(np.min(price[won]))))

    def levels(self, quantity: FloatArray, price: FloatArray, supply: float) -> list[ReserveLevel]:
        """One for each price of the bids that the newcomer can displace.

        A newcomer that leaves a part to the bids of one price displaces those of all lower prices, which lose. The
        highest of these that is no sliver sets the reserve, and that one price limits it. With a lower bid the newcomer
        could only get what the bids of the next price are displaced for entirely, which a little less avoids at no
        more cost.
        """
        asked = (quantity > 0.0) & (price >= self.floor)
        prices, group = np.unique(price[asked], return_inverse=True)
        wanted = np.bincount(group, weights=quantity[asked], minlength=prices.size)
        largest = np.zeros(prices.size)
        np.maximum.at(largest, group, quantity[asked])
        levels, left, highest_losing = list[ReserveLevel](), supply - float(wanted.sum()), -np.inf
        for limit, width, bid in zip(prices.tolist(), wanted.tolist(), largest.tolist(), strict=True):
            left += width
            if left > SUM_ROUNDING * supply:
                reserve = max(self.floor, min(highest_losing + self.epsilon, limit))
                levels.append(ReserveLevel(min(left, supply), reserve))
            if bid > SLIVER * supply:
                highest_losing = limit
        return levels or [ReserveLevel(supply, self.floor)]
