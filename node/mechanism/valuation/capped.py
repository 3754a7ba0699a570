from dataclasses import dataclass, field

from node.mechanism.bisection import turn
from node.mechanism.checks import non_negative
from node.mechanism.valuation.protocol import Valuation


@dataclass(frozen=True, slots=True)
class Capped:
    """min(θ, limit): what the good is worth to a user, as far as it could pay for it.

    It is concave as θ is: its marginal valuation is θ' until θ reaches the limit, and 0 from there on.

    Attributes
    ----------
    valuation
        θ, without the limit.
    limit
        The most that it counts for, money: a budget.

    Raises
    ------
    ValueError
        If limit is not finite and at least 0.

    Examples
    --------
    >>> from node.mechanism.valuation import Flat
    >>> theta = Capped(Flat(demand_mb=50, price=2), limit=60)
    >>> theta.demand_mb, theta.value(20), theta.value(40), theta.marginal(20), theta.marginal(40), theta.demand(1)
    (30.0, 40, 60, 2.0, 0.0, 30.0)
    """

    valuation: Valuation
    limit: float
    demand_mb: float = field(init=False, repr=False, compare=False)
    """Where θ reaches the limit, or is satisfied below it, MB."""

    def __post_init__(self) -> None:
        limit = non_negative("limit", self.limit)
        object.__setattr__(self, "demand_mb", _reached(self.valuation, limit))

    def value(self, quantity: float) -> float:
        """min(θ(z), limit), money."""
        return min(self.valuation.value(quantity), self.limit)

    def marginal(self, quantity: float) -> float:
        """θ'(z), price per MB; at demand_mb its limit from the left."""
        return float(self.valuation.marginal(quantity)) if quantity <= self.demand_mb else 0.0

    def demand(self, price: float) -> float:
        """MB wanted at ``price`` per MB."""
        return min(self.valuation.demand(price), self.demand_mb)


def _reached(valuation: Valuation, limit: float) -> float:
    """The least MB of which θ is no less than the limit, by halving down to neighbouring floats; at most the demand."""
    most = valuation.demand_mb if limit else 0.0
    if valuation.value(most) <= limit:
        return most
    return turn(lambda amount: valuation.value(amount) < limit, 0.0, most)
