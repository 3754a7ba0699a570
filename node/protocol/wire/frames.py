"""Frames: everything one host has for another, as the bytes of one MQTT message (docs/protocol.md, section 3)."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from node.protocol.errors import ProtocolUsageError, RejectedError
from node.protocol.machine import Message
from node.protocol.numbers import Count, Life
from node.protocol.topics import Name

VERSION = 1

FLUSH_BYTES = 64 * 1024
"""A frame is sent when it has grown to this."""

MAX_FRAME_BYTES = 1024 * 1024
"""A larger frame is rejected unread; one profile of about 50,000 bids fits."""

SIGNATURE_BYTES = 64
"""Of Ed25519 (RFC 8032)."""

AMessage = TypeVar("AMessage")


class Envelope(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One message between two nodes; ``seq`` counts what the sender has sent, to anyone."""

    to_node: Name
    from_node: Name
    seq: Count
    message: msgspec.Raw


class Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """All that one host has to say to another at once."""

    version: int
    life: Life
    envelopes: list[Envelope]


class Post(msgspec.Struct, Generic[AMessage], frozen=True, array_like=True, forbid_unknown_fields=True):
    """What stands on the board of one node."""

    version: int
    life: Life
    message: AMessage


class Sealed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A frame or post of version 1 in ``body``, with its Ed25519 signature."""

    version: Literal[2]
    body: bytes
    signature: Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


# What decoding hostile bytes raises: besides msgspec's own errors, strings that are not UTF-8 and endless nesting.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_encoder = msgspec.msgpack.Encoder()
_frame_decoder = msgspec.msgpack.Decoder(Frame)
_sealed_decoder = msgspec.msgpack.Decoder(Sealed)


def encode_message(message: Message) -> msgspec.Raw:
    """The bytes of one message, to be put into an envelope."""
    return msgspec.Raw(_encoder.encode(message))


def encode_numbers(numbers: Iterable[float]) -> msgspec.Raw:
    """A list of floats, encoded once to be embedded in many profiles."""
    return msgspec.Raw(_encoder.encode([float(number) for number in numbers]))


def encode_frames(envelopes: list[Envelope], life: bytes) -> list[bytes]:
    """Frames that carry the envelopes in their order, each flushed once it has grown to ``FLUSH_BYTES``.

    ``life`` is that of the receiver.
    """
    if len(envelopes) == 1:
        return [_encode_frame(envelopes, life)]
    return [_encode_frame(batch, life) for batch in _batches(envelopes)]


def _batches(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    batch: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        length = len(memoryview(envelope.message))
        if batch and size + length > FLUSH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(envelope)
        size += length
    if batch:
        yield batch


def _encode_frame(batch: list[Envelope], life: bytes) -> bytes:
    return _fitting(_encoder.encode(Frame(VERSION, life, batch)))


def _fitting(frame: bytes) -> bytes:
    if len(frame) > MAX_FRAME_BYTES:
        raise ProtocolUsageError(f"a frame of {len(frame)} bytes exceeds {MAX_FRAME_BYTES}")
    return frame


def decode_frame(data: bytes, life: bytes) -> list[Envelope]:
    """The envelopes of a frame; their messages are still encoded, so that a bad one spoils no other.

    ``life`` is that of the receiver.

    Raises
    ------
    RejectedError
        If the frame is too large, malformed, of another version, or for another life.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise RejectedError("oversized frame")
    try:
        frame = _frame_decoder.decode(data)
    except _UNDECODABLE as error:
        _reject_signed(data)
        raise RejectedError("malformed frame") from error
    if frame.version != VERSION:
        raise RejectedError("unknown version")
    if frame.life != life:
        raise RejectedError("another life")
    return frame.envelopes


def encode_post(message: Message, life: bytes) -> bytes:
    """A message as it stands on the board, posted in this life of its host."""
    return _encoder.encode(Post(VERSION, life, message))


class Codec:
    """Decodes what the nodes of one market say to each other.

    Parameters
    ----------
    messages
        The union of the market's messages, tagged structs.
    """

    __slots__ = ("_message", "_post")

    def __init__(self, messages: Any) -> None:  # noqa: ANN401 - a union of types is of no type that can be named
        self._message = msgspec.msgpack.Decoder(messages)
        self._post = msgspec.msgpack.Decoder(Post[messages])

    def message(self, data: msgspec.Raw) -> Message:
        """The message of an envelope.

        Raises
        ------
        RejectedError
            If it is not one: unknown tag, wrong type, number out of bounds, missing or surplus field, trailing bytes.
        """
        try:
            message: Message = self._message.decode(data)
        except _UNDECODABLE as error:
            raise RejectedError("malformed message") from error
        return message

    def post(self, data: bytes) -> tuple[bytes, Message]:
        """The life of the host that posted, and the message.

        Raises
        ------
        RejectedError
            If it is too large, malformed or of another version.
        """
        if len(data) > MAX_FRAME_BYTES:
            raise RejectedError("oversized post")
        try:
            post = self._post.decode(data)
        except _UNDECODABLE as error:
            _reject_signed(data)
            raise RejectedError("malformed post") from error
        if post.version != VERSION:
            raise RejectedError("unknown version")
        return post.life, post.message


def sealed(body: bytes, signature: bytes) -> bytes:
    """A frame or post together with its signature."""
    return _fitting(_encoder.encode(Sealed(2, body, signature)))


def unsealed(data: bytes) -> tuple[bytes, bytes]:
    """A signed frame or post, and its signature, which is still to be checked.

    Raises
    ------
    RejectedError
        If it is too large, or not signed.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise RejectedError("oversized frame")
    try:
        found = _sealed_decoder.decode(data)
    except _UNDECODABLE as error:
        raise RejectedError("unsigned") from error
    return found.body, found.signature


def _reject_signed(data: bytes) -> None:
    try:
        unsealed(data)
    except RejectedError:
        return
    raise RejectedError("signed, but no keys here")
