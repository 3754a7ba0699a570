"""What the journals of either market show broken."""

from typing import NamedTuple


class Breach(NamedTuple):
    """A rule that does not hold, at whom, and how."""

    rule: str
    node: str
    text: str
