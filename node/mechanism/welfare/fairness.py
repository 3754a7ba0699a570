"""How evenly a good is shared out, and whether anybody would rather have what another has."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.valuation import Valuation


def jain_index(shares: FloatArray) -> float:
    """(Σx)² / (n·Σx²): 1 where all have the same, 1/n where one has all (Jain, Chiu & Hawe, 1984).

    Parameters
    ----------
    shares
        Shape (n,), at least 0. Where all are 0, all have the same.

    Examples
    --------
    >>> jain_index(np.array([0.5, 0.5])), jain_index(np.array([1.0, 0.0, 0.0, 0.0]))
    (1.0, 0.25)
    """
    largest = float(shares.max(initial=0.0))
    if not largest > 0.0:
        return 1.0
    scaled = np.ldexp(shares, -math.frexp(largest)[1])  # exact, and the squares of the smallest are more than 0
    return float(scaled.sum()) ** 2 / (shares.size * float(scaled @ scaled))


def envies(
    valuations: Sequence[Valuation], budgets: Sequence[float], amounts: FloatArray, charges: FloatArray
) -> FloatArray:
    """By how much each buyer would rather have what another has, for what that one pays: shape (n,), money.

    What it cannot pay for it does not envy. Whether it could reach the other's sellers plays no part.

    Parameters
    ----------
    valuations, budgets
        One per buyer; money, may be infinite.
    amounts, charges
        Shape (n,), what each has, MB, and pays for it, money.

    Examples
    --------
    >>> from node.mechanism.valuation import Flat
    >>> envies([Flat(50, 3), Flat(50, 2)], [np.inf, np.inf], np.array([10.0, 40.0]), np.array([5.0, 20.0])).tolist()
    [75.0, 0.0]
    """
    bundles = [*_undominated(amounts, charges)]
    found = np.zeros(amounts.size)
    for i, (theta, budget) in enumerate(zip(valuations, budgets, strict=True)):
        own = theta.value(float(amounts[i])) - float(charges[i])
        best = max((theta.value(amount) - charge for amount, charge in bundles if charge <= budget), default=own)
        found[i] = max(0.0, best - own)
    return found


def _undominated(amounts: FloatArray, charges: FloatArray) -> Iterator[tuple[float, float]]:
    """What buyers have, the largest first, without what costs no less than something as large: nobody prefers that."""
    cheapest = np.inf
    for k in np.lexsort((charges, -amounts)).tolist():
        if charges[k] < cheapest:
            cheapest = float(charges[k])
            yield float(amounts[k]), cheapest
