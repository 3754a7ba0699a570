"""Arguments of the auction, checked once at the door."""

import math
import operator
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray


class NoEquilibriumError(ValueError):
    """No bid is best: winning does not depend on the price, so every higher one is better (Proposition 1)."""


def finite(name: str, value: float) -> float:
    """``value`` as a float.

    Raises
    ------
    ValueError
        If it is NaN, infinite or not a number; the text names ``name`` and the value.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be a number, got {value!r}") from error
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def fraction(name: str, value: float) -> float:
    """``value`` as a float in [0, 1].

    Raises
    ------
    ValueError
        If it is NaN, outside of [0, 1] or not a number; the text names ``name`` and the value.
    """
    number = finite(name, value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}")
    return number


def count(name: str, value: int, least: int) -> int:
    """``value`` as an int.

    Raises
    ------
    ValueError
        If it is not an integer of at least ``least``; the text names ``name`` and the value.
    """
    try:
        number = operator.index(value)
    except TypeError as error:
        raise ValueError(f"{name} must be an integer, got {value!r}") from error
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return number


def rivals(bidders: int) -> int:
    """How many rivals one of ``bidders`` operators has, at least 1.

    Raises
    ------
    ValueError
        If ``bidders`` is not an integer of at least 1.
    NoEquilibriumError
        If it is 1: who bids alone wins at any price.
    """
    if count("bidders", bidders, 1) == 1:
        raise NoEquilibriumError(
            "bidders must be at least 2: alone, every higher bid is better; bid the budget instead"
        )
    return operator.index(bidders) - 1


def price_weight(w: float) -> float:
    """``w`` as a float in (0, 1].

    Raises
    ------
    ValueError
        If it is NaN, outside of [0, 1] or not a number.
    NoEquilibriumError
        If it is 0 (Proposition 1).
    """
    if not fraction("w", w):
        raise NoEquilibriumError(
            "w must be above 0 for an equilibrium: at w = 0 the price does not decide who wins, so every higher bid is"
            " better (Proposition 1); announce w > 0, or bid the buyer's budget or reserve"
        )
    return float(w)


def within(name: str, values: Any, low: float, high: float) -> FloatArray:  # noqa: ANN401 - whatever numpy takes
    """``values`` as a float64 array of any shape, all in [low, high].

    Raises
    ------
    ValueError
        If an element is NaN or outside, or not a number; the text names ``name`` and the element.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error
    outside = ~((array >= low) & (array <= high))  # NaN compares false, so it counts as outside
    if outside.any():
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {array[outside].flat[0]}")
    return array
