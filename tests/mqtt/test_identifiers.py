"""Two processes that were started under one name."""

from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from node.protocol.topics import Topics
from node.runtime.mqtt.host import OPEN, STOP
from tests.conftest import DEADLINE_S
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import SELLER, Node


@pytest.mark.mosquitto
def test_two_nodes_of_one_name_both_stay_connected_to_an_open_broker(mosquitto: Mosquitto, tmp_path: Path) -> None:
    broker = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}")
    twins = [Node(tmp_path / name, *broker, "--host", "twin", *SELLER, "--wait") for name in ("one", "other")]
    for twin in twins:
        twin.wait("waiting")
    launcher = paho.Client(CallbackAPIVersion.VERSION2)
    launcher.connect("127.0.0.1", mosquitto.port)
    launcher.loop_start()
    launcher.publish(Topics("lab").control, OPEN, qos=1).wait_for_publish(DEADLINE_S)
    for twin in twins:
        twin.wait("open")
    launcher.publish(Topics("lab").control, STOP, qos=1).wait_for_publish(DEADLINE_S)
    launcher.disconnect()
    launcher.loop_stop()

    assert [twin.ended() for twin in twins] == [0, 0]
    assert [twin.events("disconnected") for twin in twins] == [[], []]
