"""A buyer written from docs/protocol.md, section 8 alone, on paho, msgpack and hashlib: nothing of this project."""

import hashlib
import os
import struct
import threading
import time
from typing import Any

import msgpack
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

REPEAT_S = 0.5


def fits(profile: list[Any]) -> bool:
    """Whether the digest of a profile is that of its book."""
    _, auction, _, _, _, supply, reserve, _, _, quantities, prices, digest = profile
    numbers = [supply, reserve, *quantities, *prices]
    data = struct.pack(">Q", auction) + b"".join(struct.pack(">d", number) for number in numbers)
    return bool(hashlib.blake2b(data, digest_size=16).digest() == digest)


class ForeignBuyer:
    """Host and node of this name; it wants ``quantity`` MB of one seller, and leaves its first bid as it is."""

    def __init__(self, port: int, market: str, name: str, seller: str, quantity: float, price: float) -> None:
        self.root, self.name, self.seller = f"bidswarm/v1/{market}", name, seller
        self.seller_host, self.seller_node = seller.split("/")
        self.quantity, self.price = quantity, price
        self.life = os.urandom(8)
        self.lives: dict[str, bytes] = {}
        self.post: list[Any] | None = None
        self.advert: list[Any] | None = None
        self.profile: list[Any] | None = None
        self.early: list[Any] | None = None
        self.accepted: dict[int, list[Any]] = {}
        self.receipts: dict[int, tuple[float, float]] = {}
        self.is_open = self.is_bound = False
        self.over = threading.Event()
        self.seq = self.sent = 0
        self.pending: list[Any] | None = None
        self.client = paho.Client(CallbackAPIVersion.VERSION2, f"{market}-{name}")
        self.client.will_set(f"{self.root}/presence/{name}", f"offline {self.life.hex()}", qos=1, retain=True)
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", port)

    def run(self, seconds: float) -> None:
        """Take part until the auction is over."""
        topics = [f"inbox/{self.name}/+", "presence/+", "control", f"board/{self.seller}"]
        self.client.subscribe([(f"{self.root}/{topic}", 1) for topic in topics])
        self.says("online")
        deadline, said_at = time.monotonic() + seconds, 0.0
        while not self.over.is_set() and time.monotonic() < deadline:
            self.client.loop(0.02)
            if self.pending and time.monotonic() - said_at >= REPEAT_S:
                said_at = time.monotonic()
                self.send(self.pending)
        self.says("offline")
        while self.client.want_write():
            self.client.loop(0.02)
        self.client.disconnect()

    def says(self, word: str) -> None:
        self.client.publish(f"{self.root}/presence/{self.name}", f"{word} {self.life.hex()}", qos=1, retain=True)

    def send(self, message: list[Any]) -> None:
        self.sent += 1
        life = self.lives[self.seller_host]
        frame = msgpack.packb([1, life, [[self.seller_node, self.name, self.sent, message]]])
        self.client.publish(f"{self.root}/inbox/{self.seller_host}/{self.name}", frame, qos=1)

    def on_message(self, _client: Any, _data: Any, found: paho.MQTTMessage) -> None:
        _, _, _, kind, *rest = found.topic.split("/")
        if kind == "control" and found.payload == b"open":
            self.is_open = True
        elif kind == "control" and found.payload == b"stop":
            self.over.set()
        elif kind == "presence" and found.payload:
            word, life = found.payload.decode().split()
            if word != "offline":
                self.lives[rest[0]] = bytes.fromhex(life)
        elif kind == "board" and found.payload:
            self.post = msgpack.unpackb(found.payload)
        elif kind == "inbox" and rest[1] == self.seller_host:
            _, life, envelopes = msgpack.unpackb(found.payload)
            for to, of, _, message in envelopes if life == self.life else []:
                if (to, of) == (self.name, self.seller_node):
                    self.on_told(message)
        if self.post and self.post[1] == self.lives.get(self.seller_host):
            advert, self.post = self.post[2], None
            self.on_advert(advert)
        self.bid_if_it_is_time()

    def on_advert(self, advert: list[Any]) -> None:
        if self.advert is None:
            self.says("ready")
        elif advert[2] <= self.advert[2]:
            return
        self.advert = advert
        if advert[6] == "closed" and not self.is_bound:
            self.over.set()
        if self.early and advert[7] >= self.early[2]:
            award, self.early = self.early, None
            self.on_award(award)

    def bid_if_it_is_time(self) -> None:
        if self.is_open and self.advert and self.advert[6] == "open" and self.seq == 0:
            self.seq = 1
            self.pending = ["bid", self.advert[1], 0, self.quantity, self.price, 1]
            self.send(self.pending)

    def on_told(self, message: list[Any]) -> None:
        handle = {"profile": self.on_profile, "award": self.on_award, "settled": self.on_settled}.get(message[0])
        if handle:
            handle(message)
        elif message[0] == "void":
            self.is_bound, self.pending = False, None
        elif message[0] == "closed":
            self.over.set()

    def on_profile(self, profile: list[Any]) -> None:
        _, auction, round_, seq, row, *_, quantities, prices, _ = profile
        if seq != self.seq or self.accepted or (self.profile and round_ < self.profile[2]) or not fits(profile):
            return
        if (quantities[row], prices[row]) == (self.quantity, self.price):
            self.profile, self.pending = profile, None
            self.send(["hold", auction, round_, seq, False])

    def on_award(self, award: list[Any]) -> None:
        _, auction, round_, seq, quantity, charge = award
        if round_ in self.accepted:
            self.send(self.accepted[round_])
            return
        assert self.advert
        assert self.profile
        if round_ > self.advert[7]:
            self.early = award
            return
        stands = seq == self.seq and not self.accepted and quantity <= self.quantity
        if stands and charge <= self.price * quantity * (1 + 1e-9) and self.advert[8] == self.profile[-1]:
            self.accepted[round_] = self.pending = ["accept", auction, round_, seq]
            self.is_bound = True
            self.send(self.pending)
        else:
            self.send(["decline", auction, round_, seq])

    def on_settled(self, settled: list[Any]) -> None:
        _, _, round_, quantity, charge = settled
        self.receipts[round_] = (quantity, charge)
        self.is_bound, self.pending = False, None
        if self.advert and self.advert[6] == "closed":
            self.over.set()
