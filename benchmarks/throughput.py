"""Bids per second over MQTT: our frames, one aiomqtt connection per node, and mango-agents; the same auctions.

python benchmarks/throughput.py [--short] [--json] [--signed] [--broker embedded|mosquitto]
    [--transport frames|plain|mango]

50 auctions of one seller and 19 buyers each, in two worker processes; the buyers decide with the full strategy, at
once, and never rest. Everything stays on the loopback address. A broker or a peer that is not installed is left out.
Exit code 1 if a bound is missed.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from figures import Figure, printed
from throughput_worker import Orders

from broker import BrokerError, RunningBroker, open_broker
from broker.own.credentials import new_signing_key, public_key
from node.protocol.topics import Presence, Topics
from node.protocol.wire.presence import READY, decode_presence
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import OPEN

AUCTIONS = 50
WORKERS = 2
START_S = 60.0
WARMUP_S = 2.0

CLEARING_S = {"frames": (0.03, 0.05), "plain": (0.2, 0.4), "mango": (0.2, 0.4)}
"""Seconds; each transport gets the better of two. At the default of scenarios, 0.05, the peers drown in profiles."""

TRANSPORTS = {
    "frames": "ours, frames",
    "plain": "aiomqtt, a connection per node",
    "mango": "mango-agents, a container per worker",
}


@dataclass(frozen=True)
class Measured:
    """Bids per second, the cores that workers and broker kept busy, and samples of the workers' time by owner."""

    bids_per_s: float
    workers: float
    broker: float
    clearing_s: float
    samples: Counter[str]

    @property
    def busy(self) -> float:
        """Cores that workers and broker kept busy together."""
        return self.workers + self.broker

    @property
    def per_core(self) -> float:
        """Bids per second of processor time."""
        return self.bids_per_s / self.busy


@contextlib.asynccontextmanager
async def working(orders: Sequence[Orders]) -> AsyncIterator[list[subprocess.Popen[bytes]]]:
    """The worker processes; none outlives the block."""
    script = Path(__file__).with_name("throughput_worker.py")
    workers = []
    try:
        for order in orders:
            worker = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
            workers.append(worker)
            tell(worker, msgspec.json.encode(order))
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def tell(worker: subprocess.Popen[bytes], line: bytes) -> None:
    assert worker.stdin is not None
    worker.stdin.write(line + b"\n")
    worker.stdin.flush()


async def heard(worker: subprocess.Popen[bytes], within_s: float) -> bytes:
    """The next line that the worker prints."""
    assert worker.stdout is not None
    async with asyncio.timeout(within_s):
        line = await asyncio.to_thread(worker.stdout.readline)
    if not line:
        raise RuntimeError(f"a worker ended with exit code {worker.wait()}")
    return line


async def measured(
    broker: RunningBroker, transport: str, clearing_s: float, options: argparse.Namespace, folder: str
) -> Measured:
    endpoint = Endpoint(broker.address.host, broker.address.port)
    seconds = 2.0 if options.short else 5.0
    what = (transport, options.auctions, clearing_s, options.trivial, endpoint, folder)
    keys = new_keys() if options.signed else None
    orders = [Orders(*what, index, WORKERS, WARMUP_S, seconds, keys) for index in range(WORKERS)]
    async with working(orders) as workers:
        for worker in workers:
            await heard(worker, START_S)
        if transport == "frames":
            await opened(endpoint)
        else:
            for worker in workers:
                tell(worker, b"open")
        await asyncio.sleep(WARMUP_S + 0.5)
        before, begin = processor_s(broker.pid), time.monotonic()
        await asyncio.sleep(seconds - 0.5)
        busy = (processor_s(broker.pid) - before) / (time.monotonic() - begin)
        found = [json.loads(await heard(worker, START_S)) for worker in workers]
    return Measured(
        sum(one["bids_per_s"] for one in found),
        sum(one["busy"] for one in found),
        busy,
        clearing_s,
        sum((Counter(one["samples"]) for one in found), Counter[str]()),
    )


async def opened(endpoint: Endpoint) -> None:
    """Open the market as the launcher does, once all hosts are ready."""
    topics, ready = Topics("frames"), set[str]()
    async with asyncio.timeout(START_S), endpoint.client("opener") as client:
        await client.subscribe(topics.every_presence, qos=1)
        async for message in client.messages:
            topic = topics.parse(message.topic.value)
            if isinstance(topic, Presence) and decode_presence(message.payload)[0] == READY:
                ready.add(topic.host)
            if len(ready) == WORKERS:
                break
        await client.publish(topics.control, OPEN, qos=1, retain=True)


def processor_s(pid: int | None) -> float:
    """Processor time of a process so far, seconds; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def compared(kind: str, options: argparse.Namespace) -> list[Figure]:
    """All transports over this kind of broker, in turn, and all that again."""
    rounds = []
    for _ in range(1 if options.short else 3):
        try:
            rounds.append({transport: await best(kind, transport, options) for transport in options.transport})
        except BrokerError as error:
            print(f"{kind} is left out: {error}", file=sys.stderr)
            return []
    figures = []
    for transport in options.transport:
        typical = sorted((one[transport] for one in rounds), key=lambda one: one.bids_per_s)[len(rounds) // 2]
        figures += rows(f"{kind}: {TRANSPORTS[transport]}", typical)
    peers = [transport for transport in options.transport if transport != "frames"]
    for peer in peers if peers != options.transport else []:
        if all(one[peer].bids_per_s for one in rounds):
            figures += ratios(f"{kind}: ours over {peer}", [(one["frames"], one[peer]) for one in rounds])
        else:
            print(f"{peer} got no bid through {kind} in time", file=sys.stderr)
    return figures


async def best(kind: str, transport: str, options: argparse.Namespace) -> Measured:
    """Over a fresh broker each, with the clearing interval that suits the transport best."""
    found = []
    for clearing_s in CLEARING_S[transport]:
        with tempfile.TemporaryDirectory() as folder:
            async with open_broker(kind) as broker:
                found.append(await measured(broker, transport, clearing_s, options, folder))
    return max(found, key=lambda one: one.bids_per_s)


def ratios(name: str, pairs: Sequence[tuple[Measured, Measured]]) -> list[Figure]:
    """Medians over the rounds; the second does not depend on what else the machine is doing."""
    rate = statistics.median(ours.bids_per_s / peer.bids_per_s for ours, peer in pairs)
    effort = statistics.median(ours.per_core / peer.per_core for ours, peer in pairs)
    return [
        Figure(name, rate, "x", least=5.0),
        Figure("  per second of processor time", effort, "x"),
    ]


def rows(name: str, one: Measured) -> list[Figure]:
    """The rate, and whose the processor time was."""
    samples = max(1, one.samples.total())
    shares = {"broker": one.broker / one.busy} | {
        owner: count / samples * one.workers / one.busy for owner, count in one.samples.most_common()
    }
    return [
        Figure(f"{name}, clearing every {one.clearing_s:g} s", one.bids_per_s, "bids/s"),
        Figure("  per second of processor time", one.per_core, "bids"),
        Figure("  workers and broker busy", one.busy, "cores"),
        *(Figure(f"    of that: {owner}", 100.0 * share, "%") for owner, share in shares.items()),
    ]


def new_keys() -> Keys:
    """One key for all workers, as in a run of the launcher."""
    private = new_signing_key()
    return Keys(private, {"*": public_key(private)})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="2 s of measuring instead of 5")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), action="append")
    parser.add_argument("--transport", choices=TRANSPORTS, action="append")
    parser.add_argument("--auctions", type=int, default=AUCTIONS)
    parser.add_argument("--trivial", action="store_true", help="buyers who do not think: only what carries their bids")
    parser.add_argument("--signed", action="store_true", help="our frames are signed")
    options = parser.parse_args()
    options.transport = list(dict.fromkeys(options.transport or TRANSPORTS))
    if "mango" in options.transport and not importlib.util.find_spec("mango"):
        print("mango-agents is not installed: it is left out", file=sys.stderr)
        options.transport.remove("mango")
    figures = []
    for kind in options.broker or ("embedded", "mosquitto"):
        figures += asyncio.run(compared(kind, options))
    return printed(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
