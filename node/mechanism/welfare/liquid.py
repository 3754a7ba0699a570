"""Liquid welfare: what an allocation is worth, as far as each buyer could pay for it."""

import math
from collections.abc import Iterable, Sequence

from node.mechanism.valuation import Capped, Valuation


def liquid(valuations: Sequence[Valuation], budgets: Iterable[float]) -> list[Valuation]:
    """The valuations, that of each buyer capped at its budget: min(θ_i, b_i).

    What is ``welfare`` of θ is *liquid welfare* of these, Σ min(θ_i(a_i), b_i) (Dobzinski & Paes Leme, ICALP 2014), and
    so with ``optimum``, ``most_gains`` and ``gains_bound``: min(θ_i, b_i) is as concave as θ_i.

    Parameters
    ----------
    budgets
        One per buyer, money; may be infinite.

    Raises
    ------
    ValueError
        If there are more of one than of the other, or a budget is NaN or negative.

    Examples
    --------
    >>> from node.mechanism.valuation import Flat
    >>> from node.mechanism.welfare import welfare
    >>> welfare(liquid([Flat(50, 3), Flat(50, 2)], [60, math.inf]), [40, 10])
    80.0
    """
    return [
        theta if budget == math.inf else Capped(theta, budget)
        for theta, budget in zip(valuations, budgets, strict=True)
    ]
