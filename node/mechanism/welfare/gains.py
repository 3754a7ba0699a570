"""Gains from trade: what an allocation is worth to the buyers, beyond what the sellers would have kept it for."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from node.mechanism.checks import FloatArray, non_negative_array
from node.mechanism.valuation import Flat, Valuation
from node.mechanism.welfare.flow import Edges
from node.mechanism.welfare.optimum import optimum


class Trades(NamedTuple):
    """What buyers and sellers gain by trading, money, and the MB along each edge, shape (e,)."""

    gains: float
    quantity: FloatArray


def best_trades(
    valuations: Sequence[Valuation],
    supply: Any,  # noqa: ANN401 - whatever numpy takes for an array
    reserve: Any,  # noqa: ANN401
    edges: Edges,
) -> Trades:
    """Those that maximise Σ θ_i(Σ_j x_ij) - Σ_j reserve_j·Σ_i x_ij along the edges.

    Each seller counts as one more buyer of its own supply, to whom each MB is worth the reserve price: the welfare of
    all at the ``optimum`` is that maximum and what all supplies are worth to their sellers.

    Parameters
    ----------
    valuations
        One per buyer, n in all.
    supply, reserve
        Shape (m,), MB and price per MB.
    edges
        Who can trade with whom.

    Examples
    --------
    >>> best_trades([Flat(50, 3)], [40, 40], [1, 2], ([0, 0], [0, 1])).quantity.round(6).tolist()
    [40.0, 10.0]
    """
    supply, reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
    keeps = np.flatnonzero((supply > 0.0) & (reserve > 0.0))
    keepers = [Flat(float(supply[j]), float(reserve[j])) for j in keeps]
    buyer = np.concatenate((edges[0], len(valuations) + np.arange(keeps.size)))
    seller = np.concatenate((edges[1], keeps))
    best = optimum([*valuations, *keepers], supply, (buyer, seller))
    return Trades(max(0.0, best.welfare - float(supply @ reserve)), best.quantity[: len(edges[0])])


def most_gains(
    valuations: Sequence[Valuation],
    supply: Any,  # noqa: ANN401
    reserve: Any,  # noqa: ANN401
    edges: Edges,
) -> float:
    """The most gains from trade, money: those of ``best_trades``, whose parameters it has.

    Examples
    --------
    >>> most_gains([Flat(50, 3)], [40, 40], [1, 2], ([0, 0], [0, 1]))
    90.0
    """
    return best_trades(valuations, supply, reserve, edges).gains


def gains_bound(
    valuations: Sequence[Valuation],
    supply: Any,  # noqa: ANN401
    reserve: Any,  # noqa: ANN401
    edges: Edges,
    price: Any,  # noqa: ANN401
) -> float:
    """Money that no gains from trade exceed: what buyers and sellers would gain if each traded at will at these prices.

    A bound for any prices by weak duality, and a close one near those that clear the market. ``price`` has shape (m,),
    per MB; the others are those of ``most_gains``. A price below the reserve counts as the reserve.

    Examples
    --------
    >>> gains_bound([Flat(50, 3)], [40, 40], [1, 2], ([0, 0], [0, 1]), [2, 2])
    90.0
    """
    supply, reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
    price = np.maximum(non_negative_array("price", price), reserve)
    lowest = np.full(len(valuations), np.inf)
    np.minimum.at(lowest, np.asarray(edges[0], dtype=np.intp), price[np.asarray(edges[1], dtype=np.intp)])
    surplus = 0.0
    for theta, asked in zip(valuations, lowest.tolist(), strict=True):
        wanted = theta.demand(asked) if asked < np.inf else 0.0
        surplus += theta.value(wanted) - asked * wanted if wanted > 0.0 else 0.0
    return surplus + float((price - reserve) @ supply)
