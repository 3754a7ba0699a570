"""A market in the world ``mqtt``: worker processes, a start barrier, and an observer that sees when all is over."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import msgspec

from broker import BrokerError, RunningBroker
from node.protocol.call_messages import Registry
from node.protocol.errors import RejectedError
from node.protocol.frames import decode_post
from node.protocol.messages import Advert
from node.protocol.topics import Board, Presence, Topics, TraceOf, address
from node.runtime.keys import Keys
from node.runtime.mqtt import OFFLINE, OPEN, READY, STOP, Clock, TraceBatch
from scenarios.connecting import endpoint_of
from scenarios.errors import RunError
from scenarios.kinds import live_metrics
from scenarios.market import Market
from scenarios.metering import Meter
from scenarios.nodes import AnyMarket, host_names
from scenarios.results import Outcome, Status
from scenarios.sealing import seal_of
from scenarios.simulated import Watch
from scenarios.worker import Connections, Orders, placement_of

START_S, START_S_PER_NODE = 30.0, 0.05
"""How long the hosts may take until they are ready: at least, and per node."""

LEAVE_S = 10.0
"""How long the workers may take to leave once told to, seconds."""

LOOK_S = 0.1


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
    ) -> None:
        self._market = market
        self._broker = broker
        self._endpoint = endpoint_of(broker.address)
        self._run_dir = run_dir
        self._timeout_s = timeout_s
        self._watch = watch
        self._workers = workers
        self._connections = connections
        # A market name of its own keeps the run apart from others on the same broker.
        self._topic_market = run_dir.name[-64:]
        self._topics = Topics(self._topic_market)
        self._keys = keys
        self._seal = seal_of(self._topics, keys)("launcher")
        self._epoch = time.time()
        self._clock = Clock(self._epoch)
        placement = placement_of(market, connections, workers)
        self._hosts = set(host_names(placement))
        self._meter = meter or Meter()
        if isinstance(market, Market):
            self._meter.expect(address(placement[name], name) for name in market.closers)
        self._ready: set[str] = set()
        self._present: set[str] = set()
        self._closed: set[str] = set()
        self._retained: set[str] = set()
        self._counters: dict[str, dict[str, int]] = {}
        self._metrics = live_metrics(market)
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
        written = [
            Counter(msgspec.json.decode(path.read_bytes(), type=dict[str, int]))
            for path in sorted((self._run_dir / "events").glob("worker-*.json"))
        ]
        if len(written) == self._workers:
            return sum(written, Counter[str]())
        return sum(map(Counter, self._counters.values()), Counter[str]())

    async def run(self) -> None:
        """Start the workers, open the market, wait for its end, and stop everything that was started.

        Raises
        ------
        RunError
            If a worker died or the hosts did not get ready.
        BrokerError
            If the broker went away.
        """
        with self._working() as workers:
            async with asyncio.TaskGroup() as tasks:
                guards = [
                    tasks.create_task(self._guard_workers(workers), name="workers"),
                    tasks.create_task(self._guard_broker(), name="broker"),
                ]
                await self._observed()
                for guard in guards:
                    guard.cancel()
            await self._left(workers)

    # Workers

    @contextlib.contextmanager
    def _working(self) -> Iterator[list[subprocess.Popen[bytes]]]:
        """The worker processes; whatever happens, none outlives the block."""
        with contextlib.ExitStack() as stack:
            workers = [self._spawn(index, stack) for index in range(self._workers)]
            try:
                yield workers
            finally:
                _stop(workers)

    def _spawn(self, index: int, stack: contextlib.ExitStack) -> subprocess.Popen[bytes]:
        orders = Orders(
            run_dir=str(self._run_dir.resolve()),
            topic_market=self._topic_market,
            endpoint=self._endpoint,
            epoch=self._epoch,
            connections=self._connections,
            index=index,
            workers=self._workers,
            keys=self._keys,
        )
        log = stack.enter_context((self._run_dir / f"worker-{index + 1}.log").open("wb"))
        worker = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "scenarios.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # The interpreter's own threads would only fight over the cores with the other workers.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        )
        assert worker.stdin is not None
        worker.stdin.write(msgspec.json.encode(orders) + b"\n")
        worker.stdin.flush()
        return worker

    async def _guard_workers(self, workers: list[subprocess.Popen[bytes]]) -> None:
        while True:
            for index, worker in enumerate(workers):
                if worker.poll() is not None and self._ended_at is None:
                    self._status = "failed"
                    raise RunError(self._obituary(index, worker))
            await asyncio.sleep(LOOK_S)

    def _obituary(self, index: int, worker: subprocess.Popen[bytes]) -> str:
        log = self._run_dir / f"worker-{index + 1}.log"
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        why = f": {last[0]}" if last else ""
        return f"worker {index + 1} died with exit code {worker.returncode}{why}; see {log}"

    async def _left(self, workers: list[subprocess.Popen[bytes]]) -> None:
        """Wait until the workers have written their last and gone."""
        deadline = self._clock() + LEAVE_S
        # Polled: asyncio's own subprocesses need another event loop on Windows than aiomqtt does.
        while any(worker.poll() is None for worker in workers) and self._clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S / 2)

    async def _guard_broker(self) -> None:
        code = await self._broker.wait_died()
        self._status = "failed"
        log = self._run_dir / "broker.log"
        raise BrokerError(f"the {self._broker.kind} broker died during the run with exit code {code}; see {log}")

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
        return START_S + START_S_PER_NODE * self._market.nodes

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
        while not self._is_over():
            if self._opened_at is None and self._ready >= self._hosts:
                self._opened_at = self._clock()
                self._retained.add(self._topics.control)
                await client.publish(self._topics.control, OPEN, qos=1, retain=True)
            if reader.done():
                await reader
            self._watch(self._metrics, self._elapsed(), self._messages())
            await asyncio.sleep(LOOK_S)

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
        if len(self._closed) == len(self._market.closers):
            self._status = "settled"
            return True
        if self._elapsed() > self._timeout_s:
            self._status = "timeout"
            return True
        return False

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
            case TraceOf(host):
                batch = msgspec.msgpack.decode(payload, type=TraceBatch)
                self._counters[host] = batch.counters
                self._meter.count(host, batch.counters)
                self._meter.take(batch.records)
                for record in batch.records:
                    self._metrics.add(record)


def _stop(workers: list[subprocess.Popen[bytes]]) -> None:
    """End the workers: by the end of stdin, then by SIGTERM, then by SIGKILL."""
    for worker in workers:
        assert worker.stdin is not None
        try:
            worker.stdin.close()
        except BrokenPipeError:
            continue
    for patience_s, harder in ((LEAVE_S / 2, subprocess.Popen.terminate), (2.0, subprocess.Popen.kill)):
        deadline = time.monotonic() + patience_s
        for worker in workers:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                harder(worker)
