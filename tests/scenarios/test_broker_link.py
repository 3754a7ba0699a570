import pytest

from node.protocol.dmp.messages import Registry
from node.protocol.psp.messages import Closed, Profile
from node.protocol.wire.frames import MAX_FRAME_BYTES, Envelope, encode_frames, encode_message, encode_post
from scenarios.broker_link import largest_message

LONG = "n" * 64


def profile(bids: int) -> Profile:
    books = [1.0] * bids
    return Profile(0, 1, 1, 0, 1.0, 1.0, 1.0, 1.0, books, books, bytes(16))


def envelope(message: object) -> Envelope:
    return Envelope(LONG, LONG, 2**53 - 1, encode_message(message))  # type: ignore[arg-type]


@pytest.mark.parametrize("nodes", [1, 10, 400, 5_000])
def test_nothing_that_a_market_says_is_larger_than_its_largest_message(nodes: int) -> None:
    one_to_each = encode_frames([envelope(Closed(0)) for _ in range(nodes)], bytes(8))
    full = encode_frames([envelope(profile(100)) for _ in range(nodes)], bytes(8))
    book = encode_frames([envelope(profile(nodes))], bytes(8))
    registry = encode_post(Registry(1, "open", [f"{LONG}/{LONG}"] * nodes, [0.5] * nodes, []), bytes(8))
    assert max(map(len, [*one_to_each, *full, *book, registry])) <= largest_message(nodes)


def test_no_message_is_larger_than_a_frame_may_be() -> None:
    assert largest_message(1_000_000) == MAX_FRAME_BYTES
