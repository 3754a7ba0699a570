"""The efficient allocation on a market graph: a concave network flow, solved by linear programs that grow finer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from node.mechanism.bisection import turn
from node.mechanism.checks import FloatArray, IntArray, non_negative_array
from node.mechanism.valuation import Valuation
from node.mechanism.welfare.flow import Chords, Edges, linear_flow
from node.mechanism.welfare.measures import welfare

_PIECES = 8
# Closer points than this, relative to the demand, are one.
_SPACING = 1e-13


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best that the market graph allows.

    Attributes
    ----------
    welfare
        Of ``quantity``, money: it can be reached.
    bound
        Money that no feasible allocation exceeds, proved by the sellers' prices (weak duality).
    quantity
        Shape (e,), MB along each edge.
    price
        Shape (m,), the sellers' prices that prove ``bound``, per MB; all 0 where nothing can be traded.
    """

    welfare: float
    bound: float
    quantity: FloatArray
    price: FloatArray


@dataclass(frozen=True, slots=True)
class _Market:
    valuations: Sequence[Valuation]
    supply: FloatArray
    buyer: IntArray
    seller: IntArray
    choke_price: float

    def totals(self, quantity: FloatArray) -> FloatArray:
        """What each buyer gets along its edges, shape (n,), MB."""
        return np.bincount(self.buyer, weights=quantity, minlength=len(self.valuations)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Support:
    """What the sellers' prices prove: at them no buyer can be better off than by ``wanted``.

    Attributes
    ----------
    price
        Shape (n,), the lowest that a buyer sees, per MB.
    wanted
        Shape (n,), what it wants at that, MB.
    surplus
        Shape (n,), the worth of that less its price, money.
    bound
        Money: all surpluses and the price of the whole supply.
    """

    price: FloatArray
    wanted: FloatArray
    surplus: FloatArray
    bound: float


def optimum(
    valuations: Sequence[Valuation],
    supply: Any,  # noqa: ANN401 - whatever numpy takes for an array
    edges: Edges,
    *,
    tolerance: float = 1e-9,
    rounds: int = 40,
) -> Optimum:
    """The maximum of Σ θ_i(Σ_j x_ij) subject to Σ_i x_ij ≤ supply_j and x ≥ 0 along the edges.

    Budgets are no part of it: it is what the good could be worth in all, whoever can pay. See ``liquid`` for those.

    Each linear program replaces the valuations by chords, so its allocation is feasible and its sellers' prices bound
    the optimum; chords are cut finer only for buyers who lose by them. Valuations that are flat come out exact. The
    first chords end at what each buyer wants at the price at which all demand meets all supply: where the edges can
    bring that, as in most markets with large pools, it is the optimum, and this price proves it.

    Parameters
    ----------
    valuations
        One per buyer, n in all.
    supply
        Shape (m,), MB.
    edges
        Who can trade with whom.
    tolerance
        The gap between welfare and bound, relative to the bound, at which to stop.
    rounds
        Linear programs to solve at most; 1, or 4 to 8, are usual. The result shows whatever gap is left.

    Raises
    ------
    ValueError
        If the supply is not an array of finite quantities, or an edge names a buyer or seller that does not exist.
    ModuleNotFoundError
        If scipy, an optional dependency, is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from node.mechanism.valuation import Parabolic
    >>> buyers = [Parabolic(demand_mb=100, choke_price=10), Parabolic(demand_mb=100, choke_price=20)]
    >>> best = optimum(buyers, [90], (np.array([0, 1]), np.array([0, 0])))
    >>> best.quantity.round(2).tolist(), round(best.welfare, 2), best.bound >= best.welfare
    ([26.67, 63.33], 1096.67, True)
    """
    market = _market(valuations, supply, edges)
    price = np.full(market.supply.size, _clearing_price(market))
    support = _support(market, price)
    grids = _first_grids(market, support.wanted)
    if not market.buyer.size or not any(grid[-1] for grid in grids):
        return Optimum(0.0, 0.0, np.zeros(market.buyer.size), np.zeros(market.supply.size))
    best = Optimum(0.0, support.bound, np.zeros(market.buyer.size), price)
    for _ in range(rounds):
        quantity, seller_price = linear_flow(
            (market.buyer, market.seller), market.supply, _chords(valuations, grids), len(valuations)
        )
        amount = market.totals(quantity)
        support = _support(market, seller_price)
        reached = welfare(valuations, amount)
        if reached >= best.welfare:
            best = replace(best, welfare=reached, quantity=quantity)
        if support.bound < best.bound:
            best = replace(best, bound=support.bound, price=seller_price)
        best = replace(best, bound=max(best.welfare, best.bound))
        if best.bound - best.welfare <= tolerance * best.bound:
            break
        negligible = 0.5 * tolerance * best.bound / len(valuations)
        grids = _finer(market, grids, amount, support, negligible)
    return best


def _market(valuations: Sequence[Valuation], supply: Any, edges: Edges) -> _Market:  # noqa: ANN401
    supply = non_negative_array("supply", supply)
    buyer, seller = (np.asarray(side, dtype=np.intp) for side in edges)
    if buyer.ndim != 1 or buyer.shape != seller.shape:
        raise ValueError(f"edges must be two arrays of shape (e,), got {buyer.shape} and {seller.shape}")
    for name, side, count in (("buyer", buyer, len(valuations)), ("seller", seller, supply.size)):
        if side.size and not 0 <= side.min() <= side.max() < count:
            raise ValueError(f"edges must name each {name} by an index below {count}")
    choke_price = max((theta.marginal(0.0) for theta in valuations), default=0.0)
    return _Market(valuations, supply, buyer, seller, choke_price)


def _clearing_price(market: _Market) -> float:
    """The price at which all demand meets all supply, per MB; 0 where that is more than anybody wants."""

    def is_short(price: float) -> bool:
        return math.fsum([demand(price) for demand in demands]) > supply

    demands, supply = [theta.demand for theta in market.valuations], float(market.supply.sum())
    return turn(is_short, 0.0, market.choke_price) if is_short(0.0) else 0.0


def _first_grids(market: _Market, wanted: FloatArray) -> list[FloatArray]:
    """Nothing, what a buyer wants, and the most that it may get; only 0 for one who gets nothing."""
    reach = market.totals(market.supply[market.seller])
    # Twice its sellers' supply, so that the supply limits a buyer and not the grid, and the prices can tell.
    most = [min(theta.demand_mb, 2.0 * float(limit)) for theta, limit in zip(market.valuations, reach, strict=True)]
    return [np.array(sorted({0.0, min(amount, end), end})) for amount, end in zip(wanted.tolist(), most, strict=True)]


def _support(market: _Market, seller_price: FloatArray) -> _Support:
    price = np.full(len(market.valuations), market.choke_price)
    np.minimum.at(price, market.buyer, seller_price[market.seller])
    pairs = list(zip(market.valuations, price.tolist(), strict=True))
    wanted = np.array([theta.demand(asked) for theta, asked in pairs])
    worth = np.array([theta.value(amount) for theta, amount in zip(market.valuations, wanted.tolist(), strict=True)])
    surplus = worth - price * wanted
    return _Support(price, wanted, surplus, float(seller_price @ market.supply + surplus.sum()))


def _finer(
    market: _Market, grids: Sequence[FloatArray], amount: FloatArray, support: _Support, negligible: float
) -> list[FloatArray]:
    """The grids, finer around what a buyer gets and what it wants where the two differ in worth."""
    finer = []
    for buyer, (theta, grid) in enumerate(zip(market.valuations, grids, strict=True)):
        got, wanted = min(float(amount[buyer]), theta.demand_mb), float(support.wanted[buyer])
        loss = support.surplus[buyer] - (theta.value(got) - support.price[buyer] * got)
        finer.append(_refined(grid, got, wanted) if loss > negligible else grid)
    return finer


def _refined(grid: FloatArray, *around: float) -> FloatArray:
    points = [grid, np.array(around)]
    for amount in around:
        below = max(int(grid.searchsorted(amount)) - 1, 0)
        above = min(int(grid.searchsorted(amount, side="right")), grid.size - 1)
        points.append(np.linspace(grid[below], grid[above], _PIECES + 1))
    merged = np.unique(np.concatenate(points))
    distinct: FloatArray = merged[np.diff(merged, prepend=-math.inf) > _SPACING * merged[-1]]
    return distinct


def _chords(valuations: Sequence[Valuation], grids: Sequence[FloatArray]) -> Chords:
    owner = np.repeat(np.arange(len(grids)), [grid.size - 1 for grid in grids])
    width = np.concatenate([np.diff(grid) for grid in grids])
    worth = [np.diff([theta.value(z) for z in grid.tolist()]) for theta, grid in zip(valuations, grids, strict=True)]
    return Chords(owner, width, np.concatenate(worth) / width)
