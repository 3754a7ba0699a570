"""What a host says on its presence topic: whether it is there, and in which life (docs/protocol.md, section 2)."""

import re

from node.protocol.errors import RejectedError
from node.protocol.numbers import LIFE_BYTES

ONLINE, READY, OFFLINE = "online", "ready", "offline"
"""The words; the last will of a host says the last."""

PRESENCE = rf"({ONLINE}|{READY}|{OFFLINE}) ([0-9a-f]{{{2 * LIFE_BYTES}}})"
"""What the payload matches: a word, and a life in hexadecimal digits."""

_PRESENCE = re.compile(PRESENCE.encode())


def encode_presence(word: str, life: bytes) -> bytes:
    """The payload in which a host says the word in this life."""
    return f"{word} {life.hex()}".encode()


def decode_presence(data: bytes) -> tuple[str, bytes]:
    """The word and the life of a payload.

    Raises
    ------
    RejectedError
        If it is malformed.
    """
    found = _PRESENCE.fullmatch(data)
    if found is None:
        raise RejectedError("malformed presence")
    return found[1].decode(), bytes.fromhex(found[2].decode())
