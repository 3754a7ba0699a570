"""Down to which price weight the cheapest bidder wins, in closed form (Konka et al., section III.C).

A bidder with price x and reputation r has the compound bid w x + (1 - w) r, a line in w, and the lowest wins. At w = 1
that is i, with the lowest x. Rival j draws level where

    w x_i + (1 - w) r_i = w x_j + (1 - w) r_j,  that is  w = (r_i - r_j) / ((x_j - x_i) + (r_i - r_j)),

and below that w it is ahead for good, for two lines cross once. As x_j >= x_i, this w lies in (0, 1] if r_j < r_i, and
a rival with no better reputation never draws level. So i wins exactly above the largest of these w, the
*intersection*, and there is one unless i also has the best reputation: of n bidders with independent costs and
reputations, in 1 - 1/n of all draws, whatever they bid.

With the paper's bids x is b*(c). In the private-reputation equilibrium bids change with w; but there the compound bid
is an increasing function of the pseudo-type t = w c + (1 - w) r, so the lowest t wins, and x is the cost c itself.
"""

from collections.abc import Sequence

import numpy as np

from node.mechanism.checks import FloatArray

_TINY = np.finfo(np.float64).tiny
"""Added to a sum, it changes nothing but 0/0, which is 0 then; a masked division takes three times as long."""


def cheapest(cost: FloatArray, reputation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cost and reputation of the bidder with the lowest cost, in each of m auctions.

    Parameters
    ----------
    cost, reputation
        Shape (bidders, m). Of equal costs, which continuous draws do not have, the first bidder's counts.

    Returns
    -------
    tuple of FloatArray
        Both of shape (m,).
    """
    lowest, its_reputation = cost[0], reputation[0]
    for c, r in zip(cost[1:], reputation[1:], strict=True):
        # Faster than argmin over the short axis, which numpy walks auction by auction.
        its_reputation = np.where(c < lowest, r, its_reputation)
        lowest = np.minimum(lowest, c)
    return lowest, its_reputation


def intersection(price: FloatArray, reputation: FloatArray) -> FloatArray:
    """The price weight down to which the bidder with the lowest price wins, in each of m auctions.

    Parameters
    ----------
    price, reputation
        Shape (bidders, m): what stands for the price in a compound bid, and reputations, lower being better.

    Returns
    -------
    FloatArray
        Shape (m,), in (0, 1]; 0 where that bidder wins at every price weight above 0.
    """
    lowest, its_reputation = cheapest(price, reputation)
    highest = np.zeros_like(lowest)
    for x, r in zip(price, reputation, strict=True):
        crossing = its_reputation - r
        np.maximum(crossing, 0.0, out=crossing)
        dearer = x - lowest
        dearer += crossing
        dearer += _TINY
        crossing /= dearer
        np.maximum(highest, crossing, out=highest)
    return highest


def cheapest_wins(price: FloatArray, reputation: FloatArray, weights: Sequence[float]) -> list[int]:
    """In how many of m auctions the bidder with the lowest price also has the lowest compound bid.

    Parameters
    ----------
    price, reputation
        Shape (bidders, m), as in ``intersection``.
    weights
        Price weights in [0, 1].

    Returns
    -------
    list of int
        One number for each price weight.
    """
    lowest, its_reputation = cheapest(price, reputation)
    counts = []
    for w in weights:
        own = w * lowest + (1.0 - w) * its_reputation
        wins = np.ones(own.shape, dtype=np.bool_)
        for x, r in zip(price, reputation, strict=True):
            wins &= own <= w * x + (1.0 - w) * r
        counts.append(int(np.count_nonzero(wins)))
    return counts
