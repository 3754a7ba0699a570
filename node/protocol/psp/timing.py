"""How patient the nodes of an exchange are."""

import msgspec

PATIENT_QUIET_PERIODS = 20.0
"""What the patience is in quiet periods, unless it is configured."""


BUYERS_PATIENCE = 2.0
"""What a buyer's patience with a seller is, in that of the seller with one bidder: this one waits for its bidders for
the patience, and for all answers to its awards for no longer."""


class Timing(msgspec.Struct, frozen=True):
    """Intervals of one market, seconds.

    Attributes
    ----------
    clearing_interval_s
        A seller clears at most once per such interval.
    quiet_period_s
        An auction in which nobody was given or charged anything else for so long is over; where answers are slow, only
        after longer.
    retry_s
        What is unanswered for so long is said again.
    open_at_least_s
        No auction is awarded sooner after its opening, however quiet it is.
    own_patience_s
        The patience, if it is not to follow from the quiet period.
    """

    clearing_interval_s: float
    quiet_period_s: float
    retry_s: float
    open_at_least_s: float = 0.0
    own_patience_s: float | None = None

    @property
    def patience_s(self) -> float:
        """So long, in all, one bidder may keep one auction from being awarded."""
        if self.own_patience_s is not None:
            return self.own_patience_s
        return PATIENT_QUIET_PERIODS * self.quiet_period_s

    @property
    def buyers_patience_s(self) -> float:
        """So long a buyer waits for a receipt, and for an auction to end in which nothing changes."""
        return BUYERS_PATIENCE * self.patience_s
