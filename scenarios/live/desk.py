"""Where a page has things happen in a run of this process, and reads what became of that."""

from collections import deque
from collections.abc import Sequence

import msgspec

from scenarios.markets.steering import Offer, Order

MOST_WAITING = 8
"""Orders that the run has not come to; who orders more is told to wait."""

MOST_SAID = 8
"""Answers that are remembered."""


class Said(msgspec.Struct, frozen=True):
    """What became of an order; answers are numbered from 1 on."""

    number: int
    text: str
    is_refused: bool


class Desk:
    """Takes orders from the thread of the page to that of the run, and answers back.

    Attributes
    ----------
    said
        The last answers, oldest first.
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers = offers
        self.said: tuple[Said, ...] = ()
        self._waiting: deque[Order] = deque()
        self._number = 0
        self._closed = ""

    def ask(self, order: Order) -> None:
        """Have the run do this as soon as it can."""
        if self._closed:
            self.answer(self._closed, is_refused=True)
        elif len(self._waiting) >= MOST_WAITING:
            self.answer(
                f"{len(self._waiting)} orders wait for the run: try again when it has come to them", is_refused=True
            )
        else:
            self._waiting.append(order)

    def take(self) -> Order | None:
        """The next order, if there is one."""
        return self._waiting.popleft() if self._waiting else None

    def close(self, why: str) -> None:
        """Refuse all that waits, and all that is still to come."""
        self._closed = why
        while self.take():
            self.answer(why, is_refused=True)

    def answer(self, text: str, *, is_refused: bool) -> None:
        """Say what became of an order."""
        self._number += 1
        self.said = (*self.said[-MOST_SAID + 1 :], Said(self._number, text, is_refused))
