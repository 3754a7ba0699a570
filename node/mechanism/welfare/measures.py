import math
from collections.abc import Iterable, Sequence

from node.mechanism.checks import non_negative, positive
from node.mechanism.valuation import Valuation


def welfare(valuations: Sequence[Valuation], allocations: Iterable[float]) -> float:
    """Social welfare: what the buyers' allocations are worth to them, money; payments cancel out.

    Parameters
    ----------
    valuations
        One per buyer.
    allocations
        What each gets from all sellers together, shape (n,), MB.

    Raises
    ------
    ValueError
        If there are more of one than of the other.

    Examples
    --------
    >>> from node.mechanism.valuation import Flat
    >>> welfare([Flat(50, 1), Flat(40, 1.5)], [50, 20])
    80.0
    """
    return math.fsum(theta.value(float(amount)) for theta, amount in zip(valuations, allocations, strict=True))


def efficiency(welfare: float, optimum: float) -> float:
    """Welfare as a share of its optimum; 1 where there is nothing to gain.

    Examples
    --------
    >>> efficiency(80, 100), efficiency(0, 0)
    (0.8, 1.0)
    """
    return welfare / optimum if optimum else 1.0


def welfare_loss_bound(allocations: Iterable[float], supply: float, epsilon: float, curvature: float) -> float | None:
    """4Q√(εκ), the welfare that an ε-Nash equilibrium may lose at most (Lazar & Semret, Proposition 3), money.

    Parameters
    ----------
    allocations
        What the buyers get, shape (n,), MB.
    supply
        Q, MB.
    epsilon
        ε of the equilibrium, money.
    curvature
        κ, by how much θ' falls per MB at most, over all buyers; choke_price/demand_mb of a parabolic valuation.

    Returns
    -------
    float or None
        None where the proposition says nothing: unless the smallest allocation that is not 0 exceeds √(ε/κ).

    Raises
    ------
    ValueError
        If supply or epsilon is not finite and at least 0, or curvature not above 0.

    Examples
    --------
    >>> welfare_loss_bound([30, 0, 70], supply=100, epsilon=0.04, curvature=0.25)
    40.0
    >>> welfare_loss_bound([0.1, 99.9], supply=100, epsilon=0.04, curvature=0.25) is None
    True
    """
    supply, epsilon = non_negative("supply", supply), non_negative("epsilon", epsilon)
    curvature = positive("curvature", curvature)
    smallest = min((amount for amount in allocations if amount > 0.0), default=0.0)
    if not smallest > math.sqrt(epsilon / curvature):
        return None
    return 4.0 * supply * math.sqrt(epsilon * curvature)
