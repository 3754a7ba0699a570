"""The figures of the intersections of a study: moments, distribution, and the chance to win (eq. 15)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from node.mechanism.checks import FloatArray


@dataclass(frozen=True)
class Intersections:
    """Where the cheapest bidder stopped winning, as far as it did.

    Attributes
    ----------
    weights
        The non-zero intersections in the order of their draws, shape (runs,).
    draws
        How many draws there were in all.
    wins
        By price weight, in how many of as many further draws the cheapest bidder won.
    """

    weights: FloatArray
    draws: int
    wins: Mapping[float, int]

    @property
    def p_intersection(self) -> float:
        """The share of draws that have an intersection, P(I = 1)."""
        return len(self.weights) / self.draws

    @cached_property
    def mean(self) -> float:
        """Mean intersection."""
        return float(self.weights.mean())

    @property
    def median(self) -> float:
        """Median intersection."""
        return self._middle[1]

    @cached_property
    def _middle(self) -> tuple[float, float, float]:
        """The quantiles half a root of the number of runs below the middle, in the middle, and as much above it."""
        half = 0.5 / math.sqrt(len(self.weights))
        low, middle, high = np.quantile(self.weights, (0.5 - half, 0.5, 0.5 + half))
        return float(low), float(middle), float(high)

    @cached_property
    def std(self) -> float:
        """Standard deviation of the intersections, of the sample as a population of its own."""
        return float(self.weights.std())

    def cdf(self, w: float) -> float:
        """The share of intersections that are at most ``w``, P(W <= w | I = 1)."""
        return float(np.count_nonzero(self.weights <= w)) / len(self.weights)

    def p_win_predicted(self, w: float) -> float:
        """The chance of the cheapest bidder to win at price weight ``w``, by eq. (15)."""
        return 1.0 - (1.0 - self.cdf(w)) * self.p_intersection

    def p_win_simulated(self, w: float) -> float:
        """The share of the further draws in which it did win; ``w`` must be one of those of ``wins``."""
        return self.wins[w] / self.draws

    def figures(self) -> dict[str, float]:
        """All of these by name."""
        return {
            "p_intersection": self.p_intersection,
            "mean": self.mean,
            "median": self.median,
            "std": self.std,
            **{f"cdf_{_name(w)}": self.cdf(w) for w in self.wins},
            **{
                f"p_win_{_name(w)}_{how}": chance(w)
                for w in self.wins
                for how, chance in (("predicted", self.p_win_predicted), ("simulated", self.p_win_simulated))
            },
        }

    def standard_errors(self) -> dict[str, float]:
        """The Monte Carlo standard error of each figure, by the same names.

        Shares are binomial; the others have their asymptotic errors, that of the median from quantiles around it.
        """
        return {name: self._standard_error(name, value) for name, value in self.figures().items()}

    def _standard_error(self, name: str, value: float) -> float:
        runs = len(self.weights)
        match name:
            case "mean":
                return self.std / math.sqrt(runs)
            case "std":
                squares = (self.weights - self.mean) ** 2
                fourth = float(np.mean(squares * squares))
                return math.sqrt(max(0.0, fourth - value**4) / runs) / (2.0 * value) if value else 0.0
            case "median":
                low, _, high = self._middle
                return (high - low) / 2.0
            case _:
                trials = runs if name.startswith("cdf") else self.draws
                return math.sqrt(max(0.0, value * (1.0 - value)) / trials)


def _name(w: float) -> str:
    """``025`` for 0.25, as in the keys of the summary."""
    return f"{w:.2f}".replace(".", "")
