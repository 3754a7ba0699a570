"""What the journals of either market show broken."""

from typing import NamedTuple

ROUNDING = 1e-9
"""Relative: sums are taken in another order than the nodes took them."""


class Breach(NamedTuple):
    """A rule that does not hold, at whom, and how."""

    rule: str
    node: str
    text: str
