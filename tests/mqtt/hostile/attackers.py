"""Plain participants of an exchange, on paho: each does what docs/protocol.md says, but for what its attack changes."""

import contextlib
import os
import time
from collections.abc import Callable
from threading import Thread
from typing import Any, ClassVar

import msgpack
import msgspec

from node.protocol.errors import RejectedError
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.digest import digest, packed
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
    Settled,
    Withdraw,
    Withdrawn,
)
from node.protocol.topics import Board, Control, Inbox, Presence, Topics, host_of
from node.protocol.wire.frames import Envelope, decode_frame, encode_frames, encode_message, encode_post
from node.protocol.wire.presence import OFFLINE, ONLINE, READY, decode_presence, encode_presence
from scenarios.broker_link import keys_of, seal_of
from tests.mqtt.plain import PlainClient, SecuredBroker
from tests.protocol.codecs import EXCHANGE

MARKET = "lab"

QUIET_S, PATIENCE_S = 1.0, 4.0
"""Of the market that is attacked."""

LONGEST_S = 40.0
"""A hostile seller closes then, so that a test which fails does so soon."""

Row = tuple[str, float, float]
"""Bidder, MB and price per MB."""


def raw(*message: object) -> msgspec.Raw:
    """A message that our codec would not encode."""
    return msgspec.Raw(msgpack.packb(message))


class Attacker:
    """A host, and a node of its name, from before the market opens until its launcher says ``stop``.

    Attributes
    ----------
    name
        Of the attack, of its host and of its node; ``s-`` and ``b-`` before it are the honest users of its group.
    pays, most
        The least and the most that the honest buyer pays, money.
    notes
        What the attacker has seen or done that its test looks at.
    forbidden
        What it has published where it may not.
    """

    name: ClassVar[str]
    pays: ClassVar[float]
    most: ClassVar[float]

    def __init__(self, broker: SecuredBroker) -> None:
        self.topics = Topics(MARKET)
        self.life = os.urandom(8)
        self.seal = seal_of(self.topics, keys_of(broker.profile(self.name)))(self.name)
        self.seller, self.buyer = self.honest(f"s-{self.name}"), self.honest(f"b-{self.name}")
        self.lives: dict[str, bytes] = {}
        self.notes: dict[str, Any] = {}
        self.forbidden: list[tuple[str, bytes]] = []
        self.is_open = self.is_stopped = False
        self.opened_at = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._read = self._sent = 0
        self.client: PlainClient = broker.client(self.name, f"{MARKET}-{self.name}")
        filters = (self.topics.every_inbox(self.name), self.topics.every_presence, self.topics.control)
        self.client.subscribe(*filters, self.topics.board(self.seller))
        self.thread = Thread(target=self._live)
        self.thread.start()

    def honest(self, node: str) -> str:
        """The address of an honest node."""
        return f"host-1/{node}"

    @property
    def seller_host(self) -> str:
        return host_of(self.seller)

    def _live(self) -> None:
        self.begin()
        self.say(ONLINE)
        self.say(READY)
        self.client.until(self._is_over)
        self.say(OFFLINE)
        self.client.close()

    def _is_over(self) -> bool:
        while self._read < len(self.client.payloads):
            topic, payload = self.client.payloads[self._read]
            self._read += 1
            if payload:
                with contextlib.suppress(RejectedError):  # there are other attackers
                    self._take(topic, payload)
        now = time.monotonic()
        due = [act for at, act in self._due if at <= now]
        self._due = [(at, act) for at, act in self._due if at > now]
        for act in due:
            act()
        return self.is_stopped

    def _take(self, topic: str, payload: bytes) -> None:
        match self.topics.parse(topic):
            case Control():
                self.is_stopped = payload == b"stop"
                if payload == b"open" and not self.is_open:
                    self.is_open, self.opened_at = True, time.monotonic()
                    self.on_open()
            case Presence(host):
                word, life = decode_presence(payload)
                if word != OFFLINE:
                    self.lives[host] = life
            case Board(poster):
                _, message = EXCHANGE.post(self.seal.opened_post(poster, payload))  # type: ignore[union-attr]
                if isinstance(message, Advert):
                    self.on_advert(message)
            case Inbox(_, from_host):
                self.on_frame(from_host, payload)

    def on_frame(self, from_host: str, payload: bytes) -> None:
        """Hand the messages of a frame on."""
        assert self.seal
        for envelope in decode_frame(self.seal.opened_frame(from_host, payload), self.life):
            message = EXCHANGE.message(envelope.message)
            assert isinstance(message, AuctionMessage)
            self.on_message(f"{from_host}/{envelope.from_node}", message)

    # What an attack may change

    def begin(self) -> None:
        """Before it says that it is there."""

    def on_open(self) -> None:
        """The market opens."""

    def on_advert(self, advert: Advert) -> None:
        """Its group's honest seller advertises."""

    def on_message(self, sender: str, message: AuctionMessage) -> None:
        """A message has come."""

    # What it does

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something then, unless the market is over."""
        self._due.append((time.monotonic() + seconds, act))

    def say(self, word: str) -> None:
        """Say the word on the own presence topic."""
        self.client.publish(self.topics.presence(self.name), encode_presence(word, self.life), retain=True)

    def send(self, to: str, *messages: AuctionMessage | msgspec.Raw, of_node: str = "") -> None:
        """Send messages to a node in one frame."""
        encoded = [one if isinstance(one, msgspec.Raw) else encode_message(one) for one in messages]
        to_host, _, to_node = to.partition("/")
        self.send_envelopes(to_host, [(to_node, of_node or self.name, one) for one in encoded])

    def send_envelopes(self, to_host: str, envelopes: list[tuple[str, str, msgspec.Raw]]) -> None:
        """Send a frame of these: to which node, of which, what."""
        said = [Envelope(to, of, self._sent + k, message) for k, (to, of, message) in enumerate(envelopes, 1)]
        self._sent += len(said)
        for frame in encode_frames(said, self.lives[to_host]):
            self.send_frame(to_host, frame)

    def send_frame(self, to_host: str, frame: bytes) -> None:
        """Sign a frame and send it."""
        assert self.seal
        self.client.publish(self.topics.inbox(to_host, self.name), self.seal.frame(to_host, frame))

    def trespass(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish where that is forbidden."""
        self.forbidden.append((topic, payload))
        self.client.publish(topic, payload, retain=retain)

    def tell(self, *records: list[object]) -> None:
        """Tell the launcher."""
        told = [[time.time(), f"{self.name}/{self.name}", record] for record in records]
        self.client.publish(self.topics.trace(self.name), msgpack.packb([{}, told]))


class HostileBuyer(Attacker):
    """A bidder at ``s-NAME``: bids once, confirms what it is shown, accepts what it is awarded."""

    quantity, price = 30.0, 2.0

    def __init__(self, broker: SecuredBroker) -> None:
        self.seq = self.round = 0
        super().__init__(broker)

    def on_open(self) -> None:
        self.bid()

    def on_message(self, sender: str, message: AuctionMessage) -> None:
        assert sender == self.seller
        match message:
            case Profile():
                self.round = max(self.round, message.round)
                self.on_profile(message)
            case Award():
                self.on_award(message)
            case Settled():
                self.on_settled(message)
            case Closed():
                self.on_closed()

    def on_profile(self, profile: Profile) -> None:
        self.confirm(profile)

    def on_award(self, award: Award) -> None:
        self.send(self.seller, Accept(0, award.round, award.your_seq))

    def on_settled(self, receipt: Settled) -> None:
        if "receipt" not in self.notes:
            self.notes["receipt"] = [receipt.quantity, receipt.charge]
            self.tell(["bought", self.seller, receipt.round, receipt.quantity, receipt.charge])

    def on_closed(self) -> None:
        """The seller is done with it."""

    def bid(self, quantity: float | None = None, price: float | None = None, **changes: Any) -> None:
        """Bid anew."""
        self.seq += 1
        bid = Bid(0, self.round, quantity or self.quantity, self.price if price is None else price, self.seq)
        self.send(self.seller, msgspec.structs.replace(bid, **changes))

    def withdraw(self) -> None:
        """Take the bid back."""
        self.seq += 1
        self.send(self.seller, Withdraw(0, self.round, self.seq))

    def confirm(self, profile: Profile, *, undecided: bool = False) -> None:
        """Say that this profile is seen."""
        self.send(self.seller, Hold(0, profile.round, profile.your_seq, undecided))

    def decline(self, award: Award) -> None:
        """Take an award not."""
        self.send(self.seller, Decline(0, award.round, award.your_seq))


# Clearing as docs/protocol.md has it in words


def allocated(rows: list[Row], supply: float, reserve: float) -> list[float]:
    """What each row gets, MB."""
    given, left = [0.0] * len(rows), supply
    for price in sorted({price for _, _, price in rows if price >= reserve}, reverse=True):
        at_price = [k for k, row in enumerate(rows) if row[2] == price]
        wanted = sum(rows[k][1] for k in at_price)
        share = min(1.0, left / wanted)
        for k in at_price:
            given[k] = rows[k][1] * share
        left -= wanted * share
    return given


def charged(rows: list[Row], supply: float, reserve: float) -> list[float]:
    """What each row is charged, money."""
    amounts, charges = allocated(rows, supply, reserve), []
    for k, amount in enumerate(amounts):
        others = rows[:k] + rows[k + 1 :]
        without = allocated(others, supply, reserve)
        lost = [more - less for more, less in zip(without, amounts[:k] + amounts[k + 1 :], strict=True)]
        taken = sum(row[2] * amount_ for row, amount_ in zip(others, lost, strict=True))
        charges.append(taken + reserve * (amount - sum(lost)))
    return charges


class HostileSeller(Attacker):
    """Sells ``supply`` MB: clears every bid, awards when it has been quiet, gives receipts, and closes.

    Attributes
    ----------
    awards_s
        It awards nothing for so long, so that both buyers have bid by then.
    """

    supply, reserve, awards_s = 100.0, 0.1, 3.0

    def __init__(self, broker: SecuredBroker) -> None:
        self.bids: dict[str, Bid] = {}
        self.open_awards: dict[str, Award] = {}
        self.state: AuctionState = "open"
        self.seq = self.round = 0
        self.digest = NO_DIGEST
        self.sold = 0.0
        self._clearings = 0
        super().__init__(broker)

    def begin(self) -> None:
        self.advertise()
        self.later(LONGEST_S, self.close)

    def on_message(self, sender: str, message: AuctionMessage) -> None:
        match message:
            case Bid():
                self.on_bid(sender, message)
            case Withdraw():
                self.send(sender, Withdrawn(0, message.seq))
                self.strike_out(sender)
            case Accept():
                self.on_accept(sender, message)
            case Decline():
                self.notes.setdefault("declined", []).append(sender)
                self.strike_out(sender)

    def strike_out(self, buyer: str) -> None:
        """Forget a bid, and the award for it."""
        self.bids.pop(buyer, None)
        self.open_awards.pop(buyer, None)
        self.close_if_answered()

    def on_bid(self, buyer: str, bid: Bid) -> None:
        if self.state == "closed":
            self.send(buyer, Closed(0))
        elif self.state == "open" and (buyer not in self.bids or bid.seq > self.bids[buyer].seq):
            self.bids[buyer] = bid
            self._clearings += 1
            clearing = self._clearings
            self.later(0.05, lambda: self.clear() if clearing == self._clearings else None)

    def clear(self) -> None:
        """Tell everybody the book, and award it if nobody bids for a while."""
        if self.state != "open":
            return
        self.round += 1
        rows = self.rows()
        self.digest = self.digest_of(rows)
        for buyer in self.bids:
            self.send(buyer, self.profile(buyer, rows))
        clearing = self._clearings
        quiet_s = max(0.6, self.awards_s - (time.monotonic() - self.opened_at))
        self.later(quiet_s, lambda: self.award(rows) if clearing == self._clearings else None)

    def rows(self) -> list[Row]:
        """The book."""
        bids = [(buyer, bid.quantity, bid.price) for buyer, bid in self.bids.items()]
        return sorted(bids, key=lambda row: (-row[2], -row[1]))

    @property
    def on_sale(self) -> float:
        """MB that are cleared."""
        return self.supply - self.sold

    def digest_of(self, rows: list[Row]) -> bytes:
        quantities, prices = [row[1] for row in rows], [row[2] for row in rows]
        return digest(packed(0, self.on_sale, self.reserve, quantities, prices))

    def profile(self, buyer: str, rows: list[Row]) -> Profile:
        """What the bidder is told of this book."""
        own = [row[0] for row in rows].index(buyer)
        return Profile(
            auction=0,
            round=self.round,
            your_seq=self.bids[buyer].seq,
            your_row=own,
            supply=self.on_sale,
            reserve=self.reserve,
            allocation=allocated(rows, self.on_sale, self.reserve)[own],
            charge=charged(rows, self.on_sale, self.reserve)[own],
            quantities=[row[1] for row in rows],
            prices=[row[2] for row in rows],
            digest=self.digest_of(rows),
        )

    def award(self, rows: list[Row]) -> None:
        """Award what the book gives."""
        self.state = "awarding"
        self.advertise()
        amounts = allocated(rows, self.on_sale, self.reserve)
        charges = charged(rows, self.on_sale, self.reserve)
        for (buyer, _, _), amount, charge in zip(rows, amounts, charges, strict=True):
            if buyer in self.bids and amount > 0.0:
                award = Award(0, self.round, self.bids[buyer].seq, amount, charge)
                self.open_awards[buyer] = award
                self.award_to(buyer, award)
        self.close_if_answered()

    def award_to(self, buyer: str, award: Award) -> None:
        self.send(buyer, award)

    def on_accept(self, buyer: str, accept: Accept) -> None:
        award = self.open_awards.pop(buyer, None)
        if award is None or (award.round, award.your_seq) != (accept.round, accept.seq):
            return
        self.bids.pop(buyer, None)
        self.sold += award.quantity
        self.settle(buyer, Settled(0, award.round, award.quantity, award.charge))
        self.close_if_answered()

    def settle(self, buyer: str, receipt: Settled) -> None:
        self.tell(["settled", buyer, receipt.round, receipt.quantity, receipt.charge])
        self.send(buyer, receipt)

    def close_if_answered(self) -> None:
        if self.state == "awarding" and not self.open_awards:
            self.close()

    def close(self) -> None:
        self.state = "closed"
        for buyer in self.bids:
            self.send(buyer, Closed(0))
        self.bids.clear()
        self.advertise()

    def advertise(self) -> None:
        self.seq += 1
        left = 0.0 if self.state == "closed" else min(self.supply, self.on_sale)
        self.post(Advert(0, self.seq, self.supply, left, self.reserve, self.state, self.round, self.digest))

    def post(self, message: AuctionMessage | msgspec.Raw) -> None:
        """Put this on the own board."""
        assert self.seal
        own = f"{self.name}/{self.name}"
        post = (
            msgpack.packb([1, self.life, msgpack.unpackb(bytes(message))])
            if isinstance(message, msgspec.Raw)
            else encode_post(message, self.life)
        )
        self.client.publish(self.topics.board(own), self.seal.post(own, post), retain=True)
