"""The best reply of a buyer who pays one price for all it takes of an auction, by trying every combination of steps."""

import itertools
from fractions import Fraction
from typing import Any

from tests.oracles import psp

Steps = list[tuple[Fraction, Fraction]]


def best_utility(theta: Any, auctions: list[Steps], budget: float) -> float:
    """If it goes up to step k of an auction, it can have all steps up to there at the price of that one."""
    levels = []
    for steps in auctions:
        reach = itertools.accumulate(quantity for _, quantity in steps)
        levels.append([None, *zip((price for price, _ in steps), reach, strict=True)])
    return max(
        psp.best_utility(theta, sorted(level for level in chosen if level), budget)[0]
        for chosen in itertools.product(*levels)
    )
