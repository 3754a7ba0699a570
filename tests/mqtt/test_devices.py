"""``bidswarm node`` over a broker with TLS, passwords and access rules, and what may happen to devices."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.own.setup import Wishes
from broker.profile import write_profile
from node.trace.psp.ledger import Ledger
from scenarios.markets.registry import read_journal
from tests.conftest import Command
from tests.mqtt.devices import BUYER, SELLER, Node
from tests.mqtt.plain import SecuredBroker

pytestmark = pytest.mark.mosquitto

ALICE = (*BUYER, "--value-per-mb", "2")
BOB = (*BUYER, "--choke-price", "3")
SHORT = ("--quiet-period", "1")
LONG = ("--quiet-period", "60")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    running = SecuredBroker(tmp_path_factory.mktemp("secured") / "broker", Wishes(hosts=["shop", "alice", "bob"]))
    yield running
    running.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[SecuredBroker]:
    """A broker for tests that stop it."""
    running = SecuredBroker(tmp_path / "broker", Wishes(hosts=["shop", "alice", "bob"]))
    yield running
    running.stop()


Starter = Callable[..., Node]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    nodes: list[Node] = []

    def started(broker: SecuredBroker, name: str, *arguments: str) -> Node:
        nodes.append(Node(tmp_path / name, "--profile", str(broker.profile_path(name)), *arguments))
        return nodes[-1]

    yield started
    for node in nodes:
        if node.process.poll() is None:
            node.kill()


@pytest.fixture(autouse=True)
def clean_market(request: pytest.FixtureRequest) -> Iterator[None]:
    """Posts of one test are no news of the next."""
    yield
    if "broker" in request.fixturenames:
        secured: SecuredBroker = request.getfixturevalue("broker")
        launcher = secured.client("launcher")
        launcher.publish("bidswarm/v1/lab/board/shop/shop", b"", retain=True)
        launcher.publish("bidswarm/v1/lab/control", b"", retain=True)
        launcher.close()


def audited(*nodes: Node) -> Ledger:
    return Ledger(entry for node in nodes for entry in read_journal(node.folder / f"lab-{node.folder.name}.sqlite"))


def assert_settled(seller: Node, *buyers: Node) -> None:
    """All ended by themselves, the supply is sold, and the books agree."""
    assert [node.ended() for node in (seller, *buyers)] == [0] * (1 + len(buyers))
    ledger = audited(seller, *buyers)
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert sum(sale.quantity for sale in ledger.purchases.values()) == pytest.approx(60.0)


def test_a_seller_and_two_buyers_trade_to_the_end(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, *SHORT)
    buyers = start(broker, "alice", *ALICE), start(broker, "bob", *BOB)
    assert_settled(seller, *buyers)


def test_a_trading_node_takes_less_than_34_mib(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, *LONG)
    buyer = start(broker, "alice", *ALICE)
    buyer.wait("tentative")
    assert 10.0 < max(seller.peak_mib, buyer.peak_mib) < 34.0


def test_on_sigterm_a_buyer_takes_its_bid_back(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, *LONG)
    buyer = start(broker, "alice", *ALICE)
    buyer.wait("tentative")
    buyer.tell(signal.SIGTERM)
    assert buyer.ended() == 0
    assert buyer.events("withdrawn")
    seller.wait("cleared", 2)
    assert seller.events("cleared")[-1]["mb"] == 0.0


def test_on_ctrl_c_a_seller_closes_its_auction(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, *LONG)
    buyer = start(broker, "alice", *ALICE)
    buyer.wait("tentative")
    seller.tell(signal.SIGINT)
    assert (seller.ended(), buyer.ended()) == (130, 0)
    assert seller.events("closed")
    waited = seller.events("waiting")
    seller.start()
    assert seller.ended() == 0
    assert [(one["mb"], one["money"]) for one in seller.events("over")] == [(0.0, 0.0)]
    assert len(seller.events("closed")) == 1
    assert seller.events("waiting") == waited


@pytest.mark.parametrize("moment", ["cleared", "awarding", "sold"])
def test_a_killed_seller_finishes_when_it_is_started_again(broker: SecuredBroker, start: Starter, moment: str) -> None:
    seller = start(broker, "shop", *SELLER, *SHORT)
    buyers = start(broker, "alice", *ALICE), start(broker, "bob", *BOB)
    seller.wait(moment)
    seller.kill()
    seller.start()
    assert_settled(seller, *buyers)


def test_a_killed_buyer_finishes_when_it_is_started_again(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, "--quiet-period", "3")
    alice, bob = start(broker, "alice", *ALICE), start(broker, "bob", *BOB, "--keepalive", "300")
    for buyer in (alice, bob):
        buyer.wait("tentative")
    bob.tell(signal.SIGSTOP)  # nothing is sold while a bidder may not have seen what its bid would get
    alice.kill()
    before = len(alice.events("tentative"))
    alice.start()
    alice.wait("tentative", before + 1)
    bob.tell(signal.SIGCONT)
    assert_settled(seller, alice, bob)


def sleep_and_wake(seller: Node, buyer: Node) -> None:
    """Put the buyer to sleep until the broker has told its seller that it is gone."""
    buyer.tell(signal.SIGSTOP)
    seller.wait("voided")
    buyer.tell(signal.SIGCONT)


def test_a_sleeping_buyer_is_struck_out_and_bids_again_when_it_wakes(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, "--quiet-period", "5")
    buyers = start(broker, "alice", *ALICE, "--keepalive", "1"), start(broker, "bob", *BOB)
    for buyer in buyers:
        buyer.wait("tentative")
    sleep_and_wake(seller, buyers[0])
    buyers[0].wait("reconnected")
    assert_settled(seller, *buyers)


@pytest.mark.slow
def test_a_buyer_that_slept_for_as_long_as_its_keep_alive_allows_finishes(
    broker: SecuredBroker, start: Starter
) -> None:
    seller = start(broker, "shop", *SELLER, "--quiet-period", "50")
    buyers = start(broker, "alice", *ALICE), start(broker, "bob", *BOB)
    for buyer in buyers:
        buyer.wait("tentative")
    sleep_and_wake(seller, buyers[0])
    assert_settled(seller, *buyers)


def test_devices_survive_a_restart_of_their_broker(own: SecuredBroker, start: Starter) -> None:
    seller = start(own, "shop", *SELLER, "--quiet-period", "4")
    buyers = start(own, "alice", *ALICE), start(own, "bob", *BOB)
    for buyer in buyers:
        buyer.wait("tentative")
    own.stop()
    for node in (seller, *buyers):
        node.wait("trouble")
    own.start()
    assert_settled(seller, *buyers)
    assert [len(node.events("reconnected")) for node in (seller, *buyers)] == [1, 1, 1]


def test_with_wait_nobody_bids_before_the_launcher_opens_the_market(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, *SHORT, "--wait")
    buyer = start(broker, "alice", *ALICE, "--wait")
    launcher = broker.client("launcher").subscribe("bidswarm/v1/lab/presence/+")
    launcher.until(lambda: len(launcher.received) >= 4)  # both online, both ready
    buyer.wait("waiting")
    assert not buyer.events("bid")
    launcher.publish("bidswarm/v1/lab/control", b"open", retain=True)
    assert (seller.ended(), buyer.ended()) == (0, 0)
    assert buyer.events("bought")


def test_a_launcher_sends_a_node_home(broker: SecuredBroker, start: Starter) -> None:
    seller = start(broker, "shop", *SELLER, *LONG)
    seller.wait("connected")
    broker.client("launcher").publish("bidswarm/v1/lab/control", b"stop", retain=True)
    assert seller.ended() == 0
    assert "launcher" in seller.events("finished")[0]["outcome"]


def test_a_device_buys_in_the_market_of_a_launcher(
    broker: SecuredBroker, start: Starter, bidswarm: Callable[..., Command]
) -> None:
    more = ("--hosts", "1", "--set", "auction.quiet_period_s=6", "--set", "sellers.0.supply_mb=300")
    profile = ("--profile", str(broker.profile_path("launcher")))
    run = bidswarm("run", "two-sellers", *profile, *more, "--format", "json")
    market = run.run_dir().name
    wanted = ("--role", "buyer", "--seller", "host-1/1", "--demand-mb", "50", "--value-per-mb", "2")
    buyer = start(broker, "alice", *wanted, "--market", market, "--wait")
    code, stdout, stderr = run.finished()
    assert (code, stderr.count("Traceback")) == (0, 0)
    assert buyer.ended() == 0
    bought = [one for one in json.loads(stdout)["allocations"] if one["buyer"] == "alice"]
    assert sum(one["quantity"] for one in bought) == pytest.approx(50.0)


def test_a_wrong_password_ends_a_node_and_says_why(broker: SecuredBroker, tmp_path: Path) -> None:
    bobs = broker.profile("bob")
    shops = broker.profile("shop")
    mixed = type(shops)(1, "shop", "host", bobs.broker)
    write_profile(tmp_path / "mixed.toml", mixed)
    seller = Node(tmp_path / "shop", "--profile", str(tmp_path / "mixed.toml"), *SELLER)
    assert seller.ended() == 4
    assert "refuses the login of 'shop'" in seller.errors


def test_after_the_timeout_a_buyer_takes_its_bid_back_and_says_so(broker: SecuredBroker, start: Starter) -> None:
    start(broker, "shop", *SELLER, *LONG).wait("connected")
    buyer = start(broker, "alice", *ALICE, "--timeout", "6")
    assert buyer.ended() == 3
    assert buyer.events("withdrawn")


def test_what_keeps_a_node_from_its_broker_is_said_once(tmp_path: Path) -> None:
    arguments = ("--broker", "mqtt://127.0.0.1:1", "--host", "shop", *SELLER, "--timeout", "7")  # asked for every 5 s
    node = Node(tmp_path / "shop", *arguments)
    assert node.ended() == 3
    (trouble,) = node.events("trouble")
    assert "127.0.0.1:1 cannot be reached" in trouble["cause"]
