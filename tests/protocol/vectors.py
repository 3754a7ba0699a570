"""Writes docs/vectors, with which a client in another language can check itself: python -m tests.protocol.vectors."""

import base64
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.mechanism.psp import clear
from node.protocol.dmp import messages as calls
from node.protocol.errors import RejectedError
from node.protocol.machine import Message
from node.protocol.numbers import MAX_COUNT, MAX_MONEY, MAX_PRICE, MAX_QUANTITY_MB, NO_DIGEST
from node.protocol.psp import messages as exchange
from node.protocol.psp.messages import Advert, Bid, Profile
from node.protocol.topics import Board, Control, Inbox, Presence, Topics, TraceOf
from node.protocol.wire.frames import (
    MAX_FRAME_BYTES,
    Envelope,
    decode_frame,
    encode_frames,
    encode_message,
    encode_post,
)
from node.protocol.wire.presence import OFFLINE, ONLINE, READY, encode_presence
from node.protocol.wire.seal import Seal
from node.runtime.ed25519 import Ed25519Signing
from node.runtime.keys import Keys
from tests.protocol.codecs import BOTH
from tests.protocol.psp.bench import digest_of, fitting

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"

Json = dict[str, Any]


def profile(round_: int, own: int, quantities: list[float], prices: list[float], auction: int = 0) -> Profile:
    head = (auction, round_, 1, own, 85.0, 0.01, 0.0, 0.0)
    return fitting(Profile(*head, quantities, prices, NO_DIGEST))


PROFILE = profile(1, 2, [14.0, 20.0, 26.0], [2.2, 2.0, 1.5])
WANTED = calls.CallSpec(12.5, "web", "session", 512.0, 150.0)

MESSAGES: list[Message] = [
    Advert(0, 1, 85.0, 85.0, 0.01, "open", 0, NO_DIGEST),
    Advert(0, 3, 85.0, 25.0, 0.01, "awarding", 1, PROFILE.digest),
    Advert(0, MAX_COUNT, MAX_QUANTITY_MB, 0.0, MAX_PRICE, "closed", MAX_COUNT, PROFILE.digest),
    Bid(0, 0, 50.0, 1.0, 1),
    Bid(0, 7, 5e-324, 0.0, 128),
    Bid(3, MAX_COUNT, MAX_QUANTITY_MB, MAX_PRICE, 65536),
    exchange.Withdraw(0, 1, 2),
    exchange.Withdrawn(0, 2),
    PROFILE,
    profile(2, 0, [1.0], [0.0], auction=1),
    profile(70_000, 15, [float(k) for k in range(1, 17)], [20.0 - k for k in range(16)]),
    exchange.Hold(0, 3, 3, undecided=False),
    exchange.Award(0, 3, 3, 25.0, 0.25),
    exchange.Award(0, 3, 3, MAX_QUANTITY_MB, MAX_MONEY),
    exchange.Accept(0, 3, 3),
    exchange.Decline(0, 3, 3),
    exchange.Settled(0, 3, 25.0, 0.25),
    exchange.Void(0, 3),
    exchange.Closed(0),
    calls.Register(1, "network"),
    calls.Registered(1, 1),
    calls.Deregister(2),
    calls.Deregistered(2),
    calls.Registry(3, "open", ["n/net", "m/net"], [0.25, 0.0], ["sa/agent"]),
    calls.Registry(1, "upcoming", [], [], []),
    calls.Request(4, 2, WANTED, 0.5, None),
    calls.Request(4, 2, WANTED, 1.0, 12.5),
    calls.Invite(7, WANTED, 0.5, 0.25, 2, None),
    calls.Invite(7, WANTED, 0.5, 0.25, 2, [0.5]),
    calls.SealedBid(7, 0.75),
    calls.SealedBid(7, None),
    calls.Contract(7, "t/user", WANTED, 0.75),
    calls.Commit(7),
    calls.Decommit(7),
    calls.Blocked(4),
    calls.Report(4, served=True),
    calls.Noted(4, served=False),
]

BOOKS: list[tuple[float, float, list[float], list[float]]] = [
    (85.0, 0.01, [14.0, 20.0, 26.0], [2.2, 2.0, 1.5]),
    (100.0, 0.0, [70.0, 60.0, 40.0, 10.0], [4.0, 4.0, 2.0, 1.0]),
    (100.0, 0.0, [70.0, 60.0], [4.0, 4.0]),
    (100.0, 1.0, [70.0, 60.0, 40.0, 10.0], [4.0, 4.0, 2.0, 0.5]),
    (100.0, 2.0, [30.0, 20.0, 80.0, 40.0], [5.0, 3.0, 2.0, 2.0]),
    (100.0, 0.5, [120.0], [0.5]),
    (100.0, 0.5, [30.0, 10.0], [0.4, 0.3]),
    (60.0, 0.1, [40.0, 20.0, 15.0, 5.0], [3.0, 2.0, 2.0, 1.0]),
    (0.0, 0.0, [10.0], [1.0]),
    (10.0, 0.0, [], []),
]
"""Supply, reserve, quantities and prices."""

CALL = [12.5, "web", "session", 512.0, 150.0]
BID = ["bid", 0, 3, 25.0, 1.5, 7]
ADVERT = ["advert", 0, 4, 100.0, 12.5, 1.0, "open", 3, bytes(16)]
ENVELOPE = ["seller", "buyer", 9, BID]
LIFE = bytes.fromhex("0123456789abcdef")
"""Of the receiver in frames, of the host that posts in posts."""
BEGIN = msgpack.packb([1, LIFE, 0])[:-1]

BAD_MESSAGES: dict[str, Any] = {
    "nil": None,
    "no array": {"tag": "bid"},
    "no tag": [],
    "unknown tag": ["big", *BID[1:]],
    "tag in capitals": ["Bid", *BID[1:]],
    "missing field": BID[:-1],
    "surplus field": [*BID, 8],
    "quantity of nothing": ["bid", 0, 3, 0.0, 1.5, 7],
    "negative quantity": ["bid", 0, 3, -1.0, 1.5, 7],
    "quantity not a number": ["bid", 0, 3, math.nan, 1.5, 7],
    "endless quantity": ["bid", 0, 3, math.inf, 1.5, 7],
    "quantity too large": ["bid", 0, 3, 1.1e12, 1.5, 7],
    "price too large": ["bid", 0, 3, 25.0, 1.1e9, 7],
    "quantity as text": ["bid", 0, 3, "25", 1.5, 7],
    "quantity as truth value": ["bid", 0, 3, True, 1.5, 7],
    "negative number of a bid": ["bid", 0, 3, 25.0, 1.5, -7],
    "number of a bid beyond 2^53 - 1": ["bid", 0, 3, 25.0, 1.5, 2**53],
    "round as float": ["bid", 0, 3.0, 25.0, 1.5, 7],
    "unknown state": [*ADVERT[:6], "shut", *ADVERT[7:]],
    "short digest": [*ADVERT[:-1], bytes(15)],
    "digest as text": [*ADVERT[:-1], "0" * 16],
    "rows not a list": ["profile", 0, 1, 1, 0, 100.0, 1.0, 5.0, 5.0, 1.0, [1.0], bytes(16)],
    "row not a number": ["profile", 0, 1, 1, 0, 100.0, 1.0, 5.0, 5.0, [math.nan], [1.0], bytes(16)],
    "money too large": ["settled", 0, 1, 5.0, 1.1e21],
    "role not known": ["register", 1, "market"],
    "reputation above 1": ["registry", 1, "open", ["n/net"], [1.5], []],
    "address without a node": ["registry", 1, "open", ["n"], [0.5], []],
    "wanted with a field too many": ["request", 1, 1, [*CALL, 1], 0.5, None],
    "kind of contract not known": ["request", 1, 1, [*CALL[:2], "handshake", *CALL[3:]], 0.5, None],
    "served as number": ["report", 1, 1],
}

BAD_FRAMES: dict[str, bytes] = {
    "nothing": b"",
    "reserved byte": b"\xc1",
    "cut short": msgpack.packb([1, LIFE, [ENVELOPE]])[:-1],
    "trailing byte": msgpack.packb([1, LIFE, [ENVELOPE]]) + b"\0",
    "version 0": msgpack.packb([0, LIFE, [ENVELOPE]]),
    "version 2 without a signature": msgpack.packb([2, LIFE, [ENVELOPE]]),
    "version as text": msgpack.packb(["1", LIFE, [ENVELOPE]]),
    "no envelopes": msgpack.packb([1, LIFE]),
    "no life": msgpack.packb([1, [ENVELOPE]]),
    "life of no bytes": msgpack.packb([1, b"", [ENVELOPE]]),
    "life too long": msgpack.packb([1, LIFE + b"0", [ENVELOPE]]),
    "life as text": msgpack.packb([1, "12345678", [ENVELOPE]]),
    "surplus element": msgpack.packb([1, LIFE, [ENVELOPE], 0]),
    "envelope with a field too few": msgpack.packb([1, LIFE, [ENVELOPE[:3]]]),
    "envelope with a field too many": msgpack.packb([1, LIFE, [[*ENVELOPE, 0]]]),
    "name of a node with a slash": msgpack.packb([1, LIFE, [["a/b", *ENVELOPE[1:]]]]),
    "name of a node too long": msgpack.packb([1, LIFE, [["s" * 65, *ENVELOPE[1:]]]]),
    "name of a node as bytes": msgpack.packb([1, LIFE, [[b"seller", *ENVELOPE[1:]]]]),
    "negative seq": msgpack.packb([1, LIFE, [["seller", "buyer", -1, BID]]]),
    "not UTF-8": BEGIN + b"\x91\x94\xa2\xff\xfe",
    "longer than any memory": BEGIN + b"\xdd\xff\xff\xff\xff",
    "for another life": msgpack.packb([1, LIFE[::-1], [ENVELOPE]]),
    "signed, to a host without keys": msgpack.packb([2, msgpack.packb([1, LIFE, [ENVELOPE]]), bytes(64)]),
}

INVALID_PRESENCE = [
    "",
    "online",
    "offline",
    "away 0123456789abcdef",
    "Online 0123456789abcdef",
    "online 0123456789ABCDEF",
    "online 0123456789abcde",
    "online 0123456789abcdef0",
    "online  0123456789abcdef",
    "online 0123456789abcdef\n",
]

VALID_TOPICS = [
    "bidswarm/v1/m/inbox/to/from",
    "bidswarm/v1/m/board/host/node",
    "bidswarm/v1/m/presence/host-1",
    f"bidswarm/v1/m/trace/{'h' * 64}",
    "bidswarm/v1/m/control",
]
INVALID_TOPICS = [
    "bidswarm/v1/other/control",
    "bidswarm/v2/m/control",
    "bidswarm/v1/m",
    "bidswarm/v1/m/",
    "bidswarm/v1/m/control/",
    "bidswarm/v1/m/inbox/to",
    "bidswarm/v1/m/inbox//from",
    "bidswarm/v1/m/inbox/to/from/more",
    "bidswarm/v1/m/inbox/to/fr om",
    "bidswarm/v1/m/inbox/tö/from",
    "bidswarm/v1/m/board/host",
    "bidswarm/v1/m/board/host/a/b",
    f"bidswarm/v1/m/presence/{'h' * 65}",
    "bidswarm/v1/m/presence/host\n",
    "/bidswarm/v1/m/control",
]


def plain(value: Any) -> Any:
    """A value as JSON has it; digests in hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return [plain(element) for element in value] if isinstance(value, list) else value


def messages() -> Iterator[Json]:
    for message in MESSAGES:
        data = bytes(memoryview(encode_message(message)))
        yield {"tag": message.__struct_config__.tag, "fields": plain(message), "hex": data.hex()}


def frames() -> Iterator[Json]:
    for envelopes in (MESSAGES[3:4], MESSAGES[6:9], MESSAGES[19:22]):
        rows = [Envelope(f"to-{k}", "of", k + 1, encode_message(one)) for k, one in enumerate(envelopes)]
        (data,) = encode_frames(rows, LIFE)
        shown = [
            {"to_node": row.to_node, "from_node": "of", "seq": row.seq, "message": bytes(memoryview(row.message)).hex()}
            for row in rows
        ]
        yield {"life": LIFE.hex(), "envelopes": shown, "hex": data.hex()}


def posts() -> Iterator[Json]:
    for message in MESSAGES:
        if isinstance(message, Advert | calls.Registry):
            data = bytes(memoryview(encode_message(message)))
            yield {"life": LIFE.hex(), "message": data.hex(), "hex": encode_post(message, LIFE).hex()}


def presence() -> Json:
    return {
        "valid": [
            {"word": word, "life": LIFE.hex(), "text": encode_presence(word, LIFE).decode()}
            for word in (ONLINE, READY, OFFLINE)
        ],
        "invalid": INVALID_PRESENCE,
    }


def digests() -> Iterator[Json]:
    for message in MESSAGES:
        if isinstance(message, Profile):
            book = {name: getattr(message, name) for name in ("auction", "supply", "reserve", "quantities", "prices")}
            yield {**book, "digest": digest_of(message).hex()}


def clearings() -> Iterator[Json]:
    for supply, reserve, quantities, prices in BOOKS:
        outcome = clear(quantities, prices, supply, reserve)
        book = {"supply": supply, "reserve": reserve, "quantities": quantities, "prices": prices}
        yield {**book, "allocations": outcome.allocation.tolist(), "charges": outcome.charge.tolist()}


def topics() -> Json:
    parse = Topics("m").parse
    return {"market": "m", "valid": [told(topic, parse(topic)) for topic in VALID_TOPICS], "invalid": INVALID_TOPICS}


def told(topic: str, found: Inbox | Board | Presence | TraceOf | Control) -> Json:
    names = {name: getattr(found, name) for name in getattr(found, "__slots__", ())}
    return {"topic": topic, "kind": topic.split("/")[3], **names}


def key(seed: int) -> str:
    return base64.b64encode(bytes(range(seed, seed + 32))).decode()


def signed() -> Json:
    (frame,) = encode_frames([Envelope("2", "A", 1, encode_message(MESSAGES[3]))], LIFE)
    post = encode_post(MESSAGES[0], LIFE)
    seal = Seal(Topics("m"), "a", Ed25519Signing(Keys(key(0), {})))
    by_other = Seal(Topics("m"), "a", Ed25519Signing(Keys(key(1), {}))).frame("b", frame)
    for_other = seal.frame("c", frame)
    return {
        "private_key": bytes(range(32)).hex(),
        "public_key": public_key(0),
        "valid": [
            {"topic": "bidswarm/v1/m/inbox/b/a", "body": frame.hex(), "hex": seal.frame("b", frame).hex()},
            {"topic": "bidswarm/v1/m/board/a/1", "body": post.hex(), "hex": seal.post("a/1", post).hex()},
        ],
        "bad signature": [
            {"what": "by another key", "topic": "bidswarm/v1/m/inbox/b/a", "hex": by_other.hex()},
            {"what": "for another host", "topic": "bidswarm/v1/m/inbox/b/a", "hex": for_other.hex()},
        ],
    }


def public_key(seed: int) -> str:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(seed, seed + 32)))
    return private.public_key().public_bytes_raw().hex()


def rejections() -> Iterator[Json]:
    for what, value in BAD_MESSAGES.items():
        data = msgpack.packb(value)
        yield rejection("message", what, data, lambda data: BOTH.message(msgspec.Raw(data)))
        yield rejection("post", what, msgpack.packb([1, LIFE, value]), BOTH.post)
    for what, data in BAD_FRAMES.items():
        yield rejection("frame", what, data, lambda data: decode_frame(data, LIFE))
    yield {"kind": "frame", "what": f"more than {MAX_FRAME_BYTES} bytes", "hex": None, "reason": "oversized frame"}


def rejection(kind: str, what: str, data: bytes, decode: Callable[[bytes], object]) -> Json:
    try:
        decode(data)
    except RejectedError as reason:
        return {"kind": kind, "what": what, "hex": data.hex(), "reason": str(reason)}
    raise AssertionError(f"{what} is right")


def vectors() -> dict[str, Any]:
    """What each file holds."""
    return {
        "messages": list(messages()),
        "frames": list(frames()),
        "posts": list(posts()),
        "presence": presence(),
        "digests": list(digests()),
        "clearings": list(clearings()),
        "topics": topics(),
        "signed": signed(),
        "rejections": list(rejections()),
    }


def written(found: Any) -> str:
    return json.dumps(found, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, found in vectors().items():
        (FOLDER / f"{name}.json").write_text(written(found), encoding="utf-8")


if __name__ == "__main__":
    main()
