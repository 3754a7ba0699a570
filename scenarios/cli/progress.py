"""Live progress of a run in the terminal."""

import math
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from node.mechanism.welfare import Optimum
from node.rounds.market import Progress as Rounds
from node.trace.dmp.metrics import CallMetrics
from node.trace.psp.metrics import MarketMetrics
from scenarios.launch.placement import AnyMarket
from scenarios.launch.simulated import Watch
from scenarios.markets.dmp.market import CallMarket
from scenarios.markets.psp.market import Market, SellerSpec
from scenarios.markets.registry import Metrics

REFRESHES_PER_S = 8
ROWS = 12
"""Auctions shown one by one; a larger market is shown as a whole."""

PLAIN_LINE_EVERY_S = 5.0
"""Where the output is no terminal, one line this often."""


class Progress:
    """Shows time, bids, messages, every auction's price and share sold, and welfare against the optimum."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._shown_at = time.monotonic() if self._live is None else 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Show what is being waited for."""
        self._show(text, None)

    def watch_for(self, market: AnyMarket, best: Optimum | None) -> Watch:
        """The watch of one run."""

        def watch(metrics: Metrics, elapsed_s: float, messages: int) -> None:
            if not self._is_due():
                return
            if isinstance(market, CallMarket):
                assert isinstance(metrics, CallMetrics)
                line = calls_headline(metrics, market, elapsed_s, messages)
                self._show(line, operators(metrics) if self._live else None)
            else:
                assert isinstance(metrics, MarketMetrics)
                assert best is not None
                line = headline(metrics, market, best, elapsed_s, messages)
                self._show(line, auctions(metrics, market) if self._live else None)

        return watch

    def watch_rounds(self, market: Market, at: Rounds) -> None:
        """Show how far a run in the world ``array`` is."""
        if self._is_due():
            self._show(
                f"{market.scenario}  {at.rounds:,} rounds  {at.bids:,} moves  "
                f"{at.pending:.2%} of {len(market.buyers):,} buyers have something to think about",
                None,
            )

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._shown_at < (1.0 / REFRESHES_PER_S if self._live else PLAIN_LINE_EVERY_S):
            return False
        self._shown_at = now
        return True

    def _show(self, line: str, table: Table | None) -> None:
        if self._live:
            self._live.update(Group(Text(line), table) if table else Text(line), refresh=True)
        else:
            self._console.print(line, highlight=False, soft_wrap=True)


def headline(metrics: MarketMetrics, market: Market, best: Optimum, elapsed_s: float, messages: int) -> str:
    """The state of the market in one line."""
    share = metrics.welfare / best.welfare if best.welfare else 1.0
    of_optimum = "" if market.shifts else f" = {share:.2%} of optimum"  # which every shift changes
    return (
        f"{market.scenario}  {elapsed_s:6.1f} s  {metrics.bids:,} bids  {messages:,} messages  "
        f"{metrics.closed}/{len(market.sellers)} auctions closed  "
        f"welfare {metrics.welfare:,.2f}{of_optimum}"
    )


def auctions(metrics: MarketMetrics, market: Market) -> Table:
    """The auctions one by one; of many, those that have sold the least."""
    table = Table("seller", "state", "price per MB", "sold", "of supply", "", box=None, padding=(0, 2, 0, 0))
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


def calls_headline(metrics: CallMetrics, market: CallMarket, elapsed_s: float, messages: int) -> str:
    """The state of a Digital Marketplace in one line."""
    rate = len(metrics.calls) / elapsed_s if elapsed_s > 0.0 else 0.0
    return (
        f"{market.scenario}  {elapsed_s:6.1f} s  {metrics.done:,} of {market.calls:,} calls done  {rate:,.0f} calls/s  "
        f"{messages:,} messages"
    )


def operators(metrics: CallMetrics) -> Table:
    """The operators one by one, those that win most first."""
    table = Table("operator", "won", "served", "decommitted", "reputation", "share", "", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[1:6]:
        column.justify = "right"
    total = sum(one.won for one in metrics.operators.values()) or 1
    ranked = sorted(metrics.operators.items(), key=lambda item: -item[1].won)
    for name, one in ranked[:ROWS]:
        share = one.won / total
        counts = f"{one.won:,}", f"{one.served:,}", f"{one.decommitted:,}"
        table.add_row(name, *counts, f"{one.reputation:.3f}", f"{share:.0%}", bar(share))
    if len(ranked) > ROWS:
        table.add_row("…", "", "", "", "", "", f"and {len(ranked) - ROWS} more")
    return table


def bar(share: float, width: int = 20) -> str:
    """A share as a bar of characters."""
    full = round(width * min(1.0, max(0.0, share)))
    return "█" * full + "·" * (width - full)
