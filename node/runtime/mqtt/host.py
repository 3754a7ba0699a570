"""The world ``mqtt``: one host on one MQTT connection (docs/protocol.md, sections 2 and 7)."""

import asyncio
import contextlib
import math
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Generic, TypeVar

import aiomqtt
import msgspec

from node.protocol.errors import RejectedError
from node.protocol.host import Host
from node.protocol.machine import Event
from node.protocol.numbers import LIFE_BYTES, Count
from node.protocol.topics import Board, Control, Inbox, Presence, Topics
from node.protocol.trace import Record, Trace
from node.protocol.wire.presence import OFFLINE, ONLINE, READY, decode_presence, encode_presence
from node.runtime.faults.plan import Edge
from node.runtime.journal import Journal
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.gate import Gate, Parcel
from node.runtime.mqtt.mailbox import Mailbox
from node.runtime.mqtt.task_groups import first_error

OPEN, STOP, LOST = b"open", b"stop", b"lost"
"""What the launcher says on the control topic; the last is its last will."""

FEW_POSTERS = 20
"""Up to so many posters are subscribed to one by one; a host that watches more reads the whole board."""

TRACE_INTERVAL_S = 0.25
TRACE_RECORDS = 200
"""Most records in one batch, which so stays as small as a frame, however much happens at once."""

STOP_GRACE_S = 2.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 5.0


Counters = Annotated[dict[Annotated[str, msgspec.Meta(max_length=200)], Count], msgspec.Meta(max_length=2_000)]
"""What a host has counted, by name; it names up to 1,000 other hosts (``node.protocol.wire.limits``)."""

Line = TypeVar("Line")


class TraceBatch(msgspec.Struct, Generic[Line], array_like=True, frozen=True):
    """What a host publishes for observers: its counters so far, and records of what happened since the last batch."""

    counters: Counters
    records: list[Line]


class Clock:
    """Seconds since an instant of the wall clock that all hosts of a run share, never running backwards.

    Attributes
    ----------
    zero
        That instant on the monotonic clock of this machine: processes that share it agree on the time, even if somebody
        sets the wall clock between their starts.
    """

    def __init__(self, epoch: float) -> None:
        self.zero = time.monotonic() - (time.time() - epoch)

    @classmethod
    def since(cls, zero: float) -> "Clock":
        """The clock of another process on this machine."""
        clock = cls(0.0)
        clock.zero = zero
        return clock

    def __call__(self) -> float:
        """The time now, seconds."""
        return time.monotonic() - self.zero


class MqttHost:
    """Drives one host over MQTT until it is told to stop; reconnects with jittered backoff when cut off.

    Attributes
    ----------
    life
        Drawn at random for this process; a reconnection keeps it.
    is_connected
        Whether it has a connection now, and has subscribed.
    trouble
        Why it has none, since the last one.
    round_trip_s
        How long the broker took to acknowledge the last messages; 0 before the first.
    """

    def __init__(
        self,
        host: Host,
        topics: Topics,
        endpoint: Endpoint,
        clock: Clock,
        sink: Callable[[list[Record[Trace]]], None],
        journal: Journal | None = None,
        edge: Edge | None = None,
    ) -> None:
        self._host = host
        self._topics = topics
        self._endpoint = endpoint
        self._clock = clock
        self._sink = sink
        self._journal = journal
        self._gate = Gate(host.name, topics, edge)
        self._unpublished: list[Record[Trace]] = []
        self.life = secrets.token_bytes(LIFE_BYTES)
        self._has_news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._leave_by = math.inf
        self._alarm: asyncio.TimerHandle | None = None
        self._is_started = self._is_open = False
        self._says = ONLINE
        self._is_heard = self._is_belied = False
        self.is_connected = False
        self.trouble: aiomqtt.MqttError | None = None
        self.round_trip_s = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it has connected, and seen the posts of all whom its nodes watch."""
        return self._says == READY

    @property
    def is_open(self) -> bool:
        """Whether the start barrier has fallen."""
        return self._is_open

    @property
    def timers(self) -> int:
        """How many timers of its nodes are set."""
        return self._host.timers

    @property
    def awaited(self) -> list[str]:
        """Those of the watched of whom no post has counted yet."""
        return self._host.awaited

    def open(self) -> None:
        """Let the start barrier fall, if it has not fallen yet."""
        if not self._is_open:
            self._is_open = True
            self._gate.opened(self._clock())
            self._host.open(self._clock())
            self._has_news.set()

    def tell(self, node: str, event: Event) -> None:
        """Hand a node what happens to it now."""
        self._host.tell(self._clock(), node, event)
        self._has_news.set()

    def feel(self, edge: Edge) -> None:
        """Apply from now on what goes wrong at this edge; there has been none."""
        self._gate = Gate(self._host.name, self._topics, edge)

    def leave(self, grace_s: float) -> None:
        """Tell the nodes that their user leaves, so that they withdraw what does not bind them; then stop."""
        if self._is_started:
            self._host.leave(self._clock())
        self.stop(grace_s)

    def stop(self, grace_s: float = 0.0) -> None:
        """Ask the host to leave: when its nodes have finished, but after ``grace_s`` seconds at the latest."""
        self._leave_by = min(self._leave_by, self._clock() + grace_s)
        self._stopping.set()
        self._has_news.set()

    async def run(self) -> None:
        """Serve until stopped."""
        backoff = FIRST_BACKOFF_S
        while not self._stopping.is_set():
            try:
                async with self._connected() as client:
                    backoff = FIRST_BACKOFF_S
                    await self._serve(client)
            except* aiomqtt.MqttError as group:
                self.is_connected, self.trouble = False, _first(group)
                self._host.counters["reconnects"] += 1
                # Jitter keeps a thousand hosts from coming back in the same instant.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff * random.uniform(0.5, 1.5)):  # noqa: S311
                        await self._stopping.wait()
                backoff = min(LONGEST_BACKOFF_S, 2.0 * backoff)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        presence = self._topics.presence(self._host.name)
        will = aiomqtt.Will(presence, encode_presence(OFFLINE, self.life), qos=1, retain=True)
        mailbox = partial(Mailbox, self._host, self._topics)
        # A broker keeps one client per identifier; another market may have a host of this name.
        async with self._endpoint.client(f"{self._topics.market}-{self._host.name}", will, mailbox) as client:
            watched = list(self._host.watched)
            boards = [self._topics.board(poster) for poster in watched]
            filters = [
                self._topics.every_inbox(self._host.name),
                self._topics.every_presence,
                self._topics.control,
                *(boards if len(boards) <= FEW_POSTERS else [self._topics.every_board]),
            ]
            await client.subscribe([(topic, 1) for topic in filters])
            self._is_heard = False
            await self._say(client, self._says)
            self.is_connected, self.trouble = True, None
            yield client
            await self._say(client, OFFLINE)

    async def _say(self, client: aiomqtt.Client, word: str) -> None:
        """Say the word on the own presence topic."""
        presence = self._topics.presence(self._host.name)
        await client.publish(presence, encode_presence(word, self.life), qos=1, retain=True)

    async def _serve(self, client: aiomqtt.Client) -> None:
        if self._is_started:
            self._host.reconnected(self._clock())
        else:
            self._is_started = True
            past = self._journal.past() if self._journal else None
            self._host.start(self._clock(), {self._host.name: self.life}, past)
        self._has_news.set()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self._read(client), name=f"{self._host.name} reader"),
                tasks.create_task(self._publish_trace(client), name=f"{self._host.name} trace"),
            ]
            await self._pump(client, tasks)
            for helper in helpers:
                helper.cancel()
        await self._flush_trace(client)

    async def _pump(self, client: aiomqtt.Client, tasks: asyncio.TaskGroup) -> None:
        """Fire due timers and send what the nodes have to say, until the host has said its last."""
        while not self._has_left():
            await self._has_news.wait()
            self._has_news.clear()
            self._host.fire(self._clock())
            await self._flush(client, tasks)
            self._wake_when_due()
            if self._stopping.is_set():
                self._has_news.set()
                await asyncio.sleep(0.01)

    def _has_left(self) -> bool:
        """Whether it is told to stop, and has said its last or may not wait for that any longer."""
        if not self._stopping.is_set():
            return False
        return self._clock() >= self._leave_by or (self._host.finished and not self._host.has_output)

    async def _flush(self, client: aiomqtt.Client, tasks: asyncio.TaskGroup) -> None:
        host = self._host
        if not self._is_heard:
            return  # to hosts whose lives are not known yet nothing could be sent
        if (self._says == ONLINE and not host.awaited) or self._is_belied:
            self._says, self._is_belied = ONLINE if host.awaited else READY, False
            await self._say(client, self._says)
        # Before anything that was said in the same turn leaves, and at once: it is rare, and takes as long as a frame.
        if (entries := host.entries()) and self._journal:
            self._journal.append(entries)
        now = self._clock()
        parcels = self._gate.parcels(host.frames(), host.posts(), now)
        if records := host.records():
            self._sink(records)
            self._unpublished += records
        for parcel in parcels:
            if parcel.at > now:
                tasks.create_task(self._publish_late(client, parcel), name=f"{host.name} late")
        # While these wait for their acknowledgements, more gathers for the next frames.
        began = self._clock()
        await asyncio.gather(*(self._publish(client, parcel) for parcel in parcels if parcel.at <= now))
        if parcels:
            self.round_trip_s = self._clock() - began
        host.counters["frames"] += sum(not parcel.retained for parcel in parcels)
        host.counters["bytes"] += sum(len(parcel.data) for parcel in parcels)

    async def _publish_late(self, client: aiomqtt.Client, parcel: Parcel) -> None:
        await asyncio.sleep(parcel.at - self._clock())
        await self._publish(client, parcel)

    async def _publish(self, client: aiomqtt.Client, parcel: Parcel) -> None:
        await client.publish(parcel.topic, parcel.data, qos=1, retain=parcel.retained)

    def _wake_when_due(self) -> None:
        """Have the pump run again at the next deadline."""
        if self._alarm:
            self._alarm.cancel()
        deadline = self._host.next_deadline
        if deadline is not None:
            wait_s = max(0.0, deadline - self._clock())
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._has_news.set)

    # In

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            self._take(message.topic.value, payload if isinstance(payload, bytes) else b"")

    def _take(self, topic: str, payload: bytes) -> None:
        now = self._clock()
        try:
            if (opens_at := self._gate.opens_at(topic, now)) > now:
                if self._gate.hold(topic, payload):
                    asyncio.get_running_loop().call_later(opens_at - now, self._take_held, topic)
                return
            self._receive(now, topic, payload)
        except RejectedError as reason:
            self._host.counters[f"rejected: {reason}"] += 1
        self._has_news.set()

    def _take_held(self, topic: str) -> None:
        self._take(topic, self._gate.held(topic))

    def _receive(self, now: float, topic: str, payload: bytes) -> None:
        match self._topics.parse(topic):
            case Inbox(_, from_host):
                self._host.receive_frame(now, from_host, payload)
            case Board(poster) if payload:
                self._host.receive_post(now, poster, payload)
            case Presence(host) if payload:
                self._receive_presence(now, host, payload)
            case Control() if payload == OPEN:
                self.open()
            case Control() if payload == STOP:
                self.stop(STOP_GRACE_S)

    def _receive_presence(self, now: float, host: str, payload: bytes) -> None:
        try:
            word, life = decode_presence(payload)
        except RejectedError as reason:
            self._host.reject(host, reason)
            return
        if host == self._host.name:
            self._hear_oneself(now, word, life)
        elif word != OFFLINE:
            self._host.peer_online(now, host, life)
        # While this host leaves the market, the others leave too: their last words must not reach its nodes.
        elif not self._stopping.is_set():
            self._host.peer_offline(now, host, life)

    def _hear_oneself(self, now: float, word: str, life: bytes) -> None:
        """Note that the own word is here, and with it, since brokers deliver in order, all that was retained.

        The last will of an earlier connection may come after it: it tells newcomers, and if it is of this life the
        others too, that this host is gone.
        """
        if word != OFFLINE:
            self._is_heard = self._is_heard or life == self.life
        elif self._is_heard:
            self._is_belied = True
            if life == self.life:
                self._host.reconnected(now)

    # Observers

    async def _publish_trace(self, client: aiomqtt.Client) -> None:
        while True:
            await asyncio.sleep(TRACE_INTERVAL_S)
            await self._flush_trace(client)

    async def _flush_trace(self, client: aiomqtt.Client) -> None:
        records, self._unpublished = self._unpublished, []
        for first in range(0, max(1, len(records)), TRACE_RECORDS):
            batch = TraceBatch(dict(self._host.counters), records[first : first + TRACE_RECORDS])
            await client.publish(self._topics.trace(self._host.name), msgspec.msgpack.encode(batch), qos=0)


def _first(group: BaseExceptionGroup[aiomqtt.MqttError]) -> aiomqtt.MqttError:
    error = first_error(group)
    assert isinstance(error, aiomqtt.MqttError)
    return error
