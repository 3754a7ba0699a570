"""A market in the world ``mqtt``: worker processes, a start barrier, and an observer that sees when all is over."""

import asyncio
import contextlib
import math
import time
from collections import Counter
from pathlib import Path
from typing import Literal

import aiomqtt
import msgspec

from broker import BrokerError, RunningBroker
from node.protocol.dmp.messages import Registry
from node.protocol.errors import RejectedError
from node.protocol.host import Record
from node.protocol.psp.messages import Advert
from node.protocol.topics import Board, Presence, Topics, TraceOf, address, host_of
from node.protocol.wire.frames import decode_post
from node.runtime.faults.plan import Fault, Plan, fault_record
from node.runtime.keys import Keys
from node.runtime.mqtt.host import OFFLINE, OPEN, READY, STOP, Clock, TraceBatch
from scenarios.broker_link import endpoint_of, seal_of
from scenarios.chaos.process_faults import deeds
from scenarios.errors import RunError
from scenarios.launch.placement import AnyMarket, faults_of, host_names, own_host_names
from scenarios.launch.simulated import Watch
from scenarios.launch.worker import Connections, Orders, placement_of
from scenarios.launch.workers import LEAVE_S, Workers
from scenarios.markets.psp.market import Market
from scenarios.markets.registry import live_metrics
from scenarios.metrics.meter import Meter
from scenarios.results.outcome import Outcome, Status
from scenarios.results.trace import EventLog

START_S, START_S_PER_NODE, START_DEVICES_S = 30.0, 0.05, 600.0
"""How long the hosts may take until they are ready: at least, per node, and at least where somebody starts devices."""

LOOK_S = 0.1

RETRIES_HEARD = 8.0
"""For so many retry intervals the hosts stay after the last closing, where frames are lost or processes killed: what
was agreed on, and not heard by the other side, is said again meanwhile."""


class Launcher:
    """One run over MQTT. What it has seen when it is cut short stays in ``outcome``."""

    def __init__(
        self,
        market: AnyMarket,
        broker: RunningBroker,
        run_dir: Path,
        timeout_s: float,
        watch: Watch,
        workers: int,
        connections: Connections,
        keys: Keys | None = None,
        meter: Meter | None = None,
        name: str | None = None,
    ) -> None:
        self._market = market
        self._broker = broker
        self._endpoint = endpoint_of(broker.address)
        self._run_dir = run_dir
        self._log = EventLog(run_dir / "events" / "launcher.jsonl")
        self._timeout_s = timeout_s
        self._watch = watch
        # A market name of its own keeps the run apart from others on the same broker.
        self._topic_market = name or run_dir.name[-64:]
        self._topics = Topics(self._topic_market)
        self._seal = seal_of(self._topics, keys)("launcher")
        self._epoch = time.time()
        self._clock = Clock(self._epoch)
        placement = placement_of(market, connections, workers)
        self._faults = faults_of(market, placement)
        self._hosts = set(host_names(placement))
        hosts = own_host_names(market, placement)
        self._devices = self._hosts.difference(hosts)
        self._carried = {index: hosts[index::workers] for index in range(workers)}
        orders = Orders(
            str(run_dir.resolve()), self._topic_market, self._endpoint, self._epoch, connections, 0, workers, keys
        )
        self._workers = Workers([msgspec.structs.replace(orders, index=index) for index in self._carried], run_dir)
        self._ready: set[str] = set()
        self._present: set[str] = set()
        self._closers = {address(placement[name], name) for name in market.closers}
        self._meter = meter or Meter()
        self._meter.expect(self._closers if isinstance(market, Market) else ())
        self._closed: set[str] = set()
        self._all_closed_at = math.inf
        self._retained: set[str] = set()
        self._counters: dict[str, dict[str, int]] = {}
        self._metrics = live_metrics(market)
        self._opened = asyncio.Event()
        self._opened_at: float | None = None
        self._ended_at: float | None = None
        self._status: Status = "interrupted"

    @property
    def outcome(self) -> Outcome:
        """How the run ended, or how far it came."""
        opened = self._opened_at if self._opened_at is not None else self._clock()
        ended = self._ended_at if self._ended_at is not None else self._clock()
        return Outcome(self._status, opened, ended - opened, dict(self._counted()))

    def _counted(self) -> Counter[str]:
        """What all hosts counted: as they wrote it on leaving, else as they last published it."""
        return self._workers.counted() or sum(map(Counter, self._counters.values()), self._workers.lost)

    async def run(self) -> None:
        """Start the workers, open the market, wait for its end, and stop everything that was started.

        Raises
        ------
        RunError
            If a worker died or the hosts did not get ready.
        BrokerError
            If the broker went away.
        """
        with contextlib.closing(self._log), self._workers.working():
            async with asyncio.TaskGroup() as tasks:
                guards = [
                    tasks.create_task(self._guard_workers(), name="workers"),
                    tasks.create_task(self._guard_broker(), name="broker"),
                ]
                if self._faults:
                    guards.append(tasks.create_task(self._break(self._faults), name="faults"))
                await self._observed()
                for guard in guards:
                    guard.cancel()
            await self._left()

    # Workers and broker

    async def _guard_workers(self) -> None:
        while True:
            if self._ended_at is None and (obituary := self._workers.obituary()):
                self._status = "failed"
                raise RunError(obituary)
            await asyncio.sleep(LOOK_S)

    async def _left(self) -> None:
        """Wait until the workers have written their last and gone."""
        deadline = self._clock() + LEAVE_S
        # Polled: asyncio's own subprocesses need another event loop on Windows than aiomqtt does.
        while not self._workers.have_left and self._clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S / 2)

    async def _guard_broker(self) -> None:
        code = await self._broker.wait_died()
        self._status = "failed"
        log = self._run_dir / "broker.log"
        raise BrokerError(f"the {self._broker.kind} broker died during the run with exit code {code}; see {log}")

    # Faults

    async def _break(self, plan: Plan) -> None:
        """Do to the processes what the plan says, from the opening to the end."""
        await self._opened.wait()
        assert self._opened_at is not None
        for deed in deeds(plan, self._carried, self):
            await asyncio.sleep(max(0.0, self._opened_at + deed.at_s - self._clock()))
            if self._ended_at is not None:
                return
            await deed.do()

    async def kill_worker(self, index: int, *, comes_back: bool) -> None:
        """End a worker by SIGKILL; for ever, its sellers are waited for no more."""
        hosts = self._carried[index]
        counted = sum((Counter(self._counters.pop(host, {})) for host in hosts), Counter[str]())
        self._workers.kill(index, counted, comes_back=comes_back)
        self._present.difference_update(hosts)
        if not comes_back:
            self._hosts.difference_update(hosts)
            self._closers = {closer for closer in self._closers if host_of(closer) in self._hosts}

    async def restart_worker(self, index: int) -> None:
        """Start a killed worker again, into the open market."""
        assert self._opened_at is not None
        self._workers.start_again(index, self._opened_at)

    async def kill_broker(self) -> None:
        """End the broker by SIGKILL."""
        await self._broker.kill()

    async def restart_broker(self) -> None:
        """Start the broker again, on its port."""
        try:
            await self._broker.restart()
        except BrokerError:
            self._status = "failed"
            raise

    async def tell(self, kind: Literal["fault", "healed"], fault: Fault) -> None:
        """Note in the trace that a fault begins, or is over."""
        self._log.write([fault_record(self._clock(), kind, fault)])
        self._log.flush()

    # The market, as an observer sees it

    async def _observed(self) -> None:
        while self._ended_at is None:
            try:
                async with self._endpoint.client(f"{self._topic_market}-launcher") as client:
                    await self._session(client)
            except aiomqtt.MqttError as error:
                if self._opened_at is None and self._clock() > self._patience():
                    raise BrokerError(
                        f"the broker at {self._broker.address.host_port} does not serve the launcher: {error}"
                    ) from error
                if self._is_over():
                    self._ended_at = self._clock()
                await asyncio.sleep(LOOK_S)

    def _patience(self) -> float:
        return (START_DEVICES_S if self._devices else START_S) + START_S_PER_NODE * self._market.nodes

    async def _session(self, client: aiomqtt.Client) -> None:
        await client.subscribe(
            [(self._topics.every_presence, 1), (self._topics.every_board, 1), (self._topics.every_trace, 0)]
        )
        reader = asyncio.create_task(self._read(client), name="observer")
        try:
            await self._until_over(client, reader)
        except (asyncio.CancelledError, RunError):
            await self._farewell(client)
            raise
        else:
            await self._farewell(client)
        finally:
            reader.cancel()

    async def _until_over(self, client: aiomqtt.Client, reader: asyncio.Task[None]) -> None:
        if self._opened_at is not None:
            await self._say_open(client)  # a broker that died may have forgotten it
        while not self._is_over():
            if self._opened_at is None and self._ready >= self._hosts:
                self._opened_at = self._clock()
                self._opened.set()
                await self._say_open(client)
            if reader.done():
                await reader
            self._watch(self._metrics, self._elapsed(), self._messages())
            await asyncio.sleep(LOOK_S)

    async def _say_open(self, client: aiomqtt.Client) -> None:
        self._retained.add(self._topics.control)
        await client.publish(self._topics.control, OPEN, qos=1, retain=True)

    async def _farewell(self, client: aiomqtt.Client) -> None:
        """Send everybody home, and leave no retained message on a broker that may be somebody else's."""
        self._ended_at = self._clock()
        with contextlib.suppress(aiomqtt.MqttError):
            await client.publish(self._topics.control, STOP, qos=1, retain=True)
            deadline = self._clock() + LEAVE_S
            while self._present and self._clock() < deadline:  # noqa: ASYNC110 - it is soon over
                await asyncio.sleep(LOOK_S / 2)
            for topic in sorted(self._retained):
                await client.publish(topic, b"", qos=1, retain=True)
        self._watch(self._metrics, self._elapsed(), self._messages())

    def _elapsed(self) -> float:
        if self._opened_at is None:
            return 0.0
        return (self._clock() if self._ended_at is None else self._ended_at) - self._opened_at

    def _messages(self) -> int:
        return sum(counters.get("sent", 0) for counters in self._counters.values())

    def _is_over(self) -> bool:
        if self._opened_at is None:
            if self._clock() > self._patience():
                self._status = "failed"
                missing = sorted(self._hosts - self._ready)
                raise RunError(f"{len(missing)} of {len(self._hosts)} hosts did not get ready, {missing[0]} among them")
            return False
        if self._is_settled():
            self._status = "settled"
            return True
        if self._elapsed() > self._timeout_s:
            self._status = "timeout"
            return True
        return False

    def _is_settled(self) -> bool:
        """Whether all is closed; where something goes wrong, also whether everybody who comes back is heard out."""
        if not self._closed >= self._closers:
            return False
        if self._faults is None:
            return True
        self._all_closed_at = min(self._all_closed_at, self._clock())
        if self._broker.is_down or any(self._workers.away.values()) or not self._present >= self._hosts:
            self._all_closed_at = self._clock()
        return self._clock() >= self._all_closed_at + RETRIES_HEARD * self._market.timing.retry_s

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            if isinstance(payload, bytes) and payload:
                topic = message.topic.value
                try:
                    self._note(topic, payload)
                except (RejectedError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    continue  # an observer counts nothing; the hosts do

    def _note(self, topic: str, payload: bytes) -> None:
        match self._topics.parse(topic):
            case Presence(host):
                self._retained.add(topic)
                if payload == READY:
                    self._ready.add(host)
                if payload == OFFLINE:
                    self._present.discard(host)
                else:
                    self._present.add(host)
            case Board(poster):
                self._retained.add(topic)
                post = decode_post(self._seal.opened_post(poster, payload) if self._seal else payload)
                if isinstance(post, Advert | Registry) and post.state == "closed":
                    self._closed.add(poster)
            case TraceOf(host) if host in self._hosts:
                batch = msgspec.msgpack.decode(payload, type=TraceBatch)
                self._counters[host] = batch.counters
                self._meter.count(host, batch.counters)
                records = self._from_device(batch.records) if host in self._devices else batch.records
                self._meter.take(records)
                for record in records:
                    self._metrics.add(record)

    def _from_device(self, records: list[Record]) -> list[Record]:
        """What a device says of itself, in the time of the run: no worker writes it down."""
        own = [msgspec.structs.replace(record, time_s=record.time_s - self._epoch) for record in records]
        self._log.write(own)
        self._log.flush()
        return own
