"""The Digital Marketplace as real processes over real brokers."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from node.trace.dmp.ledger import CallLedger
from node.trace.dmp.metrics import CallMetrics
from scenarios.cli.ledger import journals_of
from scenarios.launch.run import run
from scenarios.markets.dmp.results import CallResult
from scenarios.markets.registry import read_journal
from tests.conftest import Command, is_running
from tests.scenarios.markets.dmp.conftest import simulated

SMALL = {
    "network-selection": ["terminals.0.count=10", "terminals.0.calls=10", "terminals.0.calls_per_s=0.04"],
    "mixed-agents": ["terminals.*.count=3", "terminals.*.calls=6"],
}
FAST = ["marketplace.speed=400", "marketplace.gather_s=5"]
"""What is lost while hosts still subscribe, or late on a busy machine, is there in time for its auction."""

SAME = ("auction", "customer", "at_s", "winner", "price", "outcome")
MOSQUITTO = pytest.mark.mosquitto


def result_of(name: str, out: Path, **options: Any) -> CallResult:
    result = run(name, seed=5, settings=[*SMALL[name], *FAST], out=out, **options)
    assert isinstance(result, CallResult)
    return result


def same(metrics: CallMetrics, *more: str) -> list[tuple[str, ...]]:
    """What every world must agree on, call by call; as text, where NaN is as good as another."""
    return [tuple(str(getattr(row, name)) for name in (*SAME, *more)) for row in metrics.calls]


def check_ledger(result: CallResult) -> None:
    """The journals that the run has left agree on every call."""
    ledger = CallLedger(entry for path in journals_of([result.run_dir]) for entry in read_journal(path))
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert len(ledger.books.auctioned) == result.summary.calls


def in_simulation(name: str, *settings: str) -> CallMetrics:
    return simulated(name, *SMALL[name], *FAST, *settings, seed=5)[1]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"broker": "embedded", "hosts": 2}, id="embedded, two hosts"),
        pytest.param({"broker": "embedded", "connections": "per-node"}, id="embedded, a connection per node"),
        pytest.param({"broker": "mosquitto", "hosts": 2}, id="mosquitto, two hosts", marks=MOSQUITTO),
        pytest.param(
            {"broker": "mosquitto", "connections": "per-node"},
            id="mosquitto, a connection per node",
            marks=MOSQUITTO,
        ),
    ],
)
def test_every_call_has_the_same_winner_and_price_as_in_the_simulation(options: dict[str, Any], tmp_path: Path) -> None:
    over_mqtt = result_of("network-selection", tmp_path, **options)

    assert (over_mqtt.summary.status, over_mqtt.summary.breaches) == ("settled", [])
    assert over_mqtt.summary.calls == over_mqtt.market.calls
    assert same(over_mqtt.metrics, "number") == same(in_simulation("network-selection"), "number")
    check_ledger(over_mqtt)
    assert not [reason for reason in over_mqtt.counters if reason.startswith("rejected")]


def test_service_agents_get_the_same_contracts_as_in_the_simulation(tmp_path: Path) -> None:
    over_mqtt = result_of("mixed-agents", tmp_path, hosts=2)

    assert (over_mqtt.summary.status, over_mqtt.summary.breaches) == ("settled", [])
    # An agent numbers calls as they come in, so the numbers may differ.
    assert same(over_mqtt.metrics) == same(in_simulation("mixed-agents"))
    check_ledger(over_mqtt)


def test_simulation_without_delay_has_the_same_winners_too() -> None:
    at_once = in_simulation("network-selection", "network={ delay_min_s = 0, delay_max_s = 0 }")
    assert same(at_once, "number") == same(in_simulation("network-selection"), "number")


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
@pytest.mark.parametrize("worker", [0, 1], ids=["with the market agent", "without it"])
def test_the_death_of_a_worker_ends_the_run_and_keeps_what_was_computed(
    bidswarm: Callable[..., Command], worker: int
) -> None:
    long = ("--set", "marketplace.speed=100", "--format", "json")
    command = bidswarm("run", "network-selection", "--hosts", "2", *long)
    command.wait_event("contracted")
    children = command.children("")
    os.kill(command.children("scenarios.launch.worker")[worker], signal.SIGKILL)
    code, stdout, stderr = command.finished()

    summary = json.loads(stdout)
    assert code == 1
    assert f"worker {worker + 1} died with exit code -9" in stderr
    assert (summary["status"], summary["breaches"]) == ("failed", [])
    assert 0 < pq.read_table(Path(summary["run_dir"]) / "calls.parquet").num_rows == summary["calls"] < 2000
    assert not any(is_running(pid) for pid in children)
