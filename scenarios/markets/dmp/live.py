"""What a run of the Digital Marketplace is watched by."""

import math
from collections import defaultdict

from node.protocol.trace import Record, Trace
from node.trace.dmp.metrics import CallMetrics, OperatorCount
from scenarios.layout import Columns, Course
from scenarios.markets.dmp.market import CallMarket
from scenarios.results.lines import bar
from scenarios.words import counted, span_of

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
        self._prices: defaultdict[str, Course] = defaultdict(Course)

    @property
    def in_doubt(self) -> int:
        """How many calls somebody still waits for."""
        return self._metrics.in_doubt

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        self._metrics.add(record)

    def headline(self, elapsed_s: float, messages: int) -> str:
        """Calls done, calls per second, how long the others will take, and messages."""
        metrics, all_calls = self._metrics, self._market.calls
        rate = len(metrics.calls) / elapsed_s if elapsed_s > 0.0 else 0.0
        missing = max(0, all_calls - metrics.done)
        left = f"about {span_of(missing * elapsed_s / metrics.done)} left  " if metrics.done and missing else ""
        return (
            f"{self._market.scenario}  {elapsed_s:.1f} s  {metrics.done:,} of {counted(all_calls, 'call')} done  {left}"
            f"{rate:,.0f} calls/s  {counted(messages, 'message')}"
        )

    def table(self) -> Columns:
        """The operators, those that win most first; each call adds a point to the courses of their prices."""
        operators = self._metrics.operators
        total = sum(one.won for one in operators.values()) or 1
        for name, one in operators.items():
            self._prices[name].add(_mean_price(one))
        ranked = sorted(operators.items(), key=lambda item: -item[1].won)
        rows = [
            (
                name,
                f"{one.won / total:.0%}",
                f"{_mean_price(one):.4g}" if one.served else "none",
                str(self._prices[name]),
                f"{one.reputation:.3f}",
                f"{one.won:,}",
                f"{one.served:,}",
                f"{one.decommitted:,}",
                bar(one.won / total),
            )
            for name, one in ranked[:ROWS]
        ]
        heads = ("operator", "share", "mean price", "so far", "reputation", "won", "served", "decommitted", "")
        return Columns(heads, rows, len(ranked) - ROWS)


def _mean_price(operator: OperatorCount) -> float:
    """Money per call served; NaN before the first."""
    return operator.revenue / operator.served if operator.served else math.nan
