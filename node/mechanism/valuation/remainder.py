from dataclasses import dataclass

from node.mechanism.checks import non_negative
from node.mechanism.valuation.protocol import Valuation


@dataclass(frozen=True, slots=True)
class Remainder:
    """What more is worth to a user that already holds some of the good.

    Attributes
    ----------
    valuation
        Of all it holds.
    held_mb
        Bought already, MB.

    Raises
    ------
    ValueError
        If held_mb is not finite and at least 0.

    Examples
    --------
    >>> from node.mechanism.valuation import Parabolic
    >>> rest = Remainder(Parabolic(demand_mb=100, choke_price=20), held_mb=75)
    >>> rest.demand_mb, rest.value(25), rest.marginal(0), rest.demand(2)
    (25, 62.5, 5.0, 15.0)
    """

    valuation: Valuation
    held_mb: float

    def __post_init__(self) -> None:
        non_negative("held_mb", self.held_mb)

    @property
    def demand_mb(self) -> float:
        """What is still wanted of the whole demand, MB."""
        return max(0.0, self.valuation.demand_mb - self.held_mb)

    def value(self, quantity: float) -> float:
        """θ(held + z) - θ(held), money."""
        return self.valuation.value(self.held_mb + quantity) - self.valuation.value(self.held_mb)

    def marginal(self, quantity: float) -> float:
        """θ'(held + z), price per MB; at demand_mb its limit from the left."""
        if quantity > self.demand_mb:
            return 0.0
        # The two parts of a demand may add up to a hair more than it, where a flat valuation is worth nothing.
        return self.valuation.marginal(max(self.held_mb, min(self.held_mb + quantity, self.valuation.demand_mb)))

    def demand(self, price: float) -> float:
        """What is still wanted at ``price`` per MB, MB."""
        return max(0.0, self.valuation.demand(price) - self.held_mb)
