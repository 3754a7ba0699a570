"""Where costs and reputations come from (paper, section III.B): independent draws on an interval."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from node.mechanism.checks import FloatArray, positive
from node.mechanism.dmp.checks import finite


class Distribution(Protocol):
    """A continuous distribution on [low, high].

    Arguments ``x`` are scalars or arrays of any shape, results arrays of the same; outside of the interval ``cdf`` and
    ``survival`` are 0 or 1, ``density`` is 0.
    """

    @property
    def low(self) -> float:
        """The lower end of the support."""

    @property
    def high(self) -> float:
        """The upper end of the support."""

    def cdf(self, x: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """F(x)."""

    def survival(self, x: Any) -> FloatArray:  # noqa: ANN401
        """1 - F(x), to full relative accuracy also next to ``high``."""

    def density(self, x: Any) -> FloatArray:  # noqa: ANN401
        """f(x)."""

    def sample(self, random: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Independent draws, an array of shape ``size``."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """The uniform distribution on [low, high], that of the paper's study.

    Raises
    ------
    ValueError
        If an end is not finite, or ``high`` is not above ``low``.

    Examples
    --------
    >>> costs = Uniform(1, 3)
    >>> float(costs.cdf(1.5)), float(costs.survival(1.5)), float(costs.density(1.5))
    (0.25, 0.75, 0.5)
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_support(self.low, self.high)

    def cdf(self, x: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """F(x)."""
        return _share(x, self.low, self.high)

    def survival(self, x: Any) -> FloatArray:  # noqa: ANN401
        """1 - F(x)."""
        return _share(np.negative(x), -self.high, -self.low)

    def density(self, x: Any) -> FloatArray:  # noqa: ANN401
        """f(x)."""
        return np.where(_inside(x, self.low, self.high), 1.0 / (self.high - self.low), 0.0)

    def sample(self, random: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Independent draws, an array of shape ``size``."""
        return random.uniform(self.low, self.high, size)


@dataclass(frozen=True, slots=True)
class Beta:
    """The beta distribution stretched to [low, high]; needs scipy for all but ``sample``.

    Attributes
    ----------
    a, b
        Its shape, above 0; mean low + (high - low) · a/(a + b).
    low, high
        The ends of the support.

    Raises
    ------
    ValueError
        If a shape is not finite and above 0, an end is not finite, or ``high`` is not above ``low``.
    ModuleNotFoundError
        From its methods, if scipy, an optional dependency, is not installed.
    """

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        positive("a", self.a)
        positive("b", self.b)
        _check_support(self.low, self.high)

    def cdf(self, x: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """F(x), the regularised incomplete beta function."""
        return np.asarray(_special().betainc(self.a, self.b, _share(x, self.low, self.high)), dtype=np.float64)

    def survival(self, x: Any) -> FloatArray:  # noqa: ANN401
        """1 - F(x) by the mirrored distribution, which does not cancel next to ``high``."""
        left = _share(np.negative(x), -self.high, -self.low)
        return np.asarray(_special().betainc(self.b, self.a, left), dtype=np.float64)

    def density(self, x: Any) -> FloatArray:  # noqa: ANN401
        """f(x); infinite at an end whose shape is below 1."""
        special, width = _special(), self.high - self.low
        below, above = _share(x, self.low, self.high), _share(np.negative(x), -self.high, -self.low)
        power = special.xlogy(self.a - 1.0, below) + special.xlogy(self.b - 1.0, above)
        density = np.exp(power - special.betaln(self.a, self.b)) / width
        return np.where(_inside(x, self.low, self.high), density, 0.0)

    def sample(self, random: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Independent draws, an array of shape ``size``."""
        return self.low + (self.high - self.low) * random.beta(self.a, self.b, size)


def _check_support(low: float, high: float) -> None:
    """See that low < high, both finite, and that their difference is a number too."""
    if not finite("low", low) < finite("high", high):
        raise ValueError(f"high must be above low = {low!r}, got {high!r}")
    finite("high - low", high - low)


def _share(x: Any, low: float, high: float) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
    """How far x is on its way from low to high, in [0, 1]."""
    return np.clip((np.asarray(x, dtype=np.float64) - low) / (high - low), 0.0, 1.0)


def _inside(x: Any, low: float, high: float) -> Any:  # noqa: ANN401
    """Where x is in [low, high]."""
    array = np.asarray(x, dtype=np.float64)
    return (array >= low) & (array <= high)


def _special() -> ModuleType:
    """scipy.special."""
    try:
        from scipy import special  # noqa: PLC0415 - an optional dependency
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("Beta needs scipy: pip install 'bidswarm[launcher]'", name="scipy") from error
    return special


UNIT = Uniform()
"""Of costs and reputations wherever nothing else is said."""
