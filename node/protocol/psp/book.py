"""The bids of one auction, and their last clearing."""

from collections.abc import Collection, ItemsView, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp import PSP, AuctionMechanism, entry_price
from node.protocol.errors import IgnoredError
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.digest import digest, packed
from node.protocol.psp.messages import Bid, Hold, Profile
from node.protocol.wire.frames import encode_numbers
from node.strategy.psp.reserve import ReserveRule

MAX_BIDS = 50_000
"""Most bids in a book: its profiles still fit into a frame (docs/protocol.md, section 3)."""


@dataclass(slots=True)
class Entry:
    """One bid in the book, what it was allocated last, and what its bidder knows of that.

    Attributes
    ----------
    row
        Its row in the last cleared book, None before its first clearing.
    told_round, seen_round
        The round of the last profile sent to the bidder, and of the last that it is known to have seen.
    repeated, repeated_at
        How often the profile was repeated without an answer, and when it was first, seconds.
    undecided
        Its bidder has said that it may yet change it.
    """

    quantity: float
    price: float
    seq: int
    row: int | None = None
    allocation: float = 0.0
    charge: float = 0.0
    told_round: int = 0
    seen_round: int = 0
    repeated: int = 0
    repeated_at: float = 0.0
    undecided: bool = False
    has_news: bool = True

    @property
    def is_unseen(self) -> bool:
        """Whether its bidder may not have seen its last profile."""
        return self.seen_round < self.told_round

    def told(self, round_: int) -> None:
        """Note that the profile of this round was sent."""
        self.told_round, self.repeated, self.undecided, self.has_news = round_, 0, False, False

    def repeats(self, now: float) -> None:
        """Note that its profile is sent again."""
        if not self.repeated:
            self.repeated_at = now
        self.repeated += 1


class Due(NamedTuple):
    """What a bid is given, MB, and charged, money."""

    quantity: float
    charge: float


class Book:
    """The standing bids of one auction by bidder, cleared on demand.

    Attributes
    ----------
    digest
        Of the book as it was last cleared.
    moved_mb
        How much the last clearing altered: MB given otherwise, and money charged otherwise at the market price, the
        higher of before and after.
    """

    def __init__(self, auction: int = 0, digest: bytes = NO_DIGEST) -> None:
        self._auction = auction
        self.digest = digest
        self._entries: dict[str, Entry] = {}
        self._departed: dict[str, Entry] = {}
        self.reserve = 0.0
        self.sold = 0.0
        self.revenue = 0.0
        self.market_price = self.moved_mb = 0.0
        self._profile = (encode_numbers(()), encode_numbers(()), -1.0, 0.0)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def items(self) -> ItemsView[str, Entry]:
        """Bidders and their entries."""
        return self._entries.items()

    def get(self, buyer: str) -> Entry | None:
        """The buyer's bid, if it has one here."""
        return self._entries.get(buyer)

    def has_room_for(self, buyer: str) -> bool:
        """Whether the buyer may have a bid here: it has one already, or the book is not full."""
        return buyer in self._entries or len(self._entries) < MAX_BIDS

    def put(self, buyer: str, bid: Bid) -> None:
        """Enter a bid, in the place of the buyer's former one."""
        former = self._entries.get(buyer) or self._departed.pop(buyer, None)
        entry = Entry(bid.quantity, bid.price, bid.seq)
        if former:
            entry.allocation, entry.charge, entry.told_round = former.allocation, former.charge, former.told_round
        self._entries[buyer] = entry

    def take_out(self, buyer: str) -> Entry:
        """Take out a bid that its bidder is bound by: what it was allocated stays its own."""
        return self._entries.pop(buyer)

    def remove(self, buyer: str) -> bool:
        """Strike out the buyer's bid; whether there was one."""
        entry = self._entries.pop(buyer, None)
        if entry and entry.allocation > 0.0:
            self._departed[buyer] = entry
        return entry is not None

    @property
    def encoded(self) -> tuple[list[float], list[float]]:
        """Quantities and prices of the last clearing by row, MB and price per MB, already encoded.

        msgspec embeds encoded bytes where a list is expected; only its type checker must be told.
        """
        return cast("tuple[list[float], list[float]]", self._profile[:2])

    def profile(self, entry: Entry) -> Profile:
        """The profile that its bidder is told, of the last clearing that concerned it."""
        quantities, prices = self.encoded
        return Profile(
            auction=self._auction,
            round=entry.told_round,
            your_seq=entry.seq,
            your_row=entry.row or 0,
            supply=self._profile[2],
            reserve=self._profile[3],
            allocation=entry.allocation,
            charge=entry.charge,
            quantities=quantities,
            prices=prices,
            digest=self.digest,
        )

    def seen(self, buyer: str, hold: Hold) -> Entry:
        """The entry of a bidder that confirms its last profile; IgnoredError if it is another."""
        entry = self._entries.get(buyer)
        if not entry or hold.seq != entry.seq or hold.round != entry.told_round:
            raise IgnoredError("overtaken hold")
        entry.seen_round, entry.undecided = hold.round, hold.undecided
        return entry

    def with_news(self) -> list[tuple[str, Entry]]:
        """Those whose profile has changed since they were last told."""
        return [(buyer, entry) for buyer, entry in self._entries.items() if entry.has_news]

    def unseen(self) -> Iterator[tuple[str, Entry]]:
        """Those who may not have seen their last profile."""
        return ((buyer, entry) for buyer, entry in self._entries.items() if entry.is_unseen)

    def unsettled(self) -> Iterator[tuple[str, Entry]]:
        """Those who may not have seen their last profile, and those who may yet change their bid."""
        return ((buyer, entry) for buyer, entry in self._entries.items() if entry.undecided or entry.is_unseen)

    def clear(self, rule: ReserveRule, supply: float, mechanism: AuctionMechanism = PSP) -> list[tuple[str, Entry]]:
        """Clear the auction; the result is those whose allocation or charge changed, the departed with none."""
        entries, quantity, price = _rows(self._entries)
        self.reserve = rule.reserve(quantity, price, supply)
        outcome = mechanism.clear(quantity, price, supply, self.reserve)
        self._note_profile(quantity, price, supply)
        self.sold, self.revenue = float(outcome.allocation.sum()), float(outcome.charge.sum())
        former_price, self.market_price = self.market_price, entry_price(quantity, price, supply, self.reserve)
        dearest = max(former_price, self.market_price)
        return self._note_rows(entries, outcome.allocation.tolist(), outcome.charge.tolist(), dearest)

    def due(
        self,
        others: Mapping[str, Entry],
        without: Collection[str],
        rule: ReserveRule,
        supply: float,
        mechanism: AuctionMechanism = PSP,
    ) -> dict[str, Due]:
        """What each bid would be given and charged if the book, ``without`` some bidders, were cleared with ``others``.

        The last clearing stays as it is.
        """
        standing = {buyer: entry for buyer, entry in self._entries.items() if buyer not in without}
        entries, quantity, price = _rows({**standing, **others})
        outcome = mechanism.clear(quantity, price, supply, rule.reserve(quantity, price, supply))
        amounts = zip(outcome.allocation.tolist(), outcome.charge.tolist(), strict=True)
        return {buyer: Due(*both) for (buyer, _), both in zip(entries, amounts, strict=True)}

    def _note_profile(self, quantity: FloatArray, price: FloatArray, supply: float) -> None:
        """Encode the book once for all profiles; where it reads as before, only new bids are news."""
        quantities, prices = quantity.tolist(), price.tolist()
        profile = (encode_numbers(quantities), encode_numbers(prices), supply, self.reserve)
        if profile != self._profile:
            self._profile = profile
            self.digest = digest(packed(self._auction, supply, self.reserve, quantities, prices))
            for entry in self._entries.values():
                entry.has_news = True

    def _note_rows(
        self, entries: list[tuple[str, Entry]], allocations: list[float], charges: list[float], price: float
    ) -> list[tuple[str, Entry]]:
        reallocated = [(buyer, Entry(0.0, 0.0, entry.seq)) for buyer, entry in self._departed.items()]
        megabytes = sum(entry.allocation for entry in self._departed.values())
        money = sum(entry.charge for entry in self._departed.values())
        self._departed = {}
        for row, ((buyer, entry), allocation, charge) in enumerate(zip(entries, allocations, charges, strict=True)):
            entry.row = row
            if (entry.allocation, entry.charge) != (allocation, charge):
                megabytes += abs(allocation - entry.allocation)
                money += abs(charge - entry.charge)
                entry.allocation, entry.charge = allocation, charge
                reallocated.append((buyer, entry))
        self.moved_mb = megabytes + (money / price if price > 0.0 else 0.0)
        return reallocated


def _rows(bids: Mapping[str, Entry]) -> tuple[list[tuple[str, Entry]], FloatArray, FloatArray]:
    """Bids by falling price: whose they are, MB, and price per MB."""
    entries = sorted(bids.items(), key=lambda item: (-item[1].price, -item[1].quantity))
    quantity = np.array([entry.quantity for _, entry in entries])
    price = np.array([entry.price for _, entry in entries])
    return entries, quantity, price
