"""docs/vectors, checked with plain msgpack, struct and hashlib alone, as a client in another language would."""

import hashlib
import json
import re
import struct
from fractions import Fraction
from typing import Any

import msgpack
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.protocol.errors import RejectedError
from node.protocol.wire.frames import decode_frame, unsealed
from node.protocol.wire.presence import decode_presence
from tests.oracles import psp as oracle
from tests.protocol import judge
from tests.protocol.codecs import AnyMessage
from tests.protocol.vectors import BEGIN, FOLDER, LIFE, vectors, written

NAMES = ("messages", "frames", "posts", "presence", "digests", "clearings", "topics", "signed", "rejections")


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def each(name: str) -> Any:
    return pytest.mark.parametrize("vector", read(name), ids=lambda vector: vector.get("tag") or vector.get("what"))


def test_vectors_are_those_of_the_program() -> None:
    found = vectors()
    assert {path.stem for path in FOLDER.glob("*.json")} == set(found) == set(NAMES)
    stale = [name for name in NAMES if (FOLDER / f"{name}.json").read_text(encoding="utf-8") != written(found[name])]
    assert not stale, "run: python -m tests.protocol.vectors"


def test_every_message_has_a_vector() -> None:
    assert {vector["tag"] for vector in read("messages")} == {
        kind.__struct_config__.tag  # type: ignore[attr-defined]
        for kind in AnyMessage.__args__  # type: ignore[attr-defined]
    }


def on_the_wire(name: str, value: Any) -> Any:
    """A field as plain msgpack takes it: digests in bytes, records as arrays."""
    if name == "digest":
        return bytes.fromhex(value)
    return list(value.values()) if isinstance(value, dict) else value


@each("messages")
def test_plain_msgpack_encodes_and_decodes_the_message(vector: dict[str, Any]) -> None:
    fields = [on_the_wire(name, value) for name, value in vector["fields"].items()]
    assert msgpack.packb([vector["tag"], *fields]).hex() == vector["hex"]
    assert msgpack.unpackb(bytes.fromhex(vector["hex"])) == [vector["tag"], *fields]
    assert judge.is_message(bytes.fromhex(vector["hex"]))


@each("frames")
def test_plain_msgpack_encodes_and_decodes_the_frame(vector: dict[str, Any]) -> None:
    rows = [
        [row["to_node"], row["from_node"], row["seq"], msgpack.unpackb(bytes.fromhex(row["message"]))]
        for row in vector["envelopes"]
    ]
    life = bytes.fromhex(vector["life"])
    assert msgpack.packb([1, life, rows]).hex() == vector["hex"]
    assert msgpack.unpackb(bytes.fromhex(vector["hex"])) == [1, life, rows]


@each("posts")
def test_plain_msgpack_encodes_the_post(vector: dict[str, Any]) -> None:
    life, message = bytes.fromhex(vector["life"]), msgpack.unpackb(bytes.fromhex(vector["message"]))
    assert msgpack.packb([1, life, message]).hex() == vector["hex"]


@pytest.mark.parametrize("vector", read("presence")["valid"], ids=lambda vector: vector["word"])
def test_presence_is_a_word_and_a_life(vector: dict[str, str]) -> None:
    assert vector["text"] == f"{vector['word']} {vector['life']}"
    assert decode_presence(vector["text"].encode()) == (vector["word"], bytes.fromhex(vector["life"]))


@pytest.mark.parametrize("text", read("presence")["invalid"])
def test_what_is_no_presence_is_rejected(text: str) -> None:
    with pytest.raises(RejectedError, match="malformed presence"):
        decode_presence(text.encode())


@each("digests")
def test_digest_follows_from_the_numbers(vector: dict[str, Any]) -> None:
    data = struct.pack(">Q", vector["auction"])
    for number in [vector["supply"], vector["reserve"], *vector["quantities"], *vector["prices"]]:
        data += struct.pack(">d", number)
    assert hashlib.blake2b(data, digest_size=16).hexdigest() == vector["digest"]


@each("clearings")
def test_clearing_follows_from_the_definitions(vector: dict[str, Any]) -> None:
    book = oracle.book_of(vector["quantities"], vector["prices"])
    supply, reserve = Fraction(vector["supply"]), Fraction(vector["reserve"])
    assert book == sorted(book, key=lambda row: (-row[1], -row[0]))
    allocations = oracle.allocations(book, supply, reserve)
    assert vector["allocations"] == pytest.approx([float(one) for one in allocations])
    charges = oracle.charges_by_exclusion(book, supply, reserve)
    assert vector["charges"] == pytest.approx([float(one) for one in charges])


def test_topics_are_told_apart_by_a_plain_pattern() -> None:
    vector, name = read("topics"), "[A-Za-z0-9_-]{1,64}"
    shapes = rf"(inbox/{name}/{name}|board/{name}/{name}|presence/{name}|trace/{name}|control)"
    pattern = re.compile(rf"bidswarm/v1/{vector['market']}/{shapes}")
    assert all(pattern.fullmatch(valid["topic"]) for valid in vector["valid"])
    assert not any(map(pattern.fullmatch, vector["invalid"]))


def body_of(vector: dict[str, Any]) -> bytes:
    """The body of a signed frame or post, its signature having been checked."""
    signed = read("signed")
    version, body, signature = msgpack.unpackb(bytes.fromhex(vector["hex"]))
    assert version == 2
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed["public_key"]))
    key.verify(signature, vector["topic"].encode() + b"\0" + body)
    assert isinstance(body, bytes)
    return body


@pytest.mark.parametrize("vector", read("signed")["valid"], ids=lambda vector: vector["topic"])
def test_signature_is_right(vector: dict[str, Any]) -> None:
    assert body_of(vector).hex() == vector["body"]


@pytest.mark.parametrize("vector", read("signed")["bad signature"], ids=lambda vector: vector["what"])
def test_signature_is_wrong(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignature):
        body_of(vector)
    assert decode_frame(unsealed(bytes.fromhex(vector["hex"]))[0], LIFE)


@each("rejections")
def test_rejection_agrees_with_a_second_opinion(vector: dict[str, Any]) -> None:
    if vector["hex"] is None:
        return
    data = bytes.fromhex(vector["hex"])
    if vector["kind"] == "frame" and vector["reason"] == "malformed frame":
        assert judge.envelopes(data) is None
    elif vector["kind"] == "frame":
        version, life, *_ = msgpack.unpackb(data)
        assert (version, vector["reason"]) in {
            (1, "another life"),
            (0, "unknown version"),
            (2, "unknown version"),
            (2, "signed, but no keys here"),
        }
        assert (vector["reason"] == "another life") == (version == 1 and life != LIFE)
    else:
        message = data if vector["kind"] == "message" else data.removeprefix(BEGIN)
        assert not judge.is_message(message)
        assert vector["reason"] == f"malformed {vector['kind']}"
