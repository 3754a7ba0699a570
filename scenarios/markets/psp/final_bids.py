"""The bids on which a market ended, and what each got: enough to hold every auction again (docs/results.md)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from node.protocol.topics import node_of
from node.trace.psp.ledger import Amounts, total
from node.trace.psp.metrics import MarketMetrics
from node.trace.psp.sales import Verdict
from scenarios.markets.psp.equilibrium import Lot, lots_of
from scenarios.markets.psp.market import Market


class FinalBid(NamedTuple):
    """One bid on one tranche of an auction: MB, price per MB and money.

    What an auction sold to somebody of whom it had no bid has neither quantity nor price; what it sold without an
    awarding that is known of has no tranche either, nor supply and reserve.
    """

    seller: str
    tranche: int | None
    buyer: str
    quantity_mb: float | None
    price_per_mb: float | None
    allocation_mb: float
    charge: float
    supply_mb: float | None
    reserve_price_per_mb: float | None


def columns_of(bids: Iterable[FinalBid]) -> dict[str, Sequence[Any]]:
    """The bids as a table."""
    rows = list(bids)
    columns = zip(*rows, strict=True) if rows else ([] for _ in FinalBid._fields)
    return dict(zip(FinalBid._fields, map(list, columns), strict=True))


def final_bids(market: Market, metrics: MarketMetrics, verdicts: Iterable[Verdict]) -> Iterator[FinalBid]:
    """The bids that each auction was awarded on, and those that stand in an open one, with what came of each.

    Parameters
    ----------
    market, metrics
        As they are at the end.
    verdicts
        What counts of each sale.
    """
    counted = {verdict.sale: verdict.counted for verdict in verdicts if verdict.counted.quantity > 0.0}
    tentative = _tentative(metrics)
    for seller in market.sellers:
        lots = lots_of(market, seller, metrics)
        for number, lot in enumerate(lots, 1):
            got = [(node_of(sale.buyer), counted.pop(sale)) for sale in lot.tranche.sales if sale in counted]
            if number == len(lots):
                got += tentative.get(seller.name, [])
            yield from _rows_of(seller.name, number, lot, got)
    for sale, amounts in sorted(counted.items()):
        yield FinalBid(node_of(sale.seller), None, node_of(sale.buyer), None, None, *amounts, None, None)


def _tentative(metrics: MarketMetrics) -> dict[str, list[tuple[str, Amounts]]]:
    """What buyers would get where it is not settled yet, by seller."""
    by_seller: dict[str, list[tuple[str, Amounts]]] = {}
    for (seller, buyer), position in metrics.positions.items():
        if position.quantity > 0.0:
            by_seller.setdefault(seller, []).append((buyer, Amounts(position.quantity, position.charge)))
    return by_seller


def _rows_of(seller: str, number: int, lot: Lot, got: Iterable[tuple[str, Amounts]]) -> Iterator[FinalBid]:
    amounts: dict[str, list[Amounts]] = {buyer: [] for buyer in lot.tranche.bids}
    for buyer, one in got:
        amounts.setdefault(buyer, []).append(one)
    offered = lot.supply_mb, lot.reserve_price_per_mb
    for buyer in sorted(amounts):
        quantity, price = lot.tranche.bids.get(buyer, (None, None))
        yield FinalBid(seller, number, buyer, quantity, price, *total(amounts[buyer]), *offered)
