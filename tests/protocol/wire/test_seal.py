import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.host import Host
from node.protocol.machine import PostOnBoard, Received, Send
from node.protocol.psp.messages import Bid
from node.protocol.wire.frames import MAX_FRAME_BYTES, decode_frame, encode_post
from node.protocol.wire.seal import Seal
from tests.protocol.codecs import BOTH
from tests.protocol.lives import ME, YOU, lives
from tests.protocol.psp.bench import advert
from tests.protocol.test_host import BID, Puppet, frame_of, started
from tests.protocol.wire.sealing import seal, signature_of

FRAME = frame_of(("a", "s", BID))
POST = encode_post(advert(10.0), YOU)


def receiver(own: Seal | None) -> tuple[Host, Puppet]:
    puppet = Puppet(watches=("you/s",))
    return started(Host("me", {"a": puppet}, BOTH, own), "you"), puppet


def verdict_on_frame(data: bytes, own: Seal | None = None) -> dict[str, int]:
    host, puppet = receiver(own or seal("me", "you"))
    host.receive_frame(0.0, "you", data)
    assert len(puppet.events) == host.counters["received"]
    return dict(+host.counters)


def verdict_on_post(data: bytes, own: Seal | None = None) -> dict[str, int]:
    host, puppet = receiver(own or seal("me", "you"))
    host.receive_post(0.0, "you/s", data)
    assert len(puppet.events) == host.counters["received"]
    return dict(+host.counters)


def test_signed_frame_reads_as_the_protocol_says() -> None:
    version, body, signature = msgpack.unpackb(seal("you").frame("me", FRAME))
    assert (version, body) == (2, FRAME)
    assert signature == signature_of("you", b"bidswarm/v1/market/inbox/me/you\0" + FRAME)


def test_signed_post_reads_as_the_protocol_says() -> None:
    version, body, signature = msgpack.unpackb(seal("you").post("you/s", POST))
    assert (version, body) == (2, POST)
    assert signature == signature_of("you", b"bidswarm/v1/market/board/you/s\0" + POST)


def test_host_reads_what_was_signed_for_it() -> None:
    host, puppet = receiver(seal("me", "you"))
    host.receive_frame(1.0, "you", seal("you").frame("me", FRAME))
    host.receive_post(2.0, "you/s", seal("you").post("you/s", POST))
    assert puppet.events == [(1.0, Received("you/s", BID)), (2.0, Received("you/s", advert(10.0)))]


def test_host_signs_what_it_says() -> None:
    host = Host("you", {"s": Puppet(Send("me/a", BID), PostOnBoard(advert(10.0)))}, BOTH, seal("you"))
    host.start(0.0, lives("you", "me"))
    ((to, frame),) = host.frames()
    ((poster, post),) = host.posts()
    own = seal("me", "you")
    assert (to, poster) == ("me", "you/s")
    assert [envelope.to_node for envelope in decode_frame(own.opened_frame("you", frame), ME)] == ["a"]
    assert BOTH.post(own.opened_post("you/s", post)) == (YOU, advert(10.0))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(seal("you").frame("other", FRAME), id="for another host"),
        pytest.param(seal("you", market="other").frame("me", FRAME), id="in another market"),
        pytest.param(seal("liar").frame("me", FRAME), id="by another host"),
        pytest.param(seal("you").post("you/s", FRAME), id="as a post"),
        pytest.param(seal("you").frame("me", FRAME).replace(b"bid", b"big"), id="changed on its way"),
    ],
)
def test_frame_signed_for_something_else_is_rejected(data: bytes) -> None:
    assert verdict_on_frame(data) == {"rejected: bad signature": 1}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(seal("you").post("you/t", POST), id="of another node"),
        pytest.param(seal("you", market="other").post("you/s", POST), id="in another market"),
        pytest.param(seal("liar").post("you/s", POST), id="by another host"),
        pytest.param(seal("you").frame("me", POST), id="as a frame"),
    ],
)
def test_post_signed_for_something_else_is_rejected(data: bytes) -> None:
    assert verdict_on_post(data) == {"rejected: bad signature": 1}


@pytest.mark.parametrize("data", [FRAME, b"", b"garbage", b"\x91" * 3000], ids=["frame", "empty", "garbage", "nested"])
def test_unsigned_data_is_rejected_where_frames_are_signed(data: bytes) -> None:
    assert verdict_on_frame(data) == {"rejected: unsigned": 1}


def test_unsigned_post_is_rejected_where_posts_are_signed() -> None:
    assert verdict_on_post(POST) == {"rejected: unsigned": 1}


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signature_of_a_wrong_length_is_none(length: int) -> None:
    assert verdict_on_frame(msgpack.packb([2, FRAME, bytes(length)])) == {"rejected: unsigned": 1}


def test_host_whose_key_nobody_gave_is_rejected() -> None:
    assert verdict_on_frame(seal("you").frame("me", FRAME), seal("me")) == {"rejected: no key for host": 1}
    assert verdict_on_post(seal("you").post("you/s", POST), seal("me")) == {"rejected: no key for host": 1}


def test_signed_frame_is_rejected_without_keys() -> None:
    host, puppet = receiver(None)
    host.receive_frame(0.0, "you", seal("you").frame("me", FRAME))
    assert (puppet.events, host.counters) == ([], {"rejected: signed, but no keys here": 1})


def test_signed_post_is_rejected_without_keys() -> None:
    host, puppet = receiver(None)
    host.receive_post(0.0, "you/s", seal("you").post("you/s", POST))
    assert (puppet.events, host.counters) == ([], {"rejected: signed, but no keys here": 1})


def test_nonsense_that_is_signed_is_still_nonsense() -> None:
    assert verdict_on_frame(seal("you").frame("me", b"nonsense")) == {"rejected: malformed frame": 1}
    assert verdict_on_post(seal("you").post("you/s", b"nonsense")) == {"rejected: malformed post": 1}


def test_frame_signed_twice_is_rejected() -> None:
    own = seal("you")
    assert verdict_on_frame(own.frame("me", own.frame("me", FRAME))) == {"rejected: signed, but no keys here": 1}


def test_oversized_signed_frame_is_rejected_unread() -> None:
    assert verdict_on_frame(bytes(MAX_FRAME_BYTES + 1)) == {"rejected: oversized frame": 1}


@given(st.binary(max_size=300), st.integers(0), st.integers(0, 7))
def test_every_bit_of_a_signed_frame_counts(body: bytes, place: int, bit: int) -> None:
    data = bytearray(seal("you").frame("me", body))
    data[place % len(data)] ^= 1 << bit
    host, puppet = receiver(seal("me", "you"))
    host.receive_frame(0.0, "you", bytes(data))
    assert not puppet.events
    assert sum(host.counters.values()) == 1


def test_a_bid_of_a_host_cannot_be_passed_on_as_ones_own() -> None:
    bid = seal("you").frame("me", frame_of(("a", "s", Bid(0, 0, 5.0, 1.0, 1))))
    host, _ = receiver(seal("me", "you", "thief"))
    host.receive_frame(0.0, "thief", bid)
    assert host.counters == {"rejected: bad signature": 1}
