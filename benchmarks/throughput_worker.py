"""One worker process of throughput.py; its orders come as a line of JSON over stdin."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path

import msgspec
from crowd import machine, placed
from metering import Meter
from peers import plain_market

from node.protocol.host import Host
from node.protocol.machine import Machine
from node.protocol.psp.trace import BidPlaced
from node.protocol.topics import Topics
from node.protocol.trace import Record, Trace
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock, MqttHost
from scenarios.broker_link import seal_of
from scenarios.results.trace import EventLog
from tests.protocol.codecs import EXCHANGE


class Orders(msgspec.Struct, frozen=True):
    """Carry the ``index``-th of ``workers`` parts of so many auctions, and log what happens into ``folder``."""

    transport: str
    auctions: int
    clearing_s: float
    trivial: bool
    endpoint: Endpoint
    folder: str
    index: int
    workers: int
    warmup_s: float
    seconds: float
    keys: Keys | None = None


async def frames_market(machines: dict[str, Machine], own: str, orders: Orders, meter: Meter) -> None:
    """One host over our own transport, with the log on disk that a run of the launcher writes."""
    log = EventLog(Path(orders.folder) / f"{own}.jsonl")

    def sink(records: list[Record[Trace]]) -> None:
        meter.bids += sum(type(record.what) is BidPlaced for record in records)
        log.write(records)

    topics = Topics("frames")
    driver = MqttHost(
        Host(own, machines, EXCHANGE, seal_of(topics, orders.keys)(own)), topics, orders.endpoint, Clock(0.0), sink
    )
    print("ready", flush=True)
    await driver.run()


def market(orders: Orders, meter: Meter) -> Coroutine[None, None, None]:
    """This worker's part of the market, over its transport."""
    own = f"host-{orders.index}"
    placement = placed(orders.auctions, None if orders.transport == "plain" else orders.workers)
    names = [name for name, host in placement.items() if host == own] or list(placement)[orders.index :: orders.workers]
    machines = {name: machine(name, placement, orders.clearing_s, trivial=orders.trivial) for name in names}
    match orders.transport:
        case "frames":
            return frames_market(machines, own, orders, meter)
        case "plain":
            return plain_market(machines, orders.endpoint, meter)
        case _:
            from mango_peers import mango_market  # noqa: PLC0415 - an extra that may be missing

            return mango_market(machines, own, placement, orders.endpoint, meter)


async def carry_out(orders: Orders) -> None:
    meter = Meter(orders.warmup_s, orders.seconds)
    trading = asyncio.create_task(market(orders, meter))
    measuring = asyncio.create_task(meter.measured())
    await asyncio.wait([trading, measuring], return_when=asyncio.FIRST_COMPLETED)
    if not measuring.done():
        await trading  # raises what ended it
    sys.stdout.flush()
    os._exit(0)  # the broker ends next: nobody waits for a thousand goodbyes


def main() -> None:
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(carry_out(orders))


if __name__ == "__main__":
    main()
