"""A worker process of the launcher: carries some of the hosts of a run over MQTT.

Its orders come over stdin, not as arguments, since they may hold a password, and so does what people have happen later;
it stays until the launcher says stop, or until stdin ends, so that no worker outlives its launcher.
"""

import asyncio
import math
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from node.protocol.host import Host
from node.protocol.journal import JournalEntry, MarketOpened
from node.protocol.planned import Planned
from node.protocol.topics import Topics, address
from node.protocol.wire.limits import Limits
from node.runtime.faults.plan import Edge
from node.runtime.journal import Journal
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock, MqttHost
from node.runtime.mqtt.loop import event_loop
from node.runtime.streams import stream
from scenarios.broker_link import seal_of
from scenarios.files.explained import converted
from scenarios.files.own import bring
from scenarios.launch.options import Connections
from scenarios.launch.placement import (
    Placement,
    build_hosts,
    faults_of,
    one_host_each,
    own_host_names,
    spread,
)
from scenarios.launch.steered import event_of, newest
from scenarios.markets.base import Market
from scenarios.markets.registry import journal_of, kind_of, read_market
from scenarios.markets.seats import Move
from scenarios.results import folder as rundir
from scenarios.results.trace import EventLog

SHORTLY_S = 0.001
"""So much is waited at least for what is due soon."""


class Orders(msgspec.Struct, frozen=True):
    """What a worker is to do: the ``index``-th of ``workers``, in the run of this folder.

    In its second ``life`` and later it takes the place of one that was killed, in a market that was ``opened_at`` some
    second of the run's clock.
    """

    run_dir: str
    topic_market: str
    endpoint: Endpoint
    clock_zero: float
    connections: Connections
    index: int
    workers: int
    keys: Keys | None = None
    life: int = 1
    opened_at: float | None = None


class News(msgspec.Struct, frozen=True, tag="news"):
    """Something happens to a node that ``market.json`` has planned by now, or, if none is named, a cut is to be felt.

    It is due ``at_s`` seconds after the market ``opened_at`` some second of the run's clock.
    """

    at_s: float
    opened_at: float
    node: str = ""


def counters_file(orders: Orders) -> Path:
    """Where the worker writes, when it leaves, what its hosts have counted."""
    return Path(orders.run_dir) / "events" / f"{_process(orders)}.json"


def _process(orders: Orders) -> str:
    """What this life of the worker is called in file names."""
    return f"worker-{orders.index + 1}" + (f".{orders.life}" if orders.life > 1 else "")


def placement_of(market: Market, connections: Connections, workers: int) -> Placement:
    """Who sits on which host: one host per worker, or one per node."""
    return one_host_each(market) if connections == "per-node" else spread(market, workers)


def main() -> None:
    """Carry out the orders that come over stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the launcher's to answer
    said = _lines(sys.stdin.fileno())
    orders = msgspec.json.decode(next(said), type=Orders)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_carry_out(orders, said))


def _lines(descriptor: int) -> Iterator[bytes]:
    """The lines that come, until the end."""
    # Not through sys.stdin: its lock, held by a thread that waits, would break the interpreter's shutdown.
    rest = b""
    while data := os.read(descriptor, 65_536):
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


async def _carry_out(orders: Orders, said: Iterator[bytes]) -> None:
    folder = Path(orders.run_dir)
    bring(folder / "code")
    market = read_market((folder / "market.json").read_bytes())
    placement = placement_of(market, orders.connections, orders.workers)
    mine = set(own_host_names(market, placement)[orders.index :: orders.workers])
    topics, clock = Topics(orders.topic_market), Clock.since(orders.clock_zero)
    hosts = build_hosts(market, placement, mine, seal_of(topics, orders.keys), Limits())
    # A file for each life: what a killed worker was writing may end within a line.
    log = EventLog(folder / "events" / f"{_process(orders)}.jsonl")
    journal = journal_of(market, rundir.journal(folder, f"worker-{orders.index + 1}"))
    if orders.opened_at is not None:
        _note_opening(journal, hosts, orders.opened_at)
    edges = edges_of(market, placement, hosts, orders.opened_at)
    drivers = [
        MqttHost(host, topics, orders.endpoint, clock, log.write, journal, edges.get(host.name)) for host in hosts
    ]
    carried = _Carried(folder, market, placement, hosts, drivers, edges, clock)
    news = asyncio.Queue[News | Move]()
    _listen(said, news.put_nowait, carried.stop)
    keeper = asyncio.create_task(_keep_flushed(log))
    try:
        async with asyncio.TaskGroup() as tasks:
            heeding = tasks.create_task(carried.heed(news), name="news")
            async with asyncio.TaskGroup() as serving:
                for host, driver in zip(hosts, drivers, strict=True):
                    serving.create_task(driver.run(), name=host.name)
            heeding.cancel()
    finally:
        keeper.cancel()
        log.close()
        journal.close()
        counters = sum((host.counters for host in hosts), Counter[str]())
        rundir.write_json(counters_file(orders), dict(counters))


def edges_of(market: Market, placement: Placement, hosts: Iterable[Host], opened_at: float | None) -> dict[str, Edge]:
    """What goes wrong at each host, by name; nothing has until the market opens, if it has not."""
    faults = faults_of(market, placement)
    if not faults:
        return {}
    edges = {host.name: Edge(host.name, faults, stream(market.seed, host.name, "faults")) for host in hosts}
    for edge in edges.values():
        edge.opened_at = math.inf if opened_at is None else opened_at
    return edges


def _note_opening(journal: Journal, hosts: Iterable[Host], opened_at: float) -> None:
    """Have those know when the market opened whose first shift was ordered later, so that they have not noted it."""
    past = journal.past()
    shifted = [
        address(host.name, node)
        for host in hosts
        for node, machine in host.machines.items()
        if isinstance(machine, Planned)
    ]
    unknown = [one for one in shifted if one not in past or past[one].opened_at is None]
    journal.append(JournalEntry(opened_at, one, MarketOpened()) for one in unknown)


class _Carried:
    """The hosts that a worker carries, to which things happen on order."""

    def __init__(
        self,
        folder: Path,
        market: Market,
        placement: Placement,
        hosts: list[Host],
        drivers: list[MqttHost],
        edges: dict[str, Edge],
        clock: Clock,
    ) -> None:
        self._market_file = folder / "market.json"
        self._market = market
        self._placement = placement
        self._hosts = hosts
        self._drivers = dict(zip((host.name for host in hosts), drivers, strict=True))
        self._edges = edges
        self._clock = clock

    @cached_property
    def _addresses(self) -> Mapping[str, str]:
        """Everybody's, by name; only people's moves need them."""
        return {node: address(host, node) for node, host in self._placement.items()}

    def stop(self) -> None:
        """Have all hosts leave."""
        for driver in self._drivers.values():
            driver.stop()

    async def heed(self, news: asyncio.Queue[News | Move]) -> None:
        """Have happen what the launcher tells of, until cancelled."""
        async with asyncio.TaskGroup() as due:
            while True:
                one = await news.get()
                if isinstance(one, Move):
                    self._move(one)
                    continue
                market = read_market(self._market_file.read_bytes())
                if one.node:
                    due.create_task(self._shift(market, one), name=f"shift of {one.node}")
                else:
                    self._cut(market, one)

    def _move(self, move: Move) -> None:
        """Hand a node what the person wants who acts for it."""
        seats = kind_of(self._market).seats
        assert seats  # who else has people in it?
        event = seats.event(self._market, self._addresses, move.node, converted(move.what, seats.move, "move"))
        self._drivers[self._placement[move.node]].tell(move.node, event)

    async def _shift(self, market: Market, news: News) -> None:
        """Hand a node what happens to it when that is due."""
        event, driver = event_of(market, news.node, news.at_s), self._drivers[self._placement[news.node]]
        due_at = news.opened_at + news.at_s
        while self._clock() < due_at or not driver.is_open:  # noqa: ASYNC110 - soon over
            await asyncio.sleep(max(SHORTLY_S, due_at - self._clock()))
        driver.tell(news.node, event)

    def _cut(self, market: Market, news: News) -> None:
        """Have all hosts feel a partition."""
        if not self._edges:
            self._edges = edges_of(market, self._placement, self._hosts, news.opened_at)
            for name, edge in self._edges.items():
                self._drivers[name].feel(edge)
            return
        plan = faults_of(market, self._placement)
        assert plan
        for edge in self._edges.values():
            edge.add(newest(plan, news.at_s))


def _listen(said: Iterator[bytes], hear: Callable[[News | Move], None], stop: Callable[[], None]) -> None:
    """Hear what the launcher says from now on, and stop when it says nothing any more."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        for line in said:
            if not loop.is_closed():
                loop.call_soon_threadsafe(hear, msgspec.json.decode(line, type=News | Move))
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


async def _keep_flushed(log: EventLog) -> None:
    while True:
        await asyncio.sleep(0.2)
        log.flush()


if __name__ == "__main__":
    main()
