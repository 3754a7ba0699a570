"""Runs over a broker that is not ours to start or stop."""

import json
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.mqtt.conftest import LONG, Mosquitto

pytestmark = pytest.mark.mosquitto


def test_two_runs_share_a_broker_and_do_not_disturb_each_other(
    bidswarm: Callable[..., Command],
    mosquitto: Mosquitto,
) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    runs = [bidswarm("run", "two-sellers", "--broker", url, "--hosts", "1", "--format", "json") for _ in range(2)]
    outcomes = [command.finished() for command in runs]

    assert [code for code, _, _ in outcomes] == [0, 0]
    assert [json.loads(stdout)["sold"] for _, stdout, _ in outcomes] == pytest.approx([150.0, 150.0])


def test_the_timeout_holds_although_the_broker_went_away(
    bidswarm: Callable[..., Command],
    mosquitto: Mosquitto,
) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    command = bidswarm("run", "two-sellers", "--broker", url, "--timeout", "12", *LONG)
    command.wait_first_bid()
    mosquitto.kill()
    code, stdout, _ = command.finished()

    assert code == 3
    assert "not settled before the timeout" in stdout
