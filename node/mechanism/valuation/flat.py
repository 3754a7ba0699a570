from dataclasses import dataclass

from node.mechanism.checks import positive


@dataclass(frozen=True, slots=True)
class Flat:
    """One unit price up to the demand, the valuation of the paper's example (section IV.C).

    It is not elastic in the sense of Def. IV.1: θ' is constant and then drops to 0. At demand_mb itself ``marginal`` is
    still the price, so that a buyer of exactly its demand bids it.

    Attributes
    ----------
    demand_mb
        What it wants at any lower price, MB.
    price
        What each MB of that is worth, price per MB.

    Raises
    ------
    ValueError
        If a field is not finite and above 0.

    Examples
    --------
    >>> theta = Flat(demand_mb=50, price=1.2)
    >>> theta.value(80), theta.marginal(50), theta.marginal(51), theta.demand(1.1), theta.demand(1.2)
    (60.0, 1.2, 0.0, 50, 0.0)
    """

    demand_mb: float
    price: float

    def __post_init__(self) -> None:
        positive("demand_mb", self.demand_mb)
        positive("price", self.price)

    def value(self, quantity: float) -> float:
        """θ(z), money."""
        return self.price * min(quantity, self.demand_mb)

    def marginal(self, quantity: float) -> float:
        """θ'(z), price per MB; at demand_mb its limit from the left."""
        return self.price if quantity <= self.demand_mb else 0.0

    def demand(self, price: float) -> float:
        """All of demand_mb below its price, nothing at or above it."""
        return self.demand_mb if price < self.price else 0.0
