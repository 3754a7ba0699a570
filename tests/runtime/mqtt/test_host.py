"""Hosts over a real broker, and what a foreign client can and cannot do to them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiomqtt
import msgspec
import paho.mqtt.client as paho
import pytest
import pytest_asyncio
from paho.mqtt.enums import CallbackAPIVersion

from broker import open_broker
from node.mechanism.valuation import Flat
from node.protocol.host import Host
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.messages import Bid
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import Topics
from node.protocol.trace import Record
from node.protocol.wire.frames import Envelope, encode_frames, encode_message
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import OFFLINE, ONLINE, OPEN, READY, STOP, Clock, MqttHost
from node.runtime.streams import stream
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve
from tests.conftest import DEADLINE_S
from tests.protocol.codecs import EXCHANGE

TOPICS = Topics("test")
TIMING = Timing(clearing_interval_s=0.02, quiet_period_s=0.3, retry_s=0.1)


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with open_broker("embedded") as broker:
        yield Endpoint(broker.address.host, broker.address.port)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - conditions of four kinds
            await asyncio.sleep(0.01)


def seller() -> Host:
    return Host("s-host", {"s": Seller(10.0, FixedReserve(0.5), TIMING)}, EXCHANGE)


def buyer() -> Host:
    strategy = OptOut()
    random = stream(0, "b", "thinking")
    return Host("b-host", {"b": Buyer(["s-host/s"], Flat(4.0, 2.0), strategy, TIMING, random)}, EXCHANGE)


def driver(host: Host, endpoint: Endpoint, records: list[Record[Any]]) -> MqttHost:
    return MqttHost(host, TOPICS, endpoint, Clock(time.time()), records.extend)


@pytest.mark.asyncio
async def test_a_buyer_and_a_seller_trade_on_the_launchers_word(endpoint: Endpoint) -> None:
    records: list[Record[Any]] = []
    hosts = [seller(), buyer()]
    presence: dict[str, list[bytes]] = {}
    async with endpoint.client("observer") as observer, asyncio.TaskGroup() as tasks:
        await observer.subscribe([(TOPICS.every_presence, 1)])
        tasks.create_task(_note_presence(observer, presence))
        for host in hosts:
            tasks.create_task(driver(host, endpoint, records).run())
        await until(lambda: {name for name, said in presence.items() if READY in said} == {"s-host", "b-host"})
        assert not records  # nobody trades before the barrier falls
        await observer.publish(TOPICS.control, OPEN, qos=1, retain=True)
        await until(lambda: any(record.kind == "closed" for record in records))
        await observer.publish(TOPICS.control, STOP, qos=1, retain=True)
        await until(lambda: all(said[-1] == OFFLINE for said in presence.values()))

    settled = [record for record in records if record.kind == "settled"]
    assert [(record.what.quantity_mb, record.what.charge_money) for record in settled] == [(4.0, 2.0)]
    assert presence["s-host"] == [ONLINE, READY, OFFLINE]


async def _note_presence(observer: aiomqtt.Client, presence: dict[str, list[bytes]]) -> None:
    async for message in observer.messages:
        said = message.payload
        assert isinstance(said, bytes)
        presence.setdefault(message.topic.value.rsplit("/", 1)[1], []).append(said)
        if presence and all(words[-1] == OFFLINE for words in presence.values()):
            return


@pytest.mark.asyncio
async def test_what_a_foreign_client_throws_at_a_host_is_counted_and_changes_nothing(endpoint: Endpoint) -> None:
    host = seller()
    records: list[Record[Any]] = []
    running = driver(host, endpoint, records)
    bid = encode_message(Bid(0, 0, 5.0, 1.0, 1))
    [unknown_node] = encode_frames([Envelope("nobody", "x", 1, bid)])
    [no_bid] = encode_frames([Envelope("s", "x", 1, msgspec.Raw(msgspec.msgpack.encode(["bid", 0, 0, -5.0, 1.0, 1])))])
    async with endpoint.client("stranger") as stranger, asyncio.TaskGroup() as tasks:
        tasks.create_task(running.run())
        await stranger.publish(TOPICS.control, OPEN, qos=1, retain=True)
        await until(lambda: host.counters["posts"] > 0)
        for garbage in (b"", b"\xc1", b"not msgpack", no_bid[:-3], unknown_node, no_bid):
            await stranger.publish(TOPICS.inbox("s-host", "stranger"), garbage, qos=1)
        await until(lambda: sum(host.counters[key] for key in host.counters if key.startswith("rejected")) == 6)
        running.stop()

    assert host.counters["received"] == 0
    assert not [record for record in records if record.kind != "closed"]


@pytest.mark.asyncio
async def test_a_host_that_vanishes_frees_what_it_had_bid_for(endpoint: Endpoint) -> None:
    host = seller()
    records: list[Record[Any]] = []
    running = driver(host, endpoint, records)
    [bid] = encode_frames([Envelope("s", "x", 1, encode_message(Bid(0, 0, 5.0, 1.0, 1)))])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(running.run())
        await until(lambda: host.counters["posts"] > 0)
        stranger = paho.Client(CallbackAPIVersion.VERSION2)
        stranger.will_set(TOPICS.presence("stranger"), OFFLINE, qos=1, retain=True)
        stranger.connect(endpoint.host, endpoint.port)
        stranger.loop_start()
        stranger.publish(TOPICS.inbox("s-host", "stranger"), bid, qos=1)
        await until(lambda: any(record.kind == "allocated" for record in records))
        stranger.loop_stop()
        connection = stranger.socket()
        assert connection is not None
        connection.close()  # the connection breaks without a goodbye
        await until(lambda: any(record.kind == "voided" for record in records))
        await until(lambda: [r.what.quantity_mb for r in records if r.kind == "allocated"] == [5.0, 0.0])
        running.stop()
