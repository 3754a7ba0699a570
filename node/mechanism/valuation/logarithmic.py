import math
from dataclasses import dataclass, field

from node.mechanism.checks import positive


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """θ(z) = a · ln(1 + z/b) up to demand_mb, given by its marginal valuations at both ends.

    With θ'(z) = choke_price / (1 + z/b), b follows from θ'(demand_mb) = price_at_demand, and a = choke_price · b.

    Attributes
    ----------
    demand_mb
        Where it is satisfied, MB; θ' drops to 0 past it.
    choke_price
        The price per MB at which it wants nothing, θ'(0).
    price_at_demand
        The price per MB up to which it wants all of demand_mb; below choke_price.

    Raises
    ------
    ValueError
        If a field is not finite and above 0, or price_at_demand is not below choke_price.

    Examples
    --------
    >>> theta = Logarithmic(demand_mb=30, choke_price=8, price_at_demand=2)
    >>> theta.marginal(0), theta.marginal(10), theta.marginal(30), theta.demand(4), theta.demand(1)
    (8.0, 4.0, 2.0, 10.0, 30)
    """

    demand_mb: float
    choke_price: float
    price_at_demand: float
    _half_life: float = field(init=False, repr=False, compare=False)  # b: θ' has halved after that many MB

    def __post_init__(self) -> None:
        positive("demand_mb", self.demand_mb)
        positive("price_at_demand", self.price_at_demand)
        if not self.price_at_demand < positive("choke_price", self.choke_price):
            raise ValueError(f"price_at_demand must be below choke_price, got {self.price_at_demand!r}")
        half_life = self.demand_mb * (self.price_at_demand / (self.choke_price - self.price_at_demand))
        object.__setattr__(self, "_half_life", positive("price_at_demand / choke_price", half_life))

    def value(self, quantity: float) -> float:
        """θ(z), money."""
        return self.choke_price * self._half_life * math.log1p(min(quantity, self.demand_mb) / self._half_life)

    def marginal(self, quantity: float) -> float:
        """θ'(z), price per MB; at demand_mb its limit from the left."""
        return self.choke_price / (1.0 + quantity / self._half_life) if quantity <= self.demand_mb else 0.0

    def demand(self, price: float) -> float:
        """The inverse of θ', MB."""
        if price <= self.price_at_demand:
            return self.demand_mb
        return min(self.demand_mb, self._half_life * max(0.0, self.choke_price / price - 1.0))
