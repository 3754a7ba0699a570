"""The digest of a cleared book, by which bidders notice that a seller tells them different ones."""

import struct
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
    numbers = struct.pack(f">Q{2 + len(quantities) + len(prices)}d", auction, supply, reserve, *quantities, *prices)
    return blake2b(numbers, digest_size=DIGEST_BYTES).digest()
