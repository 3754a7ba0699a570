from typing import Any

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.checks import rivals, within
from node.mechanism.dmp.equilibrium.distribution import UNIT, Distribution
from node.mechanism.dmp.equilibrium.excess import mean_excess
from node.mechanism.dmp.equilibrium.pseudo_type import alone


def first_price_bid(
    cost: Any,  # noqa: ANN401 - whatever numpy takes for an array
    bidders: int,
    distribution: Distribution = UNIT,
) -> FloatArray:
    """The equilibrium bid b*(c) = E[C_(1:N-1) | C_(1:N-1) > c] at w = 1 (Proposition 2).

    Equal to c + ∫_c^high S^(N-1) ds / S(c)^(N-1), and to c + (high - c)/N for uniform costs. At w < 1 it ignores the
    reputation and is no equilibrium.

    Parameters
    ----------
    cost
        c, money per call, in the support of ``distribution``, any shape.
    bidders
        N, at least 2.
    distribution
        Of everybody's costs.

    Returns
    -------
    FloatArray
        Money per call, the shape of ``cost``; at the upper end of the support its limit, the cost itself.

    Raises
    ------
    ValueError
        If a cost is outside of the support, or ``bidders`` is not an integer of at least 1.
    NoEquilibriumError
        If ``bidders`` is 1: alone, every higher bid is better.

    Examples
    --------
    >>> first_price_bid([0.2548, 0.2728, 0.4084], bidders=3).round(4).tolist()  # Table I
    [0.5032, 0.5152, 0.6056]
    """
    n = rivals(bidders)
    costs = within("cost", cost, distribution.low, distribution.high)
    return costs + mean_excess(alone(distribution), n)(costs)
