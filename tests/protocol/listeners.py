"""All that listens to a market: launchers, their meters and live figures, and hosts; and what they may hear."""

import copy
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import msgspec
from rich.console import Console

from node.protocol.host import Host
from node.protocol.topics import Topics, host_of
from node.protocol.wire.presence import OFFLINE, ONLINE, READY, encode_presence
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import OPEN, STOP, MqttHost
from scenarios.launch.observer import Observer
from scenarios.launch.options import Job, Onlookers, RunOptions
from scenarios.launch.worker import placement_of
from scenarios.markets.base import Market
from scenarios.markets.load import load, parse
from scenarios.markets.registry import draw_market, kind_of
from scenarios.metrics.exporter import registry_of
from scenarios.metrics.meter import Meter
from scenarios.results import trace
from scenarios.results.outcome import Run
from tests.kinds import examples
from tests.protocol import mutations
from tests.protocol.dmp import test_fuzz as test_call_fuzz
from tests.protocol.lives import life
from tests.protocol.mutations import mutated
from tests.protocol.psp import test_fuzz

MIXED: dict[str, Any] = {
    "name": "mixed",
    "sellers": [{"name": "big", "supply_mb": 60}, {"name": "shop", "device": "shop", "supply_mb": 40}],
    "buyers": [
        {"name": "ann", "valuation": {"kind": "flat", "demand_mb": 50, "value_per_mb": 2}},
        {"name": "bob", "device": "peer", "valuation": {"kind": "flat", "demand_mb": 50, "value_per_mb": 2}},
    ],
}
"""With two devices, one of which bears the name of the host from which frames come."""

ADDRESSES = ["host-1/big", "shop/shop", "host-2/ann", "peer/bob", "peer/s", "peer/big", "x/x", "host-1/shop"]
HOSTS = ["host-1", "host-2", "shop", "peer", "me", "x"]
TREES: list[Callable[[Any, Random], None]] = [
    *(mutations.hostile_value, mutations.hostile_value, mutations.shifted_number, mutations.value_of_elsewhere),
    *(mutations.extra_field, mutations.missing_field, mutations.deep),
]


class Launcher:
    """A launcher's observer with its meter and live figures, over no broker."""

    def __init__(self, market: Market, folder: Path) -> None:
        (folder / "events").mkdir(parents=True)
        self.market, self.folder, self.kind, self.meter = market, folder, kind_of(market), Meter()
        self.metrics = self.kind.metrics(market)
        onlookers = Onlookers(meter=self.meter)
        placement = placement_of(market, "per-host", 2)
        job = Job(market, self.metrics, None, folder, 60.0, 2, RunOptions(), onlookers, "embedded", None, placement)
        self.observer = Observer(job, "m", Endpoint("127.0.0.1", 1), 0.0)
        self.tellers = self.observer._filter._kinds
        self.told = examples(self.kind.records)

    def hears(self, now: float, topic: str, payload: bytes) -> None:
        self.observer.clock = lambda: now  # type: ignore[assignment]
        self.observer.take(topic, payload)

    def ends(self, now: float) -> None:
        """Show all figures, and make the result of what was written down."""
        self.observer.close()
        self.observer.opened_at, self.observer.ended_at = 0.0, now
        self.metrics.headline(now, 0)
        self.metrics.table()
        list(registry_of(self.meter).collect())
        outcome = self.observer.outcome(self.observer.counted)
        records = trace.read(self.folder, self.kind.records)
        result = self.kind.summarise(self.market, self.metrics, Run("mqtt", None, self.folder, outcome), records)
        result.print(Console(file=io.StringIO()))
        msgspec.json.encode(result.summary)


class Listeners:
    """A launcher of each market, and a host with machines of both, driven as over MQTT."""

    def __init__(self, folder: Path) -> None:
        self.topics = Topics("m")
        markets = draw_market(parse(MIXED, "mixed"), 1), draw_market(load("congested", ["terminals.0.calls=1"]), 1)
        self.launchers = [Launcher(market, folder / str(k)) for k, market in enumerate(markets)]
        self.hosts = [test_fuzz.Target("opt-out", "bidding"), test_call_fuzz.Target("asked")]
        self.now = 0.0
        self.drivers = [self._driven(target.host) for target in self.hosts]
        self.right = [row for target in self.hosts for row in target.right]

    def _driven(self, host: Host) -> MqttHost:
        clock: Any = lambda: self.now  # noqa: E731
        return MqttHost(host, self.topics, Endpoint("127.0.0.1", 1), clock, lambda _: None)

    def hear(self, random: Random) -> None:
        """One message of any topic, right or spoilt."""
        self.now += 0.001
        topic, payload = random.choice([self.batch, self.batch, self.presence, self.control, self.post, self.frame])(
            random
        )
        if random.random() < 0.1:
            payload = random.choice(mutations.BYTES)(payload or b"\xc1", random)
        for launcher in self.launchers:
            launcher.hears(self.now, topic, payload)
        for driver, target in zip(self.drivers, self.hosts, strict=True):
            driver._take(topic, payload)
            target.host.fire(self.now)
            for take in (target.host.frames, target.host.posts, target.host.records, target.host.entries):
                take()

    def end(self) -> None:
        for launcher in self.launchers:
            launcher.ends(self.now)

    def batch(self, random: Random) -> tuple[str, bytes]:
        launcher = random.choice(self.launchers)
        host = random.choice(HOSTS)
        tellers = [one for one in launcher.tellers if host_of(one) == host] or ADDRESSES
        lines = [self.line(random, launcher, random.choice(tellers)) for _ in range(random.randrange(6))]
        tree: list[Any] = [{"sent": random.randrange(5), "rejected: malformed frame": 1}, lines]
        if random.random() < 0.4:
            random.choice(TREES)(tree, random)
        return self.topics.trace(host), msgpack.packb(tree)

    def line(self, random: Random, launcher: "Launcher", teller: str) -> list[Any]:
        """A record of any kind, most often one that the node can tell."""
        told = launcher.told
        if random.random() < 0.8:
            told = [what for what in told if type(what) in launcher.tellers.get(teller, {type(what)})]
        what = msgspec.to_builtins(random.choice(told))
        named = [random.choice(ADDRESSES) if value == "a/a" else copy.copy(value) for value in what]
        return [
            random.uniform(0.0, 2.0 * self.now),
            teller if random.random() < 0.9 else random.choice(ADDRESSES),
            named,
        ]

    def presence(self, random: Random) -> tuple[str, bytes]:
        host = random.choice(HOSTS)
        right = [encode_presence(word, life(host)) for word in (ONLINE, READY, OFFLINE)]
        late = encode_presence(OFFLINE, random.randbytes(8))
        said = random.choice([*right, late, b"online", b"", b"\xc1", msgpack.packb([OFFLINE, 1]), random.randbytes(9)])
        return self.topics.presence(host), said

    def control(self, random: Random) -> tuple[str, bytes]:
        said = random.choice([OPEN, STOP, b"", b"\xc1", msgpack.packb([OPEN, 1]), random.randbytes(9)])
        return self.topics.control, said

    def post(self, random: Random) -> tuple[str, bytes]:
        poster = random.choice(ADDRESSES)
        tree: list[Any] = [1, life(host_of(poster)), copy.deepcopy(random.choice(self.right)[3])]
        if random.random() < 0.5:
            random.choice(TREES)(tree, random)
        return self.topics.board(poster), msgpack.packb(tree)

    def frame(self, random: Random) -> tuple[str, bytes]:
        rows = random.sample(self.right, random.randint(1, 3))
        return self.topics.inbox("me", random.choice(HOSTS)), mutated(rows, random)


def heard(random: Random, inputs: int) -> None:
    """Let new listeners hear so much, and then show what has come of it."""
    with tempfile.TemporaryDirectory() as folder:
        listeners = Listeners(Path(folder))
        for _ in range(inputs):
            listeners.hear(random)
        listeners.end()
