"""RODAS3 (Sandu et al. 1997): a Rosenbrock step of order 3(2), L-stable, for the stiff end of Lebrun's equations.

Python's own floats are used instead of arrays: there are two to six equations, for which numpy is the slower.
"""

from collections.abc import Callable
from typing import NamedTuple

Vector = list[float]


class Field(NamedTuple):
    """A vector field y'(b) at one point, with its Jacobian in the form u·vᵀ - diag(drag).

    Attributes
    ----------
    inside
        How many operators bid.
    slope
        y'.
    drift
        ∂y'/∂b.
    drag, u, v
        Of the Jacobian ∂y'/∂y.
    """

    inside: int
    slope: Vector
    drift: Vector
    drag: Vector
    u: Vector
    v: Vector


Slope = Callable[[float, Vector], Vector | None]
"""y' at (b, y), or None where it is not defined."""


def rosenbrock_step(at: Field, slope: Slope, b: float, y: Vector, h: float) -> tuple[Vector, Vector] | None:
    """One step of size h: the new y and an estimate of its error; None if it leaves the domain of the field."""
    lever = [1.0 / (2.0 / h + drag) for drag in at.drag]
    gain = 1.0 - sum(v * d * u for v, d, u in zip(at.v, lever, at.u, strict=True))
    if gain <= 0.0:
        return None  # past the step at which the growing mode is resolved

    def solved(right: Vector) -> Vector:
        """(2/h - J)⁻¹ right, by Sherman and Morrison's formula."""
        direct = [d * r for d, r in zip(lever, right, strict=True)]
        along = sum(v * r for v, r in zip(at.v, direct, strict=True)) / gain
        return [r + d * u * along for r, d, u in zip(direct, lever, at.u, strict=True)]

    k1 = solved([f + 0.5 * h * t for f, t in zip(at.slope, at.drift, strict=True)])
    k2 = solved([f + 4.0 / h * a + 1.5 * h * t for f, a, t in zip(at.slope, k1, at.drift, strict=True)])
    third = slope(b + h, [x + 2.0 * a for x, a in zip(y, k1, strict=True)])
    if third is None:
        return None
    k3 = solved([f + (a - c) / h for f, a, c in zip(third, k1, k2, strict=True)])
    last = [x + 2.0 * a + c for x, a, c in zip(y, k1, k3, strict=True)]
    fourth = slope(b + h, last)
    if fourth is None:
        return None
    k4 = solved([f + (a - c - 8.0 / 3.0 * e) / h for f, a, c, e in zip(fourth, k1, k2, k3, strict=True)])
    return [x + e for x, e in zip(last, k4, strict=True)], k4
