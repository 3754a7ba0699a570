"""A client that knows nothing of bidswarm, and a broker that ``broker init`` set up."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker import BrokerAddress, BrokerProfile, read_profile
from broker.client import tls_context
from broker.local.mosquitto import mosquitto_program
from broker.local.ports import free_port
from broker.own.init import init
from broker.own.setup import Wishes
from tests.conftest import DEADLINE_S, wait_until


class SecuredBroker:
    """A Mosquitto on the configuration of ``broker init``, with its log in ``broker.log``."""

    def __init__(self, folder: Path, wishes: Wishes) -> None:
        self.folder = folder
        self.port = wishes.port or free_port()
        init(folder, Wishes(wishes.hosts, wishes.launcher, wishes.observers, wishes.addresses, self.port))
        self.start()

    def start(self) -> None:
        with (self.folder.parent / "broker.log").open("ab") as log:
            command = [mosquitto_program(), "-c", str(self.folder / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stderr=log)
        wait_until(lambda: " running" in self.log(), "mosquitto runs")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        (self.folder.parent / "broker.log").rename(self.folder.parent / "older.log")

    def log(self) -> str:
        return (self.folder.parent / "broker.log").read_text()

    def profile_path(self, name: str) -> Path:
        return self.folder / "profiles" / f"{name}.toml"

    def profile(self, name: str) -> BrokerProfile:
        return read_profile(self.profile_path(name))

    def client(self, name: str, identifier: str = "", will: str | None = None) -> "PlainClient":
        return PlainClient(self.profile(name).address, identifier, will)


class PlainClient:
    """paho as its manual has it."""

    def __init__(self, address: BrokerAddress, identifier: str = "", will: str | None = None) -> None:
        self.received: list[str] = []
        self.payloads: list[tuple[str, bytes]] = []
        self.answer: int | None = None
        self._acknowledged: set[int] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, identifier, reconnect_on_failure=False)
        self._client.username_pw_set(address.username, address.password)
        if context := tls_context(address):
            self._client.tls_set_context(context)
        if will:
            self._client.will_set(will, b"will", qos=1)
        self._client.on_connect = self._note_answer
        self._client.on_message = self._note_message
        self._client.on_publish = lambda _client, _data, mid, *_: self._acknowledged.add(mid)
        self._client.on_subscribe = lambda _client, _data, mid, *_: self._acknowledged.add(mid)
        self._client.connect(address.host, address.port)
        self.until(lambda: self.answer is not None)

    def _note_answer(self, _client: object, _data: object, _flags: object, reason: paho.ReasonCode, *_: object) -> None:
        self.answer = reason.value

    def _note_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.received.append(message.topic)
        self.payloads.append((message.topic, message.payload))

    def until(self, condition: Callable[[], bool]) -> None:
        """Serve the connection until the condition holds or the connection is lost."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition() and self._client.loop(0.05) == paho.MQTT_ERR_SUCCESS:
            assert time.monotonic() < deadline

    def subscribe(self, *topic_filters: str) -> "PlainClient":
        for topic_filter in topic_filters:
            _, mid = self._client.subscribe(topic_filter, 1)
            assert mid is not None
            self.until(lambda mid=mid: mid in self._acknowledged)
        return self

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> bool:
        """Publish with QoS 1; whether the broker has dealt with it, or else has cut us off."""
        mid = self._client.publish(topic, payload, 1, retain).mid
        self.until(lambda: mid in self._acknowledged)
        return mid in self._acknowledged

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop(0.05)
