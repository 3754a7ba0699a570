"""The totals of buyers, kept up record by record, against totals worked out from nothing."""

from collections import defaultdict

from hypothesis import given, settings

from node.protocol.psp.trace import ExchangeRecord
from node.protocol.trace import Record, Trace
from node.trace.psp.metrics import MarketMetrics
from scenarios.markets.psp.course import metrics_of
from scenarios.markets.psp.totals import Total, Totals, book_of
from tests.records import records
from tests.scenarios.markets.psp.test_any_records import ADDRESSES, MARKETS


def plain(metrics: MarketMetrics) -> dict[str, tuple[float, float, float | None, float | None]]:
    """By buyer what it gets and pays, and what its standing bids are for and at; from all positions and all books."""
    gets, pays = defaultdict[str, float](float), defaultdict[str, float](float)
    bids: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for (_, buyer), position in metrics.positions.items():
        gets[buyer] += position.total
        pays[buyer] += position.total_charge
    for seller, auction in metrics.auctions.items():
        for buyer, bid in book_of(metrics, seller).items() if auction.state != "closed" else ():
            bids[buyer].append(bid)
    return {
        buyer: (
            gets[buyer],
            pays[buyer],
            sum(mb for mb, _ in bids[buyer]) if bids[buyer] else None,
            max(at for _, at in bids[buyer]) if bids[buyer] else None,
        )
        for buyer in {*gets, *bids}
    }


@given(told=records(ExchangeRecord, ADDRESSES))
@settings(max_examples=150)
def test_they_are_those_of_all_positions_and_all_books(told: list[Record[Trace]]) -> None:
    metrics = metrics_of(MARKETS["plain"])
    totals = Totals(metrics)
    for record in told:
        metrics.add(record)
        totals.add(record)
        found = totals.all()
        for buyer, (gets, pays, bid_mb, bid_price) in plain(metrics).items():
            one = found.get(buyer, Total())
            assert abs(one.gets - gets) <= 1e-9 * gets
            assert abs(one.pays - pays) <= 1e-9 * pays
            assert one.bid_price == bid_price
            assert (one.bid_mb is None) == (bid_mb is None)
            assert abs((one.bid_mb or 0.0) - (bid_mb or 0.0)) <= 1e-9 * (bid_mb or 1.0)
            assert sum(mb for _, mb in one.trades) == one.gets
    metrics.finish()
    totals.change_all()
    for buyer, (gets, *_) in plain(metrics).items():
        assert abs(totals.of(buyer).gets - gets) <= 1e-9 * gets
