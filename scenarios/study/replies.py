"""How much one operator could gain by bidding otherwise while all rivals keep to their bids.

With compound bid x an operator of pseudo-type t = w c + (1 - w) r earns (x - t)/w if it wins, and it wins with
probability S(x)^(N - 1), S being the chance that a given rival's compound bid is higher.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import Distribution, PrivateEquilibrium, first_price_bid

REPLIES = 2_001
"""Compound bids that are tried; next to the best one the gain is flat, so a grid finds it to seven digits."""

CELLS = 1_000
"""Of the costs of a rival, by which its compound bid is integrated."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """What an operator may bid, and its chances: compound bids and the S of each, both of shape (k,)."""

    bids: FloatArray
    survival: FloatArray

    @classmethod
    def in_equilibrium(cls, equilibrium: PrivateEquilibrium) -> Self:
        """Rivals who bid as the private-reputation equilibrium says."""
        types = np.linspace(equilibrium.low, equilibrium.high, REPLIES)
        return cls(np.asarray(equilibrium.compound(types)), np.asarray(equilibrium.survival(types)))

    @classmethod
    def of_first_price(cls, equilibrium: PrivateEquilibrium) -> Self:
        """Rivals who bid b*(c) of the paper, whatever their reputation; at w = 1 that is the equilibrium."""
        w, cost, reputation = equilibrium.w, equilibrium.cost, equilibrium.reputation
        if w == 1.0:
            return cls.in_equilibrium(equilibrium)
        share, priced = _cells(cost, equilibrium.bidders)
        low = w * priced[0] + (1.0 - w) * reputation.low
        high = w * priced[-1] + (1.0 - w) * reputation.high
        bids = np.linspace(low, high, REPLIES)
        needed = (bids[:, None] - w * priced) / (1.0 - w)
        return cls(bids, reputation.survival(needed) @ share)

    def gain(self, equilibrium: PrivateEquilibrium, pseudo_type: FloatArray, own: FloatArray) -> FloatArray:
        """What the best reply earns more than the compound bid ``own``, money per call.

        Parameters
        ----------
        pseudo_type, own
            Of the same operators, of one shape.

        Returns
        -------
        FloatArray
            That shape, at least 0.
        """
        chance = self.survival ** (equilibrium.bidders - 1)
        best = np.array([np.max((self.bids - t) * chance) for t in pseudo_type.flat]).reshape(pseudo_type.shape)
        now = (own - pseudo_type) * np.interp(own, self.bids, self.survival) ** (equilibrium.bidders - 1)
        return np.asarray(np.maximum(best - now, 0.0) / equilibrium.w)


def _cells(cost: Distribution, bidders: int) -> tuple[FloatArray, FloatArray]:
    """The probability of each small interval of costs, and b* in its middle."""
    edges = np.linspace(cost.low, cost.high, CELLS + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    return np.diff(cost.cdf(edges)), np.asarray(first_price_bid(middle, bidders, cost))
