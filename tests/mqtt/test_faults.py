"""Real processes, really killed."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import Command, is_running, wait_until
from tests.mqtt.conftest import LONG, Mosquitto

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")


def test_ctrl_c_stops_everything_and_keeps_what_was_computed(bidswarm: Callable[..., Command]) -> None:
    command = bidswarm("run", "two-sellers", "--format", "json", *LONG)
    command.wait_first_bid()
    children = command.children("")
    command.process.send_signal(signal.SIGINT)
    code, stdout, _ = command.finished()

    summary = json.loads(stdout)
    assert code == 130
    assert summary["status"] == "interrupted"
    assert summary["bids"] > 0
    assert len(children) >= 3
    assert not any(is_running(pid) for pid in children)
    assert pq.read_table(Path(summary["run_dir"]) / "events.parquet").num_rows > 0
    assert json.loads((Path(summary["run_dir"]) / "manifest.json").read_text())["status"] == "interrupted"


def test_the_death_of_a_worker_ends_the_run_with_exit_code_1(bidswarm: Callable[..., Command]) -> None:
    command = bidswarm("run", "two-sellers", "--hosts", "2", *LONG)
    command.wait_first_bid()
    children = command.children("")
    os.kill(command.children("scenarios.launch.worker")[0], signal.SIGKILL)
    code, stdout, stderr = command.finished()

    assert code == 1
    assert "died with exit code -9" in stderr
    assert "broke down" in stdout
    assert not any(is_running(pid) for pid in children)


def test_the_death_of_the_embedded_broker_ends_the_run_with_exit_code_4(bidswarm: Callable[..., Command]) -> None:
    command = bidswarm("run", "two-sellers", *LONG)
    command.wait_first_bid()
    children = command.children("")
    os.kill(command.children("embedded_process")[0], signal.SIGKILL)
    code, stdout, stderr = command.finished()

    assert code == 4
    assert "the embedded broker died during the run" in stderr
    assert "broke down" in stdout
    assert not any(is_running(pid) for pid in children)


def test_nothing_outlives_a_launcher_that_is_killed_and_its_folder_is_readable(
    bidswarm: Callable[..., Command],
) -> None:
    command = bidswarm("run", "two-sellers", *LONG)
    command.wait_first_bid()
    children = command.children("")
    command.process.send_signal(signal.SIGKILL)
    command.process.wait()

    wait_until(lambda: not any(is_running(pid) for pid in children), "its children are gone")
    assert json.loads((command.run_dir() / "manifest.json").read_text())["status"] == "running"
    lines = [line for part in (command.run_dir() / "events").glob("*.jsonl") for line in part.read_text().splitlines()]
    assert len([json.loads(line) for line in lines]) > 0


@pytest.mark.mosquitto
@pytest.mark.parametrize("connections", ["per-host", "per-node"])
def test_the_market_settles_although_its_broker_is_killed_and_restarted(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, connections: str
) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    options = ["--broker", url, "--connections", connections, "--format", "json", "--timeout", "200"]
    fill = [option for k in range(5) for option in ("--set", f"buyers.{k}.strategy.split=fill-largest-first")]
    kinds = [option for k in range(5) for option in ("--set", f"buyers.{k}.strategy.kind=opt-out")]
    command = bidswarm("run", "two-sellers", *options, *kinds, *fill)
    command.wait_first_bid()
    mosquitto.kill()
    mosquitto.start()
    code, stdout, stderr = command.finished()

    assert code == 0, stderr
    assert json.loads(stdout)["sold"] == pytest.approx(150.0, abs=1e-6)


@pytest.mark.mosquitto
def test_no_retained_message_is_left_on_somebody_elses_broker(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto
) -> None:
    code, _, stderr = bidswarm("run", "two-sellers", "--broker", f"mqtt://127.0.0.1:{mosquitto.port}").finished()

    assert code == 0, stderr
    assert retained(mosquitto.port) == []


def retained(port: int) -> list[str]:
    """The topics with a retained message, as a plain client sees them."""
    import paho.mqtt.client as paho  # noqa: PLC0415
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    topics: list[str] = []
    done: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: (
        done.append(True) if message.topic == "test/end" else topics.append(message.topic)
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("#", qos=1)
    client.publish("test/end", b"", qos=1)  # a message of ours, after which all retained ones have come
    wait_until(lambda: bool(done), "the broker answers")
    client.disconnect()
    client.loop_stop()
    return topics
