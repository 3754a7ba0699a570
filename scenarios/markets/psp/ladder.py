"""Whether the prices at the end of a run form the ladder of the paper's eq. 20."""

import numpy as np

from node.mechanism.psp.influence import Ladder, price_ladder
from node.trace.psp.metrics import MarketMetrics
from scenarios.markets.psp.market import Market, edges
from scenarios.markets.psp.spread import presence_mb

TOLERANCE = 0.01
"""Share of the highest price by which an inequality may be missed: buyers stop where a move gains too little."""

SOLD_OUT = 0.999
"""Share of the supply that counts as all: the rest is not worth a move to anybody."""

SERVED = 0.999
"""Share of the demand that counts as all, likewise."""


def ladder_of(market: Market, metrics: MarketMetrics) -> Ladder:
    """The ladder of the final prices.

    A buyer counts as a bidder where it has bought more than its presence bid, at the highest of its winning bids. The
    price of an auction is the lowest winning bid of those; its reserve where it has supply left. A buyer that is served
    in full has no reason to bid elsewhere, whatever the prices there: its absence from an auction says nothing.
    """
    buyer, seller = edges(market)
    least = [presence_mb(one) for one in market.buyers]
    tranches = [metrics.tranches(one.name) for one in market.sellers]
    own, lowest = np.zeros(len(market.buyers)), np.full(len(market.sellers), np.inf)
    wins, got = np.zeros(len(buyer), dtype=bool), np.zeros(len(market.buyers))
    for edge, (i, j) in enumerate(zip(buyer.tolist(), seller.tolist(), strict=True)):
        name = market.buyers[i].name
        position = metrics.positions.get((market.sellers[j].name, name))
        got[i] += position.total if position else 0.0
        bids = [tranche.bids[name][1] for tranche in tranches[j] if name in tranche.bids]
        if position and position.total > least[i] and bids:
            wins[edge] = True
            own[i], lowest[j] = max(own[i], *bids), min(lowest[j], *bids)
    price = [
        lowest[j] if metrics.auctions[one.name].sold >= SOLD_OUT * one.supply_mb else one.reserve_price_per_mb
        for j, one in enumerate(market.sellers)
    ]
    price = np.nan_to_num(price, posinf=0.0)
    wants_more = got < SERVED * np.array([metrics.valuation(one.name).demand_mb for one in market.buyers])
    counts = wins | wants_more[buyer]
    tolerance = TOLERANCE * float(price.max(initial=0.0))
    return price_ladder((buyer[counts], seller[counts]), wins[counts], price, own, tolerance=tolerance)
