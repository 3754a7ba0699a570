"""The digest of a cleared book, by which bidders notice that a seller tells them different ones."""

import struct
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

from node.protocol.messages import Profile
from node.protocol.numbers import DIGEST_BYTES


def digest_of(profile: Profile) -> bytes:
    """BLAKE2b of what all bidders of one clearing are told alike (docs/protocol.md, section 4).

    The round is left out: a clearing that changes nothing is told to nobody, so its book keeps its digest.
    """
    return book_digest(profile.auction, profile.supply, profile.reserve, profile.quantities, profile.prices)


def book_digest(auction: int, supply: float, reserve: float, quantities: list[float], prices: list[float]) -> bytes:
    """As ``digest_of``, of a book by its rows: MB, price per MB."""
    hashed = _EMPTY.copy()  # cheaper than a new one, and this is done for every profile
    hashed.update(_packer(2 + len(quantities) + len(prices))(auction, supply, reserve, *quantities, *prices))
    return hashed.digest()


_EMPTY = blake2b(digest_size=DIGEST_BYTES)


@lru_cache(1024)
def _packer(numbers: int) -> Callable[..., bytes]:
    return struct.Struct(f">Q{numbers}d").pack
