from dataclasses import dataclass

from node.mechanism.checks import positive
from node.mechanism.valuation.protocol import Valuation


@dataclass(frozen=True, slots=True)
class Scaled:
    """Every MB is worth ``factor`` times as much; the demand stays.

    Raises
    ------
    ValueError
        If factor is not finite and above 0.

    Examples
    --------
    >>> from node.mechanism.valuation import Parabolic
    >>> twice = Scaled(Parabolic(demand_mb=100, choke_price=20), factor=2)
    >>> twice.demand_mb, twice.value(100), twice.marginal(50), twice.demand(10)
    (100, 2000.0, 20.0, 75.0)
    """

    valuation: Valuation
    factor: float

    def __post_init__(self) -> None:
        positive("factor", self.factor)

    @property
    def demand_mb(self) -> float:
        """The most it ever wants, MB."""
        return self.valuation.demand_mb

    def value(self, quantity: float) -> float:
        """The worth of ``quantity`` MB in all, money."""
        return self.factor * self.valuation.value(quantity)

    def marginal(self, quantity: float) -> float:
        """The worth of the next MB, price per MB."""
        return self.factor * self.valuation.marginal(quantity)

    def demand(self, price: float) -> float:
        """MB wanted at ``price`` per MB; nothing at or above θ'(0), whatever the division rounds to."""
        return self.valuation.demand(price / self.factor) if price < self.marginal(0.0) else 0.0
