"""What one buyer has accepted and bought, the other side of ``Awards`` (docs/protocol.md, section 6)."""

from collections.abc import Iterator

from node.mechanism.rounding import ROUNDING
from node.protocol.machine import Effect, Persist, Send
from node.protocol.psp.auction_view import Auction
from node.protocol.psp.journal import Accepted, Agreement, Bought, Freed, Lapsed
from node.protocol.psp.messages import Accept, Award, Settled, Void
from node.protocol.psp.trace import AcceptanceInDoubt, DoubtClearedUp, PurchaseReceived


class Purchases:
    """The awards that a buyer is bound by, in all auctions together, and what its budget still allows.

    Each auction keeps the award that waits for its receipt, and its receipts.

    Attributes
    ----------
    budget
        Money in all; infinite without one.
    held, paid
        MB and money of all that it has accepted, and was not freed of.
    """

    __slots__ = ("budget", "held", "paid")

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.held = self.paid = 0.0

    @property
    def left(self) -> float:
        """Money that the budget still allows."""
        return max(0.0, self.budget - self.paid)

    def allows(self, award: Award, demand_mb: float) -> bool:
        """Whether the award keeps the buyer within its demand and its budget."""
        enough = self.held + award.quantity <= demand_mb * (1.0 + ROUNDING)
        return enough and self.paid + award.charge <= self.budget * (1.0 + ROUNDING)

    def accept(self, now: float, auction: Auction, award: Award) -> Iterator[Effect]:
        """Be bound by an award, and say so once that is written down."""
        self._bind(now, auction, award)
        yield Persist(Accepted(auction.seller, *_terms(award), auction.supply))
        yield Send(auction.seller, Accept(award.auction, award.round, award.your_seq))

    def receive(self, auction: Auction, receipt: Settled) -> Iterator[Effect]:
        """Keep the receipt of what was accepted."""
        award = self._buy(auction, receipt)
        terms = award.auction, award.round, award.your_seq, receipt.quantity, receipt.charge
        yield Persist(Bought(auction.seller, *terms))
        yield PurchaseReceived(auction.seller, receipt.round, receipt.quantity, receipt.charge)
        yield from _clear_up(auction, award)

    def release(self, auction: Auction, void: Void) -> Iterator[Effect]:
        """Be bound no more by what the seller knows nothing of."""
        award = self._give_back(auction.free(void.round))
        yield Persist(Freed(auction.seller, *_terms(award)))
        yield from _clear_up(auction, award)

    def lapse(self, auction: Auction, award: Award) -> Iterator[Effect]:
        """Be bound no more by what no receipt has come for in time; one that comes later does not count."""
        yield from self.doubt(auction)
        self._give_back(auction.lapse(award.round))
        yield Persist(Lapsed(auction.seller, *_terms(award)))
        yield from _clear_up(auction, award)

    def doubt(self, auction: Auction) -> Iterator[Effect]:
        """Tell observers, once, that no answer comes to what was accepted here, if anything was."""
        award = auction.bound
        if award and not auction.in_doubt:
            auction.in_doubt = True
            yield AcceptanceInDoubt(auction.seller, award.round, award.quantity, award.charge)

    def remember(self, now: float, auction: Auction, entry: Agreement) -> Iterator[Effect]:
        """Take in what was written down in an earlier life, and tell observers again, who may have missed it.

        Raises
        ------
        IgnoredError, RejectedError
            If it does not follow from what was written before.
        """
        match entry:
            case Accepted():
                award = Award(entry.auction, entry.round, entry.seq, entry.quantity_mb, entry.charge_money)
                self._bind(now, auction, award)
            case Bought():
                self._buy(auction, Settled(entry.auction, entry.round, entry.quantity_mb, entry.charge_money))
                yield PurchaseReceived(auction.seller, entry.round, entry.quantity_mb, entry.charge_money)
            case Freed():
                self._give_back(auction.free(entry.round))
            case Lapsed():
                self._give_back(auction.lapse(entry.round))

    def _bind(self, now: float, auction: Auction, award: Award) -> None:
        auction.bind(award, now)
        self.held += award.quantity
        self.paid += award.charge

    def _buy(self, auction: Auction, receipt: Settled) -> Award:
        award = auction.on_settled(receipt)
        self.paid += receipt.charge - award.charge
        return award

    def _give_back(self, award: Award) -> Award:
        self.held -= award.quantity
        self.paid -= award.charge
        return award


def _clear_up(auction: Auction, award: Award) -> Iterator[Effect]:
    if auction.in_doubt:
        auction.in_doubt = False
        yield DoubtClearedUp(auction.seller, award.round, award.quantity, award.charge)


def _terms(award: Award) -> tuple[int, int, int, float, float]:
    """Of which auction, round and bid it is, MB, and money."""
    return award.auction, award.round, award.your_seq, award.quantity, award.charge
