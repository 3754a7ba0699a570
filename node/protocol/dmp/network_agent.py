"""The network agent: a network operator that bids for calls and carries those it wins (Konka et al., Fig. 1)."""

import heapq
import math
from collections.abc import Iterable, Iterator

from node.mechanism.rounding import ROUNDING
from node.protocol.dmp import membership
from node.protocol.dmp.events import MarginChosen
from node.protocol.dmp.journal import Admitted, Capacity, Committed, wanted_of
from node.protocol.dmp.membership import Membership
from node.protocol.dmp.messages import (
    Commit,
    Contract,
    Decommit,
    Deregistered,
    Invite,
    Registered,
    Registry,
    SealedBid,
)
from node.protocol.dmp.timing import CallTiming
from node.protocol.dmp.trace import CallCommitted, CallPassed, PriceOffered
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.journal import Entry
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
    Send,
    Started,
    TimerFired,
    effects_of,
)
from node.protocol.numbers import MAX_PRICE
from node.protocol.trace import Leaving, Resumed
from node.strategy.dmp import ByHand, Call, PricingStrategy

MOST_SKIPPED = 1_000_000
"""Auctions that it may have missed in a row: it draws a cost for each of them."""


class NetworkAgent:
    """An operator with so much capacity. Time is that of the market: a call holds capacity until it ends there.

    Parameters
    ----------
    capacity_kbps
        What it can carry at once.
    overcommitment
        It bids as long as the calls it carries and the new one fit into so many times its capacity, at least 1. What
        exceeds the capacity itself it has to decommit.
    costs
        The cost of a call, money, one for each auction of the market in turn.
    """

    def __init__(
        self,
        market: str,
        capacity_kbps: float,
        strategy: PricingStrategy,
        costs: Iterator[float],
        timing: CallTiming,
        overcommitment: float = 1.0,
    ) -> None:
        self._market = market
        self._member = Membership(market, "network", timing.retry_s)
        self._capacity = capacity_kbps
        self._overcommitment = overcommitment
        self._strategy = strategy
        self._costs = costs
        self._drawn = 0
        self._calls: list[tuple[float, int, float]] = []
        self._invite: Invite | None = None
        self._cost = 0.0
        self._bid: SealedBid | None = None
        self._answer: Commit | Decommit | None = None
        self._lives = 0

    @property
    def watches(self) -> frozenset[str]:
        """The market agent."""
        return frozenset({self._market})

    @property
    def finished(self) -> bool:
        """Whether it has been admitted or has left: it only ever answers."""
        return self._member.state in {"in", "left"}

    @property
    def carried_kbps(self) -> float:
        """Capacity in use."""
        return math.fsum(rate for _, _, rate in self._calls)

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
            case MarginChosen():
                return self._on_margin_chosen(event)
            case Left():
                return self._on_left(now)
        return ()

    def _on_timer(self, now: float, name: str) -> Iterable[Effect]:
        match name:
            case membership.TIMER:
                return self._member.repeat(now)
        return ()

    def _on_message(self, now: float, sender: str, message: Message) -> Iterable[Effect]:
        if sender != self._market:
            raise RejectedError("foreign sender")
        match message:
            case Invite():
                return self._on_invite(message)
            case Contract():
                return self._on_contract(message)
            case Registered() | Deregistered():
                return self._on_confirmation(now, sender, message)
            case Registry():
                return ()
        raise RejectedError("not for a network")

    # Coming and going

    def _on_started(self, now: float) -> Iterator[Effect]:
        yield Persist(Capacity(self._capacity))
        yield from self._member.join(now)

    def _on_restored(self, past: Restored) -> Iterator[Effect]:
        """Restore the calls it carries. If its host was reported gone, ``_on_confirmation`` drops them later."""
        self._lives = past.lives
        self._member.start_from(past.first_number)
        yield Resumed(past.lives)
        for line in past.entries:
            yield from self._remember(line.entry)

    def _remember(self, entry: Entry) -> Iterator[Effect]:
        """Restore a line of the journal, and trace it again in case observers missed it."""
        match entry:
            case Admitted():
                self._member.epoch, self._calls, self._answer = entry.epoch, [], None
            case Committed():
                wanted = entry.wanted
                self._release(wanted.market_s)
                heapq.heappush(self._calls, (wanted.market_s + wanted.holding_s, entry.auction, wanted.rate_kbps))
                self._answer = Commit(entry.auction)
                yield CallCommitted(entry.customer, entry.auction, wanted.rate_kbps, entry.price_money, None)

    def _on_confirmation(self, now: float, sender: str, message: Registered | Deregistered) -> Iterator[Effect]:
        epoch = self._member.epoch
        yield from self._member.on_confirmation(sender, message)
        if self._member.epoch != epoch or self._member.state != "in":
            # The market agent counts its calls as decommitted, and goes on without it in the present auction.
            self._calls, self._bid, self._answer = [], None, None
        if self._member.epoch != epoch:
            yield Persist(Admitted(self._member.epoch))
        if self._member.state == "out":
            yield from self._member.join(now)

    def _on_left(self, now: float) -> Iterator[Effect]:
        yield Leaving()
        yield from self._member.leave(now)

    # Bidding

    def _on_invite(self, message: Invite) -> Iterator[Effect]:
        if self._member.state != "in":
            # Calls won before the answer to its registration would be taken for calls of an earlier membership.
            raise IgnoredError("not registered")
        rivals = message.bidders - 1 if message.rivals is None else len(message.rivals)
        if message.bidders < 1 or rivals != message.bidders - 1 or message.auction > self._drawn + MOST_SKIPPED:
            raise RejectedError("impossible invitation")
        if self._invite and message.auction <= self._invite.auction:
            if message.auction < self._invite.auction or not self._bid:
                raise IgnoredError("overtaken invitation")
            yield Send(self._market, self._bid)
            yield Dropped("ignored", "repeated invitation")
            return
        self._learn()
        self._release(message.wanted.at_s)
        self._invite = message
        self._cost = self._cost_of(message.auction)
        load = self.carried_kbps / self._capacity
        fits = self._fits(message.wanted.rate_kbps, self._overcommitment)
        price = min(self._price(message, load), MAX_PRICE) if fits else None
        if price is None:
            yield CallPassed(message.auction, load, self._cost)
        else:
            yield PriceOffered(message.auction, load, price, self._cost)
        self._bid = SealedBid(message.auction, price)
        yield Send(self._market, self._bid)

    def _on_margin_chosen(self, chosen: MarginChosen) -> Iterable[Effect]:
        if isinstance(self._strategy, ByHand):  # else no person sets its prices
            self._strategy.choose(chosen.margin_money)
        return ()

    def _learn(self) -> None:
        """Tell the strategy what became of its last price."""
        if self._bid and self._bid.price is not None:
            match self._answer_to(self._bid.auction):
                case Commit():
                    self._strategy.learned(self._bid.price - self._cost)
                case Decommit():
                    self._strategy.learned(0.0)
                case None:
                    self._strategy.learned(None)

    def _price(self, message: Invite, load: float) -> float:
        rivals = None if message.rivals is None else tuple(message.rivals)
        call = Call(message.price_weight, self._cost, message.reputation, rivals, message.bidders, load)
        return self._strategy.price(call)

    def _cost_of(self, auction: int) -> float:
        """The cost of an auction. Each auction draws its own, so that a missed one does not shift the others."""
        while self._drawn < auction:
            self._cost = next(self._costs)
            self._drawn += 1
        return self._cost

    # Carrying

    def _fits(self, rate_kbps: float, factor: float) -> bool:
        return self.carried_kbps + rate_kbps <= factor * self._capacity * (1.0 + ROUNDING)

    def _release(self, market_s: float) -> None:
        while self._calls and self._calls[0][0] <= market_s:
            heapq.heappop(self._calls)

    def _on_contract(self, message: Contract) -> Iterator[Effect]:
        invite, bid = self._invite, self._bid
        if (answer := self._answer_to(message.number)) is not None:
            yield Send(self._market, answer)
            yield Dropped("ignored", "repeated contract")
            return
        if invite is None or message.number > invite.auction:
            raise RejectedError("never invited")
        if message.number < invite.auction or bid is None:
            raise IgnoredError("other auction")
        if message.price != bid.price or message.wanted != invite.wanted:
            raise RejectedError("not what was offered")
        wanted = message.wanted
        if self._fits(wanted.rate_kbps, 1.0):
            heapq.heappush(self._calls, (wanted.at_s + wanted.holding_s, message.number, wanted.rate_kbps))
            self._answer = Commit(message.number)
            yield Persist(Committed(message.counterpart, message.number, message.price, wanted_of(wanted)))
            yield CallCommitted(message.counterpart, message.number, wanted.rate_kbps, message.price, self._cost)
        else:
            self._answer = Decommit(message.number)
        yield Send(self._market, self._answer)

    def _answer_to(self, auction: int) -> Commit | Decommit | None:
        """What it has said to this contract, if it was the last; a market agent that was started anew asks again.

        In another life it holds what it has written down, and has forgotten what else it offered.
        """
        match self._answer:
            case Commit(number) | Decommit(number) if number == auction:
                return self._answer
        return Decommit(auction) if self._lives and self._invite is None else None
