"""Whether the prices at the end of a run form the ladder of the paper's eq. 20, and the law that holds in its place."""

from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp.influence import Ladder, price_ladder
from node.trace.psp.metrics import MarketMetrics
from scenarios.markets.psp.equilibrium import gains_of_switching
from scenarios.markets.psp.market import Market, edges
from scenarios.markets.psp.spread import least_gain, presence_mb
from scenarios.words import counted

TOLERANCE = 0.01
"""Share of the highest price by which an inequality may be missed: buyers stop where a move gains too little."""

SOLD_OUT = 0.999
"""Share of the supply that counts as all: the rest is not worth a move to anybody."""

SERVED = 0.999
"""Share of the demand that counts as all, likewise."""

RUNGS = ("p*^k ≤ p_l", "p_l < p*^j", "p*^j ≤ p_i")
"""Of eq. 20, in its order."""


@dataclass(frozen=True, slots=True)
class Switching:
    """The corrected law: nobody could have as many MB for less elsewhere in its pool, its own bids aside, up to ε.

    Attributes
    ----------
    buyers, held
        How many have bought something and reach more sellers than one, and of how many of them it holds.
    epsilon, most
        ε, and the most that one of them could save by switching, money.
    """

    buyers: int
    held: int
    epsilon: float
    most: float


@dataclass(frozen=True, slots=True)
class Rungs:
    """The ladder of eq. 20 as printed, and the corrected law, which is None where reserves follow the bids."""

    printed: Ladder
    corrected: Switching | None


@dataclass(frozen=True, slots=True)
class EdgeBids:
    """What became of each pair of a buyer and a seller that it can reach, shape (e,) each, as in ``edges``.

    Attributes
    ----------
    bought
        MB.
    lowest, highest
        Price per MB of the buyer's bids there, the lowest and highest of several tranches; NaN if it has none.
    """

    bought: FloatArray
    lowest: FloatArray
    highest: FloatArray

    def by_buyer(self, market: Market) -> FloatArray:
        """What each buyer has bought in all, shape (n,), MB."""
        return np.bincount(edges(market)[0], weights=self.bought, minlength=len(market.buyers)).astype(np.float64)


def ladder_of(market: Market, metrics: MarketMetrics) -> Rungs:
    """The rungs of the final prices."""
    sold = np.array([metrics.auctions[one.name].sold for one in market.sellers])
    demand = np.array([metrics.valuation(one.name).demand_mb for one in market.buyers])
    bids = _edge_bids(market, metrics)
    printed = eq_20(market, bids, sold, demand)
    if market.auction.reserve_rule != "fixed":
        return Rungs(printed, None)
    return Rungs(printed, switching_of(market, gains_of_switching(market, metrics), bids.by_buyer(market)))


def eq_20(market: Market, bids: EdgeBids, sold: FloatArray, demand: FloatArray) -> Ladder:
    """The ladder as printed.

    A buyer counts as a bidder where it has bought more than its presence bid, at the highest of its winning bids. The
    price of an auction is the lowest winning bid of those; its reserve where it has supply left. A buyer that is served
    in full has no reason to bid elsewhere, whatever the prices there: its absence from an auction says nothing.

    Parameters
    ----------
    sold, demand
        Shapes (m,) and (n,), MB that each auction has sold, and that each buyer wants at most.
    """
    buyer, seller = edges(market)
    least = np.array(presence_mb(market))
    wins = (bids.bought > least[buyer]) & ~np.isnan(bids.highest)
    own, lowest = np.zeros(len(market.buyers)), np.full(len(market.sellers), np.inf)
    np.maximum.at(own, buyer[wins], bids.highest[wins])
    np.minimum.at(lowest, seller[wins], bids.lowest[wins])
    supply = np.array([one.supply_mb for one in market.sellers])
    reserve = np.array([one.reserve_price_per_mb for one in market.sellers])
    price = np.where(sold >= SOLD_OUT * supply, np.nan_to_num(lowest, posinf=0.0), reserve)
    counts = wins | (bids.by_buyer(market) < SERVED * demand)[buyer]
    tolerance = TOLERANCE * float(price.max(initial=0.0))
    return price_ladder((buyer[counts], seller[counts]), wins[counts], price, own, tolerance=tolerance)


def switching_of(market: Market, gains: FloatArray, bought: FloatArray) -> Switching:
    """The corrected law by what each buyer could save, money, and what it has bought, MB; both of shape (n,)."""
    has_choice = np.array([len(buyer.pool) > 1 for buyer in market.buyers], np.bool_)
    judged, epsilon = gains[has_choice & (bought > 0.0)], least_gain(market)
    return Switching(judged.size, int((judged <= epsilon).sum()), epsilon, float(judged.max(initial=0.0)))


def ladder_lines(rungs: Rungs) -> list[str]:
    """What holds of each rung of eq. 20 as printed."""
    of = rungs.printed.checked
    held = ", ".join(f"{rung} in {of - broken}" for rung, broken in zip(RUNGS, rungs.printed.broken, strict=True))
    return [f"price ladder (eq. 20, buyers who want more), {counted(of, 'place')}: {held}"] if of else []


def nowhere_cheaper(rungs: Rungs | None) -> list[str]:
    """Whether the law that is true holds, for people."""
    law = rungs.corrected if rungs else None
    if law is None or not law.buyers:
        return []
    held = f"{law.held:,} of {counted(law.buyers, 'buyer')} could save no more than ε = {law.epsilon:.4g}"
    return [f"nowhere cheaper: {held} by buying their last MB elsewhere; the most that one could: {law.most:.4g}"]


def ladder_document(rungs: Rungs, market: Market) -> dict[str, object]:
    """The rungs as convergence.json has them, with violations by name."""
    ladder = rungs.printed
    sellers, buyers = [seller.name for seller in market.sellers], [buyer.name for buyer in market.buyers]
    return {
        "checked": ladder.checked,
        "violated": ladder.violated,
        "held": {rung: ladder.checked - broken for rung, broken in zip(RUNGS, ladder.broken, strict=True)},
        "examples": [(sellers[k], buyers[lower], sellers[j], buyers[i]) for k, lower, j, i in ladder.examples],
        "corrected": rungs.corrected,
    }


def _edge_bids(market: Market, metrics: MarketMetrics) -> EdgeBids:
    tranches = [metrics.tranches(one.name) for one in market.sellers]
    rows = []
    for i, j in zip(*(side.tolist() for side in edges(market)), strict=True):
        name = market.buyers[i].name
        position = metrics.positions.get((market.sellers[j].name, name))
        prices = [tranche.bids[name][1] for tranche in tranches[j] if name in tranche.bids] or [np.nan]
        rows.append((position.total if position else 0.0, min(prices), max(prices)))
    return EdgeBids(*np.array(rows).reshape(-1, 3).T)
