"""Who keeps an auction from being awarded, and for how long: nobody can for ever (docs/protocol.md, section 6)."""

from collections import defaultdict, deque
from collections.abc import Collection

from node.mechanism.rounding import ROUNDING

MOST_DECLINES = 3
"""Awards that a bidder may decline: each counts as so large a part of the patience."""

MOST_SILENCES = 2
"""How often a bidder may be silent for as large a part of the patience: one that was cut off has another chance."""


class Moves:
    """How much each bidder of one auction has moved lately."""

    __slots__ = ("_clearings", "_moved")

    def __init__(self) -> None:
        self._clearings: deque[tuple[float, float, Collection[str]]] = deque()
        self._moved: dict[str, tuple[float, int]] = {}

    def note(self, now: float, buyers: Collection[str], moved_mb: float, recent_s: float) -> None:
        """A clearing of changed bids of these buyers altered so much; forget what is older than ``recent_s``."""
        each_mb = moved_mb / max(1, len(buyers))
        self._clearings.append((now, each_mb, buyers))
        for buyer in buyers:
            megabytes, times = self._moved.get(buyer, (0.0, 0))
            self._moved[buyer] = megabytes + each_mb, times + 1
        while self._clearings[0][0] <= now - recent_s:
            self._forget_first()

    def _forget_first(self) -> None:
        _, each_mb, buyers = self._clearings.popleft()
        for buyer in buyers:
            megabytes, times = self._moved[buyer]
            if times > 1:
                self._moved[buyer] = megabytes - each_mb, times - 1
            else:
                del self._moved[buyer]  # so that no rounding is left of it

    @property
    def most(self) -> str | None:
        """Who has moved the most; of equals who has changed its bid more often, then the last by address."""
        return max(self._moved, key=lambda buyer: (self._moved[buyer], buyer), default=None)


class Patience:
    """Seconds that each bidder of one auction has kept it from being awarded, in all.

    Who has used it up takes no part in the auction any more.

    Attributes
    ----------
    used_up
        These bidders, in the order in which they have.
    """

    __slots__ = ("_charged_until", "_moved_s", "_moves", "_named", "_patience_s", "_used_s", "used_up")

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._used_s: defaultdict[str, float] = defaultdict(float)
        self._moved_s: defaultdict[str, float] = defaultdict(float)
        self.used_up: dict[str, None] = {}
        self._named: set[str] = set()
        self._moves = Moves()
        self._charged_until = 0.0

    def begin(self, now: float) -> None:
        """Bids are taken from now on."""
        self._charged_until = now

    def use_by_moving(self, now: float, buyers: Collection[str], moved_mb: float, recent_s: float) -> None:
        """A clearing of changed bids has broken the quiet, or all was quiet and its bidders must confirm another book.

        The seconds since the last such clearing, ``recent_s`` at most, are charged to the bidder that has moved the
        most within that time. So one that takes all and gives it back pays for the time in which others answer it, too.

        Parameters
        ----------
        buyers, moved_mb
            Whose bids have changed; what was given and charged otherwise: an equal part of it is each one's move.
        """
        self._moves.note(now, buyers, moved_mb, recent_s)
        seconds, self._charged_until = min(now - self._charged_until, recent_s), now
        if (buyer := self._moves.most) is not None:
            self._moved_s[buyer] += max(0.0, seconds)  # a clock may be set back
            self._check(buyer)

    def use(self, buyer: str, seconds: float) -> None:
        """The auction has waited so long for this bidder."""
        self._used_s[buyer] += max(0.0, seconds)
        self._check(buyer)

    def use_by_declining(self, buyer: str) -> None:
        """The bidder has declined an award: all that followed from its bid was in vain."""
        self.use(buyer, self._patience_s / MOST_DECLINES)

    def _check(self, buyer: str) -> None:
        if self._left_s(buyer) <= self._patience_s * ROUNDING:
            self.used_up[buyer] = None

    def _left_s(self, buyer: str) -> float:
        return self._patience_s - self._used_s.get(buyer, 0.0) - self._moved_s.get(buyer, 0.0)

    def is_used_up(self, buyer: str) -> bool:
        """Whether there is no patience left with this bidder."""
        return buyer in self.used_up

    def ends(self, buyer: str) -> bool:
        """Whether this bidder takes no part any more, and was not told so before.

        The others are forgiven what they have moved: it may have been in answer to this one.
        """
        if not self.is_used_up(buyer) or buyer in self._named:
            return False
        self._named.add(buyer)
        self._moved_s.clear()
        return True

    def takes_too_long(self, buyer: str, waiting_s: float) -> bool:
        """Whether the auction waits no more for an answer that has been due for so long."""
        return waiting_s >= min(self._left_s(buyer), self._patience_s / MOST_SILENCES)
