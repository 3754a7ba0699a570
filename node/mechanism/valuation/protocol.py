from typing import Protocol


class Valuation(Protocol):
    """A concave valuation θ with θ(0) = 0 and a non-increasing marginal valuation θ' ≥ 0.

    The methods are called in hot loops: they take finite quantities and prices that are not negative, and do not check.
    """

    @property
    def demand_mb(self) -> float:
        """The most it ever wants, MB: θ' is 0 past it."""
        ...

    def value(self, quantity: float) -> float:
        """θ(z): money for ``quantity`` MB in all; what exceeds demand_mb adds nothing."""
        ...

    def marginal(self, quantity: float) -> float:
        """θ'(z): price per MB that a bidder of ``quantity`` MB in all can justify.

        Where θ' falls at a jump this is its limit from the left, as at demand_mb for a valuation that is still positive
        there: whoever wants exactly its demand bids what the last MB of it is worth.
        """
        ...

    def demand(self, price: float) -> float:
        """sup{z : θ'(z) > price}: MB wanted at ``price`` per MB, 0 where nothing is worth more than that."""
        ...
