"""A run over MQTT as its topics show it: who is ready, what has closed, what hosts tell, and when all is over."""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable

import aiomqtt
import msgspec

from broker import BrokerError
from node.protocol.errors import RejectedError
from node.protocol.topics import Board, Presence, Topics, TraceOf, address, host_of
from node.protocol.trace import Record, Trace
from node.protocol.wire.frames import Codec
from node.protocol.wire.presence import OFFLINE, READY, decode_presence
from node.runtime.faults.plan import Fault, FaultBegun, FaultHealed, FaultRecord, fault_record
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import LOST, OPEN, STOP, Clock, TraceBatch
from scenarios.broker_link import seal_of
from scenarios.errors import RunError
from scenarios.launch.options import Job, since
from scenarios.launch.parts import assembly
from scenarios.launch.placement import faults_of, host_names, own_host_names
from scenarios.launch.trace_filter import MALFORMED, TraceFilter
from scenarios.launch.workers import LEAVE_S
from scenarios.markets.registry import kind_of
from scenarios.results import folder as rundir
from scenarios.results.lines import some
from scenarios.results.outcome import Outcome, Status
from scenarios.results.trace import EventLog
from scenarios.words import counted

START_S, START_S_PER_NODE, START_DEVICES_S = 30.0, 0.05, 600.0
"""How long the hosts may take until they are ready: at least, per node, and at least where somebody starts devices."""

LEAST_START_S = 10.0
"""A shorter ``--timeout`` still leaves the hosts so long: the workers of a run take seconds to start."""

MOST_NAMED = 3
"""So many of the hosts that are waited for are named."""

LOOK_S = 0.1

MOST_MADE_UP = 1_000
"""Retained topics, besides those of its nodes, that a run deletes when it is over."""

RETRIES_HEARD = 8.0
"""For so many retry intervals the hosts stay after the last closing, where frames are lost or processes killed: what
was agreed on, and not heard by the other side, is said again meanwhile."""


class Observer:
    """Opens the market when all hosts are ready, and ends it when all auctions are closed, or time is up.

    Attributes
    ----------
    opened
        Set once the market is open.
    opened_at, ended_at
        Seconds of the run's clock; None before.
    status
        How the run ended; ``interrupted`` until it has.
    log
        Where faults go; the records of each device go into a file of its own.
    """

    def __init__(self, job: Job, topic_market: str, endpoint: Endpoint, epoch: float) -> None:
        market, placement = job.market, job.placement
        assert job.metrics is not None
        self._metrics = job.metrics
        self._job = job
        self._kind = kind_of(market)
        self._codec = Codec(self._kind.messages)
        self._filter = TraceFilter(self._kind, market, placement)
        self._endpoint = endpoint
        self._topic_market = topic_market
        self._topics = Topics(topic_market)
        self._seal = seal_of(self._topics, job.keys)("launcher")
        self._epoch = epoch
        self.clock = Clock(epoch)
        self.log = EventLog(job.folder / "events" / "launcher.jsonl")
        self._hosts = set(host_names(placement))
        own = own_host_names(market, placement)
        self._devices = self._hosts.difference(own)
        self._parts = own if job.options.parts else []
        self._diaries = {
            device: _Diary(EventLog(job.folder / "events" / f"device-{k}.jsonl"), epoch)
            for k, device in enumerate([*sorted(self._devices), *self._parts], 1)
        }
        self._is_disturbed = faults_of(market, placement) is not None
        self._closers = {address(placement[name], name) for name in market.closers}
        self._meter = job.onlookers.meter
        if self._meter:
            self._meter.expect(address(placement[name], name) for name in market.auctioneers)
        self._ready: set[str] = set()
        self._present: set[str] = set()
        self._lives: dict[str, bytes] = {}
        self._closings: dict[str, bytes] = {}
        self._closed: set[str] = set()
        self._all_closed_at = math.inf
        self._retained: set[str] = set()
        self._counters: dict[str, dict[str, int]] = {}
        self._counted_before: Counter[str] = Counter()
        self._gone: set[str] = set()
        self.opened = asyncio.Event()
        self.opened_at: float | None = None
        self.ended_at: float | None = None
        self.status: Status = "interrupted"

    def outcome(self, counters: Counter[str]) -> Outcome:
        """How the run ended, or how far it came, with what all hosts have counted."""
        ended = self.ended_at if self.ended_at is not None else self.clock()
        opened = self.opened_at if self.opened_at is not None else ended
        return Outcome(self.status, opened, ended - opened, dict(counters), dict(self._filter.dropped))

    def close(self) -> None:
        """Close all files."""
        self.log.close()
        for diary in self._diaries.values():
            diary.log.close()

    @property
    def counted(self) -> Counter[str]:
        """What the hosts counted, as each last published it in each life."""
        return sum(map(Counter, self._counters.values()), self._counted_before)

    def lose(self, hosts: Collection[str], *, for_good: bool) -> Counter[str]:
        """Take these hosts for gone, and wait for their sellers no more if it is for good; what they had counted."""
        counted = sum((Counter(self._counters.pop(host, {})) for host in hosts), Counter[str]())
        self._present.difference_update(hosts)
        if for_good:
            self._hosts.difference_update(hosts)
            self._closers = {closer for closer in self._closers if host_of(closer) in self._hosts}
        return counted

    def is_present(self, host: str) -> bool:
        """Whether the host is there, by its own word."""
        return host in self._present

    def disturb(self) -> None:
        """Something goes wrong that was not planned: what was agreed on, and not heard, is said again."""
        self._is_disturbed = True

    def give_up(self, host: str, why: str) -> None:
        """Wait no more for a part that cannot be carried any further.

        Raises
        ------
        RunError
            If the market cannot begin without it, or nobody is left.
        """
        if self.opened_at is None or self._hosts == {host}:
            self.status = "failed"
            raise RunError(f"{host} cannot be carried: {why}")
        if self.ended_at is None:
            self._counted_before.update(self.lose([host], for_good=True))
            self._job.onlookers.say(f"{host} does not come back, and its users are out of the market: {why}")

    async def observe(self, is_whole: Callable[[], bool]) -> None:
        """Watch the run until it is over.

        Parameters
        ----------
        is_whole
            Whether the broker is up, and nobody is away who comes back.

        Raises
        ------
        RunError
            If the hosts did not get ready.
        BrokerError
            If the broker does not serve.
        """
        while self.ended_at is None:
            try:
                will = aiomqtt.Will(self._topics.control, LOST, qos=1, retain=True)
                async with self._endpoint.client(f"{self._topic_market}-launcher", will) as client:
                    await self._session(client, is_whole)
            except aiomqtt.MqttError as error:
                if self.opened_at is None and self.clock() > self._patience():
                    where = f"{self._endpoint.host}:{self._endpoint.port}"
                    raise BrokerError(f"the broker at {where} does not serve the launcher: {error}") from error
                if self._is_over(is_whole):
                    self.ended_at = self.clock()
                await asyncio.sleep(LOOK_S)

    def _patience(self) -> float:
        """Seconds that the hosts have until they are ready."""
        longest = (START_DEVICES_S if self._diaries else START_S) + START_S_PER_NODE * self._job.market.nodes
        timeout_s = self._job.options.timeout_s
        return longest if timeout_s is None else min(longest, max(timeout_s, LEAST_START_S))

    @property
    def _missing(self) -> set[str]:
        """The hosts that are not there; if all are, those that have not seen yet what others must have posted."""
        return (self._hosts - self._present) or (self._hosts - self._ready)

    def _awaited(self) -> str:
        """Who is waited for, in words, first the hosts that somebody else starts."""
        missing = sorted(self._missing, key=lambda host: (host not in self._devices, host))
        named = [f"device {host}" if host in self._devices else host for host in missing]
        text = f"{len(missing)} of {counted(len(self._hosts), 'host')}: {some(named, MOST_NAMED, ', ')}"
        parts = [host for host in self._parts if host in missing and host not in self._present]
        return f"{text}; {self._remedy(parts[0])}" if parts else text

    def _remedy(self, host: str) -> str:
        """What starts the host of a part; scenario and settings are those that the run was given."""
        options = self._job.options
        if options.place:
            return f"Dask starts {host} on a worker that has a thread free"
        broker = "--broker URL" if options.profile is None else f"--join {options.profile}"
        part = f"{self._parts.index(host) + 1}/{options.parts}"
        return (
            f"start {host} with: bidswarm host SCENARIO {broker} --market {self._topic_market} "
            f"--part {part} --seed {options.seed}, and the same --set"
        )

    def _give_up(self) -> None:
        """Raise RunError: the hosts did not get ready."""
        patience = self._patience()
        self.status = "timeout" if patience == self._job.options.timeout_s else "failed"
        if self._missing & self._devices:
            remedy = "start the devices with bidswarm node --wait, under the name and in the market that the run says"
        elif self._parts:
            remedy = "what it says on its machine tells why"
        else:
            remedy = f"see worker-1.log and its like in {self._job.folder}"
        raise RunError(f"not ready after {patience:g} s are {self._awaited()}; {remedy}")

    async def _session(self, client: aiomqtt.Client, is_whole: Callable[[], bool]) -> None:
        await client.subscribe(
            [(self._topics.every_presence, 1), (self._topics.every_board, 1), (self._topics.every_trace, 0)]
        )
        reader = asyncio.create_task(self._read(client), name="observer")
        try:
            await self._until_over(client, reader, is_whole)
        except (asyncio.CancelledError, RunError):
            await self._farewell(client)
            raise
        else:
            await self._farewell(client)
        finally:
            reader.cancel()

    async def _until_over(
        self, client: aiomqtt.Client, reader: asyncio.Task[None], is_whole: Callable[[], bool]
    ) -> None:
        if self.opened_at is not None:
            await self._say_open(client)  # a broker that died has lost the retained message
        elif self._parts:
            self._retained.add(self._topics.control)
            word = assembly(self._job.market, len(self._parts))
            await client.publish(self._topics.control, word, qos=1, retain=True)
        while not self._is_over(is_whole):
            if self.opened_at is None and self._ready >= self._hosts:
                self.opened_at = self.clock()
                rundir.note(self._job.folder, opened_at_s=self.opened_at)
                self.opened.set()
                await self._say_open(client)
            if reader.done():
                await reader
            self._show()
            await asyncio.sleep(LOOK_S)

    def _show(self) -> None:
        if self.opened_at is None and self.ended_at is None:
            self._job.onlookers.wait(f"waiting for {self._awaited()}")
            return
        sent = sum(counters.get("sent", 0) for counters in self._counters.values())
        self._job.onlookers.watch(self._metrics, self._elapsed(), sent)

    async def _say_open(self, client: aiomqtt.Client) -> None:
        self._retained.add(self._topics.control)
        await client.publish(self._topics.control, OPEN, qos=1, retain=True)

    async def _farewell(self, client: aiomqtt.Client) -> None:
        """Tell all hosts to leave, and delete all retained messages, since the broker may be somebody else's."""
        self.ended_at = self.clock()
        with contextlib.suppress(aiomqtt.MqttError):
            await client.publish(self._topics.control, STOP, qos=1, retain=True)
            deadline = self.clock() + LEAVE_S
            while self._present and self.clock() < deadline:  # noqa: ASYNC110 - it is soon over
                await asyncio.sleep(LOOK_S / 2)
            for topic in sorted(self._retained):
                await client.publish(topic, b"", qos=1, retain=True)
        self._show()

    def _elapsed(self) -> float:
        if self.opened_at is None:
            return 0.0
        return (self.clock() if self.ended_at is None else self.ended_at) - self.opened_at

    def _is_over(self, is_whole: Callable[[], bool]) -> bool:
        if self.opened_at is None:
            if self.clock() > self._patience():
                self._give_up()
            return False
        if self._is_settled(is_whole):
            self.status = "settled"
            return True
        if self._elapsed() > self._job.limit_s:
            self.status = "timeout"
            return True
        return False

    def _is_settled(self, is_whole: Callable[[], bool]) -> bool:
        """Whether all auctions are closed and, with a fault plan, hosts that came back had time to finish."""
        # An earlier market of this name may have left posts behind, of hosts in lives that are over.
        self._closed |= {closer for closer, life in self._closings.items() if self._lives.get(host_of(closer)) == life}
        if not self._closed >= self._closers:
            return False
        if not self._is_disturbed:
            return True
        self._all_closed_at = min(self._all_closed_at, self.clock())
        if not is_whole() or not self._present >= self._hosts:
            self._all_closed_at = self.clock()
        return self.clock() >= self._all_closed_at + RETRIES_HEARD * self._job.market.retry_s

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            self.take(message.topic.value, payload if isinstance(payload, bytes) else b"")

    def take(self, topic: str, payload: bytes) -> None:
        """Take in a message; what is malformed is ignored: the hosts count it, and the filter counts records."""
        if payload:
            with contextlib.suppress(RejectedError, *MALFORMED):
                self._note(topic, payload)

    def _note(self, topic: str, payload: bytes) -> None:
        match self._topics.parse(topic):
            case Presence(host):
                self._note_retained(topic)
                self._note_presence(host, *decode_presence(payload))
            case Board(poster):
                self._note_retained(topic)
                post = self._seal.opened_post(poster, payload) if self._seal else payload
                life, message = self._codec.post(post)
                if poster in self._closers and self._kind.is_closed(message):
                    self._closings[poster] = life
            case TraceOf(host) if host in self._hosts:
                batch = self._filter.read(host, payload)
                if batch:
                    self._heard(host, batch)

    def _note_retained(self, topic: str) -> None:
        """Remember what to delete at the end; not without end, if somebody makes up hosts and nodes."""
        if len(self._retained) < MOST_MADE_UP + 2 * self._job.market.nodes:
            self._retained.add(topic)

    def _note_presence(self, host: str, word: str, life: bytes) -> None:
        if word != OFFLINE:
            if host in self._parts:
                self._note_return(host, life)
            self._lives[host] = life
            self._present.add(host)
        elif self._lives.get(host) == life:
            self._present.discard(host)
            if host in self._parts and self.opened_at is not None and self.ended_at is None:
                self._note_loss(host)
        if word == READY:
            self._ready.add(host)

    def _note_loss(self, host: str) -> None:
        """Report a part whose process or machine has gone; the run does not end before it is back, or time is up."""
        if host not in self._gone:
            self._gone.add(host)
            self.disturb()
            self._tell(FaultBegun, host)
            self._job.onlookers.say(f"{host} is gone; {self._remedy(host)}")

    def _note_return(self, host: str, life: bytes) -> None:
        if self._lives.get(host, life) != life:
            self._counted_before.update(self._counters.pop(host, {}))
        if host in self._gone:
            self._gone.discard(host)
            self._tell(FaultHealed, host)
            self._job.onlookers.say(f"{host} is back")

    def _tell(self, kind: type[FaultRecord], host: str) -> None:
        self.tell(kind, Fault("crash", self.clock(), math.inf, frozenset({host})))

    def tell(self, kind: type[FaultRecord], fault: Fault) -> None:
        """Note in the trace that a fault begins, or is over."""
        records = [fault_record(self.clock(), kind, fault)]
        self.log.write(records)
        self.log.flush()
        self._pass_on(records)

    def _pass_on(self, records: Iterable[Record[Trace]]) -> None:
        if page := self._job.onlookers.page:
            page.hear(since(self.clock() if self.opened_at is None else self.opened_at, records))

    def _heard(self, host: str, batch: TraceBatch[Record[Trace]]) -> None:
        diary = self._diaries.get(host)
        records = diary.written(batch.records, self.clock()) if diary else batch.records
        if host not in self._devices:
            self._count(host, batch.counters)
        if self._meter:
            self._meter.take(records)
        self._pass_on(records)
        for record in records:
            self._metrics.add(record)

    def _count(self, host: str, counters: dict[str, int]) -> None:
        """Believe what a host of the launcher's own has counted; a device shows its counters by itself."""
        self._counters[host] = counters
        if self._meter:
            self._meter.count(host, counters)


class _Diary:
    """Writes down the trace of a host that somebody else starts, which no worker writes.

    The times that it tells become seconds of the run, in their order; none is later than the record came, whatever the
    clock of its machine says.
    """

    def __init__(self, log: EventLog, epoch: float) -> None:
        self.log = log
        self._epoch = epoch
        self._last_s = 0.0

    def written(self, records: Iterable[Record[Trace]], now: float) -> list[Record[Trace]]:
        """Write the records that came now, second of the run, and return them as written."""
        found = [msgspec.structs.replace(record, time_s=self._right(record.time_s, now)) for record in records]
        self.log.write(found)
        self.log.flush()
        return found

    def _right(self, told_s: float, now: float) -> float:
        self._last_s = max(self._last_s, min(told_s - self._epoch, now))
        return self._last_s
