"""The usual way, for comparison: one aiomqtt connection for each node, one MQTT message for each message."""

import asyncio
from collections.abc import Awaitable

import aiomqtt
from metering import Meter

from node.protocol.machine import (
    CancelTimer,
    Event,
    Machine,
    Message,
    Opened,
    PostOnBoard,
    Received,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from node.protocol.numbers import LIFE_BYTES
from node.protocol.psp.trace import BidPlaced
from node.protocol.topics import Board, Inbox, Topics, address
from node.protocol.wire.frames import encode_message, encode_post
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock
from tests.protocol.codecs import EXCHANGE


class Driver:
    """Steps one machine, keeps its timers, and leaves to its heirs how a message travels."""

    def __init__(self, own: Machine, clock: Clock, meter: Meter) -> None:
        self.machine = own
        self._clock = clock
        self._meter = meter
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def handle(self, event: Event) -> None:
        now = self._clock()
        for effect in self.machine.step(now, event):
            match effect:
                case Send():
                    self.send(effect.to, effect.message)
                case PostOnBoard():
                    self.post(effect.message)
                case SetTimer():
                    self.cancel(effect.name)
                    wait_s = max(0.0, effect.at - now)
                    loop = asyncio.get_running_loop()
                    self._timers[effect.name] = loop.call_later(wait_s, self.handle, TimerFired(effect.name))
                case CancelTimer():
                    self.cancel(effect.name)
                case BidPlaced():
                    self._meter.bids += 1

    def cancel(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def send(self, to: str, message: Message) -> None:
        raise NotImplementedError

    def post(self, message: Message) -> None:
        raise NotImplementedError


class PlainNode(Driver):
    """One connection, QoS 1, nothing gathered: what a turn says is published together, each message by itself."""

    def __init__(self, name: str, own: Machine, topics: Topics, endpoint: Endpoint, clock: Clock, meter: Meter) -> None:
        super().__init__(own, clock, meter)
        self._name = name
        self._topics = topics
        self._endpoint = endpoint
        self._publishing: set[asyncio.Task[None]] = set()

    async def run(self, ready: asyncio.Event) -> None:
        async with self._endpoint.client(self._name) as client:
            self._client = client
            filters = [self._topics.every_inbox(self._name), *map(self._topics.board, self.machine.watches)]
            await client.subscribe([(topic, 1) for topic in filters])
            self.handle(Started())
            ready.set()
            async for message in client.messages:
                self._receive(message)

    def _receive(self, message: aiomqtt.Message) -> None:
        assert isinstance(message.payload, bytes)
        match self._topics.parse(message.topic.value):
            case Inbox(_, sender):
                self.handle(Received(address(sender, sender), EXCHANGE.message(message.payload)))
            case Board(poster):
                self.handle(Received(poster, EXCHANGE.post(message.payload)[1]))

    def send(self, to: str, message: Message) -> None:
        topic = self._topics.inbox(to.partition("/")[0], self._name)
        self._publish(self._client.publish(topic, bytes(encode_message(message)), qos=1))

    def post(self, message: Message) -> None:
        topic = self._topics.board(address(self._name, self._name))
        self._publish(self._client.publish(topic, encode_post(message, bytes(LIFE_BYTES)), qos=1, retain=True))

    def _publish(self, publishing: Awaitable[None]) -> None:
        task = asyncio.ensure_future(publishing)
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)


async def plain_market(machines: dict[str, Machine], endpoint: Endpoint, meter: Meter) -> None:
    """Connect all these nodes, wait for the opening, and trade until cancelled."""
    clock, topics = Clock(0.0), Topics("plain")
    nodes = [PlainNode(name, own, topics, endpoint, clock, meter) for name, own in machines.items()]
    async with asyncio.TaskGroup() as tasks:
        for node in nodes:
            ready = asyncio.Event()
            tasks.create_task(node.run(ready))
            await ready.wait()
        await meter.opening()
        for node in nodes:
            node.handle(Opened())
