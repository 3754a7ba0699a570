"""How patient a node is."""

import msgspec

PATIENCE = 10
"""Repetitions without an answer after which a peer counts as gone."""

LONGEST_WAIT = 10.0
"""Quiet periods after which a seller waits no longer for those who are undecided: nobody can keep an auction open."""

LONGEST_BACKOFF = 8.0
"""Multiple of the retry interval up to which the pause between repetitions grows: a slow network is not flooded."""

PROMPT = 3
"""Repetitions before the pause grows: several fit into a quiet period, so that loss does not end an auction early."""


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
    open_at_least_s
        No auction is awarded sooner after its opening, however quiet it is.
    """

    clearing_interval_s: float
    quiet_period_s: float
    retry_s: float
    open_at_least_s: float = 0.0


def backoff(retry_s: float, repeated: int) -> float:
    """Seconds to wait for an answer before the next repetition, after so many."""
    return retry_s * min(LONGEST_BACKOFF, 2.0 ** max(0, repeated + 1 - PROMPT))
