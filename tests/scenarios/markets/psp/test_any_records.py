"""A run has its figures whatever well-formed records its nodes told, in whatever order."""

import io
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from rich.console import Console

from node.protocol.psp.trace import ExchangeRecord
from node.protocol.trace import Record, Trace
from scenarios.markets.load import parse
from scenarios.markets.psp.kind import EXCHANGE
from scenarios.markets.psp.market import Market, draw
from scenarios.results.outcome import Outcome, Run
from tests.records import records

UNTIL_S = 10.0
ADDRESSES = ["h/s", "h/t", "h/a", "h/b", "x/x", "x/a", "x/s"]
"""Two sellers, two buyers, a stranger, and two who bear names of others."""

SHIFTS = [
    {"kind": "supply", "at_s": 3.0, "factor": 2.0, "nodes": ["s"]},
    {"kind": "valuation", "at_s": 4.0, "factor": 0.5, "nodes": ["a"]},
]


def market(**keys: Any) -> Market:
    tables = {
        "name": "any",
        "sellers": [{"name": "s", "supply_mb": 60}, {"name": "t", "supply_mb": 40, "reserve_price_per_mb": 0.1}],
        "buyers": [
            {
                "name": "a",
                "valuation": {"kind": "parabolic", "demand_mb": 60, "choke_price_per_mb": 8},
                "strategy": {"kind": "adaptive"},
            },
            {"name": "b", "budget_money": 30, "valuation": {"kind": "flat", "demand_mb": 50, "value_per_mb": 2}},
        ],
        **keys,
    }
    return draw(parse(tables, "any"), 1)


MARKETS = {
    "plain": market(),
    "shifted": market(shifts=SHIFTS),
    "highest-losing": market(auction={"reserve_rule": "highest-losing"}),
}


@pytest.mark.parametrize("kind", MARKETS)
@pytest.mark.parametrize("status", ["settled", "timeout"])
@given(told=records(ExchangeRecord, ADDRESSES))
@settings(max_examples=12)
def test_every_run_has_its_figures(kind: str, status: Any, told: list[Record[Trace]]) -> None:
    drawn = MARKETS[kind]
    live = EXCHANGE.metrics(drawn)
    told = sorted(told, key=lambda record: record.time_s)
    for record in told:
        live.add(record)
    live.headline(UNTIL_S, 0)
    live.table()
    outcome = Outcome(status, 0.0, UNTIL_S, {})
    result = EXCHANGE.summarise(drawn, live, Run("mqtt", None, Path(), outcome), told)
    result.print(Console(file=io.StringIO()))
    msgspec.json.encode((result.summary, result.documents(), [result.columns(name) for name in result.TABLES]))
    summary = result.summary
    for amount in (summary.welfare, summary.sold, summary.revenue, summary.epsilon_gap):
        assert math.isfinite(amount)
    assert 0.0 <= summary.sold <= 2.0 * 60.0 + 40.0 + 1e-6
    assert summary.efficiency <= 1.0 + 1e-9
