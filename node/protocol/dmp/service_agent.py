"""The service agent: asks on its customers' behalf, at its own weight of the price and for a fee (Fig. 1)."""

from collections.abc import Iterable, Iterator

from node.protocol.dmp import journal, membership, requests
from node.protocol.dmp.brokerage import Brokerage
from node.protocol.dmp.customers import Case, Desk
from node.protocol.dmp.membership import Membership
from node.protocol.dmp.messages import (
    Blocked,
    Contract,
    Decommit,
    Deregister,
    Deregistered,
    Noted,
    Register,
    Registered,
    Registry,
    Report,
    Request,
)
from node.protocol.dmp.requests import Caller
from node.protocol.dmp.timing import CallTiming
from node.protocol.dmp.trace import CallBrokered
from node.protocol.errors import RejectedError
from node.protocol.journal import Entry
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Message,
    PeerOffline,
    Persist,
    Received,
    Reconnected,
    Restored,
    Send,
    SetTimer,
    Started,
    TimerFired,
    effects_of,
)
from node.protocol.retry import PATIENCE
from node.protocol.topics import host_of
from node.protocol.trace import Resumed


class ServiceAgent:
    """Stands between its customers and the market.

    A customer has an application contract with it for every call, and it has a flow contract with the network.

    Parameters
    ----------
    awaited
        The terminals that will come; it leaves the market after the last of them.
    fee
        Money per call, on top of what the network gets.
    price_weight
        In place of the customers' own, if given.
    """

    def __init__(
        self,
        market: str,
        awaited: frozenset[str],
        timing: CallTiming,
        fee: float = 0.0,
        price_weight: float | None = None,
    ) -> None:
        self._market = market
        self._member = Membership(market, "service-agent", timing.retry_s)
        self._caller = Caller(market, timing.retry_s)
        self._desk = Desk(awaited)
        self._retry_s = timing.retry_s
        self._terms = Brokerage(fee, price_weight)
        self._cases: dict[int, Case] = {}

    @property
    def watches(self) -> frozenset[str]:
        """The market agent."""
        return frozenset({self._market})

    @property
    def finished(self) -> bool:
        """Whether it has left, its customers being gone."""
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
            case PeerOffline(host):
                return self._on_peer_offline(now, host)
        return ()

    def _on_timer(self, now: float, name: str) -> Iterable[Effect]:
        match name:
            case membership.TIMER:
                return self._member.repeat(now)
            case requests.TIMER:
                return self._caller.repeat(now)
            case "terminals":
                return self._join_without_missing(now)
        return ()

    def _on_message(self, now: float, sender: str, message: Message) -> Iterable[Effect]:  # noqa: C901, PLR0911 - as above
        if sender == self._market:
            match message:
                case Registry():
                    return self._caller.on_registry(now, message)
                case Registered() | Deregistered():
                    return self._member.on_confirmation(sender, message)
                case Contract():
                    return self._on_contract(now, message)
                case Blocked():
                    return self._on_failure(now, message.call, is_blocked=True)
                case Decommit():
                    return self._on_failure(now, message.number, is_blocked=False)
                case Noted():
                    return self._on_noted(now, message)
            raise RejectedError("not for a service agent")
        match message:
            case Register():
                return self._on_register(now, sender, message)
            case Deregister():
                return self._on_deregister(now, sender, message)
            case Request():
                return self._on_request(now, sender, message)
            case Report():
                return self._on_report(now, sender, message)
        raise RejectedError("not for a service agent")

    # Coming and going

    def _on_started(self, now: float) -> Iterator[Effect]:
        """Take part once the terminals are there: the market opens when all have come, and their calls begin then."""
        yield SetTimer("terminals", now + PATIENCE * self._retry_s)
        yield from self._join_if_complete(now)
        for own, case in self._cases.items():
            if case.answer and not self._desk.has(case.customer):
                yield from self._presume_served(now, own)
        yield from self._leave_if_over(now)

    def _on_restored(self, past: Restored) -> Iterator[Effect]:
        """Restore the customers and the answers they got; customers repeat unanswered requests themselves."""
        self._member.start_from(past.first_number)
        yield Resumed(past.lives)
        for line in past.entries:
            self._remember(line.entry)
            match line.entry:
                case journal.Brokered(terminal, call, own, _, weight):  # repeated, since observers may have missed it
                    yield CallBrokered(terminal, call, own, weight)

    def _remember(self, entry: Entry) -> None:
        match entry:
            case journal.CustomerIn() | journal.CustomerLeft() | journal.CustomerLost():
                self._desk.remember(entry)
            case journal.Brokered():
                case = self._desk.remember_call(entry.terminal, entry.call, entry.wanted.spec)
                self._cases[entry.own_call], case.number = case, entry.own_call
                self._caller.remember(entry.own_call)
            case journal.Connected():
                case = self._cases[entry.call]
                case.answer = self._terms.contract(case.request, entry.network, entry.price_money)
            case journal.Heard():
                case = self._cases[entry.call]
                if entry.outcome != "served":
                    call = case.request.call
                    case.answer = Blocked(call) if entry.outcome == "blocked" else Decommit(call)
                self._end(entry.call, served=entry.outcome == "served")

    def _join_if_complete(self, now: float) -> Iterator[Effect]:
        if self._member.state in {"out", "leaving", "left"} and not self._desk.missing:
            yield CancelTimer("terminals")
            yield from self._member.join(now)

    def _join_without_missing(self, now: float) -> Iterator[Effect]:
        self._desk.give_up_missing()
        yield from self._join_if_complete(now)
        yield from self._leave_if_over(now)

    def _on_peer_offline(self, now: float, host: str) -> Iterator[Effect]:
        yield from self._desk.lose(host)
        for own, case in self._cases.items():
            if host_of(case.customer) == host and case.answer:
                yield from self._presume_served(now, own)
        if self._member.state == "out":
            yield from self._join_if_complete(now)
        yield from self._leave_if_over(now)

    def _presume_served(self, now: float, own: int) -> Iterator[Effect]:
        """Count a call as served if its customer is gone and cannot report, as the market agent does."""
        if not self._cases[own].reported:
            self._cases[own].reported = True
            yield from self._caller.report(now, own, served=True)

    def _leave_if_over(self, now: float) -> Iterator[Effect]:
        if self._desk.is_empty and not any(
            case.answer or self._caller.is_asking(own) for own, case in self._cases.items()
        ):
            yield from self._member.leave(now)

    # What customers say

    def _on_register(self, now: float, customer: str, message: Register) -> Iterator[Effect]:
        if message.role != "terminal":
            raise RejectedError("not for a service agent")
        yield from self._desk.register(customer, message)
        yield Send(customer, Registered(message.seq, 1))
        yield from self._join_if_complete(now)

    def _on_deregister(self, now: float, customer: str, message: Deregister) -> Iterator[Effect]:
        yield from self._desk.deregister(customer, message)
        yield Send(customer, Deregistered(message.seq))
        yield from self._leave_if_over(now)

    def _on_request(self, now: float, customer: str, message: Request) -> Iterator[Effect]:
        case, is_new = self._desk.request(customer, message)
        if not is_new:
            yield from self._answer_again(now, case, message)
            return
        budget = self._terms.budget(message)
        if budget is not None and budget < 0.0:
            case.served = False
            yield Persist(journal.Refused(customer, message.call))
            yield from case.tell(Blocked(message.call))
            return
        case.number = own = self._caller.newest + 1
        wanted = journal.wanted_of(message.wanted)
        yield Persist(
            journal.Brokered(customer, message.call, own, self._terms.fee, self._terms.weight(message), wanted)
        )
        yield CallBrokered(customer, message.call, own, self._terms.weight(message))
        yield from self._ask_on(now, case)

    def _ask_on(self, now: float, case: Case) -> Iterator[Effect]:
        request = case.request
        weight, budget = self._terms.weight(request), self._terms.budget(request)
        self._cases[case.number] = case
        self._caller.remember(case.number)
        yield from self._caller.ask_again(now, case.number, self._terms.wanted(request), weight, budget)

    def _answer_again(self, now: float, case: Case, message: Request) -> Iterator[Effect]:
        if case.answer is None and case.number and not self._caller.is_asking(case.number):
            case.request = message  # its own request is of an earlier life
            yield from self._ask_on(now, case)
            return
        yield from case.answer_again(message)
        yield Dropped("ignored", "repeated request")

    def _on_report(self, now: float, customer: str, message: Report) -> Iterator[Effect]:
        case = self._desk.case(customer, message.call)
        if case.served is not None:
            yield Send(customer, Noted(message.call, case.served))
            yield Dropped("ignored", "repeated report")
            return
        if not isinstance(case.answer, Contract):
            raise RejectedError("report without a contract")
        if not case.reported:
            case.reported = True
            yield from self._caller.report(now, case.number, served=message.served)

    # What the market agent says

    def _on_contract(self, now: float, message: Contract) -> Iterator[Effect]:
        self._caller.on_answer(message.number)
        case = self._cases[message.number]
        yield Persist(journal.Connected(message.counterpart, message.number, message.price), binds=False)
        yield from case.tell(self._terms.contract(case.request, message.counterpart, message.price))
        if case.is_forgotten or not self._desk.has(case.customer):
            yield from self._presume_served(now, message.number)

    def _on_failure(self, now: float, own: int, *, is_blocked: bool) -> Iterator[Effect]:
        if own not in self._cases:
            self._caller.on_answer(own)  # which says what is wrong
        case = self._cases[own]
        if case.answer is None:
            self._caller.on_answer(own)
        call = case.request.call
        yield Persist(journal.Heard(own, "blocked" if is_blocked else "decommitted"), binds=False)
        yield from case.tell(Blocked(call) if is_blocked else Decommit(call))
        self._end(own, served=False)
        yield from self._leave_if_over(now)

    def _on_noted(self, now: float, message: Noted) -> Iterator[Effect]:
        self._caller.on_noted(message)
        case = self._cases[message.call]
        self._end(message.call, served=message.served)
        yield Persist(journal.Heard(message.call, "served" if message.served else "decommitted"), binds=False)
        if not case.is_forgotten:
            yield Send(case.customer, Noted(case.request.call, message.served))
        yield from self._leave_if_over(now)

    def _end(self, own: int, *, served: bool) -> None:
        case = self._cases.pop(own)
        case.served = served
        self._caller.forget(own)
