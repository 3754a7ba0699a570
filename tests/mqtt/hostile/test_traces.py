"""Devices that were invited, and lie to the launcher about themselves, each other, and its own nodes."""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import msgpack
import pytest

from broker.own.setup import Wishes
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.messages import Advert
from node.protocol.topics import Topics
from node.protocol.wire.frames import encode_post
from node.protocol.wire.presence import OFFLINE, ONLINE, READY, encode_presence
from scenarios.broker_link import keys_of, seal_of
from tests.conftest import Command
from tests.mqtt.plain import PlainClient, SecuredBroker

pytestmark = pytest.mark.mosquitto

SCENARIO = """
name = "lied-to"

[auction]
clearing_interval_s = 0.05
quiet_period_s = 1.5

[[sellers]]
name = "big"
supply_mb = 60

[[sellers]]
name = "shop"
device = "shop"
supply_mb = 40

[[buyers]]
name = "ann"
count = 2
valuation = { kind = "parabolic", demand_mb = 60, choke_price_per_mb = 8 }

[[buyers]]
name = "mallory"
device = "mallory"
valuation = { kind = "parabolic", demand_mb = 50, choke_price_per_mb = 10 }
"""

BIG, ANN, SHOP, MALLORY = "host-1/big", "host-1/ann-1", "shop/shop", "mallory/mallory"

LIFE = bytes(8)
"""That of the lying devices; each lives once."""


def lies_of(own: str) -> list[Any]:
    """What no such node can tell, or nobody."""
    return [
        [own, ["settled", own, 1, 5.0, 1.0]] if own == MALLORY else [own, ["bid", own, 0, 1, 5.0, 1.0]],
        [own, ["cleared", 1, 2, 110.0, 9.0, 99.0]] if own == MALLORY else [own, ["bought", BIG, 1, 5.0, 1.0]],
        [BIG, ["settled", ANN, 1, 50.0, 400.0]],
        [BIG, ["cleared", 1, 2, 110.0, 9.0, 99.0]],
        [BIG, ["reopened", 1, 50.0]],
        [BIG, ["closed", 7, 110.0, 99.0]],
        [ANN, ["bought", BIG, 7, 50.0, 400.0]],
        [ANN, ["valuation", 1e6]],
        [own, ["valuation", 1e6]],
        [own, ["fault", [], 1.0]],
        [own, ["awarding", -1]],
        [own, ["in-doubt", BIG, 1, math.nan, 1.0]],
        [own, ["in-doubt", "ann-1", 1, 1.0, 1.0]],
        [own, ["exposed", BIG, 2**60, "two books"]],
        [7, ["left"]],
        ["x" * 200, ["left"]],
        [own],
        own,
    ]


class Liar:
    """One device: it is there from before the market opens, and lies from when it has."""

    def __init__(self, broker: SecuredBroker, node: str, told: list[Any], rests_s: float) -> None:
        self.host = node.partition("/")[0]
        self.topics = Topics("lab")
        self.seal = seal_of(self.topics, keys_of(broker.profile(self.host)))(self.host)
        self.node, self.told, self.rests_s = node, told, rests_s
        self.client: PlainClient = broker.client(self.host, f"lab-{self.host}")
        self.client.subscribe(self.topics.control)
        self.thread = Thread(target=self.lives)
        self.thread.start()

    def lives(self) -> None:
        if self.node == SHOP:
            self.advertises(1, "open", 40.0)
        for word in (ONLINE, READY):
            self.client.publish(self.topics.presence(self.host), encode_presence(word, LIFE), retain=True)
        self.client.until(lambda: self.topics.control in self.client.received)
        until = time.monotonic() + self.rests_s
        while time.monotonic() < until:
            self.lies()
        if self.node == SHOP:
            self.advertises(2, "closed", 0.0)
        self.client.until(lambda: len(self.client.received) > 1)  # stop
        self.lies()
        self.client.publish(self.topics.presence(self.host), encode_presence(OFFLINE, LIFE), retain=True)
        self.client.close()

    def lies(self) -> None:
        times = [time.time(), 0.0, time.time() + 1e6, -1e9, math.nan, math.inf]
        records = [[time.time(), *lie] if isinstance(lie, list) else lie for lie in lies_of(self.node)]
        records += [[at, self.node, ["left"]] for at in times] + [[time.time(), self.node, what] for what in self.told]
        trace = self.topics.trace(self.host)
        for payload in (b"\xc1", msgpack.packb([{}, records])[:-1], msgpack.packb([{"x" * 10_000: -1}, records])):
            self.client.publish(trace, payload)
        self.client.publish(trace, msgpack.packb([{"sent": 2**53 - 1}, records]))

    def advertises(self, seq: int, state: Any, left: float) -> None:
        post = encode_post(Advert(0, seq, 40.0, left, 0.0, state, 0, NO_DIGEST), LIFE)
        assert self.seal
        self.client.publish(self.topics.board(self.node), self.seal.post(self.node, post), retain=True)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    running = SecuredBroker(tmp_path_factory.mktemp("secured") / "broker", Wishes(hosts=["shop", "mallory"]))
    yield running
    running.stop()


OF_MALLORY = [
    *(["bought", BIG, 99, 60.0, 1.0], ["bought", SHOP, 5, 40.0, 1.0], ["bid", BIG, 0, 1, 1e12, 1e9]),
    *(
        ["exposed", "nobody/nobody", 1, "two books"],
        ["exposed", BIG, 1, "two books"],
        ["resumed", 3],
        ["withdraw", SHOP, 0, 2],
    ),
]
OF_SHOP = [
    *(["settled", ANN, 5, 40.0, 320.0], ["settled", "ghost/ghost", 6, 1e12, 1e21], ["reopened", 1, 40.0]),
    *(["allocated", ANN, 4, 1e12, 1e21], ["cleared", 4, 1, 2e12, 1e9, 2e21], ["awarding", 4]),
    *(["recalled", ANN, 7, 1.0, 1.0], ["voided", ANN, 4, "gone"], ["supply", 2e12], ["closed", 8, 2e12, 2e21]),
]


def test_lies_end_no_run_and_change_no_figure_of_others(
    bidswarm: Callable[..., Command], broker: SecuredBroker, tmp_path: Path
) -> None:
    (tmp_path / "lied-to.toml").write_text(SCENARIO)
    run = bidswarm(
        *("run", str(tmp_path / "lied-to.toml"), "--profile", str(broker.profile_path("launcher"))),
        *("--market", "lab", "--hosts", "1"),
    )
    liars = [Liar(broker, MALLORY, OF_MALLORY, 1.0), Liar(broker, SHOP, OF_SHOP, 1.0)]
    code, stdout, stderr = run.finished()
    for liar in liars:
        liar.thread.join()

    assert code == 0, (stdout, stderr)
    assert "Traceback" not in stderr
    summary = json.loads((run.run_dir() / "summary.json").read_text())
    assert summary["status"] == "settled"
    code, ledger, _ = bidswarm("ledger", str(run.run_dir()), "--format", "json").finished()
    assert code == 0
    assert 0.0 < summary["sold"] == pytest.approx(json.loads(ledger)["psp"]["sold_mb"])
    assert {(row["seller"], row["buyer"]) for row in summary["allocations"]} <= {("big", "ann-1"), ("big", "ann-2")}
    assert summary["sold"] == pytest.approx(60.0)
    assert summary["messages"] < 1000
    assert summary["efficiency"] <= 1.0
    assert (summary["exposed_sellers"], summary["exposed_by"]) == ({"big": ["two books"]}, {"big": ["mallory"]})

    assert summary["dropped_records"].keys() == {"shop", "mallory"}
    assert min(summary["dropped_records"].values()) >= 2 * len(lies_of(SHOP))
    disputed = {(one["seller"], one["buyer"], one["round"]) for one in summary["disputed_sales"]}
    assert disputed == {
        *((BIG, MALLORY, 99), (SHOP, MALLORY, 5), (SHOP, ANN, 5), (SHOP, ANN, 7), (SHOP, "ghost/ghost", 6)),
    }
    assert "exposed sellers, and what for: big (two books, by mallory)" in stdout
    assert "records that did not count" in stdout
    assert "mallory (" in stdout
    assert "sales in dispute: 5" in stdout
