"""When an auction has been quiet long enough to be awarded (docs/decisions/0005-closing-an-auction.md)."""

from collections.abc import Iterator

from node.protocol.events import CancelTimer, Effect, SetTimer
from node.protocol.timing import LONGEST_WAIT, Timing, backoff

REFRESHES_PER_QUIET_PERIOD = 4
"""How often, at most, an unconfirmed profile is repeated in the time of a quiet period."""


class Quiet:
    """The timers ``quiet`` and ``refresh`` of one auction.

    Attributes
    ----------
    is_over
        Whether no bid has changed for the quiet period, nor the auction been open for less than it must be.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._open_until = self._since = 0.0
        self._refreshes = 0
        self.is_over = False

    def opened(self, now: float) -> None:
        """The auction opens."""
        self._open_until = now + self._timing.open_at_least_s

    def disturbed(self) -> Iterator[Effect]:
        """A bid or the supply has changed."""
        self.is_over = False
        yield CancelTimer("quiet")
        yield CancelTimer("refresh")

    def begins(self, now: float) -> Iterator[Effect]:
        """Nothing has changed since now."""
        self._since = now
        yield SetTimer("quiet", now + self._timing.quiet_period_s)

    def may_end(self, now: float) -> Iterator[Effect]:
        """The timer ``quiet`` has fired."""
        self.is_over = now >= self._open_until
        if not self.is_over:
            yield SetTimer("quiet", self._open_until)

    def is_patient(self, now: float) -> bool:
        """Whether the auction still waits for those who are undecided: nobody can keep it open for ever."""
        return now - self._since < LONGEST_WAIT * self._timing.quiet_period_s

    def refresh_later(self, now: float, *, first: bool) -> Iterator[Effect]:
        """Have profiles repeated if that is still needed by then, first when it is quiet: else new ones come anyway."""
        if first:
            self._refreshes = 0
            yield SetTimer("refresh", now + self._timing.quiet_period_s)
            return
        self._refreshes += 1
        pause_s = max(self._timing.retry_s, self._timing.quiet_period_s / REFRESHES_PER_QUIET_PERIOD)
        yield SetTimer("refresh", now + backoff(pause_s, self._refreshes))
