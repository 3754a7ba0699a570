"""The customers of a market agent or a service agent: who they are, and what became of their calls."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from node.protocol.dmp.journal import CustomerIn, CustomerLeft, CustomerLost
from node.protocol.dmp.messages import Blocked, CallSpec, Contract, Decommit, Deregister, Register, Request
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import Effect, Persist, Send
from node.protocol.topics import host_of

Answer = Contract | Decommit | Blocked


@dataclass(slots=True)
class Case:
    """One call of a customer.

    Attributes
    ----------
    answer
        What the customer was told; None while that is open.
    served
        How it ended; None while that is open.
    reported
        The customer has said how it ended.
    number
        Of the auction, where there is a contract; of a service agent's own call.
    is_forgotten
        The customer has come back as another process, which knows nothing of it.
    """

    customer: str
    request: Request
    answer: Answer | None = None
    served: bool | None = None
    reported: bool = False
    number: int = 0
    is_forgotten: bool = False

    def answer_again(self, request: Request) -> Iterator[Effect]:
        """Repeat the answer to a customer that asks again, with the time that it asked for."""
        if isinstance(self.answer, Contract):
            wanted = msgspec.structs.replace(self.answer.wanted, at_s=request.wanted.at_s)
            yield Send(self.customer, msgspec.structs.replace(self.answer, wanted=wanted))
        elif self.answer:
            yield Send(self.customer, self.answer)

    def tell(self, answer: Answer) -> Iterator[Effect]:
        """Tell the customer what has become of its call."""
        self.answer = answer
        if not self.is_forgotten:
            yield Send(self.customer, answer)


@dataclass(slots=True)
class _Customer:
    seq: int = 0
    is_in: bool = False
    is_lost: bool = False
    is_agent: bool = False
    over: int = 0
    cases: dict[int, Case] = field(default_factory=dict)


class Desk:
    """The customers by address. An ``awaited`` customer counts as present until it leaves or is given up."""

    def __init__(self, awaited: frozenset[str]) -> None:
        self.awaited = set(awaited)
        self._customers: dict[str, _Customer] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in and nobody is awaited."""
        return not self.awaited

    @property
    def agents(self) -> list[str]:
        """The service agents that take part."""
        return sorted(one for one, customer in self._customers.items() if customer.is_in and customer.is_agent)

    @property
    def missing(self) -> bool:
        """Whether somebody awaited has not come yet."""
        return any(address not in self._customers for address in self.awaited)

    def has(self, customer: str) -> bool:
        """Whether the customer takes part."""
        known = self._customers.get(customer)
        return known is not None and known.is_in

    def register(self, customer: str, message: Register) -> Iterator[Effect]:
        """Register the customer; IgnoredError if a newer message of it has arrived before."""
        was_in = self.has(customer)
        self._move(customer, message.seq, is_in=True)
        assert message.role != "network"
        self._customers[customer].is_agent = message.role == "service-agent"
        self.awaited.add(customer)
        if not was_in:
            yield Persist(CustomerIn(customer, message.role, message.seq))

    def deregister(self, customer: str, message: Deregister) -> Iterator[Effect]:
        """Deregister the customer; IgnoredError if a newer message of it has arrived before."""
        was_in = self.has(customer)
        self._move(customer, message.seq, is_in=False)
        self.awaited.discard(customer)
        if was_in:
            yield Persist(CustomerLeft(customer, message.seq))

    def _move(self, customer: str, seq: int, *, is_in: bool) -> None:
        known = self._customers.setdefault(customer, _Customer())
        if seq < known.seq and not known.is_lost:
            raise IgnoredError("overtaken registration")
        if seq <= known.seq and known.is_lost:
            # Another process of the same name, which numbers its messages and calls from the start.
            for case in known.cases.values():
                case.is_forgotten = True
            known = self._customers[customer] = _Customer()
        known.seq, known.is_in, known.is_lost = seq, is_in, False

    def remember(self, entry: CustomerIn | CustomerLeft | CustomerLost) -> None:
        """Restore a registration or deregistration of an earlier life."""
        match entry:
            case CustomerIn():
                self._move(entry.customer, entry.seq, is_in=True)
                self._customers[entry.customer].is_agent = entry.role == "service-agent"
                self.awaited.add(entry.customer)
            case CustomerLeft():
                self._move(entry.customer, entry.seq, is_in=False)
                self.awaited.discard(entry.customer)
            case CustomerLost():
                known = self._customers[entry.customer]
                known.is_in, known.is_lost = False, True
                self.awaited.discard(entry.customer)

    def remember_call(self, customer: str, call: int, wanted: CallSpec) -> Case:
        """Restore a call of an earlier life, without what only its auction needs."""
        request = Request(call, 1, wanted, 1.0, None)
        case = self._customers[customer].cases[call] = Case(customer, request)
        return case

    def give_up_missing(self) -> None:
        """Stop waiting for the awaited customers that have not registered."""
        self.awaited &= self._customers.keys()

    def lose(self, host: str) -> Iterator[Effect]:
        """Go on without the customers on a host that is gone."""
        self.awaited = {one for one in self.awaited if host_of(one) != host}
        for one, customer in self._customers.items():
            if host_of(one) == host and not customer.is_lost:
                customer.is_in, customer.is_lost = False, True
                yield Persist(CustomerLost(one))

    def request(self, customer: str, message: Request) -> tuple[Case, bool]:
        """The case of a request, and whether it is new.

        Raises
        ------
        RejectedError
            If the call is said to be over.
        IgnoredError
            If the customer takes no part, or the call is long over.
        """
        if message.call < message.over:
            raise RejectedError("request for nothing")
        if not self.has(customer):
            raise IgnoredError("not registered")
        known = self._customers[customer]
        if message.call < known.over:
            raise IgnoredError("overtaken request")
        case = known.cases.get(message.call)
        if case:
            return case, False
        known.over = max(known.over, message.over)
        for call in [call for call in known.cases if call < known.over]:
            del known.cases[call]
        known.cases[message.call] = case = Case(customer, message)
        return case, True

    def case(self, customer: str, call: int) -> Case:
        """The case of a call; IgnoredError if it is unknown or forgotten."""
        known = self._customers.get(customer)
        if known is None or call not in known.cases:
            raise IgnoredError("unknown call")
        return known.cases[call]
