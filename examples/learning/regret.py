"""A buyer that learns while it bids: regret matching, on what each profile shows it."""

from collections.abc import Callable

import numpy as np

from bidswarm.psp import PolicyBase, RegretMatching


class Regret(PolicyBase, frozen=True):
    """Bids what it regrets most not to have bid so far."""

    seed: int = 0

    def fresh(self) -> Callable[[np.ndarray], np.ndarray]:
        """A learner of its own for each buyer."""
        return RegretMatching(np.random.default_rng(self.seed)).act
