"""A market in the world ``mqtt``: its worker processes and its broker, started, watched, and broken as planned."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future

import msgspec

from broker import BrokerError, RunningBroker
from node.runtime.faults.plan import Fault, FaultRecord, Plan
from scenarios.broker_link import endpoint_of
from scenarios.chaos.process_faults import deeds
from scenarios.errors import RunError
from scenarios.launch.cluster import carried
from scenarios.launch.observer import LOOK_S, Observer
from scenarios.launch.options import Job
from scenarios.launch.placement import faults_of, own_host_names
from scenarios.launch.stage import Stage
from scenarios.launch.steered import Steered
from scenarios.launch.worker import Orders
from scenarios.launch.workers import LEAVE_S, Workers
from scenarios.results.outcome import Outcome


class Launcher:
    """One run over MQTT; ``outcome`` holds what it saw, also if the run is cut short."""

    def __init__(self, job: Job, broker: RunningBroker, steered: Steered) -> None:
        market, options = job.market, job.options
        self._broker = broker
        self._folder = job.folder
        # A market name of its own keeps the run apart from others on the same broker.
        topic_market = options.market_name or job.folder.name[-64:]
        endpoint, epoch = endpoint_of(broker.address), time.time()
        self._faults = faults_of(market, job.placement)
        hosts = own_host_names(market, job.placement)
        started = 0 if options.parts else job.workers
        self._carried = {index: hosts[index :: job.workers] for index in range(started)}
        self._observer = Observer(job, topic_market, endpoint, epoch)
        orders = Orders(
            run_dir=str(job.folder.resolve()),
            topic_market=topic_market,
            endpoint=endpoint,
            clock_zero=self._observer.clock.zero,
            connections=options.connections,
            index=0,
            workers=job.workers,
            keys=job.keys,
        )
        self._workers = Workers([msgspec.structs.replace(orders, index=index) for index in self._carried], job.folder)
        self._page = job.onlookers.page
        self._stage = Stage(job, steered, self._observer, self._workers, self._carried, broker, self._break)
        # The parts that the workers of a cluster carry, if there is one.
        self._placed: contextlib.AbstractContextManager[Mapping[str, Future[None]]] = (
            carried(job, topic_market, broker.address) if options.place else contextlib.nullcontext({})
        )

    @property
    def outcome(self) -> Outcome:
        """How the run ended, or how far it came; counters as the hosts wrote them on leaving, else as published."""
        return self._observer.outcome(self._workers.counted() or self._observer.counted + self._workers.lost)

    async def run(self) -> None:
        """Start the workers, open the market, wait for its end, and stop everything that was started.

        Raises
        ------
        RunError
            If a worker died or the hosts did not get ready.
        BrokerError
            If the broker went away.
        """
        with contextlib.closing(self._observer), self._workers.working(), self._placed as parts:
            async with asyncio.TaskGroup() as tasks:
                guards = [
                    tasks.create_task(self._guard_workers(), name="workers"),
                    tasks.create_task(self._guard_broker(), name="broker"),
                ]
                guards += [tasks.create_task(self._guard_part(*part), name=part[0]) for part in parts.items()]
                if self._faults:
                    guards.append(tasks.create_task(self._break(self._faults), name="faults"))
                if self._page:
                    guards.append(tasks.create_task(self._stage.obey(self._page), name="orders"))
                await self._observer.observe(self._is_whole)
                for guard in guards:
                    guard.cancel()
            await self._left()

    def _is_whole(self) -> bool:
        return not self._broker.is_down and not any(self._workers.away.values())

    async def _guard_workers(self) -> None:
        while True:
            if self._observer.ended_at is None and (obituary := self._workers.obituary()):
                self._observer.status = "failed"
                raise RunError(obituary)
            await asyncio.sleep(LOOK_S)

    async def _guard_part(self, host: str, future: "Future[None]") -> None:
        """Give the part up if the cluster does."""
        part = asyncio.wrap_future(future)
        await asyncio.wait([part])  # a cluster that goes away cancels it, which is not to cancel this task
        if part.cancelled():
            self._observer.give_up(host, "Dask has taken its worker away")
        elif error := part.exception():
            self._observer.give_up(host, str(error).partition("\n")[0])

    async def _left(self) -> None:
        """Wait until the workers have written their files and ended."""
        deadline = self._observer.clock() + LEAVE_S
        # Polled: asyncio's own subprocesses need another event loop on Windows than aiomqtt does.
        while not self._workers.have_left and self._observer.clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S / 2)

    async def _guard_broker(self) -> None:
        code = await self._broker.wait_died()
        self._observer.status = "failed"
        log = self._folder / "broker.log"
        raise BrokerError(f"the {self._broker.kind} broker died during the run with exit code {code}; see {log}")

    # Faults

    async def _break(self, plan: Plan) -> None:
        """Kill and restart processes by the plan, from the opening to the end."""
        observer = self._observer
        await observer.opened.wait()
        assert observer.opened_at is not None
        for deed in deeds(plan, self._carried, self):
            await asyncio.sleep(max(0.0, observer.opened_at + deed.at_s - observer.clock()))
            if observer.ended_at is not None:
                return
            await deed.do()

    async def kill_worker(self, index: int, *, comes_back: bool) -> None:
        """End a worker by SIGKILL; the run does not wait for its sellers unless it comes back."""
        counted: Counter[str] = self._observer.lose(self._carried[index], for_good=not comes_back)
        self._workers.kill(index, counted, comes_back=comes_back)

    async def restart_worker(self, index: int) -> None:
        """Start a killed worker again, into the open market."""
        assert self._observer.opened_at is not None
        self._workers.start_again(index, self._observer.opened_at)

    async def kill_broker(self) -> None:
        """End the broker by SIGKILL."""
        await self._broker.kill()

    async def restart_broker(self) -> None:
        """Start the broker again, on its port."""
        try:
            await self._broker.restart()
        except BrokerError:
            self._observer.status = "failed"
            raise

    async def tell(self, kind: type[FaultRecord], fault: Fault) -> None:
        """Note in the trace that a fault begins, or is over."""
        self._observer.tell(kind, fault)
