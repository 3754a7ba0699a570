"""The seller: holds one auction for its spare data, and notifies its bidders (paper, sections III and IV)."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.protocol.book import Book, Entry
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.events import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Opened,
    PeerOffline,
    PostOnBoard,
    Received,
    Reconnected,
    Send,
    SetTimer,
    Started,
    TimerFired,
    Trace,
    effects_of,
)
from node.protocol.messages import (
    Accept,
    Advert,
    AuctionState,
    Award,
    Bid,
    Closed,
    Decline,
    Hold,
    Message,
    Profile,
    Settled,
    Void,
    Withdraw,
    Withdrawn,
)
from node.protocol.timing import LONGEST_WAIT, PATIENCE, Timing, backoff
from node.protocol.topics import host_of
from node.strategy.reserve import ReserveRule
from node.strategy.view import ROUNDING

REFRESHES_PER_QUIET_PERIOD = 4
"""How often, at most, an unconfirmed profile is repeated within a quiet period."""


@dataclass(slots=True)
class _Award:
    message: Award
    repeated: int = 0


class Seller:
    """One auction of ``supply`` MB.

    Open: a changed bid asks for a clearing, at most one per clearing interval; the bidders get their profiles. Quiet
    for the quiet period, and every bidder known to have seen the last profile: awarding. Each winner is asked whether
    its bid still stands and gets its receipt; until the last has answered nothing else is sold, so nothing is sold
    twice. If supply came free meanwhile the auction opens again (a market shift), else it is closed.
    """

    def __init__(self, supply: float, rule: ReserveRule, timing: Timing, auction: int = 0) -> None:
        self._auction = auction
        self._supply = supply
        self._rule = rule
        self._timing = timing
        self._state: AuctionState = "open"
        self._round = 0
        self._book = Book()
        self._newest_seq: dict[str, int] = {}
        self._awards: dict[str, _Award] = {}
        self._receipts: dict[tuple[str, int], Settled] = {}
        self._sold = self._revenue = self._cleared_at = 0.0
        self._clearing_due = self._was_quiet = self._shifted = False
        self._adverts = self._refreshes = 0
        self._advertised: tuple[float, float, AuctionState] | None = None

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
        return effects_of(self._handled(now, event))

    def _handled(self, now: float, event: Event) -> Iterator[Effect]:
        match event:
            case Received(sender, message):
                yield from self._received(now, sender, message)
            case TimerFired(name):
                yield from self._timer_fired(now, name)
            case Started():
                yield from self._advert()
            case Opened():
                if not self._clearing_due and not self._round:
                    yield SetTimer("quiet", now + self._timing.quiet_period_s)
            case PeerOffline(host):
                gone = [buyer for buyer in self._book if host_of(buyer) == host]
                yield from self._removed(now, gone)
            case Reconnected():
                self._advertised = None
                yield from self._advert()

    def _timer_fired(self, now: float, name: str) -> Iterator[Effect]:
        match name:
            case "clear":
                yield from self._cleared(now)
            case "quiet":
                self._was_quiet = True
                yield from self._awarded_if_settled(now)
            case "refresh":
                yield from self._refreshed(now)
            case "award":
                yield from self._awards_repeated(now)

    def _received(self, now: float, sender: str, message: Message) -> Iterator[Effect]:
        if message.auction != self._auction:
            raise IgnoredError("other auction")
        match message:
            case Bid() | Withdraw():
                yield from self._bid(now, sender, message)
            case Hold():
                yield from self._held(now, sender, message)
            case Accept():
                yield from self._accepted(now, sender, message)
            case Decline():
                yield from self._declined(now, sender, message)
            case _:
                raise RejectedError("not for a seller")

    # Bids

    def _bid(self, now: float, buyer: str, message: Bid | Withdraw) -> Iterator[Effect]:
        if message.round > self._round:
            raise RejectedError("round to come")
        if self._state == "closed":
            yield Send(buyer, Closed(self._auction))
            yield Dropped("ignored", "auction closed")
            return
        if message.seq <= self._newest_seq.get(buyer, 0):
            yield from self._repeated_bid(buyer, message)
            return
        self._newest_seq[buyer] = message.seq
        self._awards.pop(buyer, None)
        if isinstance(message, Bid):
            self._book.put(buyer, message)
            yield from self._changed(now)
        else:
            yield Send(buyer, Withdrawn(self._auction, message.seq))
            if self._book.remove(buyer):
                yield from self._changed(now)
        yield from self._closed_if_answered(now)

    def _repeated_bid(self, buyer: str, message: Bid | Withdraw) -> Iterator[Effect]:
        """The buyer repeats what it thinks unanswered: say again what answered it."""
        entry = self._book.get(buyer)
        if message.seq == self._newest_seq.get(buyer):
            if isinstance(message, Withdraw):
                yield Send(buyer, Withdrawn(self._auction, message.seq))
            elif entry and entry.row is not None:
                yield Send(buyer, self._profile(entry))
        yield Dropped("ignored", "repeated bid")

    def _changed(self, now: float) -> Iterator[Effect]:
        if self._state == "awarding":
            self._shifted = True
        elif not self._clearing_due:
            self._clearing_due, self._was_quiet = True, False
            yield SetTimer("clear", now + self._timing.clearing_interval_s)
            yield CancelTimer("quiet")
            yield CancelTimer("refresh")

    def _removed(self, now: float, buyers: list[str]) -> Iterator[Effect]:
        for buyer in buyers:
            self._book.remove(buyer)
            self._awards.pop(buyer, None)
            yield Trace("voided", peer=buyer, round=self._round)
        if buyers and self._state != "closed":
            yield from self._changed(now)
            yield from self._closed_if_answered(now)

    # Clearing

    def _cleared(self, now: float) -> Iterator[Effect]:
        self._clearing_due, self._cleared_at = False, now
        self._round += 1
        reallocated = self._book.clear(self._rule, self._supply - self._sold)
        for buyer, entry in reallocated:
            yield Trace("allocated", peer=buyer, round=self._round, quantity=entry.allocation, charge=entry.charge)
        yield Trace(
            "cleared",
            round=self._round,
            seq=len(self._book),
            quantity=self._sold + self._book.sold,
            price=self._book.market_price,
            charge=self._revenue + self._book.revenue,
        )
        for buyer, entry in self._book.with_news():
            entry.told(self._round)
            yield Send(buyer, self._profile(entry))
        yield from self._advert()
        yield SetTimer("quiet", now + self._timing.quiet_period_s)
        yield SetTimer("refresh", now + self._refresh_s)
        self._refreshes = 0

    def _profile(self, entry: Entry) -> Profile:
        quantities, prices = self._book.encoded
        return Profile(
            auction=self._auction,
            round=entry.told_round,
            your_seq=entry.seq,
            your_row=entry.row or 0,
            supply=self._supply - self._sold,
            reserve=self._book.reserve,
            allocation=entry.allocation,
            charge=entry.charge,
            quantities=quantities,
            prices=prices,
        )

    def _advert(self) -> Iterator[Effect]:
        left = 0.0 if self._state == "closed" else self._supply - self._sold - self._book.sold
        shown = (max(0.0, left), self._book.reserve if self._round else self._rule.floor, self._state)
        if shown != self._advertised:
            self._advertised = shown
            self._adverts += 1
            yield PostOnBoard(Advert(self._auction, self._adverts, self._supply, *shown))

    # Quiet

    @property
    def _refresh_s(self) -> float:
        """Seconds of quiet before profiles are repeated: a busy auction sends new ones anyway."""
        return max(self._timing.retry_s, self._timing.quiet_period_s / REFRESHES_PER_QUIET_PERIOD)

    def _refreshed(self, now: float) -> Iterator[Effect]:
        """Repeat the profile to those who have not shown that they saw it, so that nobody is left behind."""
        silent = [buyer for buyer, entry in self._book.unseen() if entry.repeated >= PATIENCE]
        yield from self._removed(now, silent)
        for buyer, entry in self._book.unsettled():
            entry.repeated += 1
            yield Send(buyer, self._profile(entry))
        if any(self._book.unsettled()) and not self._clearing_due:
            self._refreshes += 1
            yield SetTimer("refresh", now + backoff(self._refresh_s, self._refreshes))
        yield from self._awarded_if_settled(now)

    def _held(self, now: float, buyer: str, message: Hold) -> Iterator[Effect]:
        entry = self._book.get(buyer)
        if not entry or message.seq != entry.seq or message.round != entry.told_round:
            raise IgnoredError("overtaken hold")
        entry.seen_round, entry.undecided, entry.repeated = message.round, message.undecided, 0
        yield from self._awarded_if_settled(now)

    def _awarded_if_settled(self, now: float) -> Iterator[Effect]:
        if self._state != "open" or not self._was_quiet:
            return
        patient = now - self._cleared_at < LONGEST_WAIT * self._timing.quiet_period_s
        if not any(self._book.unsettled() if patient else self._book.unseen()):
            yield from self._awarded(now)

    # Awarding

    def _awarded(self, now: float) -> Iterator[Effect]:
        self._state, self._shifted = "awarding", False
        yield Trace("awarding", round=self._round)
        yield CancelTimer("refresh")
        least = ROUNDING * self._supply
        for buyer, entry in self._book.items():
            if entry.allocation > least:
                award = Award(self._auction, self._round, entry.seq, entry.allocation, entry.charge)
                self._awards[buyer] = _Award(award)
                yield Send(buyer, award)
        yield from self._advert()
        yield SetTimer("award", now + self._timing.retry_s)
        yield from self._closed_if_answered(now)

    def _awards_repeated(self, now: float) -> Iterator[Effect]:
        silent = [buyer for buyer, award in self._awards.items() if award.repeated >= PATIENCE]
        yield from self._removed(now, silent)
        for buyer, award in self._awards.items():
            award.repeated += 1
            yield Send(buyer, award.message)
        if self._awards:
            repeated = max(award.repeated for award in self._awards.values())
            yield SetTimer("award", now + backoff(self._timing.retry_s, repeated))

    def _accepted(self, now: float, buyer: str, message: Accept) -> Iterator[Effect]:
        award = self._awards.get(buyer)
        if award and (message.round, message.seq) == (award.message.round, award.message.your_seq):
            yield from self._settled(now, buyer, award.message)
        elif message.round > self._round:
            raise RejectedError("round to come")
        else:
            receipt = self._receipts.get((buyer, message.round))
            yield Send(buyer, receipt or Void(self._auction, message.round))
            yield Dropped("ignored", "repeated accept" if receipt else "award void")

    def _settled(self, now: float, buyer: str, award: Award) -> Iterator[Effect]:
        receipt = Settled(self._auction, award.round, award.quantity, award.charge)
        self._receipts[buyer, award.round] = receipt
        self._sold += award.quantity
        self._revenue += award.charge
        del self._awards[buyer]
        self._book.remove(buyer)
        yield Trace("settled", peer=buyer, round=award.round, quantity=award.quantity, charge=award.charge)
        yield Send(buyer, receipt)
        yield from self._closed_if_answered(now)

    def _declined(self, now: float, buyer: str, message: Decline) -> Iterator[Effect]:
        award = self._awards.get(buyer)
        if not award or (message.round, message.seq) != (award.message.round, award.message.your_seq):
            raise IgnoredError("no such award")
        yield Trace("declined", peer=buyer, round=message.round, quantity=award.message.quantity)
        del self._awards[buyer]
        self._book.remove(buyer)
        yield from self._changed(now)
        yield from self._closed_if_answered(now)

    def _closed_if_answered(self, now: float) -> Iterator[Effect]:
        if self._state != "awarding" or self._awards:
            return
        yield CancelTimer("award")
        if self._shifted and self._supply - self._sold > ROUNDING * self._supply:
            self._state = "open"
            yield Trace("reopened", round=self._round, quantity=self._supply - self._sold)
            yield from self._changed(now)
            return
        self._state = "closed"
        for buyer in self._book:
            yield Send(buyer, Closed(self._auction))
        self._book = Book()
        yield from self._advert()
        yield Trace("closed", round=self._round, quantity=self._sold, charge=self._revenue)
