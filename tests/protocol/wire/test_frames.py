import math
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from node.protocol.dmp.messages import CallSpec
from node.protocol.errors import ProtocolUsageError, RejectedError
from node.protocol.machine import Message
from node.protocol.psp.messages import Advert, Bid, Profile
from node.protocol.wire.frames import (
    FLUSH_BYTES,
    MAX_FRAME_BYTES,
    VERSION,
    Envelope,
    decode_frame,
    encode_frames,
    encode_message,
    encode_numbers,
    encode_post,
)
from tests.protocol.codecs import BOTH
from tests.protocol.drawn import messages

DIGEST = bytes(range(16))
LIFE = bytes(range(8))

BID = Bid(auction=0, round=3, quantity=25.0, price=1.5, seq=7)


def envelope(message: Message, seq: int = 1) -> Envelope:
    return Envelope("seller", "buyer", seq, encode_message(message))


def read(data: bytes) -> list[Envelope]:
    return decode_frame(data, LIFE)


def one_frame(*envelopes: Envelope) -> bytes:
    (frame,) = encode_frames(list(envelopes), LIFE)
    return frame


@given(messages)
def test_message_decodes_as_it_was_encoded(message: Message) -> None:
    assert BOTH.message(encode_message(message)) == message


@given(messages)
def test_post_decodes_as_it_was_encoded(message: Message) -> None:
    assert BOTH.post(encode_post(message, LIFE)) == (LIFE, message)


@given(st.lists(messages, min_size=1, max_size=20))
def test_frame_decodes_as_it_was_encoded(several: list[Message]) -> None:
    frame = one_frame(*(envelope(message, seq) for seq, message in enumerate(several)))
    envelopes = read(frame)
    assert [BOTH.message(found.message) for found in envelopes] == several
    assert [found.seq for found in envelopes] == list(range(len(several)))


# Wire compatibility: what any MessagePack library reads and writes


def test_plain_msgpack_reads_our_frame() -> None:
    frame = one_frame(envelope(BID, seq=9))
    assert msgpack.unpackb(frame) == [1, LIFE, [["seller", "buyer", 9, ["bid", 0, 3, 25.0, 1.5, 7]]]]


@given(messages)
def test_plain_msgpack_reads_every_message(message: Message) -> None:
    tag, *fields = msgpack.unpackb(bytes(encode_message(message)))
    assert tag.replace("-", "") == type(message).__name__.lower()
    values = [getattr(message, field) for field in message.__struct_fields__]
    assert fields == [list(astuple(value)) if isinstance(value, CallSpec) else value for value in values]


def test_we_read_frame_of_plain_msgpack() -> None:
    frame = msgpack.packb([1, LIFE, [["seller", "buyer", 9, ["bid", 0, 3, 25, 1.5, 7]]]])
    (found,) = read(frame)
    assert (found.to_node, found.from_node, found.seq) == ("seller", "buyer", 9)
    assert BOTH.message(found.message) == BID


def test_we_read_post_of_plain_msgpack() -> None:
    post = msgpack.packb([1, LIFE, ["advert", 0, 4, 100, 12.5, 1, "open", 3, DIGEST]])
    assert BOTH.post(post) == (LIFE, Advert(0, 4, 100.0, 12.5, 1.0, "open", 3, DIGEST))


def test_embedded_numbers_read_like_a_list() -> None:
    profile = Profile(0, 1, 1, 0, 100.0, 1.0, 5.0, 5.0, *(encode_numbers((k, 2)) for k in (1, 2)), DIGEST)  # type: ignore[arg-type]
    assert msgpack.unpackb(bytes(encode_message(profile)))[-3:-1] == [[1.0, 2.0], [2.0, 2.0]]


# Sizes


def test_no_envelopes_make_no_frame() -> None:
    assert encode_frames([], LIFE) == []


def big(rows: int) -> Envelope:
    return envelope(Profile(0, 1, 1, 0, 100.0, 1.0, 5.0, 5.0, [1.0] * rows, [1.0] * rows, DIGEST))


def test_frames_are_split_before_they_outgrow_the_flush_size() -> None:
    envelopes = [big(500)] * 20
    frames = encode_frames(envelopes, LIFE)
    assert len(frames) > 1
    assert all(len(frame) <= FLUSH_BYTES + 1000 for frame in frames)
    assert [found for frame in frames for found in read(frame)] == envelopes


def test_envelopes_fill_a_frame_up_to_the_flush_size() -> None:
    length = len(memoryview(big(500).message))
    (first, *_) = encode_frames([big(500)] * 20, LIFE)
    assert len(read(first)) == FLUSH_BYTES // length


def test_envelope_larger_than_flush_size_travels_alone() -> None:
    frames = encode_frames([envelope(BID), big(5000), envelope(BID)], LIFE)
    assert [len(read(frame)) for frame in frames] == [1, 1, 1]


def test_profile_of_50_000_bids_fits_a_frame() -> None:
    assert len(one_frame(big(50_000))) <= MAX_FRAME_BYTES


def test_frame_beyond_the_limit_is_our_bug() -> None:
    with pytest.raises(ProtocolUsageError):
        encode_frames([big(60_000)], LIFE)


@pytest.mark.parametrize(("decode", "reason"), [(read, "oversized frame"), (BOTH.post, "oversized post")])
def test_oversized_data_is_rejected_unread(decode: Any, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        decode(bytes(MAX_FRAME_BYTES + 1))


# What is no frame, no post and no message


@pytest.mark.parametrize("version", [0, 2, -1, 2**40])
def test_other_version_is_rejected(version: int) -> None:
    with pytest.raises(RejectedError, match="unknown version"):
        read(msgpack.packb([version, LIFE, []]))
    with pytest.raises(RejectedError, match="unknown version"):
        BOTH.post(msgpack.packb([version, LIFE, ["closed", 0]]))


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8))
def test_frame_is_read_in_the_life_that_it_is_for_and_in_no_other(meant: bytes, own: bytes) -> None:
    (frame,) = encode_frames([envelope(BID)], meant)
    assert decode_frame(frame, meant) == [envelope(BID)]
    if meant != own:
        with pytest.raises(RejectedError, match="another life"):
            decode_frame(frame, own)


@pytest.mark.parametrize("life", [b"", LIFE[1:], LIFE + b"0", "12345678", None])
def test_post_names_a_life_of_eight_bytes(life: Any) -> None:
    with pytest.raises(RejectedError, match="malformed post"):
        BOTH.post(msgpack.packb([1, life, ["advert", 0, 4, 100, 12.5, 1, "open", 3, DIGEST]]))


CALL = [0.0, "web", "session", 512.0, 60.0]
GOOD = ["seller", "buyer", 9, ["bid", 0, 3, 25.0, 1.5, 7]]


@pytest.mark.parametrize(
    "frame",
    [
        None,
        1,
        [],
        [1],
        {},
        [1, LIFE],
        [1, []],
        [1, LIFE, {}],
        ["1", LIFE, []],
        [1.5, LIFE, []],
        [True, LIFE, []],
        [1, LIFE, [], "more"],
        [1, None, []],
        [1, b"", []],
        [1, LIFE[1:], []],
        [1, "12345678", []],
        [1, [LIFE], []],
        [1, LIFE + b"0", []],
        [1, LIFE, [[]]],
        [1, [GOOD[:3]]],
        [1, LIFE, [[*GOOD, 0]]],
        [1, LIFE, [[7, *GOOD[1:]]]],
        [1, LIFE, [[b"seller", *GOOD[1:]]]],
        [1, LIFE, [["seller", "bu/yer", *GOOD[2:]]]],
        [1, LIFE, [["", *GOOD[1:]]]],
        [1, LIFE, [["s" * 65, *GOOD[1:]]]],
        [1, LIFE, [["seller", "buyer", -1, GOOD[3]]]],
        [1, LIFE, [["seller", "buyer", 2**53, GOOD[3]]]],
        [1, LIFE, [["seller", "buyer", 1.5, GOOD[3]]]],
        [1, LIFE, [["seller", "buyer", "1", GOOD[3]]]],
    ],
    ids=repr,
)
def test_malformed_frame_is_rejected(frame: Any) -> None:
    with pytest.raises(RejectedError, match="malformed frame"):
        read(msgpack.packb(frame))


@pytest.mark.parametrize("cut", [0, 1, 5, 20, -1])
def test_truncated_frame_is_rejected(cut: int) -> None:
    with pytest.raises(RejectedError, match="malformed frame"):
        read(one_frame(envelope(BID))[:cut])


def test_trailing_bytes_are_rejected() -> None:
    with pytest.raises(RejectedError, match="malformed frame"):
        read(one_frame(envelope(BID)) + b"\0")


HEAD = msgpack.packb([1, LIFE, [["seller", "buyer", 9, 0]]])[:-1]
BEGIN = msgpack.packb([1, LIFE, 0])[:-1]
NESTED, NOT_UTF_8 = b"\x91" * 100_000, b"\xa2\xff\xfe"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(NESTED, id="nested without end"),
        pytest.param(HEAD + NESTED, id="message nested without end"),
        pytest.param(BEGIN + b"\x91\x94" + NOT_UTF_8, id="not UTF-8"),
        pytest.param(BEGIN + b"\xdd\xff\xff\xff\xff", id="claims to be longer than any memory"),
        pytest.param(b"\xc1", id="reserved byte"),
    ],
)
def test_hostile_bytes_are_no_frame(data: bytes) -> None:
    with pytest.raises(RejectedError, match="malformed frame"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(NESTED, id="nested without end"),
        pytest.param(b"\x97\xa3bid" + NESTED, id="field nested without end"),
        pytest.param(b"\x97" + NOT_UTF_8, id="tag not UTF-8"),
        pytest.param(b"\xa3bid", id="no array"),
    ],
)
def test_hostile_bytes_are_no_message_and_no_post(data: bytes) -> None:
    with pytest.raises(RejectedError, match="malformed message"):
        BOTH.message(msgspec.Raw(data))
    with pytest.raises(RejectedError, match="malformed post"):
        BOTH.post(BEGIN + data)


@pytest.mark.parametrize(
    "message",
    [
        None,
        "bid",
        [],
        {"tag": "bid"},
        ["big", 0, 3, 25.0, 1.5, 7],
        ["Bid", 0, 3, 25.0, 1.5, 7],
        [7, 0, 3, 25.0, 1.5, 7],
        ["bid", 0, 3, 25.0, 1.5],
        ["bid", 0, 3, 25.0, 1.5, 7, 8],
        ["bid", 0, 3, 0.0, 1.5, 7],
        ["bid", 0, 3, -1.0, 1.5, 7],
        ["bid", 0, 3, math.nan, 1.5, 7],
        ["bid", 0, 3, math.inf, 1.5, 7],
        ["bid", 0, 3, 1e13, 1.5, 7],
        ["bid", 0, 3, 10**15, 1.5, 7],
        ["bid", 0, 3, 25.0, -0.5, 7],
        ["bid", 0, 3, 25.0, math.nan, 7],
        ["bid", 0, 3, 25.0, -math.inf, 7],
        ["bid", 0, 3, 25.0, 1e10, 7],
        ["bid", 0, 3, "25", 1.5, 7],
        ["bid", 0, 3, None, 1.5, 7],
        ["bid", 0, 3, [25.0], 1.5, 7],
        ["bid", 0, 3, True, 1.5, 7],
        ["bid", 0, 3, 25.0, 1.5, -7],
        ["bid", 0, 3, 25.0, 1.5, 2**64 - 1],
        ["bid", -1, 3, 25.0, 1.5, 7],
        ["bid", 0, 3.5, 25.0, 1.5, 7],
        ["advert", 0, 4, 100, 12.5, 1, "shut", 3, DIGEST],
        ["advert", 0, 4, 100, 12.5, 1, 0, 3, DIGEST],
        ["advert", 0, 4, 100, 12.5, 1, "open"],
        ["advert", 0, 4, 100, 12.5, 1, "open", 3, DIGEST[:15]],
        ["advert", 0, 4, 100, 12.5, 1, "open", 3, DIGEST + b"0"],
        ["advert", 0, 4, 100, 12.5, 1, "open", 3, "0" * 16],
        ["profile", 0, 1, 1, 0, 100, 1, 5, 5, [1, math.nan], [1, 1], DIGEST],
        ["profile", 0, 1, 1, 0, 100, 1, 5, 5, [1, -1], [1, 1], DIGEST],
        ["profile", 0, 1, 1, 0, 100, 1, 5, 5, 1, [1, 1], DIGEST],
        ["profile", 0, 1, 1, 0, 100, 1, 5, 5, [1], [1]],
        ["profile", 0, 1, 1, 0, 100, 1, 5, 5, [1], [1], b""],
        ["award", 0, 1, 1, 0.0, 5.0],
        ["settled", 0, 1, 5.0, 1e22],
        ["register", 1, "market"],
        ["register", 1],
        ["registry", 1, "shut", [], [], []],
        ["registry", 1, "open", ["n"], [0.5], []],
        ["registry", 1, "open", ["n/net"], [1.5], []],
        ["request", 1, 1, CALL, 1.1, None],
        ["request", 1, 1, CALL, math.nan, None],
        ["request", 1, 1, CALL, 0.5, -1.0],
        ["request", 1, 1, [*CALL, 1], 0.5, None],
        ["request", 1, 1, CALL[:4], 0.5, None],
        ["request", 1, 1, [-1.0, *CALL[1:]], 0.5, None],
        ["request", 1, 1, [1e10, *CALL[1:]], 0.5, None],
        ["request", 1, 1, [0.0, "a/b", *CALL[2:]], 0.5, None],
        ["request", 1, 1, [0.0, "web", "handshake", 512.0, 60.0], 0.5, None],
        ["request", 1, 1, [0.0, "web", "session", 0.0, 60.0], 0.5, None],
        ["request", 1, 1, [0.0, "web", "session", 512.0, math.inf], 0.5, None],
        ["invite", 1, CALL, 0.5, 0.0, 2, [math.nan]],
        ["sealed-bid", 1, math.nan],
        ["sealed-bid", 1, 1e10],
        ["sealed-bid", 1],
        ["contract", 1, "net", CALL, 5.0],
        ["contract", 1, "n/net", CALL, None],
        ["report", 1, 1],
        ["commit", -1],
    ],
    ids=repr,
)
def test_malformed_message_is_rejected(message: Any) -> None:
    data = msgpack.packb(message)
    with pytest.raises(RejectedError, match="malformed message"):
        BOTH.message(msgspec.Raw(data))
    with pytest.raises(RejectedError, match="malformed post"):
        BOTH.post(msgpack.packb([VERSION, LIFE, message]))


def test_bad_message_does_not_spoil_its_neighbours() -> None:
    frame = msgpack.packb([1, LIFE, [["seller", "buyer", 1, ["nonsense"]], GOOD]])
    assert BOTH.message(read(frame)[1].message) == BID


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_rejected(data: bytes) -> None:
    try:
        envelopes = read(data)
    except RejectedError:
        return
    assert msgpack.unpackb(data)[0] == VERSION
    assert all(isinstance(found, Envelope) for found in envelopes)
