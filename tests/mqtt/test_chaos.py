"""Faults of a scenario over real brokers: processes are killed and started again."""

from pathlib import Path
from typing import Any

import pytest

from node.trace.psp.ledger import Ledger
from scenarios.cli.ledger import journals_of
from scenarios.launch.run import run
from scenarios.markets.psp.results import Result
from scenarios.markets.registry import read_journal

BROKERS = pytest.mark.parametrize("broker", ["embedded", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
STEADY = "loss = 0.05, duplication = 0.05, reordering = 0.2, reordering_delay_s = 0.02"


def result_of(fault: str, out: Path, **options: Any) -> Result:
    chaos = f"chaos={{ {STEADY}, faults = [{fault}] }}"
    robust = "buyers.*.strategy.split=fill-largest-first"
    result = run(
        "two-sellers",
        settings=[chaos, robust, "auction.retry_s=0.2", "auction.quiet_period_s=2"],
        hosts=2,
        out=out,
        **options,
    )
    assert isinstance(result, Result)
    return result


def ledger_of(result: Result) -> Ledger:
    return Ledger(entry for path in journals_of([result.run_dir]) for entry in read_journal(path))


def check(result: Result, kind: str) -> None:
    """All is sold, every journal agrees, and the fault is in the trace with its end."""
    ledger = ledger_of(result)
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert result.summary.status == "settled"
    assert result.summary.sold == pytest.approx(150.0)
    (row,) = result.summary.faults
    assert row.kind == kind
    assert row.until_s
    assert row.until_s > row.at_s


@BROKERS
def test_host_that_is_killed_comes_back_from_its_journal(broker: str, tmp_path: Path) -> None:
    crash = '{ kind = "crash", at_s = 0.5, for_s = 0.5, nodes = ["2"] }'
    result = result_of(crash, tmp_path, broker=broker)
    check(result, "crash")
    assert result.counters["sent"] == result.summary.messages > 0


@BROKERS
def test_broker_that_is_killed_comes_back_on_its_port(broker: str, tmp_path: Path) -> None:
    result = result_of('{ kind = "broker-crash", at_s = 0.5, for_s = 0.5 }', tmp_path, broker=broker)
    check(result, "broker-crash")
    assert result.counters["reconnects"] > 0


def test_partition_of_one_user_heals(tmp_path: Path) -> None:
    cut = '{ kind = "partition", at_s = 0, for_s = 1, nodes = ["C"] }'
    check(result_of(cut, tmp_path, connections="per-node"), "partition")


def test_host_that_never_comes_back_does_not_keep_the_run(tmp_path: Path) -> None:
    crash = '{ kind = "crash", at_s = 0.3, nodes = ["2"] }'
    result = result_of(crash, tmp_path)
    assert result.summary.status == "settled"
    assert {sale.seller for sale in ledger_of(result).sales} == {"host-1/1"}
    assert [row.until_s for row in result.summary.faults] == [None]
