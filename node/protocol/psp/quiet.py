"""When an auction has been quiet long enough to be awarded (docs/decisions/0005-closing-an-auction.md)."""

from collections.abc import Iterator

from node.protocol.machine import CancelTimer, Effect, SetTimer
from node.protocol.psp.timing import Timing
from node.protocol.retry import RoundTrip, backoff

REFRESHES_PER_QUIET_PERIOD = 4
"""How often, at most, an unconfirmed profile is repeated in the time of a quiet period."""


TICKS = 4
"""Parts of a quiet period, which a seller lives through one by one. While its process or device stood still bids may
have come that it has not read yet, so a pause of any length counts as one part."""

QUIET_ROUND_TRIPS = 5.0
"""Mean round trips that must be quiet at least: a bidder that has heard of a change has its answer here by then."""


class Quiet:
    """The timers ``quiet`` and ``refresh`` of one auction.

    Attributes
    ----------
    has_begun
        Whether it has been counted since any moment yet.
    is_over
        Whether nobody was given or charged anything else for the quiet period, and the auction has been open for as
        long as it must be.
    round_trip
        From a repeated profile to the word that it was seen.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.round_trip = RoundTrip(timing.clearing_interval_s)
        self._open_until = self._since = 0.0
        self._refreshes = self._ticks = 0
        self._patience_s = timing.patience_s
        self.has_begun = self.is_over = False

    def open(self, now: float) -> None:
        """The auction opens."""
        self._open_until = now + self._timing.open_at_least_s

    def reopen(self) -> None:
        """The auction opens again, and waits for the undecided half as long as before."""
        self._patience_s /= 2.0

    def end(self) -> Iterator[Effect]:
        """The auction is over."""
        yield CancelTimer("quiet")
        yield CancelTimer("refresh")

    def begin(self, now: float) -> Iterator[Effect]:
        """Nobody has been given anything else, or charged, since now."""
        self._since, self._ticks, self.has_begun, self.is_over = now, 0, True, False
        yield SetTimer("quiet", now + self.period_s / TICKS)

    def tick(self, now: float) -> Iterator[Effect]:
        """The timer ``quiet`` has fired."""
        self._ticks += 1
        if self._ticks < TICKS:
            yield SetTimer("quiet", now + self.period_s / TICKS)
        else:
            yield from self._end(now)

    def on_answer(self, now: float, waited_s: float) -> Iterator[Effect]:
        """A bidder has confirmed a profile so long after it was first repeated.

        Where that takes long, quiet lasts longer, and not less than as long again: what others sent meanwhile may come
        as late. An answer counts as one quiet period at most, so that one that was lost keeps no auction open for long.
        """
        waited_s = min(max(0.0, waited_s), self._timing.quiet_period_s)
        self.round_trip.measured(waited_s, repeated=False)
        if self.is_patient(now):
            self._open_until = max(self._open_until, now + waited_s)
        if self.is_over:
            yield from self._end(now)

    def _end(self, now: float) -> Iterator[Effect]:
        end = max(self._open_until, self._since + self.period_s)
        self.is_over = now >= end
        if not self.is_over:
            yield SetTimer("quiet", end)

    @property
    def period_s(self) -> float:
        """How long quiet must last, seconds."""
        return max(self._timing.quiet_period_s, QUIET_ROUND_TRIPS * self.round_trip.mean_s)

    def is_patient(self, now: float) -> bool:
        """Whether the auction still waits for those who are undecided: nobody can keep it open for ever."""
        return now - self._since < self._patience_s

    def refresh_later(self, now: float, *, first: bool) -> Iterator[Effect]:
        """Have profiles repeated if that is still needed by then, first when it is quiet: else new ones come anyway."""
        if first:
            self._refreshes = 0
            yield SetTimer("refresh", max(now + self.round_trip.mean_s, self._since + self.period_s))
            return
        self._refreshes += 1
        pause_s = max(self.round_trip.retry_s(self._timing.retry_s), self.period_s / REFRESHES_PER_QUIET_PERIOD)
        yield SetTimer("refresh", now + backoff(pause_s, self._refreshes))
