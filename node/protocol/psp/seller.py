"""The seller: holds one auction for its spare data, and notifies its bidders (paper, sections III and IV)."""

from collections.abc import Iterable, Iterator

from node.mechanism.psp import PSP, AuctionMechanism
from node.mechanism.rounding import ROUNDING
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Left,
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
from node.protocol.psp.awards import Awards
from node.protocol.psp.book import Book, Due, Entry
from node.protocol.psp.events import SupplyChanged
from node.protocol.psp.journal import Ended, Offered, Sold
from node.protocol.psp.messages import (
    Accept,
    Advert,
    AuctionMessage,
    AuctionState,
    Award,
    Bid,
    Closed,
    Decline,
    Hold,
    Profile,
    Withdraw,
    Withdrawn,
)
from node.protocol.psp.patience import Patience
from node.protocol.psp.quiet import Quiet
from node.protocol.psp.timing import Timing
from node.protocol.psp.trace import (
    Allocated,
    AuctionClosed,
    Awarding,
    BidVoided,
    Cause,
    Cleared,
    Reopened,
    SupplyRevised,
)
from node.protocol.retry import backoff
from node.protocol.topics import host_of
from node.protocol.trace import Leaving, Resumed
from node.strategy.psp.reserve import ReserveRule


class Seller:
    """One auction of ``supply`` MB, held by a ``mechanism``; one that ``opens_late`` is upcoming until its own opening.

    Open: a changed bid asks for a clearing, at most one per clearing interval; the bidders get their profiles. Quiet
    for the quiet period, and every bidder known to have seen the last profile: awarding. Each winner is asked whether
    its bid still stands. When the last has answered, all who have accepted get their receipts, charged by the book
    without the bids that did not stand. If bids changed meanwhile and supply is left the auction opens again (a market
    shift), else it is closed. Whoever leaves closes at once, or when the awards it has made are answered.
    """

    def __init__(
        self,
        supply: float,
        rule: ReserveRule,
        timing: Timing,
        auction: int = 0,
        *,
        mechanism: AuctionMechanism = PSP,
        opens_late: bool = False,
    ) -> None:
        self._auction = auction
        self._supply = supply
        self._rule = rule
        self._mechanism = mechanism
        self._timing = timing
        self._state: AuctionState = "upcoming" if opens_late else "open"
        self._round = self._rounds_before = 0
        self._book = Book(auction)
        self._newest_seq: dict[str, int] = {}
        self._awards = Awards(auction)
        self._quiet = Quiet(timing)
        self._patience = Patience(timing.patience_s)
        self._changed: list[str] = []
        self._clearing_due = self._shifted = self._leaving = self._is_disturbed = False
        self._broken: set[str] = set()
        self._adverts = 0
        self._advertised: tuple[float, float, float, AuctionState] | None = None

    @property
    def watches(self) -> frozenset[str]:
        """Nobody: a seller reacts to its own bidders."""
        return frozenset()

    @property
    def finished(self) -> bool:
        """Whether the auction is closed."""
        return self._state == "closed"

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at time ``now``, seconds."""
        return effects_of(self._on_event, now, event)

    # A dispatcher returns the handler's iterator: a generator around it would cost time at every effect.

    def _on_event(self, now: float, event: Event) -> Iterable[Effect]:  # noqa: PLR0911 - one for each event
        match event:
            case Received():
                return self._on_message(now, event.sender, event.message)
            case TimerFired():
                return self._on_timer(now, event.name)
            case Restored():
                return self._on_restored(event)
            case Started():
                return self._on_started()
            case Opened():
                return self._on_opened(now)
            case PeerOffline(host):
                return self._on_peer_offline(now, host)
            case Reconnected():
                return self._on_reconnected()
            case SupplyChanged():
                return self._on_supply_changed(now, event.supply_mb)
            case Left():
                return self._on_left()
        return ()

    def _on_timer(self, now: float, name: str) -> Iterable[Effect]:
        match name:
            case "clear":
                return self._clear(now)
            case "quiet":
                return self._tick(now)
            case "refresh":
                return self._refresh(now)
            case "award":
                return self._repeat_awards(now)
        return ()

    def _on_message(self, now: float, sender: str, message: Message) -> Iterable[Effect]:
        if not isinstance(message, AuctionMessage):
            raise RejectedError("not for a seller")
        if message.auction != self._auction:
            raise IgnoredError("other auction")
        match message:
            case Bid() | Withdraw():
                return self._on_bid(now, sender, message)
            case Hold():
                return self._on_hold(now, sender, message)
            case Accept():
                return self._on_accept(now, sender, message)
            case Decline():
                return self._on_decline(now, sender, message)
        raise RejectedError("not for a seller")

    # Coming and going

    def _on_started(self) -> Iterator[Effect]:
        yield from self._set_supply(self._supply)
        yield from self._advertise()

    def _on_restored(self, past: Restored) -> Iterator[Effect]:
        """Know again what was sold; all bids and awards are gone, and bidders learn of that from the advert."""
        self._round = self._rounds_before = self._adverts = past.first_number
        yield Resumed(past.lives)
        for line in past.entries:
            if isinstance(line.entry, Offered | Sold | Ended) and line.entry.auction == self._auction:
                yield from self._remember(line.entry)

    def _remember(self, entry: Offered | Sold | Ended) -> Iterator[Effect]:
        match entry:
            case Offered():
                self._supply = entry.supply_mb
            case Sold():
                yield from self._awards.restored(entry)
            case Ended():
                self._state = "closed"
                yield AuctionClosed(entry.round, self._awards.sold, self._awards.revenue)

    def _on_opened(self, now: float) -> Iterator[Effect]:
        self._quiet.open(now)
        self._patience.begin(now)
        if self._state == "upcoming":
            self._state = "open"
            yield from self._advertise()
        if self._state == "open" and not self._clearing_due and not self._quiet.has_begun:
            yield from self._quiet.begin(now)

    def _on_peer_offline(self, now: float, host: str) -> Iterator[Effect]:
        return self._remove(now, [buyer for buyer in self._book if host_of(buyer) == host], "gone")

    def _on_reconnected(self) -> Iterator[Effect]:
        self._advertised = None
        return self._advertise()

    # Bids

    def _on_bid(self, now: float, buyer: str, message: Bid | Withdraw) -> Iterator[Effect]:
        if message.round > self._round:
            raise RejectedError("round to come")
        if self._state == "upcoming":
            raise RejectedError("auction to come")
        if self._state == "closed" or self._patience.is_used_up(buyer):
            yield from self._refuse(buyer)
            return
        if isinstance(message, Bid) and not self._book.has_room_for(buyer):
            raise RejectedError("full book")
        if message.seq <= self._newest_seq.get(buyer, 0):
            yield from self._answer_again(buyer, message)
            return
        if self._awards.is_accepted(buyer):
            raise RejectedError("bound bidder")
        self._newest_seq[buyer] = message.seq
        if isinstance(message, Bid):
            self._put(now, buyer, message)
            yield from self._note_change(now, buyer)
        else:
            yield Send(buyer, Withdrawn(self._auction, message.seq))
            if self._strike_out(buyer):
                yield from self._note_change(now, buyer)
        yield from self._close_if_answered(now)

    def _refuse(self, buyer: str) -> Iterator[Effect]:
        yield Send(buyer, Closed(self._auction))
        if self._patience.ends(buyer):  # its last bid had gone before its account was used up
            yield BidVoided(buyer, self._round, "restless")
        yield Dropped("ignored", "auction closed" if self._state == "closed" else "struck out")

    def _put(self, now: float, buyer: str, bid: Bid) -> None:
        """Enter a bid, which takes back the award of the former one."""
        if (former := self._book.get(buyer)) and former.repeated:
            self._patience.use(buyer, now - former.repeated_at)  # no answer will come to the former's profile
        self._break(buyer)
        self._book.put(buyer, bid)

    def _strike_out(self, buyer: str) -> bool:
        """Take a bid and its award back; whether there was one."""
        self._break(buyer)
        return self._book.remove(buyer)

    def _break(self, buyer: str) -> None:
        """Take an award back if the buyer was asked: it does not stand by its bid."""
        if self._awards.strike_out(buyer):
            self._broken.add(buyer)

    def _answer_again(self, buyer: str, message: Bid | Withdraw) -> Iterator[Effect]:
        """The buyer repeats what it thinks unanswered: say again what answered it."""
        entry = self._book.get(buyer)
        if message.seq == self._newest_seq.get(buyer):
            if isinstance(message, Withdraw):
                yield Send(buyer, Withdrawn(self._auction, message.seq))
            elif entry and entry.row is not None:
                yield Send(buyer, self._profile(entry))
        yield Dropped("ignored", "repeated bid")

    def _note_change(self, now: float, buyer: str | None = None) -> Iterator[Effect]:
        """Have a change taken into the next clearing; ``buyer`` is whose bid has changed, if it was not the seller."""
        if buyer:
            self._changed.append(buyer)
        else:
            self._is_disturbed = True
        if self._state == "awarding":
            self._shifted = True
        elif not self._clearing_due:
            self._clearing_due = True
            yield SetTimer("clear", now + self._timing.clearing_interval_s)
            yield CancelTimer("refresh")

    def _remove(self, now: float, buyers: list[str], cause: Cause) -> Iterator[Effect]:
        for buyer in buyers:
            self._strike_out(buyer)
            if self._patience.ends(buyer):
                yield Send(buyer, Closed(self._auction))
            yield BidVoided(buyer, self._round, cause)
            if self._state != "closed":
                yield from self._note_change(now, buyer)
        if buyers:
            yield from self._close_if_answered(now)

    def _remove_silent(self, now: float, waiting: list[tuple[str, float]]) -> Iterator[Effect]:
        """Strike out those of whom an answer has been due for too many seconds."""
        silent = [(buyer, due_s) for buyer, due_s in waiting if self._patience.takes_too_long(buyer, due_s)]
        for buyer, due_s in silent:
            self._patience.use(buyer, due_s)
        yield from self._remove(now, [buyer for buyer, _ in silent], "silent")

    # Clearing

    def _clear(self, now: float) -> Iterator[Effect]:
        self._clearing_due = False
        self._round += 1
        reallocated = self._book.clear(self._rule, self._unsold, self._mechanism)
        for buyer, entry in reallocated:
            yield Allocated(buyer, self._round, entry.allocation, entry.charge)
        told = self._book.with_news()
        yield Cleared(
            self._round,
            profiles=len(told),
            sold_mb=self._awards.sold + self._book.sold,
            price_per_mb=self._book.market_price,
            revenue_money=self._awards.revenue + self._book.revenue,
        )
        for buyer, entry in told:
            entry.told(self._round)
            yield Send(buyer, self._profile(entry))
        yield from self._advertise()
        yield from self._rest_anew(now, is_altered=bool(reallocated))

    def _rest_anew(self, now: float, *, is_altered: bool) -> Iterator[Effect]:
        """Begin the quiet anew if the clearing altered anything; that costs patience with who has moved the most.

        So does what alters nothing once all has been quiet, for then the bidders must confirm another book.
        """
        is_broken, self._is_disturbed = is_altered or self._is_disturbed, False
        changed, self._changed = sorted({*self._changed}), []
        if is_broken or self._quiet.is_over:
            self._patience.use_by_moving(now, changed, self._book.moved_mb, self._quiet.period_s)
        if is_broken:
            yield from self._quiet.begin(now)
        yield from self._quiet.refresh_later(now, first=True)
        yield from self._remove(now, [buyer for buyer in self._patience.used_up if self._book.get(buyer)], "restless")

    def _profile(self, entry: Entry) -> Profile:
        return self._book.profile(entry)

    def _advertise(self) -> Iterator[Effect]:
        left = 0.0 if self._state == "closed" else self._unsold - self._book.sold
        is_cleared = self._round > self._rounds_before  # in this life
        reserve = self._book.reserve if is_cleared else self._rule.floor
        shown = (self._supply, max(0.0, left), reserve, self._state)
        if shown != self._advertised:
            self._advertised = shown
            self._adverts += 1
            yield PostOnBoard(Advert(self._auction, self._adverts, *shown, self._round, self._book.digest))

    # Quiet

    def _tick(self, now: float) -> Iterator[Effect]:
        yield from self._quiet.tick(now)
        yield from self._award_if_settled(now)

    def _refresh(self, now: float) -> Iterator[Effect]:
        """Repeat the profile to those who have not shown that they saw it, so that nobody is left behind."""
        since = [(buyer, now - entry.repeated_at) for buyer, entry in self._book.unseen() if entry.repeated]
        yield from self._remove_silent(now, since)
        for buyer, entry in self._book.unsettled():
            entry.repeats(now)
            yield Send(buyer, self._profile(entry))
        if any(self._book.unsettled()) and not self._clearing_due:
            yield from self._quiet.refresh_later(now, first=False)
        yield from self._award_if_settled(now)

    def _on_hold(self, now: float, buyer: str, message: Hold) -> Iterator[Effect]:
        entry = self._book.seen(buyer, message)
        if entry.repeated:
            self._patience.use(buyer, now - entry.repeated_at)
            yield from self._quiet.on_answer(now, now - entry.repeated_at)
            entry.repeated = 0
        yield from self._award_if_settled(now)

    def _award_if_settled(self, now: float) -> Iterator[Effect]:
        if self._state != "open" or self._clearing_due or not self._quiet.is_over:
            return
        if not any(self._book.unsettled() if self._quiet.is_patient(now) else self._book.unseen()):
            yield from self._award(now)

    # Awarding

    def _award(self, now: float) -> Iterator[Effect]:
        self._state, self._shifted = "awarding", False
        self._broken.clear()
        yield Awarding(self._round)
        yield CancelTimer("refresh")
        yield from self._advertise()  # names the book that the awards follow from
        least = ROUNDING * self._supply
        for buyer, entry in self._book.items():
            if entry.allocation > least:
                award = Award(self._auction, self._round, entry.seq, entry.allocation, entry.charge)
                yield from self._awards.make(now, buyer, award)
        yield SetTimer("award", now + self._retry_s)
        yield from self._close_if_answered(now)

    def _repeat_awards(self, now: float) -> Iterator[Effect]:
        yield from self._remove_silent(now, self._awards.waiting(now))
        yield from self._awards.repeat()
        if self._awards:
            yield SetTimer("award", now + min(self._quiet.period_s, backoff(self._retry_s, self._awards.repeated)))

    @property
    def _retry_s(self) -> float:
        return self._quiet.round_trip.retry_s(self._timing.retry_s)

    def _on_accept(self, now: float, buyer: str, message: Accept) -> Iterator[Effect]:
        if not self._awards.has(buyer, message):
            yield from self._awards.answer_again(buyer, message, self._round)
            return
        self._awards.accept(buyer, self._book.take_out(buyer))
        yield from self._close_if_answered(now)

    def _on_decline(self, now: float, buyer: str, message: Decline) -> Iterator[Effect]:
        yield from self._awards.decline(buyer, message)
        self._broken.add(buyer)
        self._book.remove(buyer)
        self._patience.use_by_declining(buyer)
        if self._patience.is_used_up(buyer):
            yield from self._remove(now, [buyer], "declined")
            return
        yield from self._note_change(now, buyer)
        yield from self._close_if_answered(now)

    def _close_if_answered(self, now: float) -> Iterator[Effect]:
        if self._state != "awarding" or self._awards:
            return
        yield CancelTimer("award")
        yield from self._settle()
        if self._shifted and not self._leaving and self._unsold > ROUNDING * self._supply:
            self._state = "open"
            self._quiet.reopen()
            yield Reopened(self._round, self._unsold)
            yield from self._note_change(now)
            return
        yield from self._close()

    def _settle(self) -> Iterator[Effect]:
        """Give receipts for all that was accepted: bids that did not stand when they were asked set no price."""
        due: dict[str, Due] = {}
        if self._broken and (accepted := self._awards.accepted_bids):
            due = self._book.due(accepted, self._broken, self._rule, self._unsold, self._mechanism)
        yield from self._awards.settle(due)

    def _close(self) -> Iterator[Effect]:
        self._state = "closed"
        if self._leaving:
            yield from self._set_supply(self._awards.sold)
            yield SupplyRevised(self._supply)
        for buyer in self._book:
            yield Send(buyer, Closed(self._auction))
        self._book = Book(self._auction, self._book.digest)
        yield Persist(Ended(self._auction, self._round))
        yield from self._advertise()
        yield AuctionClosed(self._round, self._awards.sold, self._awards.revenue)

    # Market shifts

    def _set_supply(self, supply: float) -> Iterator[Effect]:
        self._supply = supply
        yield Persist(Offered(self._auction, supply))

    @property
    def _unsold(self) -> float:
        """MB of the supply that no receipt has been given for."""
        return self._supply - self._awards.sold

    def _on_supply_changed(self, now: float, supply: float) -> Iterator[Effect]:
        """Sell so much in all, but no less than what is sold or promised."""
        if self._state == "closed":
            return
        yield from self._set_supply(max(supply, self._awards.sold + self._awards.promised))
        yield SupplyRevised(self._supply)
        if self._state == "upcoming":
            yield from self._advertise()
        else:
            yield from self._note_change(now)

    def _on_left(self) -> Iterator[Effect]:
        """Take what is unsold off the market; promises are kept first."""
        if self._state == "closed":
            return
        yield Leaving()
        self._leaving = True
        if self._state == "awarding":
            return
        self._clearing_due = False
        yield CancelTimer("clear")
        yield from self._quiet.end()
        yield from self._close()
