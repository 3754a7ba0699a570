"""A bound on the welfare of markets that are too large for a linear program."""

import numpy as np

from node.mechanism.checks import FloatArray
from node.rounds.steps import Buyers

_PATIENCE = 3
"""Steps without a better bound before they shorten."""

_HALVINGS = 12
"""Of the range in which the level of prices lies, before the steps."""


def dual_bound(buyers: Buyers, supply: FloatArray, price: FloatArray, reached: float, steps: int = 40) -> float:
    """Money that no allocation exceeds, by weak duality, from sellers' prices that subgradient steps improve.

    Whatever the prices λ ≥ 0, no allocation is worth more than Σ_j λ_j D_j + Σ_i max_z (θ_i(z) - z · min_j λ_j), with j
    among the sellers of buyer i. Steps are Polyak's, towards a welfare that is known to be within reach.

    Parameters
    ----------
    supply, price
        Shape (m,), MB and the prices to begin with, per MB; sellers that fill up short pools have no supply.
    reached
        Welfare of some allocation, money.
    steps
        Improvements to try.
    """
    best, length, worse = np.inf, 1.0, 0
    best_price = price = _levelled(buyers, supply, price)
    for _ in range(steps + 1):
        bound, excess = _dual(buyers, supply, price)
        worse = 0 if bound < best else worse + 1
        if bound < best:
            best, best_price = bound, price
        if worse >= _PATIENCE:
            price, length, worse = best_price, 0.5 * length, 0
            bound, excess = _dual(buyers, supply, price)
        slope = float(excess @ excess)
        if slope <= 0.0 or best <= reached:
            break
        price = np.maximum(price + length * (bound - reached) / slope * excess, 0.0)
    return max(float(best), reached)


def _levelled(buyers: Buyers, supply: FloatArray, price: FloatArray) -> FloatArray:
    """The prices, all shifted alike so that they just clear the whole market: the bound is convex in the shift."""
    low, high = -float(price.max(initial=0.0)), float(buyers.choke_price.max(initial=0.0))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        _, excess = _dual(buyers, supply, np.maximum(price + middle, 0.0))
        low, high = (middle, high) if excess.sum() > 0.0 else (low, middle)
    levelled: FloatArray = np.maximum(price + high, 0.0)
    return levelled


def _dual(buyers: Buyers, supply: FloatArray, price: FloatArray) -> tuple[float, FloatArray]:
    """The bound that the prices prove, and the excess demand at them, shape (m,), MB: its descent direction."""
    seen = np.where(supply[buyers.seller] > 0.0, price[buyers.seller], np.inf)
    cheapest = seen.argmin(axis=1)
    row = np.arange(cheapest.size)
    paid = np.minimum(seen[row, cheapest], buyers.choke_price)
    wanted = buyers.demand_mb * (1.0 - paid / buyers.choke_price)
    surplus = 0.5 * (buyers.choke_price - paid) * wanted
    asked = np.bincount(buyers.seller[row, cheapest], weights=wanted, minlength=supply.size)
    return float(price @ supply + surplus.sum()), asked - supply
