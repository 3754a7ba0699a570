"""The digest of a cleared book, by which bidders notice that a seller tells them different ones."""

import struct
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

from node.protocol.numbers import DIGEST_BYTES


def packed(auction: int, supply: float, reserve: float, quantities: list[float], prices: list[float]) -> bytes:
    """A book by its rows, MB and price per MB, as the bytes that its digest covers.

    That is what all bidders of one clearing are told alike. The round is left out: a clearing that changes nothing is
    told to nobody, so its book keeps its digest.
    """
    return _packer(2 + len(quantities) + len(prices))(auction, supply, reserve, *quantities, *prices)


def digest(book: bytes) -> bytes:
    """BLAKE2b of a packed book (docs/protocol.md, section 4)."""
    hashed = _EMPTY.copy()  # cheaper than a new one, and this is done for every profile
    hashed.update(book)
    return hashed.digest()


def rows_of(book: bytes) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Quantities and prices of a packed book of as many of the one as of the other."""
    rows = (len(book) - _HEAD_BYTES) // 16
    numbers = struct.unpack_from(f">{2 * rows}d", book, _HEAD_BYTES)
    return numbers[:rows], numbers[rows:]


_EMPTY = blake2b(digest_size=DIGEST_BYTES)
_HEAD_BYTES = struct.calcsize(">Q2d")


@lru_cache(1024)
def _packer(numbers: int) -> Callable[..., bytes]:
    return struct.Struct(f">Q{numbers}d").pack
