"""What a run of the Digital Marketplace is watched by."""

from rich.table import Table

from node.protocol.trace import Record, Trace
from node.trace.dmp.metrics import CallMetrics
from scenarios.markets.dmp.market import CallMarket
from scenarios.results.lines import bar
from scenarios.words import counted

ROWS = 12
"""Operators shown one by one."""


def call_metrics(market: CallMarket) -> CallMetrics:
    """Metrics that know the users of this market."""
    operators, terminals = market.operators, market.terminals
    return CallMetrics(market.agent, [one.name for one in operators], [one.name for one in terminals])


class LiveCalls:
    """Folds the trace of a run while it goes on."""

    def __init__(self, market: CallMarket) -> None:
        self._market = market
        self._metrics = call_metrics(market)

    @property
    def in_doubt(self) -> int:
        """How many calls somebody still waits for."""
        return self._metrics.in_doubt

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        self._metrics.add(record)

    def headline(self, elapsed_s: float, messages: int) -> str:
        """Calls done, calls per second, and messages."""
        metrics = self._metrics
        rate = len(metrics.calls) / elapsed_s if elapsed_s > 0.0 else 0.0
        return (
            f"{self._market.scenario}  {elapsed_s:6.1f} s  {metrics.done:,} of {self._market.calls:,} calls done  "
            f"{rate:,.0f} calls/s  {counted(messages, 'message')}"
        )

    def table(self) -> Table:
        """The operators one by one, those that win most first."""
        metrics = self._metrics
        table = Table(
            "operator", "won", "served", "decommitted", "reputation", "share", "", box=None, padding=(0, 2, 0, 0)
        )
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
