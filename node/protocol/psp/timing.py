"""How patient the nodes of an exchange are."""

import msgspec

LONGEST_WAIT = 10.0
"""Quiet periods after which a seller waits no longer for those who are undecided: nobody can keep an auction open."""


class Timing(msgspec.Struct, frozen=True):
    """Intervals of one market, seconds.

    Attributes
    ----------
    clearing_interval_s
        A seller clears at most once per such interval.
    quiet_period_s
        An auction in which no bid changed for so long is over; where answers are slow, only after longer.
    retry_s
        What is unanswered for so long is said again.
    open_at_least_s
        No auction is awarded sooner after its opening, however quiet it is.
    """

    clearing_interval_s: float
    quiet_period_s: float
    retry_s: float
    open_at_least_s: float = 0.0
