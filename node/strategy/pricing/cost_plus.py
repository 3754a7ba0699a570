"""A price that is the cost and a fixed margin."""

from dataclasses import dataclass

from node.mechanism.checks import non_negative
from node.strategy.pricing.call import Call


@dataclass(frozen=True, slots=True)
class CostPlus:
    """Asks the cost plus the same margin for every call: the baseline that knows nothing of the market.

    The margin is added, not multiplied: a call that costs nothing would be free at any factor, and an added one earns
    the same on a cheap call as on a dear one, as the difference b - c that an operator maximises.

    Attributes
    ----------
    margin
        Money per call on top of the cost; at least 0.
    """

    margin: float

    def __post_init__(self) -> None:
        non_negative("margin", self.margin)

    def price(self, call: Call) -> float:
        """Cost plus margin, money."""
        return call.cost + self.margin

    def learned(self, profit: float | None) -> None:
        """Nothing: the margin is fixed."""
