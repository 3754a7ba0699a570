from dataclasses import dataclass

from node.mechanism.checks import positive


@dataclass(frozen=True, slots=True)
class Parabolic:
    """θ'(z) = choke_price · (1 - z/demand_mb): Lazar & Semret's valuation, whose κ is choke_price/demand_mb.

    Attributes
    ----------
    demand_mb
        What it wants when the good is free, MB.
    choke_price
        The price per MB at which it wants nothing, θ'(0).

    Raises
    ------
    ValueError
        If a field is not finite and above 0.

    Examples
    --------
    >>> theta = Parabolic(demand_mb=100, choke_price=20)
    >>> theta.value(100), theta.marginal(50), theta.demand(5)
    (1000.0, 10.0, 75.0)
    """

    demand_mb: float
    choke_price: float

    def __post_init__(self) -> None:
        positive("demand_mb", self.demand_mb)
        positive("choke_price", self.choke_price)

    def value(self, quantity: float) -> float:
        """θ(z), money."""
        quantity = min(quantity, self.demand_mb)
        return self.choke_price * quantity * (1.0 - 0.5 * quantity / self.demand_mb)

    def marginal(self, quantity: float) -> float:
        """θ'(z), price per MB."""
        return self.choke_price * max(0.0, 1.0 - quantity / self.demand_mb)

    def demand(self, price: float) -> float:
        """The inverse of θ', MB."""
        return self.demand_mb * max(0.0, 1.0 - price / self.choke_price)
