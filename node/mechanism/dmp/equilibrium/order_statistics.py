import math
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.checks import count, within


def order_statistic_cdf(cdf_values: Any, i: int, n: int) -> FloatArray:  # noqa: ANN401 - whatever numpy takes
    """The distribution of the i-th smallest of n independent draws (eq. 1).

    Parameters
    ----------
    cdf_values
        F at the points asked for, in [0, 1], any shape.
    i, n
        The rank, counted from 1, and the number of draws.

    Returns
    -------
    FloatArray
        P(X_(i:n) <= x), the shape of ``cdf_values``.

    Raises
    ------
    ValueError
        If a value is outside of [0, 1], or not 1 <= i <= n.

    Examples
    --------
    >>> float(order_statistic_cdf(0.5, 1, 3)), float(order_statistic_cdf(0.5, 2, 3))
    (0.875, 0.5)
    """
    i, n = _rank(i, n)
    below = within("cdf_values", cdf_values, 0.0, 1.0)
    total = np.zeros_like(below)
    for k in range(i, n + 1):
        total = total + math.comb(n, k) * below**k * (1.0 - below) ** (n - k)
    return np.minimum(total, 1.0)  # a sum of rounded terms may exceed 1 by a hair


def order_statistic_density(
    cdf_values: Any,  # noqa: ANN401 - whatever numpy takes for an array
    density_values: Any,  # noqa: ANN401
    i: int,
    n: int,
) -> FloatArray:
    """The density of the i-th smallest of n independent draws, the derivative of eq. 1.

    Parameters
    ----------
    cdf_values, density_values
        F in [0, 1] and f, at least 0, at the points asked for; shapes that broadcast.
    i, n
        The rank, counted from 1, and the number of draws.

    Raises
    ------
    ValueError
        If a value is out of range, or not 1 <= i <= n.

    Examples
    --------
    >>> float(order_statistic_density(0.5, 1.0, 2, 3))
    1.5
    """
    i, n = _rank(i, n)
    below = within("cdf_values", cdf_values, 0.0, 1.0)
    density = within("density_values", density_values, 0.0, math.inf)
    ways = n * math.comb(n - 1, i - 1)  # n! / ((n - i)! (i - 1)!)
    return np.asarray(ways * density * below ** (i - 1) * (1.0 - below) ** (n - i))


def _rank(i: int, n: int) -> tuple[int, int]:
    """A rank and the number of draws it is among."""
    n, i = count("n", n, 1), count("i", i, 1)
    if i > n:
        raise ValueError(f"i must be at most n = {n}, got {i}")
    return i, n
