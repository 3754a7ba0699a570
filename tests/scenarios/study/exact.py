"""The study without Monte Carlo: integrals over the cheapest bidder's cost and reputation on a fine grid.

Bidder i = (c, r) is the cheapest and wins at price weight w if every rival (c', r') has c' > c and
r - r' < k (c' - c), with k = w s/(1 - w) and s the slope of what stands for the price: (N - 1)/N for b*, and 1 in
equilibrium.
"""

from functools import cache

import numpy as np

from node.mechanism.checks import FloatArray

GRID = 300


def p_win(w: float, bidders: int, slope: float) -> float:
    """P(the cheapest bidder wins at w)."""
    if w == 0.0:
        return 1.0 / bidders
    x = (np.arange(GRID) + 0.5) / GRID
    room, r = 1.0 - x[:, None], x[None, :]  # room: how far above c a rival's cost can lie
    k = w * slope / (1.0 - w)
    rival = np.where(k * room < r, (1.0 - r) * room + 0.5 * k * room**2, room - 0.5 * r**2 / k)
    return bidders * float(np.mean(rival ** (bidders - 1)))


def distribution(bidders: int, slope: float, points: int = 201) -> tuple[FloatArray, FloatArray]:
    """Price weights, and the share of intersections at most as large."""
    w = np.linspace(0.0, 1.0, points)
    lost = np.array([0.0 if at == 1.0 else 1.0 - p_win(float(at), bidders, slope) for at in w])
    return w, 1.0 - lost / (1.0 - 1.0 / bidders)


@cache
def figures(bidders: int, slope: float) -> dict[str, float]:
    """What the Monte Carlo tends to."""
    w, cdf = distribution(bidders, slope)
    mean = float(np.trapezoid(1.0 - cdf, w))
    wins = {name: p_win(at, bidders, slope) for name, at in (("025", 0.25), ("075", 0.75))}
    return {
        "p_intersection": 1.0 - 1.0 / bidders,
        "mean": mean,
        "median": float(np.interp(0.5, cdf, w)),
        "std": float(np.sqrt(2.0 * np.trapezoid(w * (1.0 - cdf), w) - mean**2)),
        "cdf_025": float(np.interp(0.25, w, cdf)),
        "cdf_075": float(np.interp(0.75, w, cdf)),
        **{f"p_win_{name}_{how}": win for name, win in wins.items() for how in ("predicted", "simulated")},
    }
