"""A policy in numpy: at each seller it weighs seven numbers that it sees into how much it bids, and at what price."""

import numpy as np

from bidswarm.psp import PolicyBase, Sight

FEATURES = 7


class Bidder(PolicyBase, frozen=True):
    """Bids a share of its demand at a share of its first price, both logistic in what it sees of a seller."""

    weights: list[float]

    def act(self, observation: np.ndarray) -> np.ndarray:
        """One row of two shares for each slot."""
        seen = Sight.of(observation)
        is_open, supply, reserve, quantity, _, allocation, _ = seen.slot.T
        dearness = 1.0 - seen.available.mean(axis=1)  # 1 where nothing can be had at any price
        cost = seen.cost.mean(axis=1)
        features = np.array([np.ones_like(supply), supply, reserve, quantity, allocation, dearness, cost])
        scores = np.reshape(self.weights, (2, FEATURES)) @ features
        return is_open[:, None] / (1.0 + np.exp(-scores.T))
