import math
from dataclasses import dataclass, field

from node.mechanism.checks import positive


@dataclass(frozen=True, slots=True)
class Isoelastic:
    """Demand of constant elasticity η: one per cent on the price takes η per cent off the quantity.

    θ'(z) = price_at_demand · (z/demand_mb)^(-1/η), but never above choke_price, and 0 past demand_mb. It is flat, thus
    not strictly elastic, up to the knee at which the curve comes down from choke_price.

    Attributes
    ----------
    demand_mb
        Where it is satisfied, MB.
    price_at_demand
        The price per MB up to which it wants all of demand_mb.
    elasticity
        η, a number above 0.
    choke_price
        The price per MB at which it wants nothing, θ'(0); at least price_at_demand.

    Raises
    ------
    ValueError
        If a field is not finite and above 0, choke_price is below price_at_demand, or η is so large that the knee is
        too close to 0 for a float.

    Examples
    --------
    >>> theta = Isoelastic(demand_mb=40, price_at_demand=2, elasticity=1, choke_price=16)
    >>> theta.marginal(5), theta.marginal(10), theta.marginal(40), theta.demand(4), theta.demand(1)
    (16, 8.0, 2.0, 20.0, 40)
    >>> round(theta.value(40), 4)  # 5 MB at 16, then 80 · ln(40/5)
    246.3553
    """

    demand_mb: float
    price_at_demand: float
    elasticity: float
    choke_price: float
    _knee: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        positive("demand_mb", self.demand_mb)
        positive("elasticity", self.elasticity)
        positive("choke_price", self.choke_price)
        if not positive("price_at_demand", self.price_at_demand) <= self.choke_price:
            raise ValueError(f"choke_price must be at least price_at_demand, got {self.choke_price!r}")
        knee = self.demand_mb * math.pow(self.price_at_demand / self.choke_price, self.elasticity)
        if not knee:
            raise ValueError(f"elasticity must leave a quantity wanted at choke_price, got {self.elasticity!r}")
        object.__setattr__(self, "_knee", knee)

    def value(self, quantity: float) -> float:
        """θ(z), money: choke_price up to the knee, then the integral of the power."""
        if quantity <= self._knee:
            return self.choke_price * quantity
        past = math.log(min(quantity, self.demand_mb) / self._knee)
        power = (1.0 - 1.0 / self.elasticity) * past
        # (e^power - 1) / power without the loss of digits near η = 1, where it tends to 1 and θ to a logarithm.
        growth = math.expm1(power) / power if power else 1.0
        return self.choke_price * self._knee * (1.0 + past * growth)

    def marginal(self, quantity: float) -> float:
        """θ'(z), price per MB; at demand_mb its limit from the left."""
        if quantity <= self._knee:
            return self.choke_price
        if quantity > self.demand_mb:
            return 0.0
        return min(self.choke_price, self.price_at_demand * math.pow(quantity / self.demand_mb, -1.0 / self.elasticity))

    def demand(self, price: float) -> float:
        """The inverse of θ', MB; nothing at or above choke_price."""
        if price <= self.price_at_demand:
            return self.demand_mb if price < self.choke_price else 0.0
        if price >= self.choke_price:
            return 0.0
        return max(self._knee, self.demand_mb * math.pow(self.price_at_demand / price, self.elasticity))
