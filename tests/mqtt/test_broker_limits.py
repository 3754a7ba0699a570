"""Brokers that carry less than a market needs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios.broker_link import largest_message
from tests.conftest import Command
from tests.mqtt.conftest import Mosquitto

pytestmark = pytest.mark.mosquitto

DROPS = "message_size_limit 1024"
CUTS_OFF = "max_packet_size 2048"
LOSES = "max_inflight_messages 1\nmax_queued_messages 3"

SAID = {
    DROPS: "drops messages of {} bytes and does not say so: on Mosquitto raise message_size_limit in its configuration",
    CUTS_OFF: "cuts off who sends a message of {} bytes: on Mosquitto raise max_packet_size in its configuration",
    LOSES: "of 500 messages that are sent at once: on Mosquitto raise max_queued_messages in its configuration",
}


@pytest.fixture(params=SAID)
def narrow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of such a broker, and what is to be said of it."""
    mosquitto = Mosquitto(tmp_path, request.param)
    yield f"mqtt://127.0.0.1:{mosquitto.port}", SAID[request.param]
    mosquitto.kill()


def test_run_says_so_in_one_line_before_anything_is_started(
    bidswarm: Callable[..., Command], narrow: tuple[str, str]
) -> None:
    url, said = narrow
    command = bidswarm("run", "two-sellers", "--broker", url)
    code, stdout, stderr = command.finished()

    assert (code, stdout) == (4, "")
    assert len(stderr.splitlines()) == 1
    assert said.format(f"{largest_message(7):,}") in stderr
    assert not list(command.out.glob("*"))


def test_a_run_with_more_posts_than_a_broker_hands_out_at_once_is_refused(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto
) -> None:
    many = ("--set", "sellers.0.count=1500", "--set", "buyers.0.count=10")
    code, _, stderr = bidswarm(
        "run", "exchange-1000", "--broker", f"mqtt://127.0.0.1:{mosquitto.port}", *many
    ).finished()
    assert code == 4
    assert "of 1502 retained messages, as many as this market has: a host that comes later would not see all" in stderr


def test_doctor_says_so_and_goes_on(bidswarm: Callable[..., Command], narrow: tuple[str, str]) -> None:
    url, said = narrow
    code, stdout, stderr = bidswarm("doctor", "--broker", url, "--no-acl-check", "--format", "json").finished()
    found = {check["check"]: check for check in json.loads(stdout)["checks"]}

    assert (code, stderr) == (1, "")
    assert [name for name, check in found.items() if check["verdict"] == "failed"] == ["limits"]
    assert said.format("1,048,576") in found["limits"]["text"]
    assert found["round trip"]["verdict"] == "ok"
