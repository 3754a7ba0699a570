"""The market agent: runs the logical market channel and auctions every call (Konka et al., section II and Fig. 1)."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec
import numpy as np

from node.protocol.dmp import journal
from node.protocol.dmp.auctioneer import Auctioneer, Rules
from node.protocol.dmp.customers import Case, Desk
from node.protocol.dmp.messages import (
    Commit,
    Decommit,
    Deregister,
    Deregistered,
    MarketState,
    Register,
    Registered,
    Registry,
    Report,
    Request,
    SealedBid,
)
from node.protocol.dmp.networks import Networks, Reputation
from node.protocol.dmp.past_auctions import PastAuctions, retold
from node.protocol.dmp.timing import CallTiming
from node.protocol.dmp.trace import MarketClosed, NetworkRegistered
from node.protocol.errors import RejectedError
from node.protocol.journal import Entry, MarketOpened
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Message,
    Opened,
    PeerOffline,
    Persist,
    PostOnBoard,
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
from node.protocol.trace import Resumed

BOARD_S = 1.0
"""Reputations are posted so often at most, seconds of the clock."""


class MarketAgent:
    """Registers networks and customers, and auctions one call after the other, in the order of their time.

    A call's outcome moves the network's reputation: at once if it is decommitted, and when its time is over if it is
    not. All that counts for that is time in the market, so that late messages change nothing.

    Parameters
    ----------
    awaited_networks, awaited_customers
        Addresses of those whom the opening of the market waits for; it closes after the last customer.
    reputation
        With which a network begins that is not ``known``.
    random
        Draws among tied bids.
    """

    def __init__(
        self,
        awaited_networks: frozenset[str],
        awaited_customers: frozenset[str],
        reputation: Reputation,
        rules: Rules,
        timing: CallTiming,
        random: np.random.Generator,
        known: Mapping[str, Reputation] = MappingProxyType({}),
    ) -> None:
        self._awaited_networks = awaited_networks
        self._networks = Networks(reputation, known)
        self._desk = Desk(awaited_customers)
        self._auctioneer = Auctioneer(self._networks, rules, timing, random)
        self._retry_s = timing.retry_s
        self._state: MarketState = "upcoming"
        self._may_open = False
        self._shown: Registry | None = None
        self._posting = False
        self._posts = self._lives = 0
        self._opened_at: float | None = None
        self._past: PastAuctions | None = None

    @property
    def watches(self) -> frozenset[str]:
        """Nobody."""
        return frozenset()

    @property
    def finished(self) -> bool:
        """Whether all customers have left."""
        return self._state == "closed"

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at time ``now``, seconds."""
        return effects_of(self._proceed, now, event)

    def _proceed(self, now: float, event: Event) -> Iterator[Effect]:
        yield from self._on_event(now, event)
        yield from self._auctioneer.proceed(now)
        if self._state == "open" and self._desk.is_empty and self._auctioneer.is_idle:
            yield from self._close()
        if self._networks.changed and not self._posting:
            self._posting = True
            yield SetTimer("board", now + BOARD_S)

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
                return self._on_reconnected()
            case Opened():
                return self._on_opened(now)
            case PeerOffline(host):
                return self._on_peer_offline(now, host)
        return ()

    def _on_timer(self, now: float, name: str) -> Iterable[Effect]:
        match name:
            case "opening":
                return self._open_without_missing(now)
            case "board":
                return self._post()
        return self._auctioneer.on_timer(now, name)

    def _on_message(self, now: float, sender: str, message: Message) -> Iterable[Effect]:  # noqa: PLR0911 - one for each
        match message:
            case Register():
                return self._on_register(now, sender, message)
            case Deregister():
                return self._on_deregister(now, sender, message)
            case Request():
                return self._on_request(now, sender, message)
            case Report():
                return self._auctioneer.on_report(self._desk.case(sender, message.call), message)
            case SealedBid():
                return self._auctioneer.on_sealed_bid(now, sender, message)
            case Commit():
                return self._auctioneer.on_commit(sender, message)
            case Decommit():
                return self._auctioneer.on_decommit(sender, message)
        raise RejectedError("not for a market agent")

    # Coming and going

    def _on_restored(self, past: Restored) -> Iterator[Effect]:
        self._lives, self._posts = past.lives, past.first_number
        self._past, cases = PastAuctions(self._networks), dict[int, Case]()
        self._opened_at = past.opened_at
        yield Resumed(past.lives)
        for line in past.entries:
            entry = line.entry
            if isinstance(entry, journal.AuctionEntry):
                if isinstance(entry, journal.Called):
                    case = self._desk.remember_call(entry.customer, entry.call, entry.wanted.spec)
                    cases[entry.auction] = case
                self._past.add(entry, cases[entry.auction])
                yield from retold(entry)
            else:
                self._remember(entry)
        if self._state == "closed":
            yield MarketClosed(self._past.held)

    def _remember(self, entry: Entry) -> None:
        match entry:
            case MarketOpened():
                self._state = "open"
            case journal.Closed():
                self._state = "closed"
            case journal.NetworkIn() | journal.NetworkOut():
                self._networks.remember(entry)
            case journal.CustomerIn() | journal.CustomerLeft() | journal.CustomerLost():
                self._desk.remember(entry)

    def _on_started(self, now: float) -> Iterator[Effect]:
        yield from self._post(again=True)
        if self._past and self._opened_at is not None:
            self._desk.give_up_missing()
            yield from self._auctioneer.resume(now, self._opened_at, self._past, self._lives)

    def _on_peer_offline(self, now: float, host: str) -> Iterator[Effect]:
        yield from self._desk.lose(host)
        yield from self._auctioneer.put_out(now, self._networks.lost(host), is_silent=False)

    def _on_reconnected(self) -> Iterator[Effect]:
        return self._post(again=True)

    # Registries, and the opening of the logical market channel

    def _on_register(self, now: float, sender: str, message: Register) -> Iterator[Effect]:
        if message.role == "network":
            known = self._networks.of(sender).seq if self._networks.knows(sender) else -1
            is_new = self._networks.admit(sender, message)
            if message.seq != known:
                yield Persist(journal.NetworkIn(sender, self._networks.of(sender).epoch, message.seq))
            if is_new:
                yield NetworkRegistered(sender, self._networks.of(sender).reputation.value)
                yield from self._post()
            epoch = self._networks.of(sender).epoch
        else:
            yield from self._desk.register(sender, message)
            epoch = 1
            if self._state == "closed":
                yield from self._declare_open()
        yield Send(sender, Registered(message.seq, epoch))
        yield from self._open_if_complete(now)

    def _on_deregister(self, now: float, sender: str, message: Deregister) -> Iterator[Effect]:
        if self._networks.knows(sender):
            if self._networks.dismiss(sender, message.seq):
                yield from self._auctioneer.put_out(now, [sender], is_silent=False)
        else:
            yield from self._desk.deregister(sender, message)
        yield Send(sender, Deregistered(message.seq))

    def _on_opened(self, now: float) -> Iterator[Effect]:
        self._may_open = True
        if self._state == "upcoming":
            yield SetTimer("opening", now + PATIENCE * self._retry_s)
            yield from self._open_if_complete(now)

    def _open_if_complete(self, now: float) -> Iterator[Effect]:
        complete = not self._desk.missing and all(map(self._networks.knows, self._awaited_networks))
        if self._may_open and complete:
            yield from self._open(now)

    def _open_without_missing(self, now: float) -> Iterator[Effect]:
        self._desk.give_up_missing()
        yield from self._open(now)

    def _open(self, now: float) -> Iterator[Effect]:
        if self._state == "upcoming":
            yield CancelTimer("opening")
            yield from self._declare_open()
            self._auctioneer.open(now)

    def _declare_open(self) -> Iterator[Effect]:
        self._state = "open"
        yield Persist(MarketOpened())
        yield from self._post()

    def _close(self) -> Iterator[Effect]:
        yield from self._auctioneer.close()
        self._state = "closed"
        yield Persist(journal.Closed(self._auctioneer.held))
        yield from self._post()
        yield MarketClosed(self._auctioneer.held)

    def _post(self, *, again: bool = False) -> Iterator[Effect]:
        """Post the registries, if they have changed or are to be posted again."""
        self._posting = self._networks.changed = False
        present, seq = self._networks.present, self._posts
        reputations = [self._networks.of(network).reputation.value for network in present]
        post = Registry(seq, self._state, present, reputations, self._desk.agents)
        if again or post != self._shown:
            self._posts += 1
            self._shown = msgspec.structs.replace(post, seq=self._posts)
            yield PostOnBoard(self._shown)

    # Requests

    def _on_request(self, now: float, customer: str, message: Request) -> Iterator[Effect]:
        case, is_new = self._desk.request(customer, message)
        if not is_new:
            yield from case.answer_again(message)
            yield Dropped("ignored", "repeated request")
            return
        self._auctioneer.enter(now, case)
