"""What docs/protocol.md, section 2 asks of a broker, of every broker started here."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import aiomqtt
import pytest

from broker import BrokerAddress, RunningBroker
from node.protocol.wire.frames import MAX_FRAME_BYTES
from tests.conftest import DEADLINE_S

Connect = Callable[[BrokerAddress], aiomqtt.Client]
Receive = Callable[[aiomqtt.Client], Awaitable[aiomqtt.Message]]
HOSTS = 12

# CONNECT of client "lost", clean session, with the retained QoS 1 will "offline" on "m/presence/lost".
CONNECT_WITH_WILL = b"\x10\x2a\x00\x04MQTT\x04\x2e\x00\x3c\x00\x04lost\x00\x0fm/presence/lost\x00\x07offline"

HEADER_OF_16_MIB = b"\x30\x80\x80\x80\x08"  # the fixed header of a PUBLISH


@pytest.mark.asyncio
async def test_qos_1_reaches_a_plus_subscription(broker: RunningBroker, connect: Connect, receive: Receive) -> None:
    async with connect(broker.address) as sender, connect(broker.address) as receiver:
        await receiver.subscribe("m/inbox/b/+", qos=1)
        await sender.publish("m/inbox/c/a", b"for another", qos=1)
        await sender.publish("m/inbox/b/a", b"frame", qos=1)
        message = await receive(receiver)
    assert (message.topic.value, message.payload, message.qos) == ("m/inbox/b/a", b"frame", 1)


@pytest.mark.asyncio
async def test_retained_message_reaches_a_later_hash_subscription(
    broker: RunningBroker, connect: Connect, receive: Receive
) -> None:
    async with connect(broker.address) as seller:
        await seller.publish("m/board/s/1", b"advert", qos=1, retain=True)
    async with connect(broker.address) as buyer:
        await buyer.subscribe("m/board/#", qos=1)
        message = await receive(buyer)
    assert (message.topic.value, message.payload, message.retain) == ("m/board/s/1", b"advert", True)


@pytest.mark.asyncio
async def test_cleared_retained_message_is_not_delivered(
    broker: RunningBroker, connect: Connect, receive: Receive
) -> None:
    async with connect(broker.address) as client:
        await client.publish("m/board/s/1", b"advert", qos=1, retain=True)
        await client.publish("m/board/s/1", b"", qos=1, retain=True)
        await client.subscribe("m/board/#", qos=1)
        await client.publish("m/board/s/2", b"marker", qos=1)
        assert (await receive(client)).topic.value == "m/board/s/2"


@pytest.mark.asyncio
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_will_is_delivered_on_abrupt_disconnect(
    broker: RunningBroker, connect: Connect, receive: Receive, reset: bool
) -> None:
    async with connect(broker.address) as observer:
        await observer.subscribe("m/presence/#", qos=1)
        reader, writer = await asyncio.open_connection(broker.address.host, broker.address.port)
        writer.write(CONNECT_WITH_WILL)
        assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        message = await receive(observer)
    assert (message.topic.value, message.payload) == ("m/presence/lost", b"offline")


@pytest.mark.asyncio
async def test_frame_of_64_kib_arrives_whole(broker: RunningBroker, connect: Connect, receive: Receive) -> None:
    frame = bytes(range(256)) * 256
    async with connect(broker.address) as client:
        await client.subscribe("m/inbox/b/+", qos=1)
        await client.publish("m/inbox/b/a", frame, qos=1)
        assert (await receive(client)).payload == frame


@pytest.mark.asyncio
async def test_nothing_arrives_before_the_subscription(
    broker: RunningBroker, connect: Connect, receive: Receive
) -> None:
    async with connect(broker.address) as earlier, connect(broker.address) as later:
        await earlier.subscribe("m/board/#", qos=1)
        await earlier.publish("m/board/s/1", b"advert", qos=1, retain=True)
        await receive(earlier)
        async with connect(broker.address) as newcomer:
            await newcomer.subscribe("m/inbox/b/+", qos=1)
            await later.publish("m/inbox/b/a", b"marker", qos=1)
            assert (await receive(newcomer)).payload == b"marker"


@pytest.mark.asyncio
async def test_hosts_that_connect_at_once_all_hear_each_other(broker: RunningBroker, connect: Connect) -> None:
    async def heard_everyone(name: str) -> bool:
        missing = {f"m/presence/{number}" for number in range(HOSTS)}
        async with connect(broker.address) as client:
            for topic_filter in (f"m/inbox/{name}/+", "m/board/#", "m/presence/#"):
                await client.subscribe(topic_filter, qos=1)
            await client.publish(f"m/board/{name}/1", b"advert", qos=1, retain=True)
            await client.publish(f"m/presence/{name}", b"online", qos=1, retain=True)
            async for message in client.messages:
                missing.discard(message.topic.value)
                if not missing:
                    return True
        return False

    async with asyncio.timeout(DEADLINE_S):
        assert all(await asyncio.gather(*(heard_everyone(str(number)) for number in range(HOSTS))))


@pytest.mark.asyncio
async def test_who_sends_far_more_than_a_frame_is_cut_off_and_others_are_not(
    broker: RunningBroker, connect: Connect, receive: Receive
) -> None:
    async with connect(broker.address) as honest:
        await honest.subscribe("m/inbox/b/+", qos=1)
        reader, writer = await asyncio.open_connection(broker.address.host, broker.address.port)
        writer.write(CONNECT_WITH_WILL)
        await reader.readexactly(4)
        writer.write(HEADER_OF_16_MIB)
        async with asyncio.timeout(DEADLINE_S):
            assert await reader.read() == b""
        writer.close()
        await honest.publish("m/inbox/b/a", b"x" * MAX_FRAME_BYTES, qos=1)
        assert len((await receive(honest)).payload) == MAX_FRAME_BYTES


@pytest.mark.asyncio
async def test_broker_listens_on_the_loopback_address_only(broker: RunningBroker) -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.2", broker.address.port)
