"""The buyer: keeps one view of each auction of its pool, and lets its strategy bid (paper, section IV.B)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from node.mechanism.psp import PSP, AuctionMechanism
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Remainder, Scaled, Valuation
from node.protocol.errors import IgnoredError, ProtocolUsageError, RejectedError
from node.protocol.machine import (
    Dropped,
    Effect,
    Event,
    Left,
    Message,
    Opened,
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
from node.protocol.psp.auction_view import Auction
from node.protocol.psp.events import MindChanged, ValuationChanged
from node.protocol.psp.journal import Agreement, Wanted
from node.protocol.psp.messages import (
    Accept,
    Advert,
    AuctionMessage,
    Award,
    Bid,
    Closed,
    Decline,
    Profile,
    Settled,
    Void,
    Withdrawn,
)
from node.protocol.psp.purchases import Purchases
from node.protocol.psp.seen import Seen
from node.protocol.psp.timing import Timing
from node.protocol.psp.trace import (
    BidPlaced,
    BidWithdrawn,
    Lie,
    SellerExposed,
    ValuationRevised,
)
from node.protocol.retry import PATIENCE, RoundTrip
from node.protocol.topics import host_of
from node.protocol.trace import Leaving, Resumed
from node.strategy.psp.by_hand import ByHand
from node.strategy.psp.offer import NOTHING, BuyerStrategy, Need, Offer, Target
from node.strategy.random import Random

_PARTICIPANTS = attrgetter("participants")


class Buyer:
    """A user who wants data from any of the sellers in its ``pool``.

    News makes it think; after its think time the strategy decides, unless a bid of its own is not yet reflected in the
    profile of its auction: then it waits for that. It is bound by what it accepts, and never bids for or accepts more
    than it values, nor accepts what exceeds its budget.
    """

    __slots__ = (
        "_auctions",
        "_first_valuation",
        "_is_open",
        "_is_watching",
        "_mechanism",
        "_open_until",
        "_purchases",
        "_random",
        "_retrying",
        "_round_trip",
        "_strategy",
        "_thinking",
        "_timing",
        "_valuation",
    )

    def __init__(
        self,
        pool: Iterable[str],
        valuation: Valuation,
        strategy: BuyerStrategy,
        timing: Timing,
        random: Random,
        budget: float = math.inf,
        mechanism: AuctionMechanism = PSP,
    ) -> None:
        self._auctions = {seller: Auction(seller, mechanism) for seller in pool}
        self._first_valuation = self._valuation = valuation
        self._strategy = strategy
        self._timing = timing
        self._random = random
        self._mechanism = mechanism
        self._round_trip = RoundTrip(timing.clearing_interval_s)
        self._purchases = Purchases(budget)
        self._is_open = self._thinking = self._retrying = self._is_watching = False
        self._open_until = 0.0

    @property
    def watches(self) -> frozenset[str]:
        """The sellers of its pool."""
        return frozenset(self._auctions)

    @property
    def finished(self) -> bool:
        """Whether every auction of the pool is over, or waits for nothing from this buyer."""
        for auction in self._auctions.values():  # noqa: SIM110 - as below
            if auction.unanswered:
                return False
        return True

    @property
    def is_done(self) -> bool:
        """Whether every auction of the pool is closed, and all receipts have come."""
        return all(auction.is_over for auction in self._auctions.values())

    @property
    def tentative(self) -> dict[str, tuple[float, float]]:
        """By seller: the MB that its standing bid would get if the auction were awarded now, and the money in all."""
        return {seller: auction.tentative for seller, auction in self._auctions.items()}

    @property
    def standing(self) -> dict[str, Target]:
        """Its standing bids by seller."""
        return {seller: one.standing for seller, one in self._auctions.items() if one.standing.quantity > 0.0}

    @property
    def answers(self) -> dict[str, Seen]:
        """By seller: the last profile, where its standing bid is in the book."""
        return {seller: answer for seller, auction in self._auctions.items() if (answer := auction.answer)}

    @property
    def utility(self) -> float:
        """Money: the worth of all that it has bought and its standing bids would get now, less the cost of that."""
        held, paid = self._purchases.held, self._purchases.paid
        for amount, charge in self.tentative.values():
            held, paid = held + amount, paid + charge
        return self._valuation.value(held) - paid

    @property
    def sees(self) -> tuple[Need, list[Offer]]:
        """What its strategy would decide on now."""
        return self._need(), [auction.offer() for auction in self._auctions.values() if auction.is_open]

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at time ``now``, seconds."""
        return effects_of(self._on_event, now, event)

    # A dispatcher returns the handler's iterator: a generator around it would cost time at every effect.

    def _on_event(self, now: float, event: Event) -> Iterable[Effect]:  # noqa: C901, PLR0911 - one for each event
        match event:
            case Received():
                return self._on_message(now, event.sender, event.message)
            case TimerFired():
                return self._on_timer(now, event.name)
            case Restored():
                return self._on_restored(now, event)
            case Started():
                return self._on_started()
            case Opened():
                return self._on_opened(now)
            case PeerOffline(host):
                return self._on_peer_offline(now, host)
            case Reconnected():
                return self._on_reconnected(now)
            case ValuationChanged():
                return self._on_valuation_changed(now, event.factor)
            case MindChanged():
                return self._on_mind_changed(now, event)
            case Left():
                return self._on_left(now)
        return ()

    def _on_timer(self, now: float, name: str) -> Iterable[Effect]:
        match name:
            case "think":
                return self._think(now)
            case "retry":
                return self._retry(now)
            case "patience":
                return self._lose_patience(now)
        return ()

    def _on_message(self, now: float, sender: str, message: Message) -> Iterable[Effect]:  # noqa: C901, PLR0911 - as above
        auction = self._auctions.get(sender)
        if auction is None:
            raise RejectedError("foreign sender")
        if isinstance(message, Advert):
            return self._on_advert(now, auction, message)
        if not isinstance(message, AuctionMessage):
            raise RejectedError("not for a buyer")
        if message.auction != auction.number:
            raise IgnoredError("other auction")
        match message:
            case Profile():
                return self._on_profile(now, auction, message)
            case Award():
                return self._on_award(now, auction, message)
            case Settled():
                return self._on_settled(now, auction, message)
            case Withdrawn():
                return self._on_withdrawn(now, auction, message)
            case Void():
                return self._on_void(now, auction, message)
            case Closed():
                return self._on_closed(now, auction)
        raise RejectedError("not for a buyer")

    # Coming and going

    def _on_started(self) -> Iterator[Effect]:
        budget = self._purchases.budget
        yield Persist(Wanted(self._valuation.demand_mb, None if budget == math.inf else budget))

    def _on_restored(self, now: float, past: Restored) -> Iterator[Effect]:
        """Know again what was bought, and ask for the receipts that are missing; all bids are gone."""
        yield Resumed(past.lives)
        for auction in self._auctions.values():
            auction.start_from(past.first_number)
        for line in past.entries:
            entry = line.entry
            if isinstance(entry, Agreement):
                auction = self._auctions.setdefault(entry.seller, Auction(entry.seller, self._mechanism))
                try:
                    yield from self._purchases.remember(now, auction, entry)
                except (IgnoredError, RejectedError) as error:
                    raise ProtocolUsageError(f"{line} does not follow from what the journal says before") from error
        if any(auction.bound for auction in self._auctions.values()):
            yield from self._retry_later(now)
            yield from self._watch_later(now + self._timing.buyers_patience_s)

    def _on_opened(self, now: float) -> Iterator[Effect]:
        self._is_open = True
        self._open_until = now + self._timing.open_at_least_s
        return self._ponder(now)

    def _on_left(self, now: float) -> Iterator[Effect]:
        """Bid no more, and take back every bid that is no purchase yet."""
        self._is_open = False
        yield Leaving()
        for auction in self._auctions.values():
            if auction.standing.quantity > 0.0:
                yield from self._place(now, auction, NOTHING)

    def _on_valuation_changed(self, now: float, factor: float) -> Iterator[Effect]:
        self._valuation = Scaled(self._first_valuation, factor)
        yield ValuationRevised(factor)
        yield from self._ponder(now)

    def _on_mind_changed(self, now: float, wanted: MindChanged) -> Iterable[Effect]:
        if not isinstance(self._strategy, ByHand):
            return ()  # no person bids here
        self._strategy.choose(wanted.bids, stand=wanted.stand)
        self._thinking = False  # about what it wanted before
        return self._ponder(now)

    # Thinking and bidding

    def _ponder(self, now: float, *, once_more: bool = False) -> Iterator[Effect]:
        if not self._is_open or self._thinking:
            return
        crowd = max(map(_PARTICIPANTS, self._auctions.values()), default=0)
        think_s = self._strategy.think_time(crowd, self._round_trip.mean_s, self._random)
        if once_more and think_s <= 0.0:
            think_s = self._timing.clearing_interval_s  # without news, one that thinks in no time would do so for ever
        if think_s > 0.0 or not self._is_pending:  # at once would be too soon, and is what most messages would lead to
            self._thinking = True
            yield SetTimer("think", now + think_s)

    def _think(self, now: float) -> Iterator[Effect]:
        self._thinking = False
        if not self._is_open or self._is_pending:
            return  # it has left, or no reply on half-seen news: the profile that reflects the bid makes it think again
        open_auctions = [auction for auction in self._auctions.values() if auction.is_open]
        need = self._need()
        if not open_auctions or need.valuation.demand_mb <= ROUNDING * self._valuation.demand_mb:
            return
        decision = self._strategy.decide(now, need, [auction.offer() for auction in open_auctions])
        if decision.targets is not None:
            yield from self._place_all(now, open_auctions, decision.targets)
        if decision.reconsider:
            yield from self._ponder(now, once_more=True)
        if not self._is_undecided:
            yield from self._confirm_bids()

    @property
    def _is_undecided(self) -> bool:
        return self._thinking or self._is_pending

    @property
    def _is_pending(self) -> bool:
        """Whether a bid of its own is not yet reflected in the profile of its auction."""
        for auction in self._auctions.values():  # noqa: SIM110 - asked at every message; any() takes three times as long
            if auction.pending:
                return True
        return False

    def _confirm_bids(self) -> Iterator[Effect]:
        """Tell those who were told otherwise that the bids stand."""
        for auction in self._auctions.values():
            if auction.owes_hold and auction.standing.quantity > 0.0:
                yield Send(auction.seller, auction.hold(undecided=False))

    def _need(self) -> Need:
        held = self._purchases.held
        wanted = Remainder(self._valuation, held) if held else self._valuation
        return Need(wanted, self._purchases.left, self._valuation)

    def _place_all(self, now: float, auctions: Sequence[Auction], targets: Sequence[Target]) -> Iterator[Effect]:
        wanted = sum(target.quantity for target in targets)
        allowed = self._valuation.demand_mb - self._purchases.held
        scale = min(1.0, allowed / wanted) if wanted > 0.0 else 1.0
        for auction, target in zip(auctions, targets, strict=True):
            quantity = target.quantity * scale
            real = quantity > ROUNDING * self._valuation.demand_mb
            fitted = Target(quantity, target.price) if real else NOTHING
            if fitted != auction.standing:
                yield from self._place(now, auction, fitted)

    def _place(self, now: float, auction: Auction, target: Target) -> Iterator[Effect]:
        message = auction.place(target, now)
        if isinstance(message, Bid):
            yield BidPlaced(auction.seller, message.round, message.seq, message.quantity, message.price)
            yield from self._watch_later(now + self._timing.buyers_patience_s)
        else:
            yield BidWithdrawn(auction.seller, message.round, message.seq)
        yield Send(auction.seller, message)
        yield from self._retry_later(now)

    def _fit(self, now: float) -> Iterator[Effect]:
        """Lower the standing bids, smallest first, to what is still wanted besides what is held."""
        bids = [auction for auction in self._auctions.values() if auction.standing.quantity > 0.0]
        excess = sum(auction.standing.quantity for auction in bids) + self._purchases.held - self._valuation.demand_mb
        least = ROUNDING * self._valuation.demand_mb
        for auction in sorted(bids, key=lambda auction: auction.standing.quantity):
            if excess <= least:
                return
            cut = min(excess, auction.standing.quantity)
            excess -= cut
            left = auction.standing.quantity - cut
            yield from self._place(now, auction, Target(left, auction.standing.price) if left > least else NOTHING)

    # News of the auctions

    def _on_advert(self, now: float, auction: Auction, message: Advert) -> Iterator[Effect]:
        is_back = auction.on_advert(message)
        if auction.is_deceived:
            yield from self._expose(now, auction, message.round, "two books")
        elif message.state == "closed":
            yield from self._close(auction, message.round)
        elif message.state == "open" and auction.is_passed_over:
            yield from self._expose(now, auction, message.round, "passed over")
        elif award := auction.early_award():
            yield from self._on_award(now, auction, award)
        if is_back and (accept := auction.acceptance(now)):
            yield Send(auction.seller, accept)  # at once, for the seller may not stay
        if auction.unanswered:
            yield from self._retry_later(now)
        yield from self._ponder(now)

    def _on_withdrawn(self, now: float, auction: Auction, message: Withdrawn) -> Iterator[Effect]:
        auction.on_withdrawn(message)
        return self._ponder(now)

    def _on_closed(self, now: float, auction: Auction) -> Iterator[Effect]:
        yield from self._close(auction, auction.round)
        yield from self._ponder(now)

    def _close(self, auction: Auction, round_: int) -> Iterator[Effect]:
        if auction.is_passed_over:
            yield SellerExposed(auction.seller, round_, "passed over")
        auction.on_closed()

    def _on_profile(self, now: float, auction: Auction, message: Profile) -> Iterator[Effect]:
        waited_s = auction.waited(now, message)
        if auction.standing.quantity <= 0.0 and auction.is_of_earlier_life(message):
            yield from self._place(now, auction, NOTHING)
            return
        if withdrawal := auction.taken_back(message):
            yield Send(auction.seller, withdrawal)
            yield Dropped("ignored", "profile without bid")
            return
        if auction.on_profile(message, now):
            if auction.is_deceived:
                yield from self._expose(now, auction, message.round, "two books")
                return
            if waited_s is not None:
                self._round_trip.measured(waited_s, repeated=auction.repeated > 0)
            yield from self._ponder(now)
            return
        yield Send(auction.seller, auction.hold(undecided=self._is_undecided))
        yield Dropped("ignored", "repeated profile")

    # Settlement

    def _on_award(self, now: float, auction: Auction, message: Award) -> Iterator[Effect]:
        if auction.has_accepted(message):
            yield Send(auction.seller, Accept(message.auction, message.round, message.your_seq))
            yield Dropped("ignored", "repeated award")
            return
        auction.check_award(message)
        if auction.stands(message.your_seq):
            if not auction.is_vouched(message):
                return
            if lie := auction.lie_of(message):
                yield from self._expose(now, auction, message.round, lie)
                return
        if not (auction.stands(message.your_seq) and self._purchases.allows(message, self._valuation.demand_mb)):
            auction.decline(message)
            yield Send(auction.seller, Decline(message.auction, message.round, message.your_seq))
            yield from self._ponder(now)
            return
        yield from self._purchases.accept(now, auction, message)
        yield from self._retry_later(now)
        yield from self._watch_later(now + self._timing.buyers_patience_s)
        yield from self._fit(now)
        yield from self._ponder(now)

    def _on_settled(self, now: float, auction: Auction, message: Settled) -> Iterator[Effect]:
        yield from self._purchases.receive(auction, message)
        yield from self._ponder(now)

    def _on_void(self, now: float, auction: Auction, message: Void) -> Iterator[Effect]:
        yield from self._purchases.release(auction, message)
        yield from self._ponder(now)

    # Faults: what is unanswered is said again

    def _on_peer_offline(self, now: float, host: str) -> Iterator[Effect]:
        for auction in self._auctions.values():
            if host_of(auction.seller) == host:
                auction.is_gone = True
                yield from self._give_up(now, auction)

    def _on_reconnected(self, now: float) -> Iterator[Effect]:
        """Sellers strike out the bids of a host that was cut off: bid anew."""
        for auction in self._auctions.values():
            if auction.standing.quantity > 0.0:
                yield from self._place(now, auction, auction.standing)

    @property
    def _retry_s(self) -> float:
        return self._round_trip.retry_s(self._timing.retry_s)

    def _retry_later(self, now: float) -> Iterator[Effect]:
        if not self._retrying:
            self._retrying = True
            yield SetTimer("retry", now + self._retry_s)

    def _retry(self, now: float) -> Iterator[Effect]:
        self._retrying = False
        for auction in self._auctions.values():
            message = auction.repetition(now, self._retry_s)
            if message:
                yield Send(auction.seller, message)
            if auction.repeated < PATIENCE:
                continue
            if auction.bound:
                yield from self._purchases.doubt(auction)
            elif auction.unanswered and not message:
                yield from self._give_up(now, auction)
        if any(auction.unanswered for auction in self._auctions.values()):
            yield from self._retry_later(now)

    def _watch_later(self, at: float) -> Iterator[Effect]:
        """Look then, at the latest, whether a seller takes too long."""
        if not self._is_watching:
            self._is_watching = True
            yield SetTimer("patience", at)

    def _lose_patience(self, now: float) -> Iterator[Effect]:
        """Be bound no more where no receipt comes, and bid no more where no end does."""
        self._is_watching = False
        ends: list[float] = []
        for auction in self._auctions.values():
            end = auction.patience_ends(self._timing.buyers_patience_s, self._open_until)
            if now < end:
                ends.append(end)
                continue
            lie: Lie = "no end"
            if auction.bound:
                lie = "no receipt"
                yield from self._purchases.lapse(auction, auction.bound)
            if not auction.is_gone:
                yield from self._expose(now, auction, auction.round, lie)
            yield from self._ponder(now)
        if (next_end := min(ends, default=math.inf)) < math.inf:
            yield from self._watch_later(next_end)

    def _expose(self, now: float, auction: Auction, round_: int, lie: Lie) -> Iterator[Effect]:
        """The seller does not do as it should: the buyer has nothing more to do with it."""
        yield SellerExposed(auction.seller, round_, lie)
        if auction.standing.quantity > 0.0:
            yield from self._place(now, auction, NOTHING)
        auction.is_exposed = True
        yield from self._give_up(now, auction)

    def _give_up(self, now: float, auction: Auction) -> Iterator[Effect]:
        yield from self._purchases.doubt(auction)
        auction.lose()
        yield from self._ponder(now)
