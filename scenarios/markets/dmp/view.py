"""A Digital Marketplace as a live page shows it, folded from its trace (docs/live.md)."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from node.mechanism.checks import FloatArray
from node.protocol.dmp.messages import Registry
from node.protocol.dmp.trace import (
    CallBlocked,
    CallContracted,
    CallDecommitted,
    CallRequested,
    CallServed,
    PriceOffered,
)
from node.protocol.machine import Message
from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultRecord
from node.trace.dmp.metrics import CallMetrics, TerminalCount
from node.trace.history import History, Rows
from scenarios.markets.chronicle import Chronicle
from scenarios.markets.dmp import panels
from scenarios.markets.dmp.live import call_metrics
from scenarios.markets.dmp.market import CallMarket, described
from scenarios.markets.panels import (
    LEAST_RATED_S,
    Curves,
    Detail,
    Drawing,
    Layout,
    Nodes,
    Value,
    curve_of,
    curves,
    drawing,
    over_time,
    packed,
)

OF_OPERATORS = ("open", "share", "price", "reputation")
"""What there is a course of, for each operator."""


class CallView:
    """All that a page shows of a Digital Marketplace.

    Attributes
    ----------
    metrics
        What all is worked out from.
    open
        Calls in progress, by operator.
    """

    def __init__(self, market: CallMarket | None) -> None:
        self.now_s = 0.0
        self.chronicle = Chronicle(panels.EVENTS)
        self._market = market
        self.metrics = call_metrics(market) if market else CallMetrics("", [], [])
        self._agent = market.agent if market else ""
        self._blocked = self._decommitted = 0
        self._carried: dict[int, str] = {}
        self.open: Counter[str] = Counter()
        self._prices: dict[str, float] = {}
        self._moves: Counter[str] = Counter()
        self._flows: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._outcomes = History(2)
        self._of_operators = {key: History(len(self.metrics.operators)) for key in OF_OPERATORS}

    @property
    def layout(self) -> Layout:
        """What there is to see."""
        market, operators = self._market, list(self.metrics.operators) if self._market else [""] * 99
        courses = [
            panels.course(
                "open", "Calls in progress", operators, help_="Those that each operator carries at the time."
            ),
            panels.course("share", "Share of calls", operators, share=True, help_="Of all calls won so far."),
            panels.course("price", "Price", operators, unit="money", help_="Of the last call that each operator won."),
            panels.course("reputation", "Reputation", operators, help_="Lower is better: contracts broken of late."),
        ]
        return Layout(
            title=market.scenario if market else "Digital Marketplace",
            subtitle=described(market) if market else "what its nodes tell",
            figures=panels.FIGURES,
            panels=[panels.GRAPH, *courses, panels.OUTCOMES, panels.NODES],
            events=self.chronicle.events,
        )

    def prepare(self) -> None:
        """Nothing takes long."""

    # The fold

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        if self._outcomes.is_due(record.time_s):
            self._look()
        self.now_s = max(self.now_s, record.time_s)
        self.chronicle.add(record)
        what, node = record.what, node_of(record.node)
        if isinstance(what, FaultRecord):
            return
        self._know(node, what)
        self.metrics.add(record)
        if node == self._agent:
            self._follow(what)
        elif isinstance(what, PriceOffered | CallRequested):
            self._moves[node] += 1

    def _know(self, node: str, what: Trace) -> None:
        """Note whom there is, where nobody has said so."""
        if self._market is None and isinstance(what, CallRequested):
            self.metrics.terminals.setdefault(node, TerminalCount())

    def _follow(self, what: Trace) -> None:
        """Follow each call from its contract to its end."""
        match what:
            case CallContracted() if what.auction not in self._carried:
                operator = node_of(what.network)
                self._carried[what.auction] = operator
                self.open[operator] += 1
                self._moves[operator] += 1
                self._prices[operator] = what.price_money
                self._flows[self.metrics.terminal_of(what.auction), operator] += 1
            case CallServed() | CallDecommitted():
                if operator := self._carried.pop(what.auction, ""):
                    self.open[operator] -= 1
                self._decommitted += isinstance(what, CallDecommitted)
            case CallBlocked():
                self._blocked += 1

    def settle(self, record: Record[Trace]) -> None:
        """Take in a record from after the end as any other."""
        self.add(record)

    def post(self, poster: str, message: Message) -> None:
        """Take whoever posts the registry for the market agent, where nobody has said who that is."""
        if isinstance(message, Registry) and not self._agent:
            self._agent = node_of(poster)
            self.metrics = CallMetrics(self._agent, [], [])

    def finish(self) -> None:
        """Take the last row."""
        self._look()

    def _look(self) -> None:
        operators, at = self.metrics.operators, self.now_s
        won = np.array([one.won for one in operators.values()], float)
        self._outcomes.add(at, [self._blocked, self._decommitted])
        rows = {
            "open": [self.open[name] for name in operators],
            "share": won / won.sum() if won.sum() else np.full(won.shape, np.nan),
            "price": [self._prices.get(name, math.nan) for name in operators],
            "reputation": [one.reputation for one in operators.values()],
        }
        for key, history in self._of_operators.items():
            history.add(at, rows[key])

    # What is shown

    def figures(self) -> dict[str, Value]:
        """The figures of the layout."""
        metrics = self.metrics
        planned = f" of {self._market.calls:,}" if self._market else ""
        return {
            "done": f"{metrics.done:,}{planned}",
            "open": sum(self.open.values()),
            "served": sum(one.served for one in metrics.operators.values()),
            "blocked": self._blocked,
            "decommitted": self._decommitted,
            "rate": len(metrics.calls) / self.now_s if self.now_s > LEAST_RATED_S else None,
            "paid": sum(one.paid for one in metrics.terminals.values()),
        }

    def courses(self) -> dict[str, Curves]:
        """The courses of the layout."""
        outcomes = curves(self._outcomes, {"blocked": 0, "decommitted": 1})
        return {"outcomes": outcomes} | {key: self._course(history) for key, history in self._of_operators.items()}

    def _course(self, history: History) -> Curves:
        rows, names = history.rows, list(self.metrics.operators)
        if self._market and len(names) <= panels.SHOWN_ALONE:
            return curves(history, {name: k for k, name in enumerate(names) if k < rows.shape[1]})
        quantiles = _quantiles(rows)
        lines = {key: packed(quantiles[k]) for k, key in enumerate(("low", "median", "high"))}
        return Curves(history.time_s.tobytes(), lines)

    def single(self, course: str, node: str) -> Curves | None:
        """The course of one operator."""
        history = self._of_operators.get(course)
        return None if history is None else curve_of(history, list(self.metrics.operators), node)

    def drawings(self) -> dict[str, Drawing]:
        """Whose calls were carried by whom."""
        terminals, operators = self.metrics.terminals, self.metrics.operators
        left, right = ({name: k for k, name in enumerate(side)} for side in (terminals, operators))
        edges = [
            (left[terminal], right[operator], float(calls))
            for (terminal, operator), calls in self._flows.items()
            if terminal in left and operator in right
        ]
        carried: Counter[str] = Counter()
        for (terminal, _), calls in self._flows.items():
            carried[terminal] += calls
        return {
            "market": drawing(
                Nodes(
                    list(terminals),
                    [float(max(1, carried[name])) for name in terminals],
                    [one.served / max(1, carried[name]) for name, one in terminals.items()],
                    [one.paid / one.served if one.served else math.nan for one in terminals.values()],
                    [self._moves[name] for name in terminals],
                    list(range(1, len(terminals) + 1)),
                ),
                Nodes(
                    list(operators),
                    [float(max(1, one.won)) for one in operators.values()],
                    [one.served / max(1, one.won) for one in operators.values()],
                    [self._prices.get(name, math.nan) for name in operators],
                    [self._moves[name] for name in operators],
                    list(range(1, len(operators) + 1)),
                ),
                edges,
                ("terminals", "operators"),
            )
        }

    def rows(self, table: str) -> dict[str, Sequence[Value]]:
        """Every operator and every terminal."""
        del table
        operators, terminals = self.metrics.operators, self.metrics.terminals
        of, to = operators.values(), terminals.values()
        none: list[Value] = [None] * len(terminals)
        return {
            "name": [*operators, *terminals],
            "role": ["operator"] * len(operators) + ["terminal"] * len(terminals),
            "open": [*(self.open[name] for name in operators), *none],
            "won": [*(one.won for one in of), *(one.requested for one in to)],
            "served": [*(one.served for one in of), *(one.served for one in to)],
            "decommitted": [*(one.decommitted for one in of), *(one.decommitted for one in to)],
            "blocked": [*([None] * len(operators)), *(one.blocked for one in to)],
            "price": [*(self._prices.get(name) for name in operators), *none],
            "money": [*(one.revenue for one in of), *(one.paid for one in to)],
            "reputation": [*(one.reputation for one in of), *none],
        }

    def detail(self, node: str) -> Detail | None:
        """An operator with its courses, or a terminal with its counts."""
        rows = self.rows("")
        if node not in rows["name"]:
            return None
        k = list(rows["name"]).index(node)
        facts = [
            (one.label, rows[one.key][k], one.unit) for one in panels.NODES.columns[2:] if rows[one.key][k] is not None
        ]
        operators = list(self.metrics.operators)
        titles: Mapping[str, str] = {"open": "Calls in progress", "price": "Price", "reputation": "Reputation"}
        place = operators.index(node) if node in operators else None
        plots = (
            [] if place is None else [over_time(key, titles[key], "", self._of_operators[key], place) for key in titles]
        )
        return Detail(node=node, role=str(rows["role"][k]), facts=facts, plots=plots)


def _quantiles(rows: Rows) -> FloatArray:
    """The lowest, the median and the highest of each row, shape (3, t); 0 where nothing is known."""
    found = np.zeros((3, len(rows)))
    for k, row in enumerate(rows):
        known = row[np.isfinite(row)]
        if known.size:
            found[:, k] = known.min(), np.median(known), known.max()
    return found
