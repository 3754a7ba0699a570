"""How patient a node is."""

import msgspec

PATIENCE = 30
"""Repetitions without an answer after which a peer counts as gone."""


class Timing(msgspec.Struct, frozen=True):
    """Intervals of one market, seconds.

    Attributes
    ----------
    clearing_interval_s
        A seller clears at most once per such interval.
    quiet_period_s
        An auction in which no bid changed for so long is over.
    retry_s
        What is unanswered for so long is said again.
    """

    clearing_interval_s: float
    quiet_period_s: float
    retry_s: float
