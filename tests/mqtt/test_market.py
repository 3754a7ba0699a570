"""The paper's example as real processes over real brokers."""

from pathlib import Path
from typing import Any

import pytest

from scenarios.launch.run import run
from tests.pictures import without_pictures

PAPER = {
    ("A", "1"): 25.0,
    ("A", "2"): 25.0,
    ("B", "1"): 40.0,
    ("C", "2"): 26.0,
    ("D", "2"): 20.0,
    ("E", "2"): 14.0,
}


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn, but for those of ``quick_run``."""


def quick_run(*arguments: Any, **options: Any) -> Any:
    with without_pictures():
        return run(*arguments, **options)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"broker": "embedded", "hosts": 1}, id="embedded, one host"),
        pytest.param({"broker": "embedded", "hosts": 2}, id="embedded, two hosts"),
        pytest.param({"broker": "embedded", "connections": "per-node"}, id="embedded, a connection per node"),
        pytest.param({"broker": "mosquitto", "hosts": 2}, id="mosquitto, two hosts", marks=pytest.mark.mosquitto),
        pytest.param(
            {"broker": "mosquitto", "connections": "per-node"},
            id="mosquitto, a connection per node",
            marks=pytest.mark.mosquitto,
        ),
    ],
)
def test_the_papers_example_ends_with_the_papers_allocation(options: dict[str, Any], tmp_path: Path) -> None:
    result = quick_run("two-sellers", out=tmp_path, **options)

    bought = {(row.buyer, row.seller): row.quantity for row in result.summary.allocations}
    assert result.summary.status == "settled"
    assert bought == pytest.approx(PAPER, abs=1e-6)
    assert result.summary.sold == pytest.approx(150.0, abs=1e-6)
    assert result.summary.messages > result.summary.bids


@pytest.mark.parametrize("broker", ["embedded", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def test_an_elastic_neighbourhood_settles_next_to_the_optimum(broker: str, tmp_path: Path) -> None:
    small = ["buyers.0.count=12", "sellers.0.count=4", "auction.quiet_period_s=1.0"]
    result = quick_run("neighbourhood", settings=small, broker=broker, out=tmp_path)

    assert result.summary.status == "settled"
    assert result.summary.efficiency > 0.99
    assert not [reason for reason in result.counters if reason.startswith("rejected")]


def test_a_market_that_shifts_settles_next_to_its_last_optimum(tmp_path: Path) -> None:
    result = run("market-shift", out=tmp_path)

    assert result.summary.status == "settled"
    assert result.summary.efficiency > 0.99
    assert len(result.shifts) == 5
    assert not {row.buyer for row in result.summary.allocations} & {"buyer-1", "buyer-2", "ann-buys"}
    assert {path.name for path in result.run_dir.glob("convergence.*g")} == {"convergence.png", "convergence.svg"}
    assert not [reason for reason in result.counters if reason.startswith("rejected")]


def test_a_run_that_does_not_settle_in_time_says_so_and_keeps_what_is_tentative(tmp_path: Path) -> None:
    result = quick_run("two-sellers", settings=["auction.quiet_period_s=60"], timeout_s=6.0, out=tmp_path)

    assert result.summary.status == "timeout"
    assert result.summary.sold == pytest.approx(150.0)
