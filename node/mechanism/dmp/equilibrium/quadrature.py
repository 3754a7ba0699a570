"""Gauss-Legendre quadrature: nodes and weights, nothing adaptive, so that the same question has the same answer."""

from functools import cache

import numpy as np

from node.mechanism.checks import FloatArray


@cache
def gauss_legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [0, 1], each of shape (nodes,), ascending."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * (at + 1.0), 0.5 * weight


@cache
def soft_ended(nodes: int) -> tuple[FloatArray, FloatArray]:
    """The same after x = s³(10 - 15s + 6s²), whose slope vanishes at both ends.

    An integrand with a power singularity at an end, as a beta density below shape 1 has, becomes a smooth one.
    """
    s, weight = gauss_legendre(nodes)
    return s**3 * (10.0 - s * (15.0 - 6.0 * s)), weight * 30.0 * (s * (1.0 - s)) ** 2


def spread(low: FloatArray, high: FloatArray, nodes: FloatArray) -> FloatArray:
    """Nodes carried over to each [low, high], of the shape of low with one axis more."""
    return low[..., None] + (high - low)[..., None] * nodes
