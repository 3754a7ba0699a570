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
from node.protocol.machine import Left
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.messages import Advert, Bid
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import Topics
from node.protocol.trace import Record
from node.protocol.wire.frames import Envelope, encode_frames, encode_message, encode_post
from node.protocol.wire.presence import OFFLINE, ONLINE, READY, decode_presence, encode_presence
from node.runtime.faults.plan import Edge, Fault, Plan
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import OPEN, STOP, Clock, MqttHost
from node.runtime.streams import stream
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve
from tests.conftest import DEADLINE_S
from tests.protocol.codecs import EXCHANGE

TOPICS = Topics("test")
EARLIER = bytes(8)
"""A life that is over."""
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
    presence: dict[str, list[str]] = {}
    async with endpoint.client("observer") as observer, asyncio.TaskGroup() as tasks:
        await observer.subscribe([(TOPICS.every_presence, 1)])
        noting = tasks.create_task(_note_presence(observer, presence))
        for host in hosts:
            tasks.create_task(driver(host, endpoint, records).run())
        await until(lambda: {name for name, said in presence.items() if READY in said} == {"s-host", "b-host"})
        assert not records  # nobody trades before the barrier falls
        await observer.publish(TOPICS.control, OPEN, qos=1, retain=True)
        await until(lambda: any(record.kind == "closed" for record in records))
        await observer.publish(TOPICS.control, STOP, qos=1, retain=True)
        await until(lambda: all(said[-1] == OFFLINE for said in presence.values()))
        noting.cancel()

    settled = [record for record in records if record.kind == "settled"]
    assert [(record.what.quantity_mb, record.what.charge_money) for record in settled] == [(4.0, 2.0)]
    # A broker that writes to a host which has gone, before it reads its goodbye, says so once more: its last will.
    assert list(dict.fromkeys(presence["s-host"])) == [ONLINE, READY, OFFLINE]


@pytest.mark.asyncio
async def test_a_seller_that_is_told_to_leave_while_it_speaks_still_says_that_it_closes(endpoint: Endpoint) -> None:
    records: list[Record[Any]] = []

    def take(news: list[Record[Any]]) -> None:  # called while what the host has said is on its way
        records.extend(news)
        if any(record.kind == "cleared" for record in news):
            leaving.leave(DEADLINE_S)

    leaving = MqttHost(seller(), TOPICS, endpoint, Clock(time.time()), take)
    bidding = driver(buyer(), endpoint, [])
    async with asyncio.TaskGroup() as tasks:
        buying = tasks.create_task(bidding.run())
        selling = tasks.create_task(leaving.run())
        await until(lambda: leaving.is_ready and bidding.is_ready)
        leaving.open()
        bidding.open()
        await selling
        bidding.stop(DEADLINE_S)  # ends at once if the buyer has heard that the auction is over
        await buying
    assert records[-1].kind == "closed"


@pytest.mark.asyncio
async def test_a_host_feels_a_cut_and_its_node_a_shift_that_come_while_it_runs(endpoint: Endpoint) -> None:
    records: list[Record[Any]] = []
    bids = buyer()
    selling, bidding = driver(seller(), endpoint, records), driver(bids, endpoint, [])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bidding.run())
        tasks.create_task(selling.run())
        await until(lambda: selling.is_ready and bidding.is_ready)
        cut = Fault("partition", 0.0, 2.0 * DEADLINE_S, frozenset({"b-host"}))
        edge = Edge("s-host", Plan(faults=(cut,)), stream(0, "s-host", "faults"))
        edge.opened_at = 0.0
        selling.feel(edge)
        selling.open()
        bidding.open()
        await until(lambda: bids.counters["frames"] > 2)  # it has bid, and said so again
        selling.tell("s", Left())
        await until(lambda: any(record.kind == "closed" for record in records))
        selling.stop()
        bidding.stop()
    assert [record.kind for record in records] == ["left", "supply", "closed"]


async def _note_presence(observer: aiomqtt.Client, presence: dict[str, list[str]]) -> None:
    async for message in observer.messages:
        said = message.payload
        assert isinstance(said, bytes)
        presence.setdefault(message.topic.value.rsplit("/", 1)[1], []).append(decode_presence(said)[0])


@pytest.mark.asyncio
async def test_what_a_foreign_client_throws_at_a_host_is_counted_and_changes_nothing(endpoint: Endpoint) -> None:
    host = seller()
    records: list[Record[Any]] = []
    running = driver(host, endpoint, records)
    bid = encode_message(Bid(0, 0, 5.0, 1.0, 1))
    no_bid = msgspec.Raw(msgspec.msgpack.encode(["bid", 0, 0, -5.0, 1.0, 1]))
    [to_nobody] = encode_frames([Envelope("nobody", "x", 1, bid)], running.life)
    [of_no_bid] = encode_frames([Envelope("s", "x", 1, no_bid)], running.life)
    async with endpoint.client("stranger") as stranger, asyncio.TaskGroup() as tasks:
        tasks.create_task(running.run())
        await stranger.publish(TOPICS.control, OPEN, qos=1, retain=True)
        await until(lambda: host.counters["posts"] > 0)
        for garbage in (b"", b"\xc1", b"not msgpack", of_no_bid[:-3], to_nobody, of_no_bid):
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
    [bid] = encode_frames([Envelope("s", "x", 1, encode_message(Bid(0, 0, 5.0, 1.0, 1)))], running.life)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(running.run())
        await until(lambda: host.counters["posts"] > 0)
        stranger = paho.Client(CallbackAPIVersion.VERSION2)
        stranger.will_set(TOPICS.presence("stranger"), encode_presence(OFFLINE, EARLIER), qos=1, retain=True)
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


@pytest.mark.asyncio
async def test_host_whose_presence_is_overwritten_by_a_late_will_says_it_again(endpoint: Endpoint) -> None:
    running = driver(seller(), endpoint, [])
    presence: dict[str, list[str]] = {}
    async with endpoint.client("observer") as observer, asyncio.TaskGroup() as tasks:
        await observer.subscribe([(TOPICS.every_presence, 1)])
        noting = tasks.create_task(_note_presence(observer, presence))
        tasks.create_task(running.run())
        await until(lambda: presence.get("s-host") == [ONLINE, READY])
        late = encode_presence(OFFLINE, EARLIER)
        async with endpoint.client("broker") as broker:
            await broker.publish(TOPICS.presence("s-host"), late, qos=1, retain=True)
        await until(lambda: presence["s-host"] == [ONLINE, READY, OFFLINE, READY])
        running.stop()
        noting.cancel()


@pytest.mark.asyncio
async def test_what_an_earlier_market_left_behind_makes_nobody_ready(endpoint: Endpoint) -> None:
    host, records = buyer(), list[Record[Any]]()
    running = driver(host, endpoint, records)
    async with endpoint.client("earlier") as earlier, asyncio.TaskGroup() as tasks:
        post = encode_post(Advert(0, 9, 10.0, 10.0, 0.5, "open", 0, NO_DIGEST), EARLIER)
        await earlier.publish(TOPICS.board("s-host/s"), post, qos=1, retain=True)
        await earlier.publish(TOPICS.presence("s-host"), encode_presence(OFFLINE, EARLIER), qos=1, retain=True)
        await earlier.publish(TOPICS.control, OPEN, qos=1, retain=True)
        tasks.create_task(running.run())
        await until(lambda: running.is_open)
        assert (running.is_ready, running.awaited, host.counters["received"]) == (False, ["s-host/s"], 0)
        another = driver(seller(), endpoint, records)
        tasks.create_task(another.run())
        await until(lambda: any(record.kind == "settled" for record in records))
        assert running.is_ready
        running.stop()
        another.stop()


@pytest.mark.asyncio
async def test_host_that_was_started_anew_hears_nothing_that_was_meant_for_it_before(endpoint: Endpoint) -> None:
    async with endpoint.client("stranger") as stranger, asyncio.TaskGroup() as tasks:
        await stranger.publish(TOPICS.control, OPEN, qos=1, retain=True)
        for frame_was_for in (None, driver(seller(), endpoint, []).life):
            host = seller()
            running = driver(host, endpoint, [])
            life = frame_was_for or running.life
            [bid] = encode_frames([Envelope("s", "x", 1, encode_message(Bid(0, 0, 5.0, 1.0, 1)))], life)
            serving = tasks.create_task(running.run())
            await until(lambda host=host: host.counters["posts"] > 0)  # type: ignore[misc]
            await stranger.publish(TOPICS.inbox("s-host", "stranger"), bid, qos=1)
            counted = "rejected: another life" if frame_was_for else "received"
            await until(lambda host=host, counted=counted: host.counters[counted] == 1)  # type: ignore[misc]
            running.stop()
            await serving


@pytest.mark.asyncio
async def test_buyer_whose_own_late_will_struck_out_its_bid_bids_anew(endpoint: Endpoint) -> None:
    """The will of a half-open connection comes long after the reconnection, in the same life."""
    records: list[Record[Any]] = []
    drivers = [driver(host, endpoint, records) for host in (seller(), buyer())]
    async with endpoint.client("launcher") as launcher, asyncio.TaskGroup() as tasks:
        for running in drivers:
            tasks.create_task(running.run())
        await launcher.publish(TOPICS.control, OPEN, qos=1, retain=True)
        await until(lambda: any(record.kind == "bid" for record in records))
        will = encode_presence(OFFLINE, drivers[1].life)
        await launcher.publish(TOPICS.presence("b-host"), will, qos=1, retain=True)
        await until(lambda: any(record.kind == "settled" for record in records))
        assert sum(record.kind == "bid" for record in records) == 2
        for running in drivers:
            running.stop()
