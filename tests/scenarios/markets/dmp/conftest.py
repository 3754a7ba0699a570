import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from node.protocol.journal import JournalEntry
from node.protocol.trace import Record, Trace
from node.trace.dmp.metrics import CallMetrics
from scenarios.errors import ScenarioError
from scenarios.launch.simulated import run_simulated
from scenarios.markets.dmp.live import LiveCalls, call_metrics
from scenarios.markets.dmp.market import CallMarket
from scenarios.markets.load import load, parse
from scenarios.markets.registry import draw_market, journal_of
from scenarios.results.outcome import Outcome

GOOD: dict[str, Any] = {
    "market": "dmp",
    "name": "small",
    "services": [{"name": "web", "rate_kbps": 512, "holding_s": 150}],
    "operators": [{"name": "net", "count": 2, "capacity_kbps": 2000}],
    "terminals": [{"name": "t", "calls": 3, "calls_per_s": 0.1, "price_weight": 0.5}],
}


def changed(**values: Any) -> dict[str, Any]:
    """The good scenario with keys set to other values; two underscores stand for a dot, ``add`` for one more."""
    tables: Any = copy.deepcopy(GOOD)
    for key, value in values.items():
        *parents, last = key.split("__")
        target = tables
        for part in parents:
            target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
        if last == "add":
            target.append(value)
        else:
            target[last] = value
    return tables  # type: ignore[no-any-return]


def market_of(seed: int = 1, **values: Any) -> CallMarket:
    """What the good scenario draws with these keys changed."""
    market = draw_market(parse(changed(**values), "small.toml"), seed)
    assert isinstance(market, CallMarket)
    return market


def fault(**values: Any) -> str:
    """What is said about the good scenario with these keys changed."""
    with pytest.raises(ScenarioError) as error:
        parse(changed(**values), "small.toml")
    assert str(error.value).startswith("small.toml: ")
    return str(error.value).removeprefix("small.toml: ")


class Kept:
    """A log that is a list."""

    def __init__(self) -> None:
        self.records: list[Record[Trace]] = []

    def write(self, records: Iterable[Record[Trace]]) -> None:
        self.records += records


def simulated(name: str, *settings: str, seed: int = 1) -> tuple[Outcome, CallMetrics, list[Record[Trace]]]:
    """A scenario run in the simulation, without a folder."""
    market, log = draw_market(load(name, settings), seed), Kept()
    assert isinstance(market, CallMarket)
    outcome = run_simulated(market, LiveCalls(market), 600.0, log, lambda *_: None)  # type: ignore[arg-type]
    metrics = call_metrics(market)
    for record in log.records:
        metrics.add(record)
    return outcome, metrics, log.records


def journalled(name: str, *settings: str) -> list[JournalEntry]:
    """What the nodes of a scenario write down in the simulation."""
    market = draw_market(load(name, settings), 1)
    assert isinstance(market, CallMarket)
    journal = journal_of(market, Path(":memory:"), durable=False)
    run_simulated(market, LiveCalls(market), 600.0, Kept(), lambda *_: None, journal)  # type: ignore[arg-type]
    return [line for past in journal.past().values() for line in past.entries]
