"""A run of a Digital Marketplace has its figures whatever well-formed records its nodes told, in whatever order."""

import io
import math
from pathlib import Path

import msgspec
from hypothesis import given, settings
from rich.console import Console

from node.protocol.dmp.trace import CallRecord
from node.protocol.trace import Record, Trace
from scenarios.markets.dmp.kind import MARKETPLACE
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market
from scenarios.results.outcome import Outcome, Run
from tests.records import records

MARKET = draw_market(load("congested", ["terminals.0.calls=2"]), 1)
ADDRESSES = [f"h/{name}" for name in [*MARKET.user_names[:4], *MARKET.user_names[-2:]]] + ["x/x"]


@given(records(CallRecord, ADDRESSES))
@settings(max_examples=100)
def test_every_run_has_its_figures(told: list[Record[Trace]]) -> None:
    live = MARKETPLACE.metrics(MARKET)
    for record in told:
        live.add(record)
    live.headline(10.0, 0)
    live.table()
    run = Run("mqtt", None, Path(), Outcome("settled", 0.0, 10.0, {}))
    result = MARKETPLACE.summarise(MARKET, live, run, told)
    result.print(Console(file=io.StringIO()))
    msgspec.json.encode((result.summary, [result.columns(name) for name in result.TABLES]))
    assert math.isfinite(result.summary.paid)
    assert 0.0 <= result.summary.efficient <= 1.0
