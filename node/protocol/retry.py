"""How long a node waits for an answer, and when it repeats a message that got none."""

import math

PATIENCE = 10
"""Repetitions without an answer after which a peer counts as gone."""

LONGEST_BACKOFF = 8.0
"""Multiple of the retry interval up to which the pause between repetitions grows: a slow network is not flooded."""

PROMPT = 3
"""Repetitions before the pause grows: several fit into a quiet period, so that loss does not end an auction early."""


ROUND_TRIP_WEIGHT = 0.25
"""Weight of the last round trip in the running mean."""

LONGEST_ROUND_TRIP = 4.0
"""The round trip of a repeated message includes its loss, so it counts as at most so many times the mean."""

PATIENT_ROUND_TRIPS = 3.0
"""Mean round trips after which something counts as unanswered."""


class RoundTrip:
    """How long answers take, seconds: a running mean, which starts with a guess.

    Attributes
    ----------
    mean_s
        The mean.
    """

    __slots__ = ("mean_s",)

    def __init__(self, guess_s: float) -> None:
        self.mean_s = guess_s

    def measured(self, waited_s: float, *, repeated: bool) -> None:
        """Take in how long an answer took, and whether what it answers had to be ``repeated``."""
        longest = LONGEST_ROUND_TRIP * self.mean_s if repeated else math.inf
        measured_s = min(max(0.0, waited_s), longest)  # a clock that was set back makes it negative
        self.mean_s += ROUND_TRIP_WEIGHT * (measured_s - self.mean_s)

    def retry_s(self, configured_s: float) -> float:
        """Seconds to wait for an answer: at least as configured, and longer where answers have been slow."""
        return max(configured_s, PATIENT_ROUND_TRIPS * self.mean_s)


def backoff(retry_s: float, repeated: int, longest: float = LONGEST_BACKOFF) -> float:
    """Seconds to wait for an answer before the next repetition, after so many; ``longest`` counts in ``retry_s``."""
    return retry_s * min(longest, 2.0 ** max(0, repeated + 1 - PROMPT))
