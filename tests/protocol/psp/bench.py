"""One machine on a bench: stepped by hand, its timers kept, its whole state comparable."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
import numpy as np

from node.mechanism.valuation import Flat, Valuation
from node.protocol.journal import Entry
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Machine,
    Message,
    Opened,
    Persist,
    PostOnBoard,
    Received,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.digest import digest, packed
from node.protocol.psp.messages import Advert, Award, Bid, Hold, Profile
from node.protocol.psp.quiet import TICKS
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.trace import Trace
from node.protocol.wire.frames import encode_message
from node.strategy.psp.offer import Decision, Need, Offer, Target
from node.strategy.psp.reserve import FixedReserve
from node.strategy.random import Random
from tests.protocol.codecs import BOTH

TIMING = Timing(clearing_interval_s=1.0, quiet_period_s=10.0, retry_s=4.0)

PATIENT = msgspec.structs.replace(TIMING, own_patience_s=1e6)

A, B, C = "a/buyer", "b/buyer", "c/buyer"
S, T = "s/seller", "t/seller"

_Message = TypeVar("_Message", bound=Message)


ATOMS = {type(None), bool, int, float, str, bytes}


def snapshot(thing: Any) -> Any:
    """Everything a thing holds, as plain values that compare by content; an object that was met before is a number."""
    return _content(thing, {})


def _content(thing: Any, met: dict[int, int]) -> Any:  # noqa: PLR0911 - one for each kind of thing
    if type(thing) in ATOMS:
        return thing
    match thing:
        case int() | float() | str() | bytes():
            return thing
        case np.ndarray():
            return ("array", thing.tolist())
        case np.random.Generator():
            return ("generator", repr(thing.bit_generator.state))
        case msgspec.Raw():
            return ("raw", bytes(thing))
        case msgspec.Struct():
            return (type(thing).__name__, [_content(getattr(thing, field), met) for field in thing.__struct_fields__])
        case dict():
            return (type(thing).__name__, [(_content(key, met), _content(value, met)) for key, value in thing.items()])
        case list() | tuple():
            return [_content(element, met) for element in thing]
        case set() | frozenset():
            return sorted(map(repr, thing))
    return _fields(thing, met)


def _fields(thing: Any, met: dict[int, int]) -> Any:
    if id(thing) in met:
        return ("met", met[id(thing)])
    met[id(thing)] = len(met)
    fields = [*getattr(type(thing), "__slots__", ()), *getattr(thing, "__dict__", {})]
    return (type(thing).__name__, [(field, _content(getattr(thing, field), met)) for field in fields])


class Bench:
    """Steps one machine, and keeps its timers and its time."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.now = 0.0
        self.timers: dict[str, float] = {}
        self.is_market_open = False

    def step(self, event: Event) -> list[Effect]:
        effects = self.machine.step(self.now, event)
        self.is_market_open = self.is_market_open or isinstance(event, Opened)
        for effect in effects:
            if isinstance(effect, SetTimer):
                self.timers[effect.name] = effect.at
            elif isinstance(effect, CancelTimer):
                self.timers.pop(effect.name, None)
        return effects

    def hears(self, sender: str, message: Message) -> list[Effect]:
        """Receive a message as it comes off the wire, so that its numbers are floats within their bounds."""
        return self.step(Received(sender, BOTH.message(encode_message(message))))

    def fires(self, name: str) -> list[Effect]:
        """Let the clock run to a timer that must be set, and fire it."""
        self.now = max(self.now, self.timers.pop(name))
        return self.step(TimerFired(name))

    @property
    def state(self) -> Any:
        return snapshot(self.machine)


def sent(effects: Iterable[Effect]) -> list[tuple[str, Message]]:
    """(to, message) of every message."""
    return [(effect.to, effect.message) for effect in effects if isinstance(effect, Send)]


def sent_as(kind: type[_Message], effects: Iterable[Effect]) -> dict[str, _Message]:
    """The messages of one kind by receiver, who gets at most one."""
    found = [(to, message) for to, message in sent(effects) if isinstance(message, kind)]
    assert len(dict(found)) == len(found)
    return dict(found)


def dropped(effects: Iterable[Effect]) -> list[tuple[str, str]]:
    """(verdict, reason) of every drop."""
    return [(effect.verdict, effect.reason) for effect in effects if isinstance(effect, Dropped)]


def traced(effects: Iterable[Effect]) -> list[str]:
    """What kinds of events observers were told."""
    return [effect.kind for effect in effects if isinstance(effect, Trace)]


def posted(effects: Iterable[Effect]) -> list[Advert]:
    return [effect.message for effect in effects if isinstance(effect, PostOnBoard)]  # type: ignore[misc]


def entries(effects: Iterable[Effect]) -> list[Entry]:
    """What is to be written into the journal."""
    return [effect.entry for effect in effects if isinstance(effect, Persist)]


def address_of(numbers: Any) -> int:
    """Where the encoded numbers of a profile lie in memory."""
    return int(np.frombuffer(memoryview(numbers), dtype=np.uint8).__array_interface__["data"][0])


class SellerBench(Bench):
    """A seller of 100 MB with reserve 1 on the bench."""

    def __init__(self, supply: float = 100.0, reserve: float = 1.0, timing: Timing = TIMING) -> None:
        super().__init__(Seller(supply, FixedReserve(reserve), timing))
        self.rounds = 0

    def rests(self) -> list[Effect]:
        """Let a quiet period pass."""
        return [effect for _ in range(TICKS) for effect in self.fires("quiet")]

    def opened(self) -> "SellerBench":
        self.step(Started())
        self.step(Opened())
        return self

    def bids(self, buyer: str, quantity: float, price: float, seq: int = 1) -> list[Effect]:
        return self.hears(buyer, Bid(0, 0, quantity, price, seq))

    def clears(self) -> list[Effect]:
        self.rounds += 1
        return self.fires("clear")

    def all_hold(self, **seqs: int) -> list[Effect]:
        """The named buyers (by host) confirm their last profile."""
        effects: list[Effect] = []
        for host, seq in seqs.items():
            effects += self.hears(f"{host}/buyer", Hold(0, self.rounds, seq, undecided=False))
        return effects


def cleared_seller(timing: Timing = TIMING) -> SellerBench:
    """Round 1 with A 60@4 and B 70@3: A gets 60, B gets 40."""
    bench = SellerBench(timing=timing).opened()
    bench.bids(A, 60, 4)
    bench.bids(B, 70, 3)
    bench.clears()
    return bench


def awarding_seller(timing: Timing = TIMING) -> SellerBench:
    """The auction of ``cleared_seller``, quiet and seen by both: A is awarded 60 MB, B 40."""
    bench = cleared_seller(timing)
    bench.all_hold(a=1, b=1)
    bench.rests()
    return bench


class Told:
    """A strategy that places what the test tells it to, and remembers what it was shown."""

    def __init__(self, *decisions: list[tuple[float, float]] | None, reconsider: bool = False) -> None:
        self.decisions = list(decisions)
        self.reconsider = reconsider
        self.needs: list[Need] = []
        self.offers: list[list[Offer]] = []
        self.crowds: list[int] = []
        self.round_trips: list[float] = []

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        del random
        self.crowds.append(participants)
        self.round_trips.append(round_trip_s)
        return 0.5

    def decide(self, now: float, need: Need, offers: Any) -> Decision:
        del now
        self.needs.append(need)
        self.offers.append(list(offers))
        targets = self.decisions.pop(0) if self.decisions else None
        return Decision(None if targets is None else [Target(*target) for target in targets], self.reconsider)


class BuyerBench(Bench):
    """A buyer of 50 MB at sellers S and T, whose strategy does as it is told, on the bench."""

    machine: Buyer

    def __init__(
        self,
        strategy: Any,
        valuation: Valuation | None = None,
        budget: float = float("inf"),
        pool: tuple[str, ...] = (),
    ) -> None:
        self.strategy = strategy
        random = np.random.default_rng(0)
        super().__init__(Buyer(pool or (S, T), valuation or Flat(50, 2.0), strategy, TIMING, random, budget))

    def opened(self, **left: float) -> "BuyerBench":
        """The adverts of the named sellers (by host) have arrived, and the market is open."""
        for host, supply in left.items():
            self.hears(f"{host}/seller", advert(supply))
        self.step(Opened())
        return self

    def thinks(self) -> list[Effect]:
        return self.fires("think")

    def is_awarded(self, seller: str, message: Award) -> list[Effect]:
        """The board names the book that the buyer has seen, and the award follows; what comes of the latter."""
        auction = self.machine._auctions[seller]
        digest = auction._seen.digest if auction._seen else NO_DIGEST
        seq = auction._advert.seq + 1
        self.hears(seller, advert(0.0, seq, "awarding", round_=message.round, digest=digest))
        return self.hears(seller, message)

    def is_shown(
        self, seller: str, round_: int, seq: int, own: tuple[float, float], *others: tuple[float, float]
    ) -> list[Effect]:
        return self.hears(seller, profile(round_, seq, own, *others))


def advert(
    left: float,
    seq: int = 1,
    state: Any = "open",
    supply: float = 100.0,
    reserve: float = 1.0,
    round_: int = 0,
    digest: bytes = NO_DIGEST,
) -> Advert:
    return Advert(0, seq, supply, left, reserve, state, round_, digest)


def digest_of(message: Profile) -> bytes:
    """The digest of the book in a profile."""
    return digest(packed(message.auction, message.supply, message.reserve, message.quantities, message.prices))


def fitting(message: Profile) -> Profile:
    """The profile with the digest that its book has."""
    return msgspec.structs.replace(message, digest=digest_of(message))


def profile(
    round_: int, seq: int, own: tuple[float, float], *others: tuple[float, float], allocation: float = 0.0
) -> Profile:
    """A profile of 100 MB with reserve 1, with the own row first."""
    rows = [own, *others]
    return fitting(
        Profile(
            auction=0,
            round=round_,
            your_seq=seq,
            your_row=0,
            supply=100.0,
            reserve=1.0,
            allocation=allocation,
            charge=0.0,
            quantities=[quantity for quantity, _ in rows],
            prices=[price for _, price in rows],
            digest=NO_DIGEST,
        )
    )


def award(quantity: float, charge: float, round_: int = 1, seq: int = 1) -> Award:
    return Award(0, round_, seq, quantity, charge)


def bidding_buyer(*decisions: list[tuple[float, float]] | None, budget: float = float("inf")) -> BuyerBench:
    """It bid 30@2 at S and 20@2 at T, and has seen round 1 of both."""
    bench = BuyerBench(Told([(30, 2), (20, 2)], None, *decisions), budget=budget).opened(s=100, t=100)
    bench.thinks()
    bench.is_shown(S, 1, 1, (30, 2))
    bench.is_shown(T, 1, 1, (20, 2))
    bench.thinks()
    return bench


def bound_buyer(*decisions: list[tuple[float, float]] | None) -> BuyerBench:
    """The buyer of ``bidding_buyer`` has accepted 30 MB for 30 of S."""
    bench = bidding_buyer(*decisions)
    bench.is_awarded(S, award(30, 30))
    return bench
