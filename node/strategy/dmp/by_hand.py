"""Prices that a person sets."""

from dataclasses import dataclass

from node.mechanism.checks import non_negative
from node.strategy.dmp.call import Call


@dataclass(slots=True)
class ByHand:
    """Asks the cost of a call and the margin on it that a person has chosen last.

    Attributes
    ----------
    margin
        Money per call on top of the cost; at least 0.
    """

    margin: float = 0.0

    def __post_init__(self) -> None:
        non_negative("margin", self.margin)

    def choose(self, margin: float) -> None:
        """Want this margin from now on."""
        self.margin = non_negative("margin", margin)

    def price(self, call: Call) -> float:
        """Cost plus margin, money."""
        return call.cost + self.margin

    def learned(self, profit: float | None) -> None:
        """Nothing: a person learns by itself."""
