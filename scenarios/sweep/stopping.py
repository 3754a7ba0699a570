"""When the mean of a figure over seeds is known well enough."""

import math

import msgspec

from scenarios.errors import ScenarioError
from scenarios.extras import needs

FEWEST = 5
"""Values below which an interval says little."""

LEVEL = 0.95


class UntilCi(msgspec.Struct, frozen=True):
    """Run a cell until the half-width of the 95 % interval of the mean of this figure is so small."""

    half_width: float
    figure: str = "efficiency"


def until_ci_of(text: str) -> UntilCi:
    """What ``0.01`` or ``0.01:figure`` asks for; ScenarioError if it is nothing."""
    width, _, figure = text.partition(":")
    try:
        wanted = float(width)
    except ValueError:
        wanted = math.nan
    if not 0.0 < wanted < math.inf:
        raise ScenarioError(
            f"--until-ci {text}: {width!r} is no half-width above 0; give one, for example 0.01:welfare"
        )
    return UntilCi(wanted, figure or "efficiency")


class Mean:
    """The mean of values as they come, and Student's interval of it (Welford's recurrence)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        """Take in the next value."""
        self.count += 1
        away = value - self.mean
        self.mean += away / self.count
        self._squares += away * (value - self.mean)

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the mean; infinite of fewer than two values."""
        n = self.count
        if n < 2:  # noqa: PLR2004 - one value has no spread
            return math.inf
        quantile = float(needs("scipy.special").stdtrit(n - 1, 0.5 + LEVEL / 2.0))
        return quantile * math.sqrt(max(self._squares, 0.0) / (n - 1) / n)


class Stopping:
    """When the runs of one cell are enough, taken in the order of their seeds."""

    def __init__(self, wanted: UntilCi | None) -> None:
        self._wanted, self._mean, self.is_enough = wanted, Mean(), False

    def add(self, value: float | None) -> bool:
        """Take in the figure of the next seed, and say whether they are enough.

        A run without a figure, as one that broke down, does not count.
        """
        if self._wanted is None or value is None or not math.isfinite(value):
            return self.is_enough
        self._mean.add(value)
        self.is_enough = self._mean.count >= FEWEST and self._mean.half_width <= self._wanted.half_width
        return self.is_enough
