"""A worker process of the launcher: carries some of the hosts of a run over MQTT.

Its orders come over stdin, not as arguments, since they may hold a password; it stays until the launcher says stop, or
until stdin ends, so that no worker outlives its launcher.
"""

import asyncio
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from node.protocol.topics import Topics
from node.runtime.endpoint import Endpoint
from node.runtime.journal import Journal
from node.runtime.keys import Keys
from node.runtime.mqtt import Clock, MqttHost
from scenarios import rundir
from scenarios.events import EventLog
from scenarios.kinds import read_market
from scenarios.nodes import AnyMarket, Placement, build_hosts, host_names, one_host_each, spread
from scenarios.sealing import seal_of

Connections = Literal["per-host", "per-node"]


class Orders(msgspec.Struct, frozen=True):
    """What a worker is to do: the ``index``-th of ``workers``, in the run of this folder."""

    run_dir: str
    topic_market: str
    endpoint: Endpoint
    epoch: float
    connections: Connections
    index: int
    workers: int
    keys: Keys | None = None


def placement_of(market: AnyMarket, connections: Connections, workers: int) -> Placement:
    """Who sits on which host: one host per worker, or one per node."""
    return one_host_each(market) if connections == "per-node" else spread(market, workers)


def main() -> None:
    """Carry out the orders that come over stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the launcher's to answer
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    factory = asyncio.SelectorEventLoop  # the one that aiomqtt needs on Windows
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_carry_out(orders))


async def _carry_out(orders: Orders) -> None:
    folder = Path(orders.run_dir)
    market = read_market((folder / "market.json").read_bytes())
    placement = placement_of(market, orders.connections, orders.workers)
    mine = set(host_names(placement)[orders.index :: orders.workers])
    topics, clock = Topics(orders.topic_market), Clock(orders.epoch)
    hosts = build_hosts(market, placement, mine, seal_of(topics, orders.keys))
    log = EventLog(folder / "events" / f"worker-{orders.index + 1}.jsonl")
    journal = Journal(rundir.journal(folder, f"worker-{orders.index + 1}"))
    drivers = [MqttHost(host, topics, orders.endpoint, clock, log.write, journal) for host in hosts]
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
        rundir.write_json(folder / "events" / f"worker-{orders.index + 1}.json", dict(counters))


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
