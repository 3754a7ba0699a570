"""What a run of the exchange is watched by."""

import math
from collections import defaultdict

import numpy as np

from node.mechanism.welfare import Optimum, optimum
from node.protocol.trace import Record, Trace
from scenarios.extras import needs
from scenarios.layout import Columns, Course
from scenarios.markets.psp.course import metrics_of
from scenarios.markets.psp.market import Market, SellerSpec, edges, theta
from scenarios.results.lines import bar
from scenarios.words import counted

ROWS = 12
"""Auctions shown one by one; of a larger market, those that have sold the least."""


def optimum_of(market: Market) -> Optimum:
    """The largest welfare that the market graph allows."""
    supply = np.array([seller.supply_mb for seller in market.sellers])
    needs("scipy")
    tolerance = 1e-5 if market.is_large else 1e-9
    return optimum([theta(buyer) for buyer in market.buyers], supply, edges(market), tolerance=tolerance)


class LiveMetrics:
    """Folds the trace of a run while it goes on, against the optimum of its market.

    Attributes
    ----------
    best
        The optimum of the market as it was at first.
    """

    def __init__(self, market: Market) -> None:
        self.best: Optimum = optimum_of(market)
        self._market = market
        self._metrics = metrics_of(market)
        self._prices: defaultdict[str, Course] = defaultdict(Course)

    def revise(self, market: Market) -> None:
        """Go by the same users with other shifts."""
        self._market = market

    @property
    def in_doubt(self) -> int:
        """How many acceptances have no answer."""
        return self._metrics.in_doubt

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        self._metrics.add(record)

    def headline(self, elapsed_s: float, messages: int) -> str:
        """Bids, messages, auctions closed, and what welfare lacks of the optimum."""
        metrics, market = self._metrics, self._market
        is_fixed = self.best.welfare > 0.0 and not market.shifts  # every market shift changes it
        gap = f", {max(0.0, 1.0 - metrics.welfare / self.best.welfare):.3%} below the optimum" if is_fixed else ""
        return (
            f"{market.scenario}  {elapsed_s:.1f} s  {counted(metrics.bids, 'bid')}  {counted(messages, 'message')}  "
            f"{metrics.closed}/{len(market.sellers)} auctions closed  welfare {metrics.welfare:,.2f}{gap}"
        )

    def table(self) -> Columns:
        """The auctions one by one; each call adds a point to the courses of their prices."""
        market, auctions = self._market, self._metrics.auctions
        for seller in market.sellers:
            self._prices[seller.name].add(auctions[seller.name].price)
        shown = market.sellers if len(market.sellers) <= ROWS else sorted(market.sellers, key=self._share_of)[:ROWS]
        rows = [self._row(seller) for seller in shown]
        heads = ("seller", "entry price", "so far", "of supply", "state", "sold", "")
        return Columns(heads, rows, len(market.sellers) - len(shown))

    def _share_of(self, seller: SellerSpec) -> float:
        metrics = self._metrics
        return metrics.auctions[seller.name].sold / (metrics.supply.get(seller.name, seller.supply_mb) or 1.0)

    def _row(self, seller: SellerSpec) -> tuple[str, ...]:
        auction, share = self._metrics.auctions[seller.name], self._share_of(seller)
        price = "none" if math.isnan(auction.price) else f"{auction.price:.4g}"
        course = str(self._prices[seller.name])
        return seller.name, price, course, f"{share:.0%}", auction.state, f"{auction.sold:.4g} MB", bar(share)
