"""What a live page shows of a Digital Marketplace, against the summary of the run."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from node.protocol.dmp.messages import Registry
from node.protocol.dmp.trace import CallRecord
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultRecord
from scenarios.markets.dmp.view import CallView
from scenarios.report.finish import records_of, remains_of
from tests.records import records
from tests.scenarios.live.following import all_of, simulated
from tests.scenarios.markets.dmp.test_any_records import ADDRESSES, MARKET

REGISTRY = Registry(2, "open", [], [], [])


@pytest.mark.parametrize(("name", "until_s"), [("congested", 4.0), ("network-selection", 8.0), ("mixed-agents", 8.0)])
def test_the_figures_at_the_end_are_those_of_the_summary(name: str, until_s: float, tmp_path: Path) -> None:
    result, view = simulated(name, tmp_path, timeout_s=until_s)
    summary, figures = result.summary, view.figures()
    for key in ("served", "blocked", "decommitted"):
        assert figures[key] == getattr(summary, key), key
    rows = view.rows("nodes")
    for operator in summary.operators:
        k = list(rows["name"]).index(operator.operator)
        assert (rows["won"][k], rows["served"][k], rows["reputation"][k]) == (
            operator.won,
            operator.served,
            operator.reputation,
        )
    carried = sum(one for one in rows["open"] if isinstance(one, int))
    assert carried == figures["open"] == sum(one.won - one.served - one.decommitted for one in summary.operators)


def test_its_graph_has_every_call_that_was_won(tmp_path: Path) -> None:
    result, view = simulated("mixed-agents", tmp_path, timeout_s=8.0)
    (drawn,) = view.drawings().values()
    won = np.bincount(
        np.frombuffer(drawn.target, np.uint16), np.frombuffer(drawn.width, np.float32), len(drawn.right.names)
    )
    assert dict(zip(drawn.right.names, won.tolist(), strict=True)) == {
        one.operator: one.won for one in result.summary.operators
    }
    assert "" not in drawn.left.names


def test_without_its_market_it_learns_who_there_is(tmp_path: Path) -> None:
    result, whole = simulated("congested", tmp_path, timeout_s=4.0)
    remains, view = remains_of(Path(result.summary.run_dir)), CallView(None)
    view.post(f"host-1/{remains.market.closers[0]}", REGISTRY)
    for record in records_of(remains.run.folder, remains.kind, 0.0, is_over=True):
        view.add(record)
    for key in ("served", "blocked", "decommitted", "open"):
        assert view.figures()[key] == whole.figures()[key]


@pytest.mark.parametrize("market", [MARKET, None], ids=["known", "unknown"])
@given(told=records(CallRecord | FaultRecord, ADDRESSES))
@settings(max_examples=50)
def test_it_takes_any_well_formed_records(market: object, told: list[Record[Trace]]) -> None:
    view = CallView(market)  # type: ignore[arg-type]
    view.post("h/market", REGISTRY)
    for record in sorted(told, key=lambda record: record.time_s):
        view.add(record)
    view.finish()
    all_of(view)
