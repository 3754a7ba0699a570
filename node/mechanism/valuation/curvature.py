import math
from itertools import pairwise

from node.mechanism.valuation.parabolic import Parabolic
from node.mechanism.valuation.piecewise import PiecewiseLinear
from node.mechanism.valuation.protocol import Valuation
from node.mechanism.valuation.scaled import Scaled


def curvature(valuation: Valuation) -> float:
    """κ: by how much θ' falls per MB at most, price per MB²; infinite where it jumps.

    Flat, logarithmic and isoelastic valuations jump to 0 at their demand. A valuation of another kind counts as one
    that jumps, since nobody knows.

    Examples
    --------
    >>> from node.mechanism.valuation import Flat, Parabolic
    >>> curvature(Parabolic(demand_mb=100, choke_price=20)), curvature(Flat(demand_mb=50, price=1))
    (0.2, inf)
    """
    match valuation:
        case Parabolic():
            return valuation.choke_price / valuation.demand_mb
        case PiecewiseLinear() if not valuation.knots[-1][1]:
            return max((high - low) / (end - begin) for (begin, high), (end, low) in pairwise(valuation.knots))
        case Scaled():
            return valuation.factor * curvature(valuation.valuation)
    return math.inf
