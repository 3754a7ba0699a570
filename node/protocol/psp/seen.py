"""The last profile that a bidder has seen, kept small: a host with thousands of buyers keeps one for every bid."""

from collections.abc import Sequence

import msgspec
import numpy as np

from node.mechanism.psp import AuctionMechanism, entry_price
from node.protocol.psp.digest import rows_of
from node.protocol.psp.messages import Profile


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What a bidder remembers of a profile: ``book`` is packed as its digest covers it, ``row`` its own row there."""

    round: int
    row: int
    supply: float
    reserve: float
    allocation: float
    charge: float
    digest: bytes
    book: bytes

    def due(self, mechanism: AuctionMechanism) -> tuple[float, float]:
        """What the book gives its reader, MB, and charges for it, money: the seller's own computation, done again."""
        quantities, prices = rows_of(self.book)
        outcome = mechanism.clear(quantities, prices, self.supply, self.reserve)
        return float(outcome.allocation[self.row]), float(outcome.charge[self.row])

    @property
    def price(self) -> float:
        """What a newcomer must beat, price per MB."""
        quantities, prices = rows_of(self.book)
        return entry_price(np.array(quantities), np.array(prices), self.supply, self.reserve)

    def opponents(self) -> tuple[Sequence[float], Sequence[float]]:
        """The bids of the others, MB and price per MB."""
        quantities, prices = rows_of(self.book)
        return _without(self.row, quantities), _without(self.row, prices)


def remembered(profile: Profile, book: bytes) -> Seen:
    """What to remember of the profile, whose book is packed already."""
    return Seen(
        profile.round,
        profile.your_row,
        profile.supply,
        profile.reserve,
        profile.allocation,
        profile.charge,
        profile.digest,
        book,
    )


def _without(row: int, numbers: tuple[float, ...]) -> tuple[float, ...]:
    return numbers[:row] + numbers[row + 1 :]
