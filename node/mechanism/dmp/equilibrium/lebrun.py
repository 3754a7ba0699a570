"""Bids of operators with unlike supports: Lebrun's differential equations, shot forward and bisected on the lower end.

Units: every cost is uniform on [d_i, d_i + 1], handicaps ascending from d_1 = 0. The margin of the type that bids b is
p_i = b - ĉ_i(b). Its first-order condition, Σ_{j≠i} h_j = 1/p_i with h_j = ĉ_j'/(d_j + 1 - ĉ_j) the hazard of being
undercut by j, solved for the k operators that are in, is h_i = Σ_k (1/p_k)/(k - 1) - 1/p_i.
"""

from typing import NamedTuple

import numpy as np

from node.mechanism.bisection import turn
from node.mechanism.checks import FloatArray
from node.mechanism.dmp.equilibrium.rosenbrock import Field, Vector, rosenbrock_step

_RELATIVE, _ABSOLUTE = 1e-6, 1e-8
"""Of the error of one step, in margins."""

_RESOLVED, _MISS, _TURNS = 1e-10, 1e-9, 60
"""When the shooting ends: the bracket of the lower end, the miss, and the shots at most."""

_CRASH = 0.01
"""Share of the squared distance to the upper end, of which an equilibrium's margins keep about half or more, that is
taken for a failed shot: followed to the very end, its margins would take ever smaller steps."""

_SMALLEST_STEP = 1e-13
_SAMPLES = 8
"""Points that the cubic of one step is sampled at."""


class Solution(NamedTuple):
    """Inverse bid functions on a grid.

    Attributes
    ----------
    bids
        Shape (m,), ascending from the lowest bid to the highest that may win.
    costs
        Shape (n, m), the cost of each operator's type that bids so; non-decreasing.
    """

    bids: FloatArray
    costs: FloatArray


class _Path(NamedTuple):
    """One shot: where it was, and by how much it missed the upper end, below 0 if the margins gave out before it."""

    bids: Vector
    margins: list[Vector]
    slopes: list[Vector]
    miss: float


def highest_bid(handicaps: FloatArray) -> float:
    """The upper end of the bids that may win, b̄.

    The strongest operator's costliest type bids it. Nobody else of that cost does better, and who costs more bids its
    cost; so it maximises (b - 1)·Π_{i>1} P(C_i > b), whose logarithm is concave: bisection on its slope.
    """
    rivals = handicaps[1:]

    def pays_to_raise(bid: float) -> bool:
        exits = float((1.0 / (1.0 + rivals[rivals < bid] - bid)).sum())
        return (bid - 1.0) * exits < 1.0

    high = turn(pays_to_raise, 1.0, 1.0 + float(rivals[0]))
    # Where the slope jumps over 0, at a rival's lower end, rounding must not decide whether that rival is in.
    nearest = float(rivals[np.abs(rivals - high).argmin()])
    return nearest if abs(nearest - high) < 4.0 * np.finfo(np.float64).eps * high else high


def solve(handicaps: FloatArray, upper: float) -> Solution:
    """The equilibrium of operators that all have types below ``upper``, the highest bid of them; two at least."""
    start = [float(d) for d in handicaps]
    low, high = start[1], upper
    below, above = -((upper - low) ** 2), (upper - start[0]) * (upper - start[1])
    path, last = _shoot(start, 0.5 * (low + high), upper), 0.0
    for _ in range(_TURNS):
        if 0.0 <= path.miss < _MISS:
            break
        stale = 0.5 if path.miss * last > 0.0 else 1.0
        if path.miss < 0.0:
            low, below, above = path.bids[0], path.miss, above * stale
        else:
            high, above, below = path.bids[0], path.miss, below * stale
        if high - low < _RESOLVED:
            break
        last = path.miss
        # False position, in which an end that stays loses half of its weight (Illinois).
        path = _shoot(start, low - below * (high - low) / (above - below), upper)
    return _sampled(np.array(start), path, upper)


def _shoot(start: Vector, lower: float, upper: float) -> _Path:
    """Integrate from ``lower`` until ``upper``, or until the margins of all but one operator have given out."""
    end = [d + 1.0 for d in start]
    path = _Path([], [], [], 0.0)
    b, p, h, inside = lower, [lower - d for d in start], 0.01 * (upper - lower), 2
    while (here := _field(b, p, end, inside)) is not None:
        inside = here.inside
        path.bids.append(b)
        path.margins.append(p)
        path.slopes.append(here.slope)
        if b >= upper:
            return path._replace(miss=p[0] * p[1])
        if p[1] < _CRASH * (upper - b) ** 2:
            break
        step = _step(here, b, p, min(h, upper - b), end)
        if step is None:
            break
        p, h, b = step
        if upper - b < _SMALLEST_STEP:
            b = upper
    return path._replace(miss=-((upper - path.bids[-1]) ** 2))


def _step(here: Field, b: float, p: Vector, h: float, end: Vector) -> tuple[Vector, float, float] | None:
    """Margins after a step within the tolerance, the size to try next, and where it ends."""

    def slope(at: float, margins: Vector) -> Vector | None:
        found = _field(at, margins, end, here.inside)
        return None if found is None else found.slope

    while h > _SMALLEST_STEP:
        step = rosenbrock_step(here, slope, b, p, h)
        if step is None:
            h *= 0.25
            continue
        error = max(abs(e) / (_ABSOLUTE + _RELATIVE * abs(x)) for x, e in zip(*step, strict=True))
        factor = min(5.0, max(0.2, 0.9 * (error + 1e-9) ** (-1.0 / 3.0)))
        if error <= 1.0:
            return step[0], h * factor, b + h
        h *= factor
    return None


def _field(b: float, p: Vector, end: Vector, inside: int) -> Field | None:
    """The margins' p_i' = 1 - (d_i + 1 - ĉ_i)·h_i; None once one that is in has none left.

    Operators are taken in by handicap for as long as that leaves their hazard h_j above 0: who waits has h_j = 0. The
    hazard is 0 at entry too, so entering bends the field but does not break it. The first ``inside`` are in already and
    stay, lest the stiff end of a shot that fails send them to and fro.
    """
    if min(p[:inside]) <= 0.0:
        return None
    total, k = sum(1.0 / x for x in p[:inside]), inside
    while k < len(p) and p[k] > 0.0 and p[k] * total > k - 1.0:
        total += 1.0 / p[k]
        k += 1
    level, share = total / (k - 1.0), 1.0 / (k - 1.0)
    idle = [0.0] * (len(p) - k)
    inverse = [1.0 / x for x in p[:k]]
    rest = [max(0.0, e - b + x) for e, x in zip(end[:k], p, strict=False)]
    hazard = [level - a for a in inverse]
    return Field(
        inside=k,
        slope=[1.0 - s * h for s, h in zip(rest, hazard, strict=True)] + [1.0 for _ in idle],
        drift=hazard + idle,
        drag=[h + s * a * a for s, h, a in zip(rest, hazard, inverse, strict=True)] + idle,
        u=[s * share for s in rest] + idle,
        v=[a * a for a in inverse] + idle,
    )


def _sampled(start: FloatArray, path: _Path, upper: float) -> Solution:
    """The path on a finer grid, by cubics, with its limits at the upper end."""
    b, p, slope = np.array(path.bids), np.array(path.margins), np.array(path.slopes)
    x = (np.arange(_SAMPLES) / _SAMPLES)[:, None]
    width, rise = np.diff(b)[:, None, None], np.diff(p, axis=0)[:, None]
    begin, finish = slope[:-1, None] * width - rise, rise - slope[1:, None] * width
    fine = p[:-1, None] + x * rise + x * (1.0 - x) * ((1.0 - x) * begin + x * finish)
    bids = np.append((b[:-1, None, None] + width * x).ravel(), upper)
    costs = bids[:-1] - fine.reshape(-1, start.size).T
    limits = np.minimum(upper, start + 1.0)
    costs = np.maximum.accumulate(np.clip(costs, start[:, None], limits[:, None]), axis=1)
    return Solution(bids, np.column_stack([costs, limits]))
