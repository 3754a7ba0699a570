"""A strategy, valuation or mechanism of one's own over a broker: in worker processes, and on a device."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.launch.run import run
from scenarios.markets.psp.results import Summary
from tests.conftest import DEADLINE_S
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import SELLER, Node
from tests.own_code import MECHANISM, STRATEGY, VALUATION, install, write_mechanism, write_scenario

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("connections", ["per-host", "per-node"])
def test_workers_find_the_module_that_stood_beside_the_scenario(tmp_path: Path, connections: str) -> None:
    path = write_scenario(tmp_path)
    result = run(path, broker="embedded", hosts=2, connections=connections, out=tmp_path / "runs")  # type: ignore[arg-type]
    assert (result.summary.status, result.summary.sold) == ("settled", 30.0)


def test_a_worker_that_was_killed_finds_it_again(tmp_path: Path) -> None:
    crash = 'chaos={faults=[{kind="crash",at_s=0.3,for_s=0.5,nodes=["b-1"]}]}'
    path = write_scenario(tmp_path)
    for quiet_period_s in (4, 20, 60):  # a process takes its time to start again, and a busy machine takes more of it
        settings = [crash, f"auction.quiet_period_s={quiet_period_s}", f"timeout_s={DEADLINE_S}"]
        summary = run(path, broker="embedded", hosts=2, settings=settings, out=tmp_path / "runs").summary
        assert (summary.status, [fault.kind for fault in summary.faults]) == ("settled", ["crash"])
        if summary.sold > 15.0:
            break
    assert summary.sold == 30.0


def test_workers_find_an_installed_package(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    (tmp_path / "steady.py").unlink()
    install(tmp_path / "site")
    command = [sys.executable, "-m", "bidswarm", "run", path, "--hosts", "2", "--set", "buyers.0.strategy.kind=steady"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path / 'site'}"}
    ended = subprocess.run(
        [*command, "--format", "json"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert '"sold":30.0' in ended.stdout
    assert "this scenario brings code: steady = steady_package:Steady from " in ended.stderr


def test_workers_find_a_valuation_beside_the_scenario(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    (tmp_path / "even.py").write_text(VALUATION, encoding="utf-8")
    result = run(
        path, broker="embedded", hosts=2, settings=["buyers.0.valuation.kind=even:Even"], out=tmp_path / "runs"
    )
    summary = result.summary
    assert isinstance(summary, Summary)
    assert (summary.status, summary.sold, summary.welfare) == ("settled", 30.0, pytest.approx(60.0))


@pytest.mark.parametrize(
    ("mechanism", "share"), [('"part:Part"', 0.5), ('{ kind = "part:Part", share = 0.25 }', 0.25)], ids=str
)
def test_workers_charge_by_a_mechanism_beside_the_scenario(tmp_path: Path, mechanism: str, share: float) -> None:
    result = run(write_mechanism(tmp_path, mechanism), broker="embedded", hosts=2, out=tmp_path / "runs")
    summary = result.summary
    assert isinstance(summary, Summary)
    assert (summary.status, summary.mechanism, summary.sold) == ("settled", "part:Part", 30.0)
    assert summary.revenue == pytest.approx(share * 30.0 * 2.0)
    assert not [reason for reason in result.counters if reason.startswith("rejected")]


NODE = """
role = "buyer"
host = "ann"
[buyer]
sellers = ["shop"]
valuation = { kind = "flat", demand_mb = 50, value_per_mb = 2.0 }
strategy = { kind = "steady:Steady", share = 0.25 }
"""


@pytest.mark.mosquitto
def test_a_device_finds_the_module_beside_its_file(tmp_path: Path, mosquitto: Mosquitto) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "steady.py").write_text(STRATEGY, encoding="utf-8")
    (files / "node.toml").write_text(f'market = "lab"\n{NODE}', encoding="utf-8")
    broker = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}")
    shop = Node(tmp_path / "shop", *broker, "--host", "shop", *SELLER, "--quiet-period", "0.5")
    ann = Node(tmp_path / "ann", str(files / "node.toml"), *broker)
    assert (ann.ended(), shop.ended()) == (0, 0)
    assert [event["mb"] for event in ann.events("bought")] == [15.0]
    assert f"this node brings code: steady:Steady from {files / 'steady.py'}" in ann.errors


@pytest.mark.mosquitto
def test_devices_charge_by_the_mechanism_beside_their_files(tmp_path: Path, mosquitto: Mosquitto) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "part.py").write_text(MECHANISM, encoding="utf-8")
    auction = '[auction]\nmechanism = "part:Part"\nquiet_period_s = 0.5\n'
    steady = NODE.replace('"steady:Steady", share = 0.25', '"opt-out"')
    (files / "buyer.toml").write_text(f'market = "lab"\n{steady}\n{auction}', encoding="utf-8")
    (files / "seller.toml").write_text(f'market = "lab"\n{auction}', encoding="utf-8")
    broker = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}")
    shop = Node(tmp_path / "shop", str(files / "seller.toml"), *broker, "--host", "shop", *SELLER)
    ann = Node(tmp_path / "ann", str(files / "buyer.toml"), *broker)
    assert (ann.ended(), shop.ended()) == (0, 0)
    (bought,) = ann.events("bought")
    assert (bought["mb"], bought["money"]) == (50.0, pytest.approx(0.5 * 50.0 * 2.0))
    for node in (shop, ann):
        assert f"this node brings code: part:Part from {files / 'part.py'}" in node.errors
