"""The linear program beneath the optimum: a flow from sellers to buyers whose valuations are chords."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray

Edges = tuple[IntArray, IntArray]
"""Who can trade with whom: buyers and sellers by index, both of shape (e,)."""


@dataclass(frozen=True, slots=True)
class Chords:
    """Piecewise linear valuations: straight pieces in order, those of a buyer with non-increasing slopes.

    Attributes
    ----------
    owner
        Shape (k,), the buyer by index.
    width
        Shape (k,), positive, MB.
    slope
        Shape (k,), price per MB.
    """

    owner: IntArray
    width: FloatArray
    slope: FloatArray


def linear_flow(edges: Edges, supply: FloatArray, chords: Chords, buyers: int) -> tuple[FloatArray, FloatArray]:
    """An optimal flow along the edges, shape (e,), MB, and the sellers' prices that support it, shape (m,), per MB.

    Raises
    ------
    ModuleNotFoundError
        If scipy, an optional dependency, is not installed.
    ArithmeticError
        If the solver gives up.
    """
    try:
        from scipy.optimize import linprog  # noqa: PLC0415 - an optional dependency
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("the optimum needs scipy: pip install 'bidswarm[launcher]'", name="scipy") from error
    buyer, seller = edges
    # The solver's tolerances are absolute, so it is given quantities and prices around 1.
    unit, price_unit = float(np.bincount(chords.owner, weights=chords.width).max()), float(chords.slope.max())
    most = np.concatenate([np.full(buyer.size, np.inf), chords.width / unit])
    result = linprog(
        np.concatenate([np.zeros(buyer.size), -chords.slope / price_unit]),
        A_ub=_balance(edges, chords, buyers, supply.size),
        b_ub=np.concatenate([np.zeros(buyers), np.minimum(supply, buyers * unit) / unit]),
        bounds=[(0.0, limit) for limit in most.tolist()],
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if result.x is None:
        raise ArithmeticError(f"the linear program was not solved: {result.message}")
    quantity = np.maximum(result.x[: buyer.size], 0.0) * unit
    seller_price = np.maximum(-result.ineqlin.marginals[buyers:], 0.0) * price_unit
    return _within(supply, seller, quantity), seller_price


def _balance(edges: Edges, chords: Chords, buyers: int, sellers: int) -> Any:  # noqa: ANN401 - scipy's stubs omit it
    """The rows of the program: a buyer's chords take no more than its edges bring, its edges what sellers have."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - an optional dependency

    buyer, seller = edges
    edge, chord = np.arange(buyer.size), buyer.size + np.arange(chords.owner.size)
    row = np.concatenate([buyer, chords.owner, buyers + seller])
    column = np.concatenate([edge, chord, edge])
    sign = np.concatenate([np.full(edge.size, -1.0), np.ones(chord.size + edge.size)])
    return csr_array((sign, (row, column)), shape=(buyers + sellers, edge.size + chord.size))


def _within(supply: FloatArray, seller: IntArray, quantity: FloatArray) -> FloatArray:
    """The quantities without the hair by which a solver may oversell."""
    sold = np.bincount(seller, weights=quantity, minlength=supply.size)
    share = np.divide(supply, sold, out=np.ones_like(sold), where=sold > supply)
    return quantity * share[seller]
