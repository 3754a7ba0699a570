"""What a market agent had auctioned in earlier lives, by its journal (docs/ledger.md)."""

from collections.abc import Iterator

from node.protocol.dmp import messages
from node.protocol.dmp.auction import CallAuction
from node.protocol.dmp.contracts import Contracts
from node.protocol.dmp.customers import Case
from node.protocol.dmp.journal import AuctionEntry, Blocked, Called, Contracted, Decommitted, Reported, Served
from node.protocol.dmp.networks import Networks
from node.protocol.dmp.trace import CallAuctioned, CallBlocked, CallContracted, CallDecommitted, CallServed
from node.protocol.machine import Effect


class PastAuctions:
    """Folds the lines about auctions in their order.

    Attributes
    ----------
    held, market_s
        The last auction decided, and its second of the market.
    auction
        The last one, if nothing shows that its winner has answered.
    contracts
        All others; reputations bear their outcomes.
    """

    def __init__(self, networks: Networks) -> None:
        self.held = 0
        self.market_s = 0.0
        self.auction: CallAuction | None = None
        self.contracts = Contracts(networks)

    def add(self, entry: AuctionEntry, case: Case) -> None:
        """Take in the next line, and the call that it is about."""
        match entry:
            case Called():
                self._answered()
                self.held, self.market_s = entry.auction, entry.wanted.market_s
                self.auction = CallAuction(entry.auction, case, entry.wanted.spec, [], 0.0, 0.0, is_resumed=True)
            case Contracted():
                assert self.auction
                self.auction.award(entry.network, entry.price_money)
            case Blocked():
                self.auction, case.served, case.answer = None, False, messages.Blocked(case.request.call)
            case Reported() | Served() | Decommitted():
                self._outcome(entry, case)

    def _answered(self) -> None:
        """Note that the last winner has answered, as a later line of the journal shows."""
        auction, self.auction = self.auction, None
        if auction:
            wanted, call = auction.wanted, auction.case.request.call
            self.contracts.add(auction.number, auction.case, auction.winner, wanted.at_s + wanted.holding_s)
            auction.case.answer = messages.Contract(call, auction.winner, wanted, auction.price)

    def _outcome(self, entry: Reported | Served | Decommitted, case: Case) -> None:
        if self.auction and self.auction.case is case:
            self._answered()
        match entry:
            case Reported():
                case.reported = True
            case Served():
                self.contracts.remember_end(entry.auction, served=True)
            case Decommitted():
                self.contracts.remember_end(entry.auction, served=False)
                case.answer = messages.Decommit(case.request.call)


def retold(entry: AuctionEntry) -> Iterator[Effect]:
    """The trace of a line about an auction, told again in case observers missed it."""
    match entry:
        case Called():
            yield CallAuctioned(entry.customer, entry.call, entry.auction, entry.wanted.market_s, entry.price_weight)
        case Contracted():
            yield CallContracted(entry.network, entry.call, entry.auction, entry.price_money, entry.compound_bid)
        case Served():
            yield CallServed(entry.network, entry.call, entry.auction)
        case Decommitted():
            yield CallDecommitted(entry.network, entry.call, entry.auction)
        case Blocked():
            yield CallBlocked(entry.customer, entry.call, entry.auction)
