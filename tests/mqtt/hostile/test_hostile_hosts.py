"""Hostile hosts: garbage, floods, forgeries, replays, and what the broker must refuse, each beside honest users."""

import os
from typing import ClassVar

import msgpack
import pytest

from node.protocol.psp.messages import Advert, Award, Bid, Closed, Settled, Void, Withdraw
from node.protocol.wire.frames import Envelope, encode_frames, encode_message, encode_post, sealed
from node.protocol.wire.limits import Limits
from node.protocol.wire.presence import OFFLINE, ONLINE, encode_presence
from tests.mqtt.hostile.attackers import HostileBuyer, raw
from tests.mqtt.hostile.market import ALONE, BESIDE, CALM, Evidence, attacked, group, once

pytestmark = pytest.mark.mosquitto

FLOOD = 3 * int(Limits().messages_burst)


class HostileHost(HostileBuyer):
    """Attacks when the market opens, and bids as it should besides."""

    pays = most = BESIDE

    def honest(self, node: str) -> str:
        """Each node has a host of its own, of which the access rules are to keep others apart."""
        return f"{node}/{node}"

    def on_open(self) -> None:
        self.attack()
        super().on_open()

    def attack(self) -> None:
        raise NotImplementedError

    @property
    def inbox(self) -> str:
        """Where its seller reads what this host says."""
        return self.topics.inbox(self.seller_host, self.name)

    def frame_of_withdrawal(self, to_life: bytes) -> bytes:
        """A frame that takes back the honest buyer's bid, if it counts."""
        return self.frame_of(Withdraw(0, 0, 2**40), f"b-{self.name}", to_life)

    def frame_of(self, message: Bid | Withdraw, node: str, to_life: bytes) -> bytes:
        (frame,) = encode_frames([Envelope(f"s-{self.name}", node, 1, encode_message(message))], to_life)
        return frame


class Rejected(HostileHost):
    """What it says reaches its seller, which rejects it.

    Attributes
    ----------
    reasons
        As what it is rejected.
    """

    reasons: ClassVar[set[str]]

    def publish(self, payload: bytes) -> None:
        """Say this to the seller."""
        self.client.publish(self.inbox, payload)
        self.notes["said"] = self.notes.get("said", 0) + 1


class Garbage(Rejected):
    name, reasons = "garbage", {"unsigned"}

    def attack(self) -> None:
        for size in (1, 10, 1_000, 100_000):
            self.publish(os.urandom(size))
        self.publish(b"\x91" * 10_000)
        self.publish(b"\xdd\xff\xff\xff\xff")
        self.publish(b"\xc6\xff\xff\xff\xff")


class SignedGarbage(Rejected):
    """Its frames bear its signature, and are none."""

    name, reasons = "signed-garbage", {"malformed frame", "unknown version"}

    def attack(self) -> None:
        life = self.lives[self.seller_host]
        assert self.seal
        frame = self.frame_of(Bid(0, 0, 60.0, 9.0, 1), self.name, life)
        parts = [os.urandom(100), frame[:-1], frame + b"\0", b"\x91" * 10_000, msgpack.packb([3, life, []])]
        parts += [
            msgpack.packb([1, life, [["s", "n", -1, 0]]]),
            msgpack.packb([1, life]),
            msgpack.packb({"version": 1}),
        ]
        for part in parts:
            self.publish(self.seal.frame(self.seller_host, part))


class Misdirected(Rejected):
    name, reasons = "misdirected", {"unknown node", "malformed frame", "malformed message"}

    def attack(self) -> None:
        bid = encode_message(Bid(0, 0, 60.0, 9.0, 1))
        self.send_envelopes(self.seller_host, [("nobody", self.name, bid)])
        self.send_envelopes(self.seller_host, [(f"s-{self.name}", "a/b", bid)])
        self.send_envelopes(self.seller_host, [(f"s-{self.name}", self.name, raw("register", 1, "network"))])
        self.notes["said"] = 3


class Unsigned(Rejected):
    name, reasons = "unsigned", {"unsigned"}

    def attack(self) -> None:
        self.publish(self.frame_of_withdrawal(self.lives[self.seller_host]))


class Forged(Rejected):
    """Signs in its own name with another key, and in its own topic what is signed for others."""

    name, reasons = "forged", {"bad signature"}

    def attack(self) -> None:
        assert self.seal
        frame = self.frame_of_withdrawal(self.lives[self.seller_host])
        self.publish(sealed(frame, bytes(64)))
        self.publish(sealed(frame, os.urandom(64)))
        self.publish(self.seal.frame(f"b-{self.name}", frame))


class WrongLife(Rejected):
    name, reasons = "another-life", {"another life"}

    def attack(self) -> None:
        assert self.seal
        for life in (bytes(8), b"\xff" * 8, self.life, self.lives[f"b-{self.name}"]):
            self.publish(self.seal.frame(self.seller_host, self.frame_of_withdrawal(life)))


class Mirror(Rejected):
    """Sends back to its seller whatever that sends to it."""

    name, reasons = "mirror", {"bad signature"}

    def attack(self) -> None:
        """It attacks when something comes."""

    def on_frame(self, from_host: str, payload: bytes) -> None:
        self.publish(payload)
        super().on_frame(from_host, payload)


class NotTheirSeller(Rejected):
    """Speaks to the honest buyer, whose seller it is not."""

    name, reasons = "not-their-seller", {"foreign sender"}

    def attack(self) -> None:
        said = [Closed(0), Settled(0, 1, 40.0, 1e6), Void(0, 1), Award(0, 1, 1, 40.0, 0.0)]
        said += [Advert(0, 99, 0.0, 0.0, 0.0, "closed", 1, bytes(16))]
        for message in said:
            self.send(self.buyer, message)
            self.send(self.buyer, message, of_node=f"s-{self.name}")
        self.notes["said"] = 2 * len(said)


class OddPresence(Rejected):
    """On its own presence topic; all hosts read it."""

    name, reasons = "odd-presence", {"malformed presence"}

    def attack(self) -> None:
        for payload in (b"gone", b"online", b"online " + b"0" * 15, b"offline " + b"g" * 16, os.urandom(1_000)):
            self.client.publish(self.topics.presence(self.name), payload)
        self.notes["said"] = 5


REJECTED: list[type[Rejected]] = [
    *(Garbage, SignedGarbage, Misdirected, Unsigned, Forged, WrongLife, Mirror, NotTheirSeller, OddPresence),
]


class Throttled(HostileHost):
    """Says more than a host may; its confirmation may not be read either."""

    pays = ALONE

    def on_open(self) -> None:
        self.bid()  # first: its later words are not read for a while
        self.later(0.1, self.attack)


class Flood(Throttled):
    name = "flood"

    def attack(self) -> None:
        assert self.seal
        hold = raw("hold", 0, 0, 0, False)
        node = f"s-{self.name}"
        envelopes = [Envelope(node, self.name, 1, hold)] * 1_000
        (frame,) = encode_frames(envelopes, self.lives[self.seller_host])
        for _ in range(FLOOD // len(envelopes)):
            self.client.publish(self.inbox, self.seal.frame(self.seller_host, frame))


class Bulk(Throttled):
    """Frames of the largest size, one after another."""

    name = "bulk"

    def attack(self) -> None:
        for _ in range(8):
            self.client.publish(self.inbox, bytes(2**20 - 10))


THROTTLED: list[type[Throttled]] = [Flood, Bulk]


class Trespassing(HostileHost):
    """Publishes or reads what the access rules forbid: the broker lets nothing through, and tells nobody."""


class InAnothersName(Trespassing):
    name = "in-anothers-name"

    def attack(self) -> None:
        assert self.seal
        frame = self.frame_of_withdrawal(self.lives[self.seller_host])
        topic = self.topics.inbox(self.seller_host, f"b-{self.name}")
        for payload in (frame, self.seal.frame(self.seller_host, frame)):
            self.trespass(topic, payload)


class OnAnothersBoard(Trespassing):
    name = "on-anothers-board"

    def attack(self) -> None:
        assert self.seal
        advert = Advert(0, 2**40, 0.0, 0.0, 0.0, "closed", 0, bytes(16))
        post = encode_post(advert, self.lives[self.seller_host])
        for payload in (post, self.seal.post(self.seller, post)):
            self.trespass(self.topics.board(self.seller), payload, retain=True)


class Stopping(Trespassing):
    name = "says-stop"

    def attack(self) -> None:
        for payload in (b"stop", b"open"):
            self.trespass(self.topics.control, payload + b" ", retain=True)
        self.client.publish(self.topics.control, b"stop", retain=True)


class SaysOthersAreGone(Trespassing):
    name = "says-others-are-gone"

    def attack(self) -> None:
        for host in (self.seller_host, f"b-{self.name}"):
            self.client.publish(self.topics.presence(host), encode_presence(OFFLINE, self.lives[host]), retain=True)
            self.trespass(self.topics.presence(host), encode_presence(ONLINE, os.urandom(8)), retain=True)


class TellsForOthers(Trespassing):
    name = "tells-for-others"

    def attack(self) -> None:
        told = msgpack.packb([{}, [[0.0, self.seller, ["settled", self.buyer, 1, 60.0, 1e6]]]])
        self.trespass(self.topics.trace(self.seller_host), told)


class Eavesdropping(Trespassing):
    name = "eavesdrops"

    def attack(self) -> None:
        self.client.subscribe("#", self.topics.every_trace, self.topics.every_inbox(self.seller_host))
        self.client.subscribe(self.topics.every_inbox(f"b-{self.name}"), f"$share/all/{self.topics.every_trace}")

    def on_settled(self, receipt: Settled) -> None:
        super().on_settled(receipt)
        secret = [topic for topic in self.client.received if "/inbox/" in topic or "/trace/" in topic]
        own = secret.count(self.topics.inbox(self.name, self.seller_host))
        self.notes |= {"own": own, "read": len(secret) - own}


class TooLarge(Trespassing):
    """A message beyond the broker's limit; one of more than 8 MiB would cut it off."""

    name = "too-large"

    def attack(self) -> None:
        self.trespass(self.inbox, bytes(1_200_000))


TRESPASSING: list[type[Trespassing]] = [
    *(InAnothersName, OnAnothersBoard, Stopping, SaysOthersAreGone, TellsForOthers, Eavesdropping, TooLarge),
]

ATTACKS: list[type[HostileHost]] = [*REJECTED, *THROTTLED, *TRESPASSING]

HOSTS = 2 * (len(ATTACKS) + len(CALM)) + 1
"""Honest ones: a seller and a buyer beside each attacker and in each calm group, and the seller that joins late."""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    groups = [group(name) for name in CALM] + [group(attack.name, attack.name) for attack in ATTACKS]
    return once(tmp_path_factory, "by-hosts", lambda folder: attacked(folder, ATTACKS, groups, connections="per-node"))


def test_the_run_settles_and_all_journals_agree(evidence: Evidence) -> None:
    assert (evidence.code, evidence.summary["status"]) == (0, "settled"), evidence.stderr
    assert "Traceback" not in evidence.stderr
    assert (evidence.ledger_code, evidence.breaches) == (0, [])
    assert (evidence.summary["exposed_sellers"], evidence.summary["dropped_records"]) == ({}, {})


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_honest_users_trade_in_time_and_as_if_nothing_had_happened(
    evidence: Evidence, attack: type[HostileHost]
) -> None:
    seller = f"s-{attack.name}"
    quantity, charge = evidence.bought(f"b-{attack.name}", seller)
    assert quantity == pytest.approx(40.0)
    assert attack.pays - 1e-6 <= charge <= attack.most + 1e-6
    assert evidence.closed_s(seller) <= evidence.latest_s()


@pytest.mark.parametrize("attack", REJECTED, ids=lambda attack: attack.name)
def test_who_says_what_no_correct_host_says_is_named(evidence: Evidence, attack: type[Rejected]) -> None:
    said, rejected = evidence.notes[attack.name]["said"], evidence.summary["rejected_from"][attack.name]
    if attack is Mirror:  # its last words come when its seller has left
        assert 0 < rejected <= said
    else:
        assert rejected == said * (HOSTS if attack is OddPresence else 1)
    assert all(evidence.counters[f"rejected: {reason}"] > 0 for reason in attack.reasons)


@pytest.mark.parametrize("attack", THROTTLED, ids=lambda attack: attack.name)
def test_who_says_too_much_is_not_read_and_named(evidence: Evidence, attack: type[Throttled]) -> None:
    assert evidence.summary["throttled"][attack.name] > 0


@pytest.mark.parametrize("attack", TRESPASSING, ids=lambda attack: attack.name)
def test_nothing_arrives_where_somebody_may_not_publish(evidence: Evidence, attack: type[Trespassing]) -> None:
    assert evidence.arrived[attack.name] == 0
    if attack is Eavesdropping:
        assert evidence.notes[attack.name]["read"] == 0
        assert evidence.notes[attack.name]["own"] > 0


def test_only_attackers_are_named(evidence: Evidence) -> None:
    assert evidence.summary["rejected_from"].keys() == {attack.name for attack in [*REJECTED, Bulk]}
    assert evidence.summary["throttled"].keys() == {attack.name for attack in THROTTLED}
    assert evidence.summary["struck_out"].keys() <= {f"{attack.name}/{attack.name}" for attack in THROTTLED}
