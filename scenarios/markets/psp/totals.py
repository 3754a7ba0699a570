"""What each buyer of an exchange bids for, has and pays in all, kept up record by record (docs/live.md)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from node.protocol.psp.trace import (
    Allocated,
    AuctionClosed,
    AwardDeclined,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Reopened,
    SaleRecalled,
    SaleSettled,
)
from node.protocol.topics import node_of
from node.protocol.trace import Record, Resumed, Trace
from node.trace.psp.metrics import MarketMetrics


@dataclass(frozen=True, slots=True)
class Total:
    """Of one buyer.

    Attributes
    ----------
    bid_mb, bid_price
        What all its bids that stand are for, MB, and the highest price of them, per MB; None if none does.
    gets, pays
        Bought or tentative, MB and money.
    trades
        The sellers that it gets something from, and how much, MB.
    """

    bid_mb: float | None = None
    bid_price: float | None = None
    gets: float = 0.0
    pays: float = 0.0
    trades: tuple[tuple[str, float], ...] = ()


NOTHING = Total()


def book_of(metrics: MarketMetrics, seller: str) -> Mapping[str, tuple[float, float]]:
    """The bids that stand, or on which the auction was last awarded: MB and price by buyer."""
    tranches = metrics.tranches(seller)
    return tranches[-1].bids if tranches else {}


def total_of(metrics: MarketMetrics, buyer: str, sellers: Iterable[str]) -> Total:
    """The total of one buyer over these sellers."""
    bids, trades, gets, pays = [], [], 0.0, 0.0
    for seller in sellers:
        position, auction = metrics.positions.get((seller, buyer)), metrics.auctions.get(seller)
        if position:
            gets += position.total
            pays += position.total_charge
            if position.total > 0.0:
                trades.append((seller, position.total))
        if auction and auction.state != "closed" and (bid := book_of(metrics, seller).get(buyer)):
            bids.append(bid)
    quantity, price = (sum(mb for mb, _ in bids), max(at for _, at in bids)) if bids else (None, None)
    return Total(quantity, price, gets, pays, tuple(trades))


class Totals:
    """The totals of all buyers. Only those whom a record may have changed are worked out anew."""

    def __init__(self, metrics: MarketMetrics) -> None:
        self._metrics = metrics
        self._of: dict[str, Total] = {}
        self._sellers: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._bidders: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._changed: dict[str, None] = {}

    def add(self, record: Record[Trace]) -> None:
        """Note whom the record may change; the metrics have taken it in, or will before somebody asks."""
        note = self._NOTES.get(type(record.what))
        if note:
            note(self, node_of(record.node), record.what)

    def change_all(self) -> None:
        """Note that the figures of everybody may have changed."""
        self._changed.update(dict.fromkeys(self._sellers))

    def all(self) -> Mapping[str, Total]:
        """The totals now, of all buyers that have ever bid."""
        for buyer in self._changed:
            self._of[buyer] = total_of(self._metrics, buyer, self._sellers[buyer])
        self._changed.clear()
        return self._of

    def of(self, buyer: str) -> Total:
        """The total of one buyer now."""
        return self.all().get(buyer, NOTHING)

    def _note_bid(self, buyer: str, bid: BidPlaced | BidWithdrawn) -> None:
        self._note(node_of(bid.seller), buyer)

    def _note_award(self, seller: str, award: Any) -> None:  # noqa: ANN401 - of several kinds
        self._note(seller, node_of(award.buyer))

    def _note(self, seller: str, buyer: str) -> None:
        self._sellers[buyer].setdefault(seller)
        self._bidders[seller].setdefault(buyer)
        self._changed[buyer] = None

    def _note_auction(self, node: str, _: Trace) -> None:
        """An auction went on to another state; or a buyer or a seller was started again."""
        self._changed.update(self._bidders.get(node, {}))
        if node in self._sellers:
            self._changed[node] = None

    _NOTES: ClassVar[dict[type[Trace], Callable[["Totals", str, Any], None]]] = {
        BidPlaced: _note_bid,
        BidWithdrawn: _note_bid,
        Allocated: _note_award,
        SaleSettled: _note_award,
        SaleRecalled: _note_award,
        AwardDeclined: _note_award,
        BidVoided: _note_award,
        Awarding: _note_auction,
        Reopened: _note_auction,
        AuctionClosed: _note_auction,
        Resumed: _note_auction,
    }
