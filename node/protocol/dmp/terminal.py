"""The user terminal: asks for its calls at planned times, and reports how they ended (Konka et al., Fig. 1)."""

import heapq
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from node.protocol.dmp import membership, requests
from node.protocol.dmp.journal import Connected, Heard, Outcome, Requested
from node.protocol.dmp.membership import Membership
from node.protocol.dmp.messages import (
    Blocked,
    CallSpec,
    Contract,
    Decommit,
    Deregistered,
    Noted,
    Registered,
    Registry,
)
from node.protocol.dmp.requests import Caller
from node.protocol.dmp.timing import CallTiming
from node.protocol.dmp.trace import CallConnected, CallRequested, OutcomeHeard
from node.protocol.errors import RejectedError
from node.protocol.journal import JournalEntry, MarketOpened
from node.protocol.machine import (
    Dropped,
    Effect,
    Event,
    Left,
    Message,
    Persist,
    Received,
    Reconnected,
    Restored,
    SetTimer,
    Started,
    TimerFired,
    effects_of,
)
from node.protocol.trace import Leaving, Resumed


class PlannedCall(msgspec.Struct, frozen=True):
    """A call that a user will want: what, how much the price counts against reputation, and the most it would pay."""

    wanted: CallSpec
    price_weight: float
    budget: float | None = None


class Terminal:
    """A user's device. It asks ``provider``, the market agent itself or a service agent, for every call of its plan.

    Parameters
    ----------
    market
        The market agent: calls are counted from the opening of its logical market channel.
    calls
        In the order of time.
    """

    def __init__(self, market: str, provider: str, calls: Sequence[PlannedCall], timing: CallTiming) -> None:
        self._market = market
        self._member = Membership(provider, "terminal", timing.retry_s)
        self._caller = Caller(provider, timing.retry_s)
        self._calls = calls
        self._timing = timing
        self._opened_at: float | None = None
        self._ends: list[tuple[float, int]] = []
        self._carried: dict[int, Contract] = {}
        self._leaving = False

    @property
    def watches(self) -> frozenset[str]:
        """The market agent, whose post says when the market is open."""
        return frozenset({self._market})

    @property
    def finished(self) -> bool:
        """Whether it has left, all its calls being over."""
        return self._member.state == "left"

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at time ``now``, seconds."""
        return effects_of(self._on_event, now, event)

    def _on_event(self, now: float, event: Event) -> Iterable[Effect]:  # noqa: PLR0911 - one for each event
        match event:
            case Received():
                return self._on_message(now, event.sender, event.message)
            case TimerFired():
                return self._on_timer(now, event.name)
            case Restored():
                return self._on_restored(event)
            case Started():
                return self._on_started(now)
            case Reconnected():
                return self._member.on_reconnected(now)
            case Left():
                return self._on_left(now)
        return ()

    def _on_timer(self, now: float, name: str) -> Iterable[Effect]:
        match name:
            case membership.TIMER:
                return self._member.repeat(now)
            case requests.TIMER:
                return self._caller.repeat(now)
            case "call":
                return self._ask_due(now)
            case "end":
                return self._report_ended(now)
        return ()

    def _on_message(self, now: float, sender: str, message: Message) -> Iterable[Effect]:
        if isinstance(message, Registry) and sender == self._market:
            return self._on_registry(now, message)
        if sender != self._member.provider:
            raise RejectedError("foreign sender")
        match message:
            case Registered() | Deregistered():
                return self._member.on_confirmation(sender, message)
            case Contract():
                return self._on_contract(now, message)
            case Blocked():
                return self._on_blocked(now, message)
            case Decommit():
                return self._on_decommit(now, message)
            case Noted():
                return self._on_noted(now, message)
        raise RejectedError("not for a terminal")

    # Coming and going

    def _on_restored(self, past: Restored) -> Iterator[Effect]:
        self._member.start_from(past.first_number)
        yield Resumed(past.lives)
        for line in past.entries:
            yield from self._remember(line)

    def _remember(self, line: JournalEntry) -> Iterator[Effect]:
        """Restore a line of the journal, and trace it again in case observers missed it."""
        match entry := line.entry:
            case MarketOpened():
                self._opened_at = line.time_s
            case Requested():
                self._caller.remember(entry.call)
                yield self._request_record(entry.call)
            case Connected():
                wanted = self._calls[entry.call - 1].wanted
                self._carried[entry.call] = Contract(entry.call, entry.network, wanted, entry.price_money)
            case Heard():
                yield _heard(entry.call, entry.outcome, self._carried.pop(entry.call, None))
                self._caller.forget(entry.call)

    def _on_started(self, now: float) -> Iterator[Effect]:
        yield from self._member.join(now)
        if self._opened_at is not None:
            for call in self._caller.unsaid:
                if call not in self._carried:
                    yield from self._ask_again(now, call)
            for call in self._carried:
                yield from self._end_later(now, call)
            yield from self._begin(now)

    def _on_left(self, now: float) -> Iterator[Effect]:
        """Ask for no more calls; wait for the end of those that go on."""
        self._leaving = True
        yield Leaving()
        yield from self._leave_if_over(now)

    def _leave_if_over(self, now: float) -> Iterator[Effect]:
        done = self._leaving or self._caller.newest == len(self._calls)
        if done and not self._caller.open_calls:
            yield from self._member.leave(now)

    # Asking

    def _on_registry(self, now: float, message: Registry) -> Iterator[Effect]:
        yield from self._caller.on_registry(now, message)
        if message.state != "open" or self._opened_at is not None:
            yield Dropped("ignored", "no news")
            return
        self._opened_at = now
        yield Persist(MarketOpened())
        yield from self._begin(now)

    def _begin(self, now: float) -> Iterator[Effect]:
        if self._caller.newest < len(self._calls):
            yield SetTimer("call", self._clock(self._calls[self._caller.newest].wanted.at_s))
        yield from self._leave_if_over(now)

    def _clock(self, market_s: float) -> float:
        """The time of the clock at a second of the market, seconds."""
        assert self._opened_at is not None
        return self._opened_at + market_s / self._timing.speed

    def _ask_due(self, now: float) -> Iterator[Effect]:
        while self._caller.newest < len(self._calls) and not self._leaving:
            call = self._calls[self._caller.newest]
            due = self._clock(call.wanted.at_s)
            if now < due:
                yield SetTimer("call", due)
                return
            # Whoever loses a line with the power asks again under the same number, and is told the same.
            yield Persist(Requested(self._member.provider, self._caller.newest + 1), binds=False)
            yield self._request_record(self._caller.newest + 1)
            yield from self._caller.ask(now, call.wanted, call.price_weight, call.budget)

    def _request_record(self, call: int) -> CallRequested:
        planned = self._calls[call - 1]
        return CallRequested(self._member.provider, call, planned.wanted.at_s, planned.price_weight)

    def _ask_again(self, now: float, call: int) -> Iterator[Effect]:
        planned = self._calls[call - 1]
        return self._caller.ask_again(now, call, planned.wanted, planned.price_weight, planned.budget)

    # Answers

    def _on_contract(self, now: float, message: Contract) -> Iterator[Effect]:
        wanted = self._caller.on_answer(message.number).wanted
        self._carried[message.number] = msgspec.structs.replace(message, wanted=wanted)
        yield Persist(Connected(message.counterpart, message.number, message.price), binds=False)
        yield CallConnected(message.counterpart, message.number, wanted.rate_kbps, message.price)
        yield from self._end_later(now, message.number)

    def _end_later(self, now: float, call: int) -> Iterator[Effect]:
        wanted = self._carried[call].wanted
        heapq.heappush(self._ends, (max(now, self._clock(wanted.at_s + wanted.holding_s)), call))
        yield SetTimer("end", self._ends[0][0])

    def _on_blocked(self, now: float, message: Blocked) -> Iterator[Effect]:
        self._caller.on_answer(message.call)
        self._caller.forget(message.call)
        yield from self._hear(message.call, "blocked", None)
        yield from self._leave_if_over(now)

    def _on_decommit(self, now: float, message: Decommit) -> Iterator[Effect]:
        contract = self._carried.pop(message.number, None)
        if contract is None:
            self._caller.on_answer(message.number)
        self._caller.forget(message.number)
        yield from self._hear(message.number, "decommitted", contract)
        yield from self._leave_if_over(now)

    def _report_ended(self, now: float) -> Iterator[Effect]:
        while self._ends and self._ends[0][0] <= now:
            _, call = heapq.heappop(self._ends)
            if call in self._carried:
                yield from self._caller.report(now, call, served=True)
        if self._ends:
            yield SetTimer("end", self._ends[0][0])

    def _on_noted(self, now: float, message: Noted) -> Iterator[Effect]:
        self._caller.on_noted(message)
        contract = self._carried.pop(message.call)
        yield from self._hear(message.call, "served" if message.served else "decommitted", contract)
        yield from self._leave_if_over(now)

    def _hear(self, call: int, outcome: Outcome, contract: Contract | None) -> Iterator[Effect]:
        yield Persist(Heard(call, outcome), binds=False)
        yield _heard(call, outcome, contract)


def _heard(call: int, outcome: Outcome, contract: Contract | None) -> OutcomeHeard:
    """What observers are told of a call that is over, and that was carried under this contract."""
    price = contract.price if contract and outcome == "served" else 0.0
    return OutcomeHeard(contract.counterpart if contract else None, call, outcome, price)
