"""Where a condition turns, to the last digit."""

from collections.abc import Callable


def turn(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The least float above ``low`` at which a condition no longer holds that turns once, up to ``high``.

    Examples
    --------
    >>> turn(lambda x: x * x < 2.0, 0.0, 2.0)
    1.4142135623730951
    """
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high
