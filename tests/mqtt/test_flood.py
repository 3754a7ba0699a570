"""A plain client floods a seller's inbox while the paper's example settles, and makes up nodes without end."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import aiomqtt
import msgpack
import paho.mqtt.client as paho
import pyarrow.parquet as pq
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from node.protocol.host import Host
from node.protocol.topics import Topics
from node.protocol.trace import Record
from node.protocol.wire.limits import Limits
from node.protocol.wire.presence import OFFLINE, ONLINE, decode_presence, encode_presence
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import OPEN, Clock, MqttHost
from scenarios.launch.placement import build_hosts, host_names, spread
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp.market import draw
from tests.conftest import DEADLINE_S
from tests.mqtt.conftest import Mosquitto

FRAMES = 20_000
MADE_UP = 5_000
LIMITS = Limits(messages_per_s=500.0, messages_burst=500.0, senders=5)
TOPICS = Topics("flooded")


def frames(life: bytes) -> Iterator[bytes]:
    """Well-formed ones for a host in this life, bids at no price among them, and garbage."""
    random = Random(1)
    for k in range(FRAMES):
        message = random.choice([["bid", 0, 0, 50.0, 0.0, 1], ["accept", 0, 0, 1], ["hold", 0, 1, 1, True]])
        frame = msgpack.packb([1, life, [["1", f"n{random.randrange(100)}", k, message]]])
        yield random.choice([frame, random.randbytes(50), frame[:-3]])


def flood(endpoint: Endpoint, to_host: str, life: bytes) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    for frame in frames(life):
        client.publish(TOPICS.inbox(to_host, "flooder"), frame, qos=0)
    # Else the seller asks its silent bidders ten times what they think of their profiles.
    client.publish(TOPICS.presence("flooder"), encode_presence(OFFLINE, bytes(8)), qos=1).wait_for_publish(DEADLINE_S)
    client.disconnect()
    client.loop_stop()


async def settled(hosts: list[Host], endpoint: Endpoint) -> list[Record[Any]]:
    """Run the hosts, and the flood, until both auctions are closed and the flood is over; what happened."""
    records: list[Record[Any]] = []
    drivers = [MqttHost(host, TOPICS, endpoint, Clock(time.time()), records.extend) for host in hosts]
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        for driver in drivers:
            tasks.create_task(driver.run())
        async with endpoint.client("opener") as opener:
            await _ready(opener, len(hosts))
            flooding = tasks.create_task(asyncio.to_thread(flood, endpoint, hosts[0].name, drivers[0].life))
            await opener.publish(TOPICS.control, OPEN, qos=1, retain=True)
            while sum(record.kind == "closed" for record in records) < 2:  # noqa: ASYNC110 - a condition of many hosts
                await asyncio.sleep(0.05)
            await flooding
        for driver in drivers:
            driver.stop()
    return records


async def _ready(client: aiomqtt.Client, hosts: int) -> None:
    await client.subscribe(TOPICS.every_presence, qos=1)
    ready = set()
    async for message in client.messages:
        if message.payload.startswith(b"ready"):
            ready.add(message.topic.value)
        if len(ready) == hosts:
            return


@pytest.mark.mosquitto
@pytest.mark.asyncio
async def test_flooded_seller_settles_with_the_papers_allocation(mosquitto: Mosquitto) -> None:
    market = draw(load("two-sellers", ["auction.quiet_period_s=3"]), 1)  # patient: the flood takes the processor too
    placement = spread(market, 2)
    hosts = build_hosts(market, placement, set(host_names(placement)), limits=LIMITS)
    records = await settled(hosts, Endpoint("127.0.0.1", mosquitto.port))

    sold = dict.fromkeys("12", 0.0)
    for record in records:
        if record.kind == "settled":
            sold[record.node.rpartition("/")[2]] += record.what.quantity_mb
    counters = sum((host.counters for host in hosts), Counter[str]())
    assert sold == pytest.approx({"1": 65.0, "2": 85.0})
    assert counters["throttled: flooder"] > FRAMES // 4
    assert not [key for key in counters if key.startswith("throttled") and not key.endswith("flooder")]


def bid_in_made_up_names(port: int) -> None:
    """Wait for the opening, bid for next to nothing as ever new nodes of one host, then leave."""
    topics, is_open, own_life = Topics("made-up"), threading.Event(), bytes(8)
    lives: dict[str, bytes] = {}

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        if message.topic == topics.control:
            is_open.set()
        elif message.payload:
            lives[message.topic] = decode_presence(message.payload)[1]

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe([(topics.control, 1), (topics.presence("host-1"), 1)])
    client.publish(topics.presence("flooder"), encode_presence(ONLINE, own_life), qos=1, retain=True)
    assert is_open.wait(DEADLINE_S)
    to_life = lives[topics.presence("host-1")]
    bid = ["bid", 0, 0, 1.0, 0.0, 1]
    for first in range(0, MADE_UP, 100):
        frame = [1, to_life, [["1", f"n{k}", 1, bid] for k in range(first, first + 100)]]
        client.publish(topics.inbox("host-1", "flooder"), msgpack.packb(frame), qos=1)
    client.publish(topics.presence("flooder"), encode_presence(OFFLINE, own_life), qos=1).wait_for_publish(DEADLINE_S)
    client.disconnect()
    client.loop_stop()


@pytest.mark.mosquitto
def test_launched_worker_remembers_only_so_many_nodes_that_one_host_makes_up(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        flooding = pool.submit(bid_in_made_up_names, mosquitto.port)
        broker = f"mqtt://127.0.0.1:{mosquitto.port}"
        # Honest buyers think the longer the more others there are: a seller that they do not bid at must wait for that.
        settings = ["auction.quiet_period_s=8", "timeout_s=240"]
        result = run("two-sellers", broker=broker, market_name="made-up", hosts=2, settings=settings, out=tmp_path)
    flooding.result()

    events = pq.read_table(result.run_dir / "events.parquet").to_pandas()
    voided = set(events[events["kind"] == "voided"]["buyer"])
    assert result.summary.status == "settled"
    assert result.summary.sold == pytest.approx(150.0)
    assert len(voided) == Limits().senders
    assert result.counters["throttled: flooder"] >= MADE_UP - Limits().senders
