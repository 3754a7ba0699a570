"""One market of nodes launched here, of devices that join it by themselves, and of a client that is not ours."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import SELLER, Node
from tests.mqtt.foreign import ForeignBuyer

SCENARIO = """
name = "mixed"

[auction]
clearing_interval_s = 0.05
quiet_period_s = 2.0

[[sellers]]
name = "big"
supply_mb = 100

[[sellers]]
name = "shop"
device = "shop"
supply_mb = 60
reserve_price_per_mb = 0.1

[[buyers]]
name = "ann"
count = 3
valuation = { kind = "parabolic", demand_mb = 60, choke_price_per_mb = 8 }
strategy = { kind = "adaptive", crowd = 0.03, epsilon_end_share = 0.005 }

[[buyers]]
name = "bob"
device = "bob"
valuation = { kind = "parabolic", demand_mb = 50, choke_price_per_mb = 10 }
strategy = { kind = "adaptive", crowd = 0.03, epsilon_end_share = 0.005 }
"""


@pytest.mark.mosquitto
def test_launched_nodes_devices_and_a_foreign_client_share_a_market(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "mixed.toml").write_text(SCENARIO)
    broker = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}")
    run = bidswarm("run", str(tmp_path / "mixed.toml"), *broker, "--market", "lab", "--format", "json")
    shop = Node(tmp_path / "shop", *broker, "--host", "shop", *SELLER, "--wait")
    bob = Node(
        tmp_path / "bob",
        *(*broker, "--host", "bob", "--role", "buyer", "--seller", "shop", "--seller", "host-1/big", "--wait"),
        *("--demand-mb", "50", "--choke-price", "10"),
    )
    foreign = ForeignBuyer(mosquitto.port, "lab", "fh", "host-1/big", 10.0, 20.0)
    with ThreadPoolExecutor() as pool:
        pool.submit(foreign.run, 60.0)
        code, stdout, stderr = run.finished()
    devices = [shop.ended(), bob.ended()]

    assert (code, devices) == (0, [0, 0]), stderr
    summary = json.loads(stdout)
    assert [quantity for quantity, _ in foreign.receipts.values()] == [10.0]
    assert summary["sold"] == pytest.approx(160.0, rel=0.03)
    sold = {(row["seller"], row["buyer"]) for row in summary["allocations"]}
    assert {seller for seller, _ in sold} == {"big", "shop"}
    assert {buyer for _, buyer in sold} >= {"ann-1", "bob"}

    journals = [summary["run_dir"], str(tmp_path / "shop"), str(tmp_path / "bob")]
    code, stdout, _ = bidswarm("ledger", *journals, "--format", "json").finished()
    ledger = json.loads(stdout)
    assert (code, ledger["breaches"]) == (0, [])
    assert {(one["buyer"], one["why"]) for one in ledger["psp"]["in_doubt"]} == {("fh/fh", "buyer's journal missing")}


def test_who_is_waited_for_is_said_and_the_timeout_counts_while_waiting(
    bidswarm: Callable[..., Command], tmp_path: Path
) -> None:
    (tmp_path / "mixed.toml").write_text(SCENARIO)
    run = bidswarm("run", str(tmp_path / "mixed.toml"), "--market", "lab", "--hosts", "1", "--timeout", "10.5")
    code, _, stderr = run.finished()
    summary = json.loads((run.run_dir() / "summary.json").read_text())

    assert code == 3
    assert "waiting for 2 of 3 hosts: device bob, device shop" in stderr
    assert "error: not ready after 10.5 s are 2 of 3 hosts: device bob, device shop; start the devices" in stderr
    assert (summary["status"], summary["duration_s"]) == ("timeout", 0.0)
