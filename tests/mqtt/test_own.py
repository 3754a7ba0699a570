"""A strategy of one's own over a broker: in worker processes, and on a device."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.launch.run import run
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import SELLER, Node
from tests.own_code import STRATEGY, install, write_scenario

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("connections", ["per-host", "per-node"])
def test_workers_find_the_module_that_stood_beside_the_scenario(tmp_path: Path, connections: str) -> None:
    path = write_scenario(tmp_path)
    result = run(path, broker="embedded", hosts=2, connections=connections, out=tmp_path / "runs")  # type: ignore[arg-type]
    assert (result.summary.status, result.summary.sold) == ("settled", 30.0)


def test_a_worker_that_was_killed_finds_it_again(tmp_path: Path) -> None:
    crash = 'chaos={faults=[{kind="crash",at_s=0.3,for_s=0.5,nodes=["b-1"]}]}'
    settings = [crash, "auction.quiet_period_s=5"]  # a process takes its time to start again
    result = run(write_scenario(tmp_path), broker="embedded", hosts=2, settings=settings, out=tmp_path / "runs")
    assert (result.summary.status, result.summary.sold) == ("settled", 30.0)
    assert [fault.kind for fault in result.summary.faults] == ["crash"]


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
