"""Signatures of frames and posts, for brokers that are not trusted to check senders (docs/protocol.md, section 3)."""

from typing import Protocol

from node.protocol.errors import RejectedError
from node.protocol.topics import Topics, host_of
from node.protocol.wire.frames import sealed, unsealed


class Signing(Protocol):
    """Ed25519 with the key of a host, and the public keys of the others."""

    def sign(self, data: bytes) -> bytes:
        """The own signature of the data, 64 bytes."""
        ...

    def verify(self, host: str, data: bytes, signature: bytes) -> bool:
        """Whether the signature is that of the host; RejectedError if its key is not known."""
        ...


class Seal:
    """Signs what one host says in a market, and checks what others say to it.

    What is signed is the MQTT topic, a zero byte, and the frame or post just as it would travel unsigned: so it is good
    for this market, this sender and this receiver only.
    """

    __slots__ = ("_host", "_signing", "_topics")

    def __init__(self, topics: Topics, host: str, signing: Signing) -> None:
        self._topics = topics
        self._host = host
        self._signing = signing

    def frame(self, to_host: str, data: bytes) -> bytes:
        """A frame to another host, signed."""
        return self._signed(self._topics.inbox(to_host, self._host), data)

    def post(self, poster: str, data: bytes) -> bytes:
        """A post of one of the own nodes, signed."""
        return self._signed(self._topics.board(poster), data)

    def opened_frame(self, from_host: str, data: bytes) -> bytes:
        """The unsigned frame inside a signed one.

        Raises
        ------
        RejectedError
            If it is not signed, or not by that host for this one.
        """
        return self._checked(self._topics.inbox(self._host, from_host), from_host, data)

    def opened_post(self, poster: str, data: bytes) -> bytes:
        """As ``opened_frame``, of a post."""
        return self._checked(self._topics.board(poster), host_of(poster), data)

    def _signed(self, topic: str, data: bytes) -> bytes:
        return sealed(data, self._signing.sign(_bound(topic, data)))

    def _checked(self, topic: str, host: str, data: bytes) -> bytes:
        body, signature = unsealed(data)
        if not self._signing.verify(host, _bound(topic, body), signature):
            raise RejectedError("bad signature")
        return body


def _bound(topic: str, data: bytes) -> bytes:
    return topic.encode() + b"\0" + data
