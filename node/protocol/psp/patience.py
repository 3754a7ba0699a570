"""Who keeps an auction from being awarded, and for how long: nobody can for ever (docs/protocol.md, section 6)."""

from collections import defaultdict

from node.mechanism.rounding import ROUNDING

MOST_DECLINES = 3
"""Awards that a bidder may decline: each counts as so large a part of the patience."""

MOST_SILENCES = 2
"""How often a bidder may be silent for as large a part of the patience: one that was cut off has another chance."""


class Patience:
    """Seconds that each bidder of one auction has kept it from being awarded, in all.

    Who has used it up takes no part in the auction any more.
    """

    __slots__ = ("_named", "_patience_s", "_used_s")

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._used_s: defaultdict[str, float] = defaultdict(float)
        self._named: set[str] = set()

    def use(self, buyer: str, seconds: float) -> None:
        """The auction has waited so long for this bidder, or because of it."""
        self._used_s[buyer] += max(0.0, seconds)  # a clock may be set back

    def use_by_declining(self, buyer: str) -> None:
        """The bidder has declined an award: all that followed from its bid was in vain."""
        self.use(buyer, self._patience_s / MOST_DECLINES)

    def is_used_up(self, buyer: str) -> bool:
        """Whether there is no patience left with this bidder."""
        return self._used_s.get(buyer, 0.0) >= self._patience_s * (1.0 - ROUNDING)

    def is_new(self, buyer: str) -> bool:
        """Whether this bidder takes no part any more, and nobody was told so before."""
        if not self.is_used_up(buyer) or buyer in self._named:
            return False
        self._named.add(buyer)
        return True

    def takes_too_long(self, buyer: str, waiting_s: float) -> bool:
        """Whether the auction waits no more for an answer that has been due for so long."""
        left_s = self._patience_s - self._used_s.get(buyer, 0.0)
        return waiting_s >= min(left_s, self._patience_s / MOST_SILENCES)
