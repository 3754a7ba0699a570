"""The result of a run of the Digital Marketplace, folded from its events: the same in every world."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from rich.console import Console

from node.mechanism.checks import FloatArray
from node.protocol.trace import Record, Trace
from node.trace.dmp.metrics import CallMetrics, CallRow
from scenarios.chaos.expectations import FaultLog
from scenarios.markets.dmp.live import LiveCalls, call_metrics
from scenarios.markets.dmp.market import CallMarket
from scenarios.markets.dmp.pictures import plot_calls, plot_terminals
from scenarios.markets.dmp.tables import print_calls
from scenarios.results.outcome import Run, Summary
from scenarios.results.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERIODS = 40
"""Points in time at which the course of a run is shown."""


class OperatorRow(msgspec.Struct, frozen=True):
    """One operator at the end; meanings and units in docs/results.md."""

    operator: str
    won: int
    share: float
    served: int
    decommitted: int
    decommitment_rate: float
    revenue: float
    mean_price: float
    profit: float
    reputation: float


class CallSummary(Summary, frozen=True, kw_only=True):
    """The figures of a run, as ``--format json`` prints them; meanings and units in docs/results.md."""

    market_s: float
    calls: int
    served: int
    decommitted: int
    blocked: int
    calls_per_s: float
    paid: float
    mean_price: float
    efficient: float
    excess: float
    operators: list[OperatorRow]
    breaches: list[str]


class CallResult(Result[CallSummary]):
    """A finished run of a Digital Marketplace: its figures, and its tables as columns or DataFrames."""

    TABLES = ("calls", "operators", "terminals", "reputations", "course")
    PICTURES = ("calls", "terminals")

    def __init__(
        self, summary: CallSummary, market: CallMarket, metrics: CallMetrics, counters: dict[str, int]
    ) -> None:
        self.summary = summary
        self.market = market
        self.metrics = metrics
        self.counters = counters

    def columns(self, name: str) -> dict[str, Sequence[Any]]:
        """One table of the result by column name."""
        match name:
            case "calls":
                return _columns(CallRow, self.metrics.calls)
            case "operators":
                return {
                    field: [getattr(row, field) for row in self.summary.operators]
                    for field in OperatorRow.__struct_fields__
                }
            case "terminals":
                rows = self.metrics.terminals
                counts = {key: [getattr(row, key) for row in rows.values()] for key in TERMINAL_COLUMNS}
                means = [row.paid / row.served if row.served else 0.0 for row in rows.values()]
                return {"terminal": list(rows), **counts, "mean_price": means}
            case "reputations":
                changes = zip(*self.metrics.reputations, strict=True) if self.metrics.reputations else ((), (), ())
                return dict(zip(("at_s", "operator", "reputation"), map(list, changes), strict=True))
            case "course":
                return self.course().columns()
        raise KeyError(name)

    def matrix(self, of: Literal["calls", "paid"] = "calls") -> Any:  # noqa: ANN401 - a pandas DataFrame
        """How many calls of whom each operator served, or for how much money.

        A pandas DataFrame with a row for each customer of the market agent, a terminal or a service agent, and a column
        for each operator, by name.
        """
        frame = self.frame("calls")
        served = frame[frame["outcome"] == "served"].assign(calls=1)
        table = served.pivot_table(of if of == "calls" else "price", "customer", "winner", "sum", fill_value=0)
        customers = [one.name for one in self.market.agents] + [t.name for t in self.market.terminals if not t.agent]
        operators = [one.name for one in self.market.operators]
        matrix = table.reindex(index=customers, columns=operators, fill_value=0)
        return matrix.rename_axis(index="customer", columns="operator")

    def plot(self, name: str | None = None) -> "Figure":
        """What became of the calls over market time; with the name ``terminals``, what each of these paid."""
        return plot_terminals(self) if name == "terminals" else plot_calls(self)

    def print(self, console: Console) -> None:
        """Print what each operator got, and the figures of the whole market."""
        print_calls(self, console)

    def course(self) -> "CallCourse":
        """The run in ``PERIODS`` stretches of market time."""
        return CallCourse(self.metrics)


TERMINAL_COLUMNS = ("requested", "served", "decommitted", "blocked", "paid")


def _columns(kind: type[CallRow], rows: Sequence[CallRow]) -> dict[str, Sequence[Any]]:
    return {field: [getattr(row, field) for row in rows] for field in kind.__slots__}


class CallCourse:
    """What happened in each stretch of market time.

    Attributes
    ----------
    operators
        Names of the m operators.
    time_s
        Shape (t,): ends of the stretches, seconds of the market.
    won, served, decommitted
        Shape (t, m): calls by operator and the stretch in which they were made.
    revenue
        Shape (t, m): money for those of them that were served.
    price
        Shape (t, m): mean price of the calls won, NaN where there are none.
    reputation
        Shape (t, m): at the end of the stretch.
    blocked, calls
        Shape (t,).
    """

    def __init__(self, metrics: CallMetrics) -> None:
        self.operators = list(metrics.operators)
        rows, place = metrics.calls, {name: j for j, name in enumerate(self.operators)}
        until = max((row.at_s for row in rows), default=0.0) or 1.0
        self.time_s: FloatArray = np.linspace(0.0, until, PERIODS + 1)[1:]
        stretch = np.minimum(np.searchsorted(self.time_s, [row.at_s for row in rows]), PERIODS - 1)
        winner = np.array([place.get(row.winner, -1) for row in rows], int)
        price = np.array([row.price for row in rows], float)
        outcome = np.array([row.outcome for row in rows], str)
        self.calls = np.bincount(stretch, minlength=PERIODS)
        self.blocked = np.bincount(stretch[outcome == "blocked"], minlength=PERIODS)
        shape = (PERIODS, len(self.operators))

        def counted(chosen: Any, weights: Any = None) -> FloatArray:  # noqa: ANN401 - masks and weights
            flat = stretch[chosen] * shape[1] + winner[chosen]
            return np.bincount(flat, weights, minlength=shape[0] * shape[1]).reshape(shape).astype(float)

        contracted = winner >= 0
        self.won = counted(contracted)
        served = contracted & (outcome == "served")
        self.served, self.revenue = counted(served), counted(served, price[served])
        self.decommitted = counted(contracted & (outcome == "decommitted"))
        with np.errstate(invalid="ignore"):
            self.price = counted(contracted, price[contracted]) / np.where(self.won, self.won, np.nan)
        self.reputation = self._reputation(metrics, place, shape)

    def columns(self) -> dict[str, Sequence[Any]]:
        """One row per stretch and operator."""
        stretches, operators = self.won.shape
        counts = {"won": self.won, "served": self.served, "decommitted": self.decommitted, "revenue": self.revenue}
        values = {**counts, "mean_price": self.price, "reputation": self.reputation}
        return {
            "time_s": np.repeat(self.time_s, operators).tolist(),
            "operator": self.operators * stretches,
            **{name: table.ravel().tolist() for name, table in values.items()},
        }

    def _reputation(self, metrics: CallMetrics, place: dict[str, int], shape: tuple[int, int]) -> FloatArray:
        values = np.zeros(shape)
        now, changes = np.zeros(shape[1]), iter(metrics.reputations)
        upcoming = next(changes, None)
        for k, until in enumerate(self.time_s):
            while upcoming and upcoming[0] <= until:
                now[place[upcoming[1]]] = upcoming[2]
                upcoming = next(changes, None)
            values[k] = now
        return values


def summarise_calls(market: CallMarket, live: LiveCalls, run: Run, records: Iterable[Record[Trace]]) -> CallResult:
    """The result of a run from its records in the order of time."""
    del live  # it has seen the same, but not always all of it
    metrics, faults, outcome = call_metrics(market), FaultLog(), run.outcome
    for record in faults.without_faults(records):
        metrics.add(record)
    served = metrics.count("served")
    paid = sum(one.revenue for one in metrics.operators.values())
    compared = [row for row in metrics.calls if row.winner and row.best and not math.isnan(row.value)]
    summary = CallSummary(
        **run.figures(market, faults),
        market_s=max((row.at_s for row in metrics.calls), default=0.0),
        calls=len(metrics.calls),
        served=served,
        decommitted=metrics.count("decommitted"),
        blocked=metrics.count("blocked"),
        calls_per_s=len(metrics.calls) / outcome.duration_s if outcome.duration_s else 0.0,
        paid=paid,
        mean_price=paid / served if served else 0.0,
        efficient=sum(row.winner == row.best for row in compared) / len(compared) if compared else 1.0,
        excess=sum(row.value - row.best_value for row in compared) / len(compared) if compared else 0.0,
        operators=_operators(metrics),
        breaches=metrics.breaches(),
    )
    return CallResult(summary, market, metrics, outcome.counters)


def _operators(metrics: CallMetrics) -> list[OperatorRow]:
    won = sum(one.won for one in metrics.operators.values())
    return [
        OperatorRow(
            operator=name,
            won=one.won,
            share=one.won / won if won else 0.0,
            served=one.served,
            decommitted=one.decommitted,
            decommitment_rate=one.decommitted / one.won if one.won else 0.0,
            revenue=one.revenue,
            mean_price=one.revenue / one.served if one.served else 0.0,
            profit=one.revenue - one.cost,
            reputation=one.reputation,
        )
        for name, one in metrics.operators.items()
    ]
