"""A customer's side of its calls: sends requests and reports, and repeats each until it is answered."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from node.protocol.dmp.messages import CallSpec, Noted, Registry, Report, Request
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import Effect, Send, SetTimer
from node.protocol.numbers import life_of
from node.protocol.retry import backoff

TIMER = "retry"

LONGEST_BACKOFF = 64.0
"""Multiple of the retry interval up to which the pause grows: repeating does not shorten a queue of calls."""


@dataclass(slots=True)
class _Said:
    message: Request | Report
    due: float
    repeated: int = 0


class Caller:
    """The calls that one customer asks of ``provider``, numbered from 1 on.

    It never gives up: an agent that is down or busy finds every request again when it is back.
    """

    def __init__(self, provider: str, retry_s: float) -> None:
        self.provider = provider
        self._retry_s = retry_s
        self._newest = 0
        self._open: set[int] = set()
        self._asked: dict[int, _Said] = {}
        self._reported: dict[int, _Said] = {}
        self._wakes_at = math.inf
        self._life = 0

    @property
    def open_calls(self) -> int:
        """How many calls are not over: asked for, going on, or not yet in the provider's books."""
        return len(self._open)

    @property
    def newest(self) -> int:
        """The number of the last call."""
        return self._newest

    def ask(self, now: float, wanted: CallSpec, price_weight: float, budget: float | None) -> Iterator[Effect]:
        """Ask for one more call."""
        self.remember(self._newest + 1)
        yield from self.ask_again(now, self._newest, wanted, price_weight, budget)

    def remember(self, call: int) -> None:
        """Restore a call that was asked for in an earlier life."""
        self._newest = max(self._newest, call)
        self._open.add(call)

    @property
    def unsaid(self) -> list[int]:
        """Calls restored from the journal and not yet repeated since the restart."""
        return sorted(self._open - self._asked.keys() - self._reported.keys())

    def ask_again(
        self, now: float, call: int, wanted: CallSpec, price_weight: float, budget: float | None
    ) -> Iterator[Effect]:
        """Ask for a call that was asked for in an earlier life."""
        request = Request(call, min(self._open), wanted, price_weight, budget)
        yield from self._say(now, self._asked, call, request)

    def report(self, now: float, call: int, *, served: bool) -> Iterator[Effect]:
        """Report the end of a call."""
        yield from self._say(now, self._reported, call, Report(call, served))

    def _say(self, now: float, where: dict[int, _Said], call: int, message: Request | Report) -> Iterator[Effect]:
        where[call] = said = _Said(message, now + self._retry_s)
        if said.due < self._wakes_at:
            self._wakes_at = said.due
            yield SetTimer(TIMER, said.due)
        yield Send(self.provider, message)

    def repeat(self, now: float) -> Iterator[Effect]:
        """Repeat the requests and reports that have waited long enough for an answer."""
        waiting = [*self._asked.values(), *self._reported.values()]
        for said in waiting:
            if said.due <= now:
                said.repeated += 1
                said.due = now + backoff(self._retry_s, min(said.repeated, 20), LONGEST_BACKOFF)
                yield Send(self.provider, said.message)
        self._wakes_at = min((said.due for said in waiting), default=math.inf)
        if waiting:
            yield SetTimer(TIMER, self._wakes_at)

    def on_registry(self, now: float, registry: Registry) -> Iterator[Effect]:
        """Repeat everything at once if the market agent was restarted, since it may have forgotten requests."""
        if (life := life_of(registry.seq)) != self._life:
            self._life = life
            for said in [*self._asked.values(), *self._reported.values()]:
                said.due, said.repeated = now, 0
            yield from self.repeat(now)

    def on_answer(self, call: int) -> Request:
        """The request that is answered now.

        Raises
        ------
        RejectedError
            If no such call was asked for.
        IgnoredError
            If it has been answered before.
        """
        if not 0 < call <= self._newest:
            raise RejectedError("never asked")
        if call not in self._asked:
            raise IgnoredError("repeated answer")
        said = self._asked.pop(call)
        assert isinstance(said.message, Request)
        return said.message

    def is_asking(self, call: int) -> bool:
        """Whether the call has had no answer yet."""
        return call in self._asked

    def forget(self, call: int) -> None:
        """Stop waiting for any answer about the call."""
        self._open.discard(call)
        self._reported.pop(call, None)

    def on_noted(self, message: Noted) -> None:
        """The report is in the provider's books, and the call is over; errors as for ``answered``."""
        if not 0 < message.call <= self._newest:
            raise RejectedError("never asked")
        if message.call not in self._reported:
            raise IgnoredError("repeated confirmation")
        self.forget(message.call)
