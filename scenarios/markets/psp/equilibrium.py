"""How near to an equilibrium a run has come."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.welfare import Edges, StandingBids, epsilon_gaps, switching_gains, truthfulness_gaps
from node.strategy.psp.reserve import ReserveRule
from node.trace.psp.metrics import MarketMetrics, Tranche
from scenarios.markets.psp.market import BuyerSpec, Market, SellerSpec, budget_of, edges, lowest_reserves, theta
from scenarios.markets.psp.mechanisms import mechanism_of
from scenarios.markets.psp.schema import AdaptiveStrategy, BestReplyStrategy


@dataclass(frozen=True, slots=True)
class Lot:
    """What one seller had for sale at one awarding, and how its reserve is set."""

    supply_mb: float
    tranche: Tranche
    rule: ReserveRule

    @property
    def reserve_price_per_mb(self) -> float:
        """By the bids, where it follows them."""
        quantity, price = np.array([*self.tranche.bids.values()], float).reshape(-1, 2).T
        return self.rule.reserve(quantity, price, self.supply_mb)


@dataclass(frozen=True, slots=True)
class _Lots:
    """All lots of a market, each an auction of its own: its MB, reserve and how that is set; who bids where."""

    supply: list[float]
    reserve: list[float]
    rules: list[ReserveRule]
    profile: StandingBids
    pool: Edges


def gaps(market: Market, metrics: MarketMetrics) -> FloatArray:
    """The ε-Nash gaps of the bids that the auctions were awarded on: shape (n,), by buyer, money.

    An auction that was awarded in several tranches counts as so many auctions. Where reserves follow the losers, a
    deviation is charged at the reserves that it brings about.
    """
    return _by_buyer(epsilon_gaps, market, metrics)


def largest_gain_of_lying(market: Market, metrics: MarketMetrics) -> float:
    """By how much the best reply to those bids beats the truthful one: the most for any buyer, money."""
    return float(_by_buyer(truthfulness_gaps, market, metrics).max(initial=0.0))


def last_epsilons(market: Market) -> FloatArray:
    """The least gain for which each buyer still moves, shape (n,), money; infinite for a strategy that has none."""
    return np.array([_last_epsilon(*one) for one in zip(market.buyers, lowest_reserves(market), strict=True)])


def _last_epsilon(buyer: BuyerSpec, reserve: float) -> float:
    match buyer.strategy:
        case AdaptiveStrategy() as strategy:
            return strategy.epsilon_money(theta(buyer), reserve)[1]
        case BestReplyStrategy(epsilon_fee_money=epsilon):
            return epsilon
    return np.inf


def gains_of_switching(market: Market, metrics: MarketMetrics) -> FloatArray:
    """How much less what it was awarded on those bids could cost each buyer at other sellers, shape (n,), money."""
    lots = _all_lots(market, metrics)
    return switching_gains(len(market.buyers), lots.supply, lots.reserve, lots.profile, lots.pool)


def _by_buyer(gaps_of: Callable[..., FloatArray], market: Market, metrics: MarketMetrics) -> FloatArray:
    lots = _all_lots(market, metrics)
    budgets = [budget_of(buyer) for buyer in market.buyers]
    valuations = [theta(buyer) for buyer in market.buyers]
    rules = lots.rules if market.auction.reserve_rule != "fixed" else None
    mechanism = mechanism_of(market.auction)
    return gaps_of(valuations, budgets, lots.supply, lots.reserve, lots.profile, lots.pool, mechanism, rules)


def _all_lots(market: Market, metrics: MarketMetrics) -> _Lots:
    by_seller = [lots_of(market, seller, metrics) for seller in market.sellers]
    starts = np.cumsum([0] + [len(lots) for lots in by_seller]).tolist()
    lots = [lot for of_seller in by_seller for lot in of_seller]
    pool = [(i, k) for i, j in zip(*edges(market), strict=True) for k in range(starts[j], starts[j + 1])]
    buyer, at = np.array(pool, dtype=np.intp).reshape(-1, 2).T
    supply, reserve = [lot.supply_mb for lot in lots], [lot.reserve_price_per_mb for lot in lots]
    return _Lots(supply, reserve, [lot.rule for lot in lots], _profile(market, lots), (buyer, at))


def lots_of(market: Market, seller: SellerSpec, metrics: MarketMetrics) -> list[Lot]:
    """What this seller awarded, in the order of time, and at the end what it has for sale while it is open.

    Parameters
    ----------
    market
        As it is at the end.
    """
    tranches = metrics.tranches(seller.name)
    if not tranches:
        return []  # it left before it had awarded anything
    rule = market.auction.reserve(seller.reserve_price_per_mb)
    left = seller.supply_mb - sum(tranche.sold for tranche in tranches[:-1])
    return [*(Lot(one.sold, one, rule) for one in tranches[:-1]), Lot(max(0.0, left), tranches[-1], rule)]


def _profile(market: Market, lots: list[Lot]) -> StandingBids:
    index = {buyer.name: i for i, buyer in enumerate(market.buyers)}
    bids = [
        (index[buyer], k, *bid)
        for k, lot in enumerate(lots)
        for buyer, bid in lot.tranche.bids.items()
        if buyer in index
    ]
    buyer, lot, quantity, price = zip(*bids, strict=True) if bids else ((), (), (), ())
    return StandingBids(
        np.array(buyer, dtype=np.intp), np.array(lot, dtype=np.intp), np.array(quantity, float), np.array(price, float)
    )
