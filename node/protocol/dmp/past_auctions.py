"""What a market agent had auctioned in earlier lives, by its journal (docs/ledger.md)."""

from collections.abc import Iterator

from node.protocol.dmp.auction import CallAuction
from node.protocol.dmp.contracts import Contracts
from node.protocol.dmp.customers import Case
from node.protocol.dmp.journal_lines import spec_of
from node.protocol.dmp.messages import Blocked, Contract, Decommit
from node.protocol.dmp.networks import Networks
from node.protocol.machine import Effect, JournalEntry, Trace


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

    def add(self, entry: JournalEntry, case: Case) -> None:
        """Take in the next line, and the call that it is about."""
        match entry.kind:
            case "called":
                self._answered()
                self.held, self.market_s = entry.auction, entry.at_s
                self.auction = CallAuction(entry.auction, case, spec_of(entry), [], 0.0, 0.0, is_resumed=True)
            case "contracted":
                assert self.auction
                self.auction.won(entry.peer, entry.charge)
            case "blocked":
                self.auction, case.served, case.answer = None, False, Blocked(case.request.call)
            case _:
                self._outcome(entry, case)

    def _answered(self) -> None:
        """What came after shows that the last winner has answered."""
        auction, self.auction = self.auction, None
        if auction:
            wanted, call = auction.wanted, auction.case.request.call
            self.contracts.add(auction.number, auction.case, auction.winner, wanted.at_s + wanted.holding_s)
            auction.case.answer = Contract(call, auction.winner, wanted, auction.price)

    def _outcome(self, entry: JournalEntry, case: Case) -> None:
        if self.auction and self.auction.case is case:
            self._answered()
        if entry.kind == "reported":
            case.reported = True
            return
        self.contracts.remember_end(entry.auction, served=entry.kind == "served")
        if entry.kind == "decommitted":
            case.answer = Decommit(case.request.call)


def retold(entry: JournalEntry) -> Iterator[Effect]:
    """What observers may have missed, of a line about an auction."""
    number, call = entry.auction, entry.seq
    match entry.kind:
        case "called":
            yield Trace("called", entry.peer, round=number, seq=call, quantity=entry.at_s, price=entry.charge)
        case "contracted":
            yield Trace("contracted", entry.peer, round=number, seq=call, price=entry.charge, charge=entry.quantity)
        case "served" | "decommitted" | "blocked" as outcome:
            yield Trace(outcome, entry.peer, round=number, seq=call)
