"""The procurement first-price sealed-bid auction with compound bids (paper, section III.B)."""

import math
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.checks import fraction, within


def compound_bid(price: Any, reputation: Any, w: float) -> FloatArray:  # noqa: ANN401 - whatever numpy takes
    """β = w·b + (1 - w)·r, by which bids are compared (eq. 5).

    Parameters
    ----------
    price
        b, money per call, at least 0, any shape; NaN where there is no offer, which stays NaN.
    reputation
        r in [0, 1], lower is better; a shape that broadcasts with ``price``.
    w
        The buyer's price weight, in [0, 1].

    Raises
    ------
    ValueError
        If a price is infinite or negative, or a reputation or ``w`` is outside of [0, 1].

    Examples
    --------
    >>> float(compound_bid(0.5, 0.25, w=0.5))
    0.375
    """
    weight = fraction("w", w)
    prices = np.asarray(price, dtype=np.float64)
    within("price", prices[~np.isnan(prices)], 0.0, np.finfo(np.float64).max)
    return np.asarray(weight * prices + (1.0 - weight) * within("reputation", reputation, 0.0, 1.0))


def winner(
    price: Any,  # noqa: ANN401 - whatever numpy takes for an array
    reputation: Any,  # noqa: ANN401
    w: float,
    random: np.random.Generator,
    *,
    reserve: float = math.inf,
    budget: float = math.inf,
) -> int | None:
    """Who gets the call: the lowest compound bid (eq. 4), one of the tied by a fair draw.

    Parameters
    ----------
    price
        Shape (n,), money per call; NaN where an operator makes no offer.
    reputation
        Shape (n,), in [0, 1], lower is better.
    w
        The buyer's price weight, in [0, 1].
    random
        Drawn from only when there is a tie, so that a replay without ties needs none of it.
    reserve
        The buyer's secret reserve, a compound bid: no contract above it.
    budget
        The most the buyer can pay, money per call: higher prices are void.

    Returns
    -------
    int or None
        The winner's index, or None if there is no valid offer.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes are not (n,).

    Examples
    --------
    >>> winner([0.5, 0.4, 0.9], [0.25, 0.5, 0.0], w=0.5, random=np.random.default_rng(1))
    0
    """
    compound = _valid(compound_bid(price, reputation, w), np.asarray(price, dtype=np.float64), budget)
    lowest = compound.min(initial=math.inf)
    if not lowest < math.inf or lowest > _limit("reserve", reserve):
        return None
    tied = np.flatnonzero(compound == lowest)
    return int(tied[0] if tied.size == 1 else random.choice(tied))


def _valid(compound: FloatArray, price: FloatArray, budget: float) -> FloatArray:
    """The compound bids, infinite where there is no offer within the budget."""
    if compound.ndim != 1 or compound.shape != price.shape:
        raise ValueError(f"price and reputation must both have shape (n,), got compound bids of {compound.shape}")
    return np.where(price <= _limit("budget", budget), compound, math.inf)  # NaN compares false


def _limit(name: str, value: float) -> float:
    """An upper limit, at least 0, maybe infinite."""
    return float(within(name, value, 0.0, math.inf))
