"""What one seller has promised and sold: it coordinates a small commit (docs/protocol.md, section 6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import Dropped, Effect, Persist, Send
from node.protocol.psp.book import Due, Entry
from node.protocol.psp.journal import Sold
from node.protocol.psp.messages import Accept, Award, Decline, Settled, Void
from node.protocol.psp.trace import AwardDeclined, SaleRecalled, SaleSettled


@dataclass(slots=True)
class _Open:
    award: Award
    made_at: float
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class _Accepted:
    award: Award
    bid: Entry


class Awards:
    """The awards of an auction that wait for an answer, those that were accepted, and the receipts.

    Attributes
    ----------
    sold, revenue
        MB and money of all receipts.
    receipts
        By buyer and round.
    """

    def __init__(self, auction: int) -> None:
        self._auction = auction
        self._open: dict[str, _Open] = {}
        self._accepted: dict[str, _Accepted] = {}
        self.receipts: dict[tuple[str, int], Settled] = {}
        self.sold = self.revenue = 0.0

    def __len__(self) -> int:
        """How many winners have not answered."""
        return len(self._open)

    @property
    def promised(self) -> float:
        """MB that winners have accepted, or may still accept, and have no receipt for."""
        accepted = sum(one.award.quantity for one in self._accepted.values())
        return accepted + sum(pending.award.quantity for pending in self._open.values())

    @property
    def accepted_bids(self) -> dict[str, Entry]:
        """The bids of those who have accepted, and have no receipt yet."""
        return {buyer: one.bid for buyer, one in self._accepted.items()}

    @property
    def repeated(self) -> int:
        """How often, at most, an open award was repeated."""
        return max((pending.repeated for pending in self._open.values()), default=0)

    def waiting(self, now: float) -> list[tuple[str, float]]:
        """Winners who have not answered, and the seconds since they were asked."""
        return [(buyer, now - pending.made_at) for buyer, pending in self._open.items()]

    def make(self, now: float, buyer: str, award: Award) -> Iterator[Effect]:
        """Ask a winner whether its bid still stands."""
        self._open[buyer] = _Open(award, now)
        yield Send(buyer, award)

    def repeat(self) -> Iterator[Effect]:
        """Ask again whoever has not answered."""
        for buyer, pending in self._open.items():
            pending.repeated += 1
            yield Send(buyer, pending.award)

    def strike_out(self, buyer: str) -> bool:
        """Take back the award of a buyer who has bid anew or is gone; whether there was one without an answer."""
        return self._open.pop(buyer, None) is not None

    def has(self, buyer: str, answer: Accept | Decline) -> bool:
        """Whether this answers an open award."""
        pending = self._open.get(buyer)
        return bool(pending and (answer.round, answer.seq) == (pending.award.round, pending.award.your_seq))

    def accept(self, buyer: str, bid: Entry) -> None:
        """The winner is bound by its award."""
        self._accepted[buyer] = _Accepted(self._open.pop(buyer).award, bid)

    def is_accepted(self, buyer: str) -> bool:
        """Whether the buyer has accepted its award, and has no receipt yet."""
        return buyer in self._accepted

    def settle(self, due: Mapping[str, Due]) -> Iterator[Effect]:
        """Record what was accepted as sold, and send the receipts.

        ``due`` is what the bids would be given and charged without those that fell away meanwhile. A charge goes down
        by that, never up; the charge for more MB than were awarded counts in proportion.
        """
        for buyer, accepted in self._accepted.items():
            award = accepted.award
            charge = award.charge
            if (without := due.get(buyer)) and without.quantity > 0.0:
                charge = min(charge, without.charge * (award.quantity / without.quantity))
            receipt = Settled(self._auction, award.round, award.quantity, charge)
            self._record(buyer, receipt)
            yield Persist(Sold(buyer, self._auction, award.round, award.your_seq, award.quantity, charge))
            yield SaleSettled(buyer, award.round, award.quantity, charge)
            yield Send(buyer, receipt)
        self._accepted.clear()

    def restored(self, sale: Sold) -> Iterator[Effect]:
        """Record a sale of an earlier life, and tell its buyer and observers again: they may have missed it."""
        receipt = Settled(self._auction, sale.round, sale.quantity_mb, sale.charge_money)
        self._record(sale.buyer, receipt)
        yield SaleRecalled(sale.buyer, sale.round, sale.quantity_mb, sale.charge_money)
        yield Send(sale.buyer, receipt)

    def _record(self, buyer: str, receipt: Settled) -> None:
        self.receipts[buyer, receipt.round] = receipt
        self.sold += receipt.quantity
        self.revenue += receipt.charge

    def answer_again(self, buyer: str, accept: Accept, round_: int) -> Iterator[Effect]:
        """What an ``accept`` of no open award is told, if ``round_`` is the last round there was."""
        if accept.round > round_:
            raise RejectedError("round to come")
        accepted = self._accepted.get(buyer)
        if accepted and accepted.award.round == accept.round:
            raise IgnoredError("repeated accept")
        receipt = self.receipts.get((buyer, accept.round))
        yield Send(buyer, receipt or Void(self._auction, accept.round))
        yield Dropped("ignored", "repeated accept" if receipt else "award void")

    def decline(self, buyer: str, decline: Decline) -> Iterator[Effect]:
        """Take the award back."""
        if not self.has(buyer, decline):
            raise IgnoredError("no such award")
        award = self._open.pop(buyer).award
        yield AwardDeclined(buyer, award.round, award.quantity)
