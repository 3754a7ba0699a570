"""A buyer and a seller in JavaScript, written from docs/protocol.md, trade with nodes of this project and together."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from broker import BrokerAddress
from broker.own.setup import Wishes
from node.mechanism.psp import clear
from node.protocol.host import Host
from node.protocol.machine import Effect, Send
from node.protocol.psp.messages import Award
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import Topics
from node.protocol.trace import Record
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock, MqttHost
from node.strategy.psp.reserve import FixedReserve
from node.trace.psp.ledger import Ledger
from scenarios.markets.registry import read_journal
from tests.conftest import DEADLINE_S, Command
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import Node
from tests.mqtt.foreign_node import SCRIPTS, ForeignNode, script
from tests.mqtt.plain import PlainClient, SecuredBroker
from tests.protocol.codecs import EXCHANGE

ROOT = Path(__file__).parents[2]

SELL = ("--role", "seller", "--supply-mb", 60, "--reserve-price", 0.1, "--linger", 0.5, "--quiet-period")
FOREIGN_SUPPLY = ("--supply", 60, "--reserve", 0.1, "--quiet", 3)
WANT = ("--role", "buyer", "--seller", "shop")

Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a node of either kind in the market ``lab``, in a folder of its name."""
    nodes: list[Node | ForeignNode] = []

    def started(role: str, name: str, *arguments: object) -> Node | ForeignNode:
        where = arguments if "--profile" in arguments else ("--host", name, *arguments)
        if role == "ours":
            nodes.append(Node(tmp_path / name, *map(str, where)))
        else:
            nodes.append(ForeignNode(role, tmp_path / name, "--market", "lab", *where))
        return nodes[-1]

    yield started
    for node in nodes:
        if node.process.poll() is None:
            node.kill()


@pytest.fixture
def broker(mosquitto: Mosquitto) -> tuple[str, str]:
    return "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"


def wait_for(buyers: int, observer: PlainClient) -> None:
    """Until so many buyers wait for their sellers: then all bid at once, whatever the machine has to do besides."""
    observer.subscribe("bidswarm/v1/lab/presence/+").until(lambda: len(set(observer.received)) == buyers)
    observer.close()


@pytest.fixture
def observer(mosquitto: Mosquitto) -> PlainClient:
    return PlainClient(BrokerAddress("127.0.0.1", mosquitto.port))


def audited(tmp_path: Path) -> Ledger:
    """What the journals of all nodes say together."""
    return Ledger(entry for path in sorted(tmp_path.glob("*/*.sqlite")) for entry in read_journal(path))


def assert_books_agree(tmp_path: Path, *nodes: Any) -> dict[str, tuple[float, float]]:
    """All ended by themselves, and no journal is at odds with another; by buyer what it bought, MB and money."""
    assert [node.ended() for node in nodes] == [0] * len(nodes), [node.errors for node in nodes]
    assert not [node.errors for node in nodes if isinstance(node, ForeignNode) and node.errors]
    ledger = audited(tmp_path)
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert ledger.sales == ledger.purchases
    return {key.buyer: (amounts.quantity, amounts.charge) for key, amounts in ledger.sales.items()}


def expected(*bids: tuple[float, float]) -> list[tuple[float, float]]:
    """What these bids get of 60 MB, reserved at 0.1 per MB, and pay."""
    outcome = clear(*zip(*bids, strict=True), 60.0, 0.1)
    return [pytest.approx(pair) for pair in zip(outcome.allocation, outcome.charge, strict=True)]


@pytest.mark.mosquitto
def test_foreign_buyer_buys_from_our_seller_beside_our_buyer(
    start: Start, broker: tuple[str, str], observer: PlainClient, tmp_path: Path
) -> None:
    bob = start("ours", "bob", *broker, *WANT, "--demand-mb", 50, "--value-per-mb", 2)
    ann = start("buyer", "ann", *broker, "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    wait_for(2, observer)
    shop = start("ours", "shop", *broker, *SELL, 3)
    bought = assert_books_agree(tmp_path, shop, bob, ann)
    assert [bought["ann/ann"]] == expected((40.0, 3.0), (50.0, 2.0))[:1]


@pytest.mark.mosquitto
def test_foreign_seller_sells_to_three_buyers_of_ours(
    start: Start, broker: tuple[str, str], observer: PlainClient, tmp_path: Path
) -> None:
    values = {"ann": 3.0, "bob": 2.0, "cyd": 1.0}
    demand = [(name, "--demand-mb", 25, "--value-per-mb", value) for name, value in values.items()]
    buyers = [start("ours", name, *broker, *WANT, *rest) for name, *rest in demand]
    wait_for(3, observer)
    shop = start("seller", "shop", *broker, *FOREIGN_SUPPLY)
    bought = assert_books_agree(tmp_path, shop, *buyers)
    assert sum(quantity for quantity, _ in bought.values()) == pytest.approx(60.0)
    assert {bought["ann/ann"][0], bought["bob/bob"][0]} == {25.0}


@pytest.mark.mosquitto
def test_foreign_buyers_buy_from_a_foreign_seller(
    start: Start, broker: tuple[str, str], observer: PlainClient, tmp_path: Path
) -> None:
    bids = {"ann": (40.0, 3.0), "bob": (50.0, 2.0)}
    buyers = [
        start("buyer", name, *broker, "--seller", "shop/shop", "--quantity", quantity, "--price", price)
        for name, (quantity, price) in bids.items()
    ]
    wait_for(2, observer)
    shop = start("seller", "shop", *broker, *FOREIGN_SUPPLY)
    bought = assert_books_agree(tmp_path, shop, *buyers)
    assert [bought["ann/ann"], bought["bob/bob"]] == expected(*bids.values())


@pytest.mark.mosquitto
def test_foreign_buyer_believes_no_post_of_an_earlier_market(
    start: Start, broker: tuple[str, str], observer: PlainClient
) -> None:
    first = start("seller", "shop", *broker, *FOREIGN_SUPPLY)
    ann = start("buyer", "ann", *broker, "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    assert (ann.ended(), first.ended()) == (0, 0)  # the last advert, in which the auction is closed, stays on the board

    bob = start("buyer", "bob", *broker, "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    wait_for(3, observer)
    second = start("seller", "second", *broker, *FOREIGN_SUPPLY, "--host", "shop")
    assert (bob.ended(), second.ended()) == (0, 0)
    assert [sale["buyer"] for sale in second.written("sold")] == ["bob/bob"]


@pytest.mark.mosquitto
def test_foreign_nodes_say_everything_again_to_a_broker_that_was_restarted(
    start: Start, mosquitto: Mosquitto, broker: tuple[str, str], observer: PlainClient, tmp_path: Path
) -> None:
    ann = start("buyer", "ann", *broker, "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    shop = start("seller", "shop", *broker, *FOREIGN_SUPPLY)
    observer.subscribe("bidswarm/v1/lab/inbox/ann/shop").until(lambda: bool(observer.received))
    mosquitto.kill()
    mosquitto.start()
    assert (ann.ended(), shop.ended()) == (0, 0)
    ledger = audited(tmp_path)
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert [amounts.quantity for amounts in ledger.purchases.values()] == [40.0]


class Overcharging(Seller):
    """Asks for half as much again as its book says, which is still less than what was bid."""

    def _award(self, now: float) -> Iterator[Effect]:
        for effect in super()._award(now):
            if isinstance(effect, Send) and isinstance(effect.message, Award):
                dear = msgspec.structs.replace(effect.message, charge=1.5 * effect.message.charge)
                yield Send(effect.to, dear)
            else:
                yield effect


@pytest.mark.mosquitto
@pytest.mark.asyncio
async def test_foreign_buyer_declines_a_charge_that_does_not_follow_from_its_book(
    start: Start, mosquitto: Mosquitto, broker: tuple[str, str]
) -> None:
    topics, records = Topics("lab"), list[Record[Any]]()
    seller = Overcharging(60.0, FixedReserve(0.1), Timing(clearing_interval_s=0.02, quiet_period_s=0.3, retry_s=0.1))
    endpoint = Endpoint("127.0.0.1", mosquitto.port)
    driver = MqttHost(Host("shop", {"shop": seller}, EXCHANGE), topics, endpoint, Clock(0.0), records.extend)
    ann = start("buyer", "ann", *broker, "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(driver.run())
        while not any(record.kind == "declined" for record in records):  # noqa: ASYNC110 - a condition of the trace
            await asyncio.sleep(0.02)
        driver.stop()
    assert not [record for record in records if record.kind == "settled"]
    assert ann.written("accepted") == []


@pytest.fixture
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    wishes = Wishes(hosts=["shop", "ann", "bob", "cyd", "pub"])
    running = SecuredBroker(tmp_path_factory.mktemp("secured") / "broker", wishes)
    yield running
    running.stop()


@pytest.mark.mosquitto
def test_foreign_and_our_nodes_trade_signed_over_tls_with_their_profiles(
    start: Start, secured: SecuredBroker, tmp_path: Path
) -> None:
    def login(name: str) -> tuple[str, str]:
        return "--profile", str(secured.profile_path(name))

    ann = start("buyer", "ann", *login("ann"), "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    cyd = start("buyer", "cyd", *login("cyd"), "--seller", "pub/pub", "--quantity", 20, "--price", 1)
    bob = start("ours", "bob", *login("bob"), *WANT, "--seller", "pub", "--demand-mb", 30, "--value-per-mb", 2)
    wait_for(3, secured.client("launcher"))
    shop = start("seller", "shop", *login("shop"), *FOREIGN_SUPPLY)
    pub = start("ours", "pub", *login("pub"), *SELL, 3)
    bought = assert_books_agree(tmp_path, shop, pub, ann, cyd, bob)
    assert bought["ann/ann"][0] == 40.0
    assert bought["cyd/cyd"][0] == 20.0


@pytest.mark.mosquitto
def test_on_sigterm_a_foreign_buyer_takes_its_bid_back(start: Start, broker: tuple[str, str], tmp_path: Path) -> None:
    shop = start("ours", "shop", *broker, *SELL, 60)
    ann = start("buyer", "ann", *broker, "--seller", "shop/shop", "--quantity", 40, "--price", 3)
    shop.wait("cleared")
    ann.process.terminate()
    shop.wait("cleared", 2)
    shop.process.terminate()
    assert assert_books_agree(tmp_path, shop, ann) == {}
    assert [event["mb"] for event in shop.events("cleared")] == [40.0, 0.0]
    assert not shop.events("voided")


SCENARIO = """
name = "mixed"

[auction]
quiet_period_s = 1.0

[[sellers]]
name = "big"
supply_mb = 30

[[sellers]]
name = "shop"
device = "shop"
supply_mb = 60
reserve_price_per_mb = 0.1

[[buyers]]
name = "ann"
count = 3
valuation = { kind = "flat", demand_mb = 25, value_per_mb = 2 }

[[buyers]]
name = "bob"
device = "bob"
sellers = ["shop"]
valuation = { kind = "flat", demand_mb = 10, value_per_mb = 5 }
"""


@pytest.mark.mosquitto
def test_launcher_counts_what_foreign_devices_tell_it(
    bidswarm: Callable[..., Command], start: Start, broker: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "mixed.toml").write_text(SCENARIO)
    run = bidswarm("run", str(tmp_path / "mixed.toml"), *broker, "--market", "lab", "--format", "json", "--no-pictures")
    shop = start("seller", "shop", *broker, *FOREIGN_SUPPLY, "--wait")
    bob = start("buyer", "bob", *broker, "--seller", "shop/shop", "--quantity", 10, "--price", 5, "--wait")
    code, stdout, stderr = run.finished()
    assert (code, shop.ended(), bob.ended()) == (0, 0, 0), stderr
    told = [row for row in json.loads(stdout)["allocations"] if row["seller"] == "shop"]
    sold = {sale["buyer"].partition("/")[2]: sale["quantity_mb"] for sale in shop.written("sold")}
    assert {row["buyer"]: row["quantity"] for row in told} == pytest.approx(sold)
    assert sold["bob"] == 10.0


def test_foreign_client_agrees_with_the_vectors() -> None:
    ended = script("vectors.mjs", ROOT / "docs" / "vectors")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "9 checks passed\n"


def test_foreign_clearing_agrees_with_ours_on_drawn_books(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    books = [drawn_book(random) for _ in range(200)]
    (tmp_path / "clearings.json").write_text(json.dumps(books))
    for name in ("messages", "frames", "posts", "presence", "digests", "topics", "signed", "rejections"):
        (tmp_path / f"{name}.json").write_bytes((ROOT / "docs" / "vectors" / f"{name}.json").read_bytes())
    ended = script("vectors.mjs", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def drawn_book(random: np.random.Generator) -> dict[str, Any]:
    """A book of up to 12 bids at few prices, so that some are tied, and its clearing."""
    bids = int(random.integers(1, 13))
    prices = np.sort(random.integers(0, 6, bids) / 2.0)[::-1]
    quantities = random.uniform(1.0, 50.0, bids)
    order = np.lexsort((-quantities, -prices))
    quantities, prices = quantities[order], prices[order]
    supply, reserve = float(random.uniform(0.0, 300.0)), float(random.integers(0, 4) / 2.0)
    outcome = clear(quantities, prices, supply, reserve)
    rows = {"quantities": quantities.tolist(), "prices": prices.tolist()}
    results = {"allocations": outcome.allocation.tolist(), "charges": outcome.charge.tolist()}
    return {"supply": supply, "reserve": reserve, **rows, **results}


def test_packages_of_the_foreign_client_are_pinned_and_come_from_no_named_registry() -> None:
    wanted = json.loads((SCRIPTS / "package.json").read_text())
    lock = json.loads((SCRIPTS / "package-lock.json").read_text())
    pinned = wanted["dependencies"] | wanted["devDependencies"]
    assert all(lock["packages"][f"node_modules/{name}"]["version"] == version for name, version in pinned.items())
    assert all("integrity" in one and "resolved" not in one for path, one in lock["packages"].items() if path)
