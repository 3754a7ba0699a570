"""Whether a running broker can carry an auction: shown by doing once what hosts do (docs/protocol.md, section 2)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import aiomqtt
import paho.mqtt.client as paho
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import CallbackAPIVersion

from broker.address import BrokerAddress
from broker.client import TIMEOUT_S, mqtt_client, tls_context
from broker.errors import BrokerError
from broker.names import ROOT, is_name
from broker.reachability import require_tcp, speaks_tls, tls_facts

SUBACK_FAILURE = 0x80
LOGIN_REFUSED = (134, 135)  # how paho names CONNACK 4 (bad user name or password) and 5 (not authorised)


@dataclass(frozen=True, slots=True)
class _Topics:
    """One host's topics in a market of its own, as access rules by user name see them (docs/protocol.md, section 2)."""

    market: str
    host: str

    @property
    def inbox(self) -> str:
        return f"{self.market}/inbox/{self.host}/{self.host}"

    @property
    def board(self) -> str:
        return f"{self.market}/board/{self.host}/check"

    @property
    def presence(self) -> str:
        return f"{self.market}/presence/{self.host}"


async def check_capability(address: BrokerAddress) -> None:
    """Return if the broker can carry an auction; ``BrokerError`` naming what is missing and the remedy if not.

    Checks in turn: TCP, TLS if the address says so, login, QoS 1 to a ``+`` subscription, a retained message to a ``#``
    subscription, a last will.
    """
    async with reached(address) as client:
        await require_services(client, address)


@asynccontextmanager
async def reached(address: BrokerAddress) -> AsyncIterator[aiomqtt.Client]:
    """A client of the broker; ``BrokerError`` with the remedy if it does not answer, is not trusted, or refuses."""
    await require_tcp(address)
    if address.tls:
        await tls_facts(address)
    async with logged_in(address) as client:
        yield client


@asynccontextmanager
async def logged_in(address: BrokerAddress) -> AsyncIterator[aiomqtt.Client]:
    """A client of a broker that listens; ``BrokerError`` with the remedy if it is refused or lost."""
    try:
        async with mqtt_client(address) as client:
            yield client
    except MqttConnectError as error:
        raise BrokerError(refusal(address, error)) from None
    except aiomqtt.MqttError as error:
        if not address.tls and await speaks_tls(address):
            raise BrokerError(
                f"{address.host_port} speaks TLS only: use --profile, or write mqtts:// instead of mqtt://"
            ) from None
        raise BrokerError(
            f"{address.host_port} is not usable as an MQTT 3.1.1 broker ({error}): check the host, the port and its log"
        ) from None


def is_refused(error: aiomqtt.MqttError | None) -> bool:
    """Whether the broker takes no such login, so that asking again does not help."""
    return isinstance(error, MqttConnectError) and getattr(error.rc, "value", error.rc) in LOGIN_REFUSED


def refusal(address: BrokerAddress, error: MqttConnectError) -> str:
    """Why the broker refuses the connection, and the remedy."""
    if not is_refused(error):
        return f"{address.host_port} refuses the connection ({error.rc}): it must speak MQTT 3.1.1 and have room"
    if address.username is None:
        scheme = "mqtts" if address.tls else "mqtt"
        return (
            f"{address.host_port} refuses clients without a login: write {scheme}://user:password@{address.host_port}, "
            "or use --profile"
        )
    return (
        f"{address.host_port} refuses the login of {address.username!r}: check the user name and the password; "
        "a profile must be one that bidswarm broker init wrote for this broker"
    )


async def require_services(client: aiomqtt.Client, address: BrokerAddress) -> None:
    """Return if the broker does what auctions need, for a user that may write; ``BrokerError`` otherwise."""
    # The name of the user is the name of the host, so that a broker with access rules per user grants these topics.
    user = address.username or ""
    host = user if is_name(user) else "check"
    topics = _Topics(f"{ROOT}/capability-check-{uuid4().hex[:12]}", host)
    services: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
        ("deliver a QoS 1 message to a '+' subscription", lambda: _require_inbox(client, topics)),
        ("deliver a retained message to a '#' subscription", lambda: _require_board(client, topics)),
        ("deliver the last will of a lost client", lambda: _require_will(client, topics, address)),
    )
    try:
        for service, require in services:
            await _require(service, require, address)
    finally:
        await _clear_retained(client, topics)


async def _require(service: str, require: Callable[[], Awaitable[None]], address: BrokerAddress) -> None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await require()
    except (aiomqtt.MqttError, TimeoutError) as error:
        raise BrokerError(
            f"{address.host_port} does not {service} ({str(error) or 'no answer'}): enable it on the broker, and let "
            f"user {address.username!r} read and write below {ROOT}/ (docs/protocol.md, section 2)"
        ) from None


async def _require_inbox(client: aiomqtt.Client, topics: _Topics) -> None:
    await subscribe(client, f"{topics.market}/inbox/{topics.host}/+")
    await client.publish(topics.inbox, b"check", qos=1)
    await _wait_message(client, topics.inbox, b"check")


async def _require_board(client: aiomqtt.Client, topics: _Topics) -> None:
    await client.publish(topics.board, b"check", qos=1, retain=True)
    await subscribe(client, f"{topics.market}/board/#")
    await _wait_message(client, topics.board, b"check")


async def _require_will(client: aiomqtt.Client, topics: _Topics, address: BrokerAddress) -> None:
    await subscribe(client, f"{topics.market}/presence/#")
    await asyncio.to_thread(_vanish, address, topics.presence)
    await _wait_message(client, topics.presence, b"offline")


def _vanish(address: BrokerAddress, will_topic: str) -> None:
    """Connect with a last will, then drop the socket without a DISCONNECT, which aiomqtt itself would always send."""
    lost = paho.Client(CallbackAPIVersion.VERSION2, f"bidswarm-{uuid4().hex[:12]}", reconnect_on_failure=False)
    lost.username_pw_set(address.username, address.password)
    if context := tls_context(address):
        lost.tls_set_context(context)
    lost.will_set(will_topic, b"offline", qos=1, retain=True)
    with suppress(OSError):  # no connection, no will: the caller reports that none came
        lost.connect(address.host, address.port)
    deadline = time.monotonic() + TIMEOUT_S
    while not lost.is_connected() and time.monotonic() < deadline and lost.loop(0.05) == paho.MQTT_ERR_SUCCESS:
        pass
    if connection := lost.socket():
        connection.close()


async def subscribe(client: aiomqtt.Client, topic_filter: str) -> None:
    """Subscribe with QoS 1; MqttError if that is refused."""
    (granted,) = await client.subscribe(topic_filter, qos=1)
    if getattr(granted, "value", granted) >= SUBACK_FAILURE:
        raise aiomqtt.MqttError(f"subscription to {topic_filter} refused")


async def _wait_message(client: aiomqtt.Client, topic: str, payload: bytes) -> None:
    async for message in client.messages:
        if message.topic.value == topic and message.payload == payload:
            return


async def _clear_retained(client: aiomqtt.Client, topics: _Topics) -> None:
    with suppress(aiomqtt.MqttError):  # a connection that is lost has been reported already
        for topic in (topics.board, topics.presence):
            await client.publish(topic, b"", qos=1, retain=True)
