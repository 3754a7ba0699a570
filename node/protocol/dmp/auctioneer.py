"""The auctions of a Digital Marketplace, one call after the other (Konka et al., section III.B)."""

import heapq
import math
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from node.mechanism.dmp import compound_bid, winner
from node.protocol.dmp import journal
from node.protocol.dmp.auction import CallAuction
from node.protocol.dmp.contracts import Contracts
from node.protocol.dmp.customers import Answer, Case
from node.protocol.dmp.messages import (
    Blocked,
    Commit,
    Contract,
    Decommit,
    Deregistered,
    Invite,
    Noted,
    Report,
    SealedBid,
)
from node.protocol.dmp.networks import Networks
from node.protocol.dmp.past_auctions import PastAuctions
from node.protocol.dmp.timing import CallTiming
from node.protocol.dmp.trace import CallAuctioned, CallBlocked, CallContracted, NetworkPutOut
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import CancelTimer, Effect, Persist, Send, SetTimer
from node.protocol.retry import PATIENCE
from node.protocol.topics import node_of

EARLY_S = 1.0
"""Seconds of the clock by which a call may come before its time: the clocks of two hosts differ a little."""


class Rules(msgspec.Struct, frozen=True):
    """How a market is held.

    Attributes
    ----------
    reserve
        The secret reserve v, a compound bid: above it there is no contract. None if there is none.
    public_reputations
        Whether networks are told the reputations of their rivals.
    """

    reserve: float | None = None
    public_reputations: bool = False


def _most(limit: float | None) -> float:
    return math.inf if limit is None else limit


class Auctioneer:
    """Auctions calls among the networks, in the order of their time, and sees what becomes of them.

    The next call waits until the present one holds capacity or has none, so that every network knows what it can still
    carry when it bids. All that counts is time in the market: late messages change nothing.

    Parameters
    ----------
    random
        Draws among tied bids.
    """

    def __init__(self, networks: Networks, rules: Rules, timing: CallTiming, random: np.random.Generator) -> None:
        self._networks = networks
        self._rules = rules
        self._timing = timing
        self._random = random
        self._opened_at: float | None = None
        self._market_s = 0.0
        self._queue: list[tuple[float, str, str, int, int, Case]] = []
        self._entered = 0
        self._wakes_at = 0.0
        self.held = 0
        self._auction: CallAuction | None = None
        self._contracts = Contracts(networks)

    @property
    def is_idle(self) -> bool:
        """Whether no call waits for its auction or is being auctioned."""
        return not (self._queue or self._auction)

    def open(self, now: float) -> None:
        """Begin; the time of the market is counted from now on."""
        self._opened_at = now

    def on_timer(self, now: float, name: str) -> Iterable[Effect]:
        """One of its timers is due."""
        match name:
            case "bids":
                return self._ask_again(now)
            case "contract":
                return self._tell_again(now)
        return ()

    def close(self) -> Iterator[Effect]:
        """Every call is over."""
        return self._contracts.over()

    def enter(self, now: float, case: Case) -> None:
        """Take in a call."""
        request = case.request
        self._entered += 1
        at_s = min(request.wanted.at_s, self._latest(now))
        place = (at_s, node_of(case.customer), case.customer, request.call, self._entered, case)
        heapq.heappush(self._queue, place)

    def _latest(self, now: float) -> float:
        """A customer cannot call from the future, which would keep the market open for as long."""
        open_for = 0.0 if self._opened_at is None else now - self._opened_at
        return (open_for + EARLY_S) * self._timing.speed

    def proceed(self, now: float) -> Iterator[Effect]:
        """Hold the auctions whose time has come, one after the other; to be called after everything else."""
        while self._opened_at is not None and self._queue and not self._auction:
            due = self._opened_at + self._queue[0][0] / self._timing.speed + self._timing.gather_s
            if now < due:
                if due != self._wakes_at:
                    self._wakes_at = due
                    yield SetTimer("gather", due)
                return
            at_s, *_, case = heapq.heappop(self._queue)
            if not case.is_forgotten:
                yield from self._invite(now, case, at_s)

    def resume(self, now: float, opened_at: float, past: PastAuctions, lives: int) -> Iterator[Effect]:
        """Go on from earlier lives: ask the last winner again.

        Each of them may have begun one more auction than it wrote down; that number must not come again.
        """
        self._opened_at, self._market_s, self.held = opened_at, past.market_s, past.held + lives
        self._contracts, self._auction = past.contracts, past.auction
        if self._auction:
            yield Send(self._auction.winner, self._auction.contract)
            yield SetTimer("contract", now + self._timing.retry_s)

    # The auction

    def _invite(self, now: float, case: Case, at_s: float) -> Iterator[Effect]:
        request = case.request
        self._market_s = max(self._market_s, at_s)
        wanted = msgspec.structs.replace(request.wanted, at_s=self._market_s)
        yield from self._contracts.over(self._market_s)
        self.held += 1
        yield CallAuctioned(case.customer, request.call, self.held, self._market_s, request.price_weight)
        for network in self._networks.silent:
            yield Send(network, Deregistered(self._networks.of(network).seq))
        invited = self._networks.present
        asks_at = now + self._timing.retry_s
        self._auction = CallAuction(self.held, case, wanted, invited, now + self._timing.bid_window_s, asks_at)
        for network in invited:
            yield Send(network, self._invitation(network))
        yield SetTimer("bids", asks_at)
        yield from self._decide_if_complete(now)

    def _invitation(self, network: str) -> Invite:
        assert self._auction
        values = {one: self._networks.of(one).reputation.value for one in self._auction.invited}
        rivals = [value for one, value in values.items() if one != network] if self._rules.public_reputations else None
        weight = self._auction.case.request.price_weight
        return Invite(self._auction.number, self._auction.wanted, weight, values[network], len(values), rivals)

    def on_sealed_bid(self, now: float, network: str, message: SealedBid) -> Iterator[Effect]:
        """A network bids."""
        auction = self._auction
        if not auction or message.auction != auction.number:
            raise IgnoredError("other auction")
        auction.on_sealed_bid(network, message)
        self._networks.of(network).missed = 0
        yield from self._decide_if_complete(now)

    def _ask_again(self, now: float) -> Iterator[Effect]:
        auction = self._auction
        if not auction or auction.winner:
            return
        auction.ask_again(now, self._timing.retry_s)
        if now >= auction.closes_at:
            silent = [network for network in auction.unheard if self._networks.has_missed_too_many(network)]
            yield from self.put_out(now, silent, is_silent=True)
            if self._auction is auction and not auction.winner:
                yield from self._decide(now)
            return
        for network in auction.unheard:
            yield Send(network, self._invitation(network))
        yield SetTimer("bids", auction.asks_at)

    def _decide_if_complete(self, now: float) -> Iterator[Effect]:
        if self._auction and not self._auction.winner and not self._auction.unheard:
            yield from self._decide(now)

    def _decide(self, now: float) -> Iterator[Effect]:
        auction = self._auction
        assert auction
        yield CancelTimer("bids")
        request = auction.case.request
        networks, prices = auction.heard
        reputations = [self._networks.of(network).reputation.value for network in networks]
        chosen = (
            winner(
                prices,
                reputations,
                request.price_weight,
                self._random,
                reserve=_most(self._rules.reserve),
                budget=_most(request.budget),
            )
            if networks
            else None
        )
        yield Persist(auction.called)
        if chosen is None:
            customer = auction.case.customer
            # The customer asks again and is told the same, so this line may be lost with the power.
            yield Persist(journal.Blocked(customer, request.call, auction.number), binds=False)
            yield CallBlocked(customer, request.call, auction.number)
            auction.case.served = False
            yield from self._answer(Blocked(request.call))
            return
        auction.award(networks[chosen], prices[chosen])
        beta = float(compound_bid(prices[chosen], reputations[chosen], request.price_weight))
        yield CallContracted(auction.winner, request.call, auction.number, auction.price, beta)
        yield Persist(journal.Contracted(auction.winner, request.call, auction.number, auction.price, beta))
        yield Send(auction.winner, auction.contract)
        yield SetTimer("contract", now + self._timing.retry_s)

    # The contract

    def _tell_again(self, now: float) -> Iterator[Effect]:
        auction = self._auction
        if not auction or not auction.winner:
            return
        if auction.repeated >= PATIENCE:
            yield from self.put_out(now, [auction.winner], is_silent=True)
            return
        auction.repeated += 1
        yield Send(auction.winner, auction.contract)
        yield SetTimer("contract", now + self._timing.retry_s)

    def on_commit(self, network: str, message: Commit) -> Iterator[Effect]:
        """The winner holds capacity."""
        auction = self._awarded(network, message.auction)
        case, wanted = auction.case, auction.wanted
        self._contracts.add(auction.number, case, network, wanted.at_s + wanted.holding_s)
        yield from self._answer(Contract(case.request.call, network, case.request.wanted, auction.price))

    def on_decommit(self, network: str, message: Decommit) -> Iterator[Effect]:
        """A network cannot carry the call it has won, or not to its end."""
        if self._contracts.carries(network, message.number):
            if self._contracts.case(message.number).reported:
                raise IgnoredError("decommitted after its end")
            yield from self._break(message.number)
            return
        auction = self._awarded(network, message.number)
        yield from self._contracts.counted(network, auction.number, auction.case, served=False)
        yield from self._answer(Decommit(auction.case.request.call))

    def _awarded(self, network: str, number: int) -> CallAuction:
        """The present auction, if it is of this number and its winner waits for this network's word."""
        auction = self._auction
        if number > self.held:
            raise RejectedError("never invited")
        if not auction or auction.number != number:
            raise IgnoredError("other auction")
        if auction.winner != network:
            raise RejectedError("never awarded")
        return auction

    def _answer(self, answer: Answer) -> Iterator[Effect]:
        """End the auction with a word to the customer."""
        assert self._auction
        case, self._auction = self._auction.case, None
        yield CancelTimer("contract")
        yield from case.tell(answer)

    # Outcomes

    def on_report(self, case: Case, message: Report) -> Iterator[Effect]:
        """The customer says how its call ended."""
        if case.answer is None and self._auction and self._auction.case is case and self._auction.is_resumed:
            raise IgnoredError("unknown call")  # until its network has confirmed again that it carries the call
        if case.answer is None or isinstance(case.answer, Blocked):
            raise RejectedError("report without a contract")
        if case.served is None and not case.reported:
            case.reported = True
            if message.served:
                yield Persist(journal.Reported(case.customer, message.call, case.number))
            else:
                yield from self._break(case.number)
        yield Send(case.customer, Noted(message.call, case.served is not False))

    def _break(self, number: int) -> Iterator[Effect]:
        case = self._contracts.case(number)
        yield from self._contracts.broken(number)
        yield from case.tell(Decommit(case.request.call))

    def put_out(self, now: float, networks: list[str], *, is_silent: bool) -> Iterator[Effect]:
        """Go on without these networks: what they carry counts as decommitted."""
        auction = self._auction
        for network in networks:
            self._networks.put_out(network, is_silent=is_silent)
            yield Persist(journal.NetworkOut(network, is_silent))
            yield NetworkPutOut(network)
            for number in self._contracts.carried_by(network):
                yield from self._break(number)
            if auction and not auction.winner:
                auction.drop(network)
        if auction and auction.winner in networks:
            yield from self._contracts.counted(auction.winner, auction.number, auction.case, served=False)
            yield from self._answer(Decommit(auction.case.request.call))
        yield from self._decide_if_complete(now)
