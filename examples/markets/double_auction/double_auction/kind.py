"""The call market as bidswarm sees it: what a run comes to, and the rules of its ledger."""

from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console

from bidswarm import market as bm
from double_auction import wire
from double_auction.market import Market, Scenario, draw, machines
from double_auction.mechanism import clear


class Metrics(bm.Metrics):
    """Folds the trace: orders, the price, and what was traded for whom."""

    def __init__(self, market: Market) -> None:
        self._name, self._ordered = market.scenario, set[str]()
        self.traded: dict[str, float] = {}
        self.price = 0.0

    @property
    def in_doubt(self) -> int:
        """How many traders with an order do not know their fill."""
        return len(self._ordered.difference(self.traded))

    def add(self, record: bm.Record[bm.Trace]) -> None:
        """Take in the next record."""
        match record.what:
            case wire.OrderPlaced():
                self._ordered.add(bm.node_of(record.node))
            case wire.Filled(units=units):
                self.traded[bm.node_of(record.node)] = units
            case wire.Called(price=price):
                self.price = price

    def headline(self, elapsed_s: float, messages: int) -> str:
        """The state of the market in one line."""
        return f"{self._name}  {elapsed_s:.1f} s  {len(self._ordered)} orders  {messages:,} messages"


class Summary(bm.Summary, frozen=True, kw_only=True):
    """The figures of a run; efficiency is against the gains from trade of limits that are true."""

    price: float
    units: float
    gains: float
    efficiency: float


class CallResult(bm.Result[Summary]):
    """A finished call."""

    TABLES = ("traders",)
    PICTURES = ("call",)

    def __init__(self, summary: Summary, market: Market, metrics: Metrics, counters: dict[str, int]) -> None:
        self.summary, self.counters, self._traders, self._traded = summary, counters, market.traders, metrics.traded

    def columns(self, name: str) -> dict[str, Sequence[Any]]:
        """A row for each trader."""
        orders = {field: [getattr(one.order, field) for one in self._traders] for field in ("side", "units", "limit")}
        traded = [self._traded.get(one.name, 0.0) for one in self._traders]
        return {"trader": [one.name for one in self._traders], **orders, "traded": traded}

    def plot(self, name: str | None = None) -> Figure:
        """Demand and supply as stated, and the price at which they met."""
        figure = Figure(figsize=(7, 5), layout="constrained")
        axes = figure.subplots()
        for side, label in (("buy", "demand"), ("sell", "supply")):
            orders = sorted((o.order.limit, o.order.units) for o in self._traders if o.order.side == side)
            limits, units = zip(*(orders[::-1] if side == "buy" else orders), strict=True) if orders else ((), ())
            axes.stairs(limits, [sum(units[:k]) for k in range(len(units) + 1)], baseline=None, label=label)
        axes.axhline(self.summary.price, color="0.5", linestyle="--", label=f"price {self.summary.price:.4g}")
        axes.set(xlabel="units", ylabel="price per unit", title=f"{self.summary.scenario}, seed {self.summary.seed}")
        axes.legend()
        return figure


def summarise(market: Market, live: Metrics, run: bm.Run, records: Iterable[bm.Record[bm.Trace]]) -> CallResult:
    """The result of a run from all its records, some of which ``live`` may have missed."""
    metrics, faults = Metrics(market), bm.FaultLog()
    for record in faults.without_faults(records):
        metrics.add(record)
    bids, asks = ([one for one in market.traders if one.order.side == side] for side in ("buy", "sell"))
    best = clear([(o.order.units, o.value) for o in bids], [(o.order.units, o.value) for o in asks], k=0.5)
    worth = [*(one.value for one in bids), *(-one.value for one in asks)]
    traded = [metrics.traded.get(one.name, 0.0) for one in (*bids, *asks)]
    most, gains = (float(np.dot(units, worth)) for units in (best.bought + best.sold, traded))
    share = gains / most if most else 1.0
    own = {"price": metrics.price, "units": sum(traded[: len(bids)]), "gains": gains, "efficiency": share}
    summary = Summary(**run.figures(market, faults, share), **own)
    return CallResult(summary, market, metrics, run.outcome.counters)


class CallView(bm.PlainView):
    """What a live page shows: who tells how much, and what happens in words."""

    EVENTS = (
        *bm.PlainView.EVENTS,
        bm.panels.Event(key="order", label="order", text="wants to {side} {units} units at {limit}"),
        bm.panels.Event(key="called", label="call", text="calls the price {price}"),
        bm.panels.Event(key="filled", label="fill", text="knows that {units} units are traded for it at {price}"),
    )


RULES = {"twin": "every fill that a trader knows was given to it", "balance": "as many units are sold as bought"}
ROUNDING = 1e-6


class Audit:
    """Whether the journals of a call market agree."""

    def __init__(self, lines: Iterable[bm.JournalEntry]) -> None:
        everything = list(lines)
        entries = [line.entry for line in everything]
        self.nodes = len({line.node for line in everything})
        self._given = {one.trader: one.fill for one in entries if isinstance(one, wire.FillGiven)}
        self._known = {line.node: line.entry.fill for line in everything if isinstance(line.entry, wire.FillLearned)}
        sides = {one.trader: one.order.side for one in entries if isinstance(one, wire.OrderTaken)}
        excess = sum(fill.units if sides[name] == "buy" else -fill.units for name, fill in self._given.items())
        wrong = [trader for trader, fill in self._known.items() if fill.units and self._given.get(trader) != fill]
        self.breaches = [bm.Breach("twin", trader, f"knows of {self._known[trader]}") for trader in wrong]
        if abs(excess) > ROUNDING:
            self.breaches.append(bm.Breach("balance", "maker", f"{excess:g} units more bought than sold"))

    def document(self) -> dict[str, Any]:
        """Figures for JSON."""
        return {"fills": len(self._given), "known": len(self._known)}

    def print(self, console: Console) -> None:
        """Figures and rules for people."""
        console.print(f"{len(self._given)} fills, {len(self._known)} of them known to their traders")
        bm.print_rules(RULES, self.breaches, console)


DOUBLE_AUCTION = bm.MarketKind(
    name="double-auction",
    scenario=Scenario,
    market=Market,
    messages=wire.CallMessage,
    records=wire.CallRecord,
    entries=wire.CallEntry,
    draw=draw,
    describe=lambda market: f"a call of {len(market.traders)} traders (seed {market.seed})",
    machines=machines,
    is_closed=lambda post: post == wire.Closed(),
    metrics=Metrics,
    summarise=summarise,
    audit=Audit,
    view=CallView,
    library=resources.files("double_auction") / "library",
)
