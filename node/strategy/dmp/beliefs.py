"""What equilibrium bidders share: what they believe, what they make of the unexpected, and how high they go."""

from collections.abc import Hashable
from typing import Protocol

from node.mechanism.checks import positive
from node.mechanism.dmp import Distribution

CEILING = 10.0
"""Ten times the highest of the paper's costs: high enough to leave most equilibrium bids alone, unless w is small."""


class Belief(Distribution, Hashable, Protocol):
    """A distribution that equilibria can be filed by; those of ``node.mechanism.dmp`` are, being frozen."""


def believed(value: float, distribution: Distribution) -> float:
    """The value that ``distribution`` holds possible which is nearest to ``value``."""
    return min(max(value, distribution.low), distribution.high)


def capped(bid: float, cost: float, ceiling: float) -> float:
    """The bid, money, or the ceiling if that is lower; never below the cost."""
    return max(cost, min(bid, ceiling))


def check_ceiling(ceiling: float, cost: Distribution) -> None:
    """See that the ceiling leaves every believed cost a price.

    Raises
    ------
    ValueError
        If it is not finite and above 0, or below the highest cost.
    """
    if positive("ceiling", ceiling) < cost.high:
        raise ValueError(f"ceiling must be at least the highest cost believed, {cost.high}, got {ceiling!r}: raise it")
