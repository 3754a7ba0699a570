"""Prices that are the cost and a markup: fixed, or rising as the network fills."""

from dataclasses import dataclass

from node.mechanism.checks import non_negative
from node.strategy.dmp.call import Call

LARGEST_EXPONENT = 16.0
"""With it the charge is next to nothing below a load of 0.7; a larger one would be a step, and could overflow."""


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


@dataclass(frozen=True, slots=True)
class LoadBased:
    """Asks the cost, a margin, and a charge for congestion that grows with the load.

    A call taken by a network that is nearly full may cost it a dearer one, or be decommitted and cost it reputation.
    Charging a user for what its use costs others is congestion pricing (MacKie-Mason and Varian 1995, "Pricing
    congestible network resources"); a fee per call that depends on the load when the call arrives is studied by
    Paschalidis and Tsitsiklis (2000, "Congestion-dependent pricing of network services"). The charge here is a power
    of the load, the simplest convex shape; neither paper prescribes it.

    Attributes
    ----------
    margin
        Money per call on top of the cost, asked even when the network is idle; at least 0.
    congestion
        Money per call added at a load of 1; at least 0.
    exponent
        How late the charge sets in: 1 is proportional to the load, more is convex; in [1, 16].
    """

    margin: float
    congestion: float
    exponent: float = 2.0

    def __post_init__(self) -> None:
        non_negative("margin", self.margin)
        non_negative("congestion", self.congestion)
        if not 1.0 <= self.exponent <= LARGEST_EXPONENT:
            raise ValueError(
                f"exponent must be in [1, {LARGEST_EXPONENT:g}], got {self.exponent!r}: "
                "1 charges in proportion to the load"
            )

    def price(self, call: Call) -> float:
        """Cost plus margin plus congestion · load^exponent, money."""
        return call.cost + self.margin + self.congestion * float(call.load**self.exponent)

    def learned(self, profit: float | None) -> None:
        """Nothing: the load says all."""
