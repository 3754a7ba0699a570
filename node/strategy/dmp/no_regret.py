"""A price learned from what past prices earned."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from node.mechanism.checks import FloatArray, positive
from node.strategy.dmp.call import Call
from node.strategy.random import Random


class _Draw(NamedTuple):
    """An arm pulled and not yet rewarded."""

    context: int
    arm: int
    probability: float


@dataclass(slots=True)
class NoRegret:
    """Learns its mark-up with Exp3, knowing nothing of costs, rivals or the auction.

    Auer, Cesa-Bianchi, Freund and Schapire (2002), "The nonstochastic multiarmed bandit problem", section 3. An arm is
    a share of the way from the cost to the ceiling: arm k of K asks c + k/K · (ceiling - c). An arm's log weight grows
    by ``rate`` times its reward over the probability it was drawn with; the reward is the profit as a share of the
    ceiling, in [-1, 1], and 0 for a lost call. There is one learner for each bin of price weights; all other
    differences between calls are noise to it.

    Their bound on the regret is for ``rate`` = ``exploration`` / ``arms``, as the defaults are, and for rewards in
    [0, 1]. A decommitted call counts below 0 here, or it would look no worse than a lost one; their proof then goes
    through with the number of calls in place of the best arm's total reward.

    Attributes
    ----------
    random
        Its own stream; one draw per price.
    ceiling
        The most it asks, unless the call costs more; money, above 0.
    arms
        K, mark-ups to choose from; at least 2.
    rate
        Learning rate, of rewards in shares of the ceiling; above 0.
    exploration
        Share of the prices drawn from all arms alike, the paper's gamma; in (0, 1].
    bins
        Equal intervals of [0, 1] that price weights are told apart by; at least 1.
    """

    random: Random
    ceiling: float = 1.0
    arms: int = 12
    rate: float = 0.01
    exploration: float = 0.12
    bins: int = 4
    _log_weight: FloatArray = field(init=False)
    _pending: _Draw | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        positive("ceiling", self.ceiling)
        positive("rate", self.rate)
        if self.arms < 2:  # noqa: PLR2004 - with one arm there is nothing to learn
            raise ValueError(f"arms must be at least 2, got {self.arms}: one mark-up is CostPlus")
        if not 0.0 < self.exploration <= 1.0:
            raise ValueError(
                f"exploration must be in (0, 1], got {self.exploration!r}: an arm never tried would never be judged"
            )
        if self.bins < 1:
            raise ValueError(f"bins must be at least 1, got {self.bins}: 1 treats all price weights alike")
        self._log_weight = np.zeros((self.bins, self.arms))

    def price(self, call: Call) -> float:
        """Cost plus the mark-up drawn, money; the bare cost where that is above the ceiling."""
        context = min(int(call.price_weight * self.bins), self.bins - 1)
        probability = self._probability(context)
        drawn = int(np.searchsorted(np.cumsum(probability), self.random.uniform(0.0, 1.0), side="right"))
        arm = min(drawn, self.arms - 1)  # the probabilities may add up to a hair less than 1
        self._pending = _Draw(context, arm, float(probability[arm]))
        return call.cost + (arm + 1) / self.arms * max(0.0, self.ceiling - call.cost)

    def learned(self, profit: float | None) -> None:
        """Credit the arm that was drawn; a lost call earned nothing, so all weights stay."""
        if profit is not None and self._pending is not None:
            context, arm, probability = self._pending
            self._log_weight[context, arm] += self.rate * min(1.0, max(-1.0, profit / self.ceiling)) / probability
        self._pending = None

    def _probability(self, context: int) -> FloatArray:
        """Of each arm, shape (arms,); only differences of log weights count, so none of them overflows."""
        log_weight = self._log_weight[context]
        weight = np.exp(log_weight - log_weight.max())
        greedy: FloatArray = weight / weight.sum()
        return (1.0 - self.exploration) * greedy + self.exploration / self.arms
