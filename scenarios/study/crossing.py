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

import numpy as np

from node.mechanism.checks import FloatArray


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
    lowest, its_reputation = cost[0].copy(), reputation[0].copy()
    for c, r in zip(cost[1:], reputation[1:], strict=True):
        # Faster than argmin over the short axis, which numpy walks auction by auction.
        np.copyto(its_reputation, r, where=c < lowest)
        np.minimum(lowest, c, out=lowest)
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
    crossing = np.empty_like(lowest)
    for x, r in zip(price, reputation, strict=True):
        ahead = its_reputation - r
        dearer = x - lowest
        dearer += ahead
        crossing.fill(0.0)
        np.divide(ahead, dearer, out=crossing, where=ahead > 0.0)
        np.maximum(highest, crossing, out=highest)
    return highest


def cheapest_wins(price: FloatArray, reputation: FloatArray, w: float) -> int:
    """In how many of m auctions the bidder with the lowest price also has the lowest compound bid at price weight w.

    Parameters
    ----------
    price, reputation
        Shape (bidders, m), as in ``intersection``.
    w
        The price weight, in [0, 1].
    """
    lowest, its_reputation = cheapest(price, reputation)
    own = w * lowest + (1.0 - w) * its_reputation
    wins = np.ones(own.shape, dtype=np.bool_)
    for x, r in zip(price, reputation, strict=True):
        wins &= own <= w * x + (1.0 - w) * r
    return int(np.count_nonzero(wins))
