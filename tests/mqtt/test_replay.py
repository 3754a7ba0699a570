"""A market with signed frames in which a plain client says again all that was said in an earlier one of its name."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgpack
import pytest

from broker import BrokerAddress
from broker.own.setup import Wishes
from node.trace.psp.ledger import Ledger
from scenarios.launch.run import run
from scenarios.markets.registry import read_journal
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import BUYER, SELLER, Node
from tests.mqtt.plain import PlainClient, SecuredBroker

pytestmark = pytest.mark.mosquitto

LAB = "bidswarm/v1/lab"
ALICE = (*BUYER, "--value-per-mb", "2")

Said = list[tuple[str, bytes]]
"""Topics and payloads."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SecuredBroker]:
    running = SecuredBroker(tmp_path / "broker", Wishes(hosts=["shop", "alice"]))
    yield running
    running.stop()


@dataclass
class Market:
    """A seller and a buyer with signed frames, each in a process and with a journal of its own."""

    broker: SecuredBroker
    folder: Path
    listener: PlainClient

    def start(self, name: str, *arguments: str) -> Node:
        self.folder.mkdir(exist_ok=True)
        return Node(self.folder / name, "--profile", str(self.broker.profile_path(name)), *arguments)

    def waits(self, node: Node, kind: str) -> None:
        self.listener.until(lambda: bool(node.events(kind)))

    def settles(self, seller: Node, buyer: Node) -> list[tuple[float, float]]:
        """Let both end; what was sold for how much, on which their journals agree."""
        self.listener.until(lambda: None not in (seller.process.poll(), buyer.process.poll()))
        assert (seller.ended(), buyer.ended()) == (0, 0)
        journals = (self.folder / name / f"lab-{name}.sqlite" for name in ("shop", "alice"))
        ledger = Ledger(entry for journal in journals for entry in read_journal(journal))
        assert (ledger.breaches, ledger.doubts) == ([], [])
        return [(sale.quantity, sale.charge) for sale in ledger.purchases.values()]

    def counted(self, host: str) -> int:
        """How often the host rejected something that was for another life, or of another, as it last published it."""
        *_, newest = (payload for topic, payload in self.listener.payloads if topic == f"{LAB}/trace/{host}")
        return int(msgpack.unpackb(newest)[0].get("rejected: another life", 0))


def test_all_that_was_said_in_an_earlier_market_of_the_same_name_changes_nothing(
    broker: SecuredBroker, tmp_path: Path
) -> None:
    launcher = broker.client("launcher").subscribe(f"{LAB}/#")
    earlier = Market(broker, tmp_path / "earlier", launcher)
    seller, buyer = earlier.start("shop", *SELLER, "--quiet-period", "1"), earlier.start("alice", *ALICE)
    sold = earlier.settles(seller, buyer)
    said: Said = [(topic, payload) for topic, payload in launcher.payloads if "/presence/" not in topic]
    kinds = Counter("/".join(topic.split("/")[3:5]) for topic, _ in said)
    assert min(kinds["inbox/shop"], kinds["inbox/alice"], kinds["board/shop"]) > 2

    later = Market(broker, tmp_path / "later", launcher)
    buyer = later.start("alice", *ALICE)
    later.waits(buyer, "waiting")
    assert [event["what"] for event in buyer.events("waiting")] == ["shop/shop"]  # its retained post says: closed
    seller = later.start("shop", *SELLER, "--quiet-period", "3")
    later.waits(buyer, "tentative")
    for topic, payload in said:
        assert launcher.publish(topic, payload, retain="/board/" in topic)
    assert later.settles(seller, buyer) == sold
    assert later.counted("shop") == kinds["inbox/shop"]
    assert later.counted("alice") == kinds["inbox/alice"] + kinds["board/shop"]


def test_run_does_not_take_auctions_for_closed_that_were_closed_in_an_earlier_market(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    stranger = PlainClient(BrokerAddress("127.0.0.1", mosquitto.port))
    life = bytes(8)
    for host, node in (("host-1", "1"), ("host-2", "2")):
        closed = msgpack.packb([1, life, ["advert", 0, 9, 65, 0, 0.01, "closed", 1, bytes(16)]])
        stranger.publish(f"{LAB}/board/{host}/{node}", closed, retain=True)
        stranger.publish(f"{LAB}/presence/{host}", f"offline {life.hex()}".encode(), retain=True)
    stranger.close()

    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    result = run("two-sellers", broker=url, market_name="lab", hosts=2, out=tmp_path / "runs")

    assert result.summary.status == "settled"
    assert result.summary.sold == pytest.approx(150.0, abs=1e-6)
    assert {reason for reason in result.counters if reason.startswith("rejected")} <= {"rejected: another life"}
