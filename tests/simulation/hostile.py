"""Hostile machines, one small class for each kind: what a participant may do that harms others, if it can.

A hostile buyer is written from scratch, a hostile seller alters what an honest one does. Nobody waits for them, so that
a market is over when its honest nodes are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from node.protocol.machine import (
    Effect,
    Event,
    Machine,
    Message,
    Opened,
    PostOnBoard,
    Received,
    Restored,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from node.protocol.numbers import MAX_PRICE, MAX_QUANTITY_MB
from node.protocol.psp.digest import digest, packed
from node.protocol.psp.messages import (
    Accept,
    Advert,
    Award,
    Bid,
    Closed,
    Decline,
    Hold,
    Profile,
    Settled,
    Void,
    Withdraw,
)
from node.protocol.psp.timing import Timing
from node.protocol.wire.frames import encode_message
from tests.protocol.codecs import EXCHANGE


@dataclass(frozen=True)
class Means:
    """What a scenario gives to a hostile buyer: sellers, MB, the price per MB up to which they are worth it."""

    pool: Sequence[str]
    demand_mb: float
    price_per_mb: float
    timing: Timing
    random: np.random.Generator


class HostileBuyer:
    """Bids once at each seller, and again whenever an auction opens again; a kind says what it does amiss.

    It buys nothing: whoever pays for what it takes from others does them no wrong.
    """

    finished = True
    pause = 0.5
    """Quiet periods between two of its acts."""
    names = 1
    """How many nodes it pretends to be."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self.adverts: dict[str, Advert] = {}
        self.profiles: dict[str, Profile] = {}
        self.seq = Counter[str]()
        self.acts = 0

    @property
    def watches(self) -> frozenset[str]:
        return frozenset(self.means.pool)

    def step(self, now: float, event: Event) -> list[Effect]:
        return list(self._on_event(now, event))

    def _on_event(self, now: float, event: Event) -> Iterator[Effect]:
        match event:
            case Opened():
                for seller in self.means.pool:
                    yield from self.begins(seller)
                yield SetTimer("act", now + self.pause * self.means.timing.quiet_period_s)
            case TimerFired():
                self.acts += 1
                for seller in self.means.pool:
                    if self.adverts[seller].state == "open":
                        yield from self.acts_at(seller)
                yield SetTimer("act", now + self.pause * self.means.timing.quiet_period_s)
            case Received(seller, Advert() as advert):
                former, self.adverts[seller] = self.adverts.get(seller), advert
                if former and (former.state, advert.state) == ("awarding", "open"):
                    yield from self.begins(seller)
            case Received(seller, Profile() as profile):
                self.profiles[seller] = profile
                yield from self.on_profile(seller, profile)
            case Received(seller, Award() as award):
                yield from self.on_award(seller, award)

    def bids(self, seller: str, quantity: float, price: float) -> Iterator[Effect]:
        """Bid with the next number, as an honest buyer does."""
        self.seq[seller] += 1
        yield Send(seller, Bid(0, self._round(seller), quantity, min(price, MAX_PRICE), self.seq[seller]))

    def withdraws(self, seller: str) -> Iterator[Effect]:
        self.seq[seller] += 1
        yield Send(seller, Withdraw(0, self._round(seller), self.seq[seller]))

    def _round(self, seller: str) -> int:
        return self.profiles[seller].round if seller in self.profiles else 0

    @property
    def share_mb(self) -> float:
        """Of what it wants, at one seller."""
        return self.means.demand_mb / len(self.means.pool)

    # What a kind may do otherwise

    def begins(self, seller: str) -> Iterable[Effect]:
        """The auction opens, for the first time or again."""
        return self.bids(seller, self.share_mb, self.means.price_per_mb)

    def acts_at(self, seller: str) -> Iterable[Effect]:
        """Its pause is over, and the auction is open."""
        return ()

    def on_profile(self, seller: str, profile: Profile) -> Iterable[Effect]:
        return (Send(seller, Hold(0, profile.round, profile.your_seq, undecided=False)),)

    def on_award(self, seller: str, award: Award) -> Iterable[Effect]:
        return (Send(seller, Decline(0, award.round, award.your_seq)),)


class NeverConfirms(HostileBuyer):
    """Never says that it has seen a profile, and bids the same again before it is struck out for that."""

    pause = 5.0

    def acts_at(self, seller: str) -> Iterable[Effect]:
        return self.begins(seller)

    def on_profile(self, seller: str, profile: Profile) -> Iterable[Effect]:
        return ()


class Undecided(HostileBuyer):
    """Says of every profile that it is still thinking."""

    def on_profile(self, seller: str, profile: Profile) -> Iterable[Effect]:
        return (Send(seller, Hold(0, profile.round, profile.your_seq, undecided=True)),)


class NeverAnswersAwards(HostileBuyer):
    """Wins, and says nothing to that."""

    def on_award(self, seller: str, award: Award) -> Iterable[Effect]:
        return ()


class DeclinesAwards(HostileBuyer):
    """Declines every award and bids again."""

    def on_award(self, seller: str, award: Award) -> Iterable[Effect]:
        yield Send(seller, Decline(0, award.round, award.your_seq))
        yield from self.begins(seller)


class Fidgets(HostileBuyer):
    """Changes a bid for a thousandth of what it wants for ever, before each quiet period is over."""

    pause = 0.4

    def begins(self, seller: str) -> Iterable[Effect]:
        return self.acts_at(seller)

    def acts_at(self, seller: str) -> Iterable[Effect]:
        return self.bids(seller, 1e-3 * self.share_mb * (1.0 + self.acts % 2), self.means.price_per_mb)


class Swings(HostileBuyer):
    """Bids a thousand times what it is worth, then a thousandth, then withdraws, for ever."""

    pause = 0.7

    def acts_at(self, seller: str) -> Iterable[Effect]:
        if self.acts % 3 == 2:
            return self.withdraws(seller)
        factor = 1e3 if self.acts % 3 == 0 else 1e-3
        return self.bids(seller, self.means.demand_mb, factor * self.means.price_per_mb)


class Garbage(HostileBuyer):
    """Sends what is well-formed and makes no sense: wrong rounds and numbers, words that only a seller says."""

    pause = 0.3

    def acts_at(self, seller: str) -> Iterable[Effect]:
        nonsense = self._nonsense(seller)
        return (Send(seller, nonsense[int(self.means.random.integers(len(nonsense)))]) for _ in range(3))

    def _nonsense(self, seller: str) -> list[Message]:
        seq, round_ = self.seq[seller], self._round(seller)
        number = int(self.means.random.integers(10))
        return [
            Bid(0, round_ + 1000, self.share_mb, self.means.price_per_mb, seq + 1),
            Bid(0, 0, MAX_QUANTITY_MB, MAX_PRICE, max(0, seq - number)),
            Bid(1, 0, self.share_mb, self.means.price_per_mb, seq + 1),
            Bid(0, round_, 5e-324, MAX_PRICE, seq + number),
            Bid(0, round_, MAX_QUANTITY_MB, 0.0, seq + number),
            Withdraw(0, 0, max(0, seq - number)),
            Accept(0, number, seq),
            Decline(0, number, seq),
            Hold(0, number, seq + number, undecided=bool(number % 2)),
            Award(0, round_, seq, self.share_mb, 0.0),
            Settled(0, round_, self.share_mb, 0.0),
            Void(0, number),
            Closed(0),
            Advert(0, number, 1.0, 1.0, 0.0, "closed", number, bytes(16)),
        ]


class FalseNames(HostileBuyer):
    """Several nodes that bid for all there is just below the highest other bid, so that it pays more, and decline."""

    names = 4
    just_below = 0.99

    def begins(self, seller: str) -> Iterable[Effect]:
        return self.bids(seller, 1e-6 * self.share_mb, 0.0)  # to be shown the book

    def acts_at(self, seller: str) -> Iterable[Effect]:
        profile = self.profiles.get(seller)
        if profile is None:
            return ()
        others = [price for row, price in enumerate(profile.prices) if row != profile.your_row]
        price = self.just_below * max(others, default=0.0)
        own = profile.prices[profile.your_row]
        return self.bids(seller, profile.supply, price) if own < self.just_below * price and profile.supply else ()


HOSTILE_BUYERS: Mapping[str, type[HostileBuyer]] = {
    "never confirms": NeverConfirms,
    "undecided": Undecided,
    "never answers awards": NeverAnswersAwards,
    "declines awards": DeclinesAwards,
    "fidgets": Fidgets,
    "swings": Swings,
    "garbage": Garbage,
    "false names": FalseNames,
}


class HostileSeller:
    """An honest seller, whose effects are altered by a kind; ``advert`` is its newest."""

    finished = True

    def __init__(self, make: Callable[[], Machine]) -> None:
        self.make = make
        self.seller = make()
        self.advert: Advert | None = None

    @property
    def watches(self) -> frozenset[str]:
        return self.seller.watches

    def step(self, now: float, event: Event) -> list[Effect]:
        return [altered for effect in self.seller.step(now, event) for altered in self.alters(effect)]

    def alters(self, effect: Effect) -> Iterable[Effect]:
        """What it does instead."""
        if isinstance(effect, Send):
            return self.says(effect.to, effect.message)
        if isinstance(effect, PostOnBoard) and isinstance(effect.message, Advert):
            self.advert = effect.message
        return (effect,)

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        """What it says instead."""
        return (Send(to, message),)


class WithholdsReceipts(HostileSeller):
    """Sells, never says so to its buyers, and advertises again and again, so that they go on asking."""

    pause_s = 5.0

    def step(self, now: float, event: Event) -> list[Effect]:
        again = SetTimer("again", now + self.pause_s)
        if event == TimerFired("again"):
            assert self.advert
            self.advert = msgspec.structs.replace(self.advert, seq=self.advert.seq + 1)
            return [PostOnBoard(self.advert), again]
        effects = super().step(now, event)
        return [*effects, again] if isinstance(event, Received) and isinstance(event.message, Accept) else effects

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        return () if isinstance(message, Settled) else (Send(to, message),)


class DearerReceipts(HostileSeller):
    """Asks in its receipts for half as much again as was accepted."""

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        if isinstance(message, Settled):
            message = msgspec.structs.replace(message, charge=1.5 * message.charge + 0.001)
        return (Send(to, message),)


class StaysOpen(HostileSeller):
    """Never awards: no quiet is long enough for it."""

    def step(self, now: float, event: Event) -> list[Effect]:
        return [] if event == TimerFired("quiet") else super().step(now, event)


class SaysNothing(HostileSeller):
    """Advertises, and answers no bid."""

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        return ()


class TwoBooks(HostileSeller):
    """Tells every second bidder that its rivals want twice as much as they do."""

    def __init__(self, make: Callable[[], Machine]) -> None:
        super().__init__(make)
        self.bidders: list[str] = []

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        if isinstance(message, Profile):
            if to not in self.bidders:
                self.bidders.append(to)
            if self.bidders.index(to) % 2 == 1:
                message = forged(message)
        return (Send(to, message),)


def forged(profile: Profile) -> Profile:
    """A profile of another book that fits its digest: everybody but its reader wants twice as much."""
    told = EXCHANGE.message(encode_message(profile))
    assert isinstance(told, Profile)
    wanted = [mb if row == told.your_row else min(2.0 * mb, MAX_QUANTITY_MB) for row, mb in enumerate(told.quantities)]
    book = packed(told.auction, told.supply, told.reserve, wanted, told.prices)
    return msgspec.structs.replace(told, quantities=wanted, digest=digest(book))


class Overcharges(HostileSeller):
    """Asks in its awards for half as much again as the book does, at most what the winner has bid."""

    def __init__(self, make: Callable[[], Machine]) -> None:
        super().__init__(make)
        self.prices: dict[str, float] = {}

    def step(self, now: float, event: Event) -> list[Effect]:
        if isinstance(event, Received) and isinstance(event.message, Bid):
            self.prices[event.sender] = event.message.price
        return super().step(now, event)

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        if isinstance(message, Award):
            dearest = self.prices[to] * message.quantity
            message = msgspec.structs.replace(message, charge=min(1.5 * message.charge + 0.001, dearest))
        return (Send(to, message),)


class AwardsOther(HostileSeller):
    """Awards half of what the book gives, for half of the money."""

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        if isinstance(message, Award):
            message = msgspec.structs.replace(
                message, quantity=0.5 * message.quantity or message.quantity, charge=0.5 * message.charge
            )
        return (Send(to, message),)


class SellsTwice(HostileSeller):
    """Instead of closing pretends to have been started anew, and to have forgotten what it sold."""

    lives = 0

    def step(self, now: float, event: Event) -> list[Effect]:
        effects = super().step(now, event)
        if not self.seller.finished or self.lives:
            return effects
        self.lives, self.seller = 1, self.make()
        anew = [Restored(self.lives, ()), Started(), Opened()]
        kept = [effect for effect in effects if not isinstance(getattr(effect, "message", None), Advert | Closed)]
        return [*kept, *(effect for event in anew for effect in self.seller.step(now, event))]


class PassesOver(HostileSeller):
    """Gives nothing to the winner of the most, as if that had declined."""

    def step(self, now: float, event: Event) -> list[Effect]:
        effects = super().step(now, event)
        awards = [effect for effect in effects if isinstance(effect, Send) and isinstance(effect.message, Award)]
        if not awards or event == TimerFired("award"):  # which repeats those made before
            return effects
        best = max(awards, key=lambda one: one.message.quantity)
        decline = Decline(best.message.auction, best.message.round, best.message.your_seq)
        kept = [effect for effect in effects if effect is not best]
        return kept + super().step(now, Received(best.to, decline))


class ClosesUnawarded(HostileSeller):
    """Says that it awards, and closes without having done so."""

    def __init__(self, make: Callable[[], Machine]) -> None:
        super().__init__(make)
        self.bidders: set[str] = set()
        self.is_over = False

    def step(self, now: float, event: Event) -> list[Effect]:
        if self.is_over:
            return []
        if event == TimerFired("award"):
            assert self.advert
            self.is_over = True
            closed = msgspec.structs.replace(self.advert, seq=self.advert.seq + 1, left=0.0, state="closed")
            return [PostOnBoard(closed), *(Send(bidder, Closed(0)) for bidder in sorted(self.bidders))]
        return super().step(now, event)

    def says(self, to: str, message: Message) -> Iterable[Effect]:
        self.bidders.add(to)
        return () if isinstance(message, Award) else (Send(to, message),)


HOSTILE_SELLERS: Mapping[str, type[HostileSeller]] = {
    "withholds receipts": WithholdsReceipts,
    "dearer receipts": DearerReceipts,
    "stays open": StaysOpen,
    "says nothing": SaysNothing,
    "two books": TwoBooks,
    "overcharges": Overcharges,
    "awards other amounts": AwardsOther,
    "sells twice": SellsTwice,
    "passes over": PassesOver,
    "closes unawarded": ClosesUnawarded,
}
