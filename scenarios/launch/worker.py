"""A worker process of the launcher: carries some of the hosts of a run over MQTT.

Its orders come over stdin, not as arguments, since they may hold a password; it stays until the launcher says stop, or
until stdin ends, so that no worker outlives its launcher.
"""

import asyncio
import math
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from node.protocol.host import Host
from node.protocol.topics import Topics
from node.protocol.wire.limits import Limits
from node.runtime.faults.plan import Edge
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock, MqttHost
from node.runtime.mqtt.loop import event_loop
from node.runtime.streams import stream
from scenarios.broker_link import seal_of
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
from scenarios.markets.base import Market
from scenarios.markets.registry import journal_of, read_market
from scenarios.results import folder as rundir
from scenarios.results.trace import EventLog


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
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_carry_out(orders))


async def _carry_out(orders: Orders) -> None:
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
    edges = edges_of(market, placement, hosts, orders.opened_at)
    drivers = [
        MqttHost(host, topics, orders.endpoint, clock, log.write, journal, edges.get(host.name)) for host in hosts
    ]
    _stop_at_end_of_stdin(drivers)
    keeper = asyncio.create_task(_keep_flushed(log))
    try:
        async with asyncio.TaskGroup() as tasks:
            for host, driver in zip(hosts, drivers, strict=True):
                tasks.create_task(driver.run(), name=host.name)
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


def _stop_at_end_of_stdin(drivers: list[MqttHost]) -> None:
    loop = asyncio.get_running_loop()
    stdin = sys.stdin.fileno()

    def stop() -> None:
        for driver in drivers:
            driver.stop()

    def wait() -> None:
        # Not through sys.stdin: its lock, held by this thread, would break the interpreter's shutdown.
        while os.read(stdin, 1024):
            pass
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


async def _keep_flushed(log: EventLog) -> None:
    while True:
        await asyncio.sleep(0.2)
        log.flush()


if __name__ == "__main__":
    main()
