"""What a run of the exchange is watched by."""

import math

import numpy as np
from rich.table import Table

from node.mechanism.welfare import Optimum, optimum
from node.protocol.trace import Record, Trace
from scenarios.extras import needs
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

    @property
    def in_doubt(self) -> int:
        """How many acceptances have no answer."""
        return self._metrics.in_doubt

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        self._metrics.add(record)

    def headline(self, elapsed_s: float, messages: int) -> str:
        """Bids, messages, auctions closed, and welfare against the optimum."""
        metrics, market = self._metrics, self._market
        is_fixed = self.best.welfare and not market.shifts  # every market shift changes it
        of_optimum = f" = {metrics.welfare / self.best.welfare:.2%} of optimum" if is_fixed else ""
        return (
            f"{market.scenario}  {elapsed_s:6.1f} s  {counted(metrics.bids, 'bid')}  {counted(messages, 'message')}  "
            f"{metrics.closed}/{len(market.sellers)} auctions closed  "
            f"welfare {metrics.welfare:,.2f}{of_optimum}"
        )

    def table(self) -> Table:
        """The auctions one by one."""
        metrics, market = self._metrics, self._market
        table = Table("seller", "state", "entry price", "sold", "of supply", "", box=None, padding=(0, 2, 0, 0))
        for column in table.columns[2:5]:
            column.justify = "right"

        def share_of(seller: SellerSpec) -> float:
            return metrics.auctions[seller.name].sold / (metrics.supply.get(seller.name, seller.supply_mb) or 1.0)

        shown = market.sellers if len(market.sellers) <= ROWS else sorted(market.sellers, key=share_of)[:ROWS]
        for seller in shown:
            auction, share = metrics.auctions[seller.name], share_of(seller)
            price = "-" if math.isnan(auction.price) else f"{auction.price:.4g}"
            table.add_row(seller.name, auction.state, price, f"{auction.sold:.4g} MB", f"{share:.0%}", bar(share))
        if len(shown) < len(market.sellers):
            table.add_row("…", "", "", "", "", f"and {len(market.sellers) - len(shown)} more")
        return table
