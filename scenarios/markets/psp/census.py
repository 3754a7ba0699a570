"""The market as it is after its shifts, which is what a result is measured against (docs/results.md)."""

import msgspec

from node.trace.psp.metrics import MarketMetrics
from scenarios.markets.psp.market import BuyerSpec, Market


def newcomers(market: Market) -> set[str]:
    """Who is not there from the first."""
    return {one.node for one in market.shifts if one.kind == "join"}


def market_now(market: Market, metrics: MarketMetrics) -> Market:
    """The market with the supplies and valuations there are now, and only those buyers who are in.

    A seller who is not there has nothing to sell; one who left had what it has sold. A buyer who left stays if it has
    bought: it keeps that.
    """
    if not market.shifts:
        return market
    awaited = newcomers(market) - metrics.joined
    bought = {buyer for (_, buyer), position in metrics.positions.items() if position.total > 0.0}

    def is_in(buyer: BuyerSpec) -> bool:
        return buyer.name not in awaited and (buyer.name not in metrics.left or buyer.name in bought)

    sellers = [
        msgspec.structs.replace(
            seller, supply_mb=0.0 if seller.name in awaited else metrics.supply.get(seller.name, seller.supply_mb)
        )
        for seller in market.sellers
    ]
    buyers = [
        msgspec.structs.replace(buyer, valuation_factor=metrics.factor[buyer.name])
        for buyer in market.buyers
        if is_in(buyer)
    ]
    return msgspec.structs.replace(market, sellers=sellers, buyers=buyers)
