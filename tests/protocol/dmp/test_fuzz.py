"""No frame, however spoilt, stops a host of the Digital Marketplace; and the two markets keep apart."""

import itertools
from random import Random
from typing import Any

import msgpack
import numpy as np
import pytest

from node.mechanism.dmp import WindowReputation
from node.mechanism.valuation import Flat
from node.protocol.dmp.auctioneer import Rules
from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.messages import (
    Commit,
    Contract,
    Invite,
    Register,
    Registered,
    Registry,
    Report,
    Request,
    SealedBid,
)
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.dmp.service_agent import ServiceAgent
from node.protocol.dmp.terminal import PlannedCall, Terminal
from node.protocol.host import Host
from node.protocol.machine import Message, Received, TimerFired
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.strategy.dmp import FirstPrice
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.codecs import BOTH
from tests.protocol.dmp.bench import TIMING, wanted
from tests.protocol.lives import ME, lives
from tests.protocol.psp import bench
from tests.protocol.spoilt import Spoilable, outcomes_of_spoilt_frames

FRAMES = 1_000
"""Of each of the five states."""

CALL: list[Any] = [0.0, "web", "session", 500.0, 100.0]
MARKET, AGENT = "peer/ma", "peer/sa"


class Target(Spoilable):
    """A host with one of each machine of both markets; whoever they deal with is on host ``peer``."""

    def __init__(self, phase: str) -> None:
        networks, customers = frozenset({"peer/net", "peer/rival"}), frozenset({"peer/user"})
        self.network = NetworkAgent(MARKET, 1000.0, FirstPrice(), map(float, itertools.count()), TIMING)
        rules, random = Rules(public_reputations=True), np.random.default_rng(0)
        machines = {
            "market": MarketAgent(networks, customers, WindowReputation(2), rules, TIMING, random),
            "network": self.network,
            "agent": ServiceAgent(MARKET, customers, TIMING, 1.0),
            "terminal": Terminal(MARKET, AGENT, [PlannedCall(wanted(at), 0.5) for at in (0.0, 50.0)], TIMING),
            "seller": Seller(100.0, FixedReserve(1.0), bench.TIMING),
            "buyer": Buyer(["peer/s"], Flat(50, 2.0), OptOut(), bench.TIMING, random),
        }
        self.host = Host("me", machines, BOTH)
        self.host.start(0.0, lives("me", "peer"))
        self.host.open(0.0)
        for step in (self.admitted, self.asked, self.awarded, self.carried)[: PHASES.index(phase)]:
            step()
        self.host.frames()

    def hears(self, node: str, sender: str, message: Message) -> None:
        self.host._step(1.0, self.host._nodes[node], Received(f"peer/{sender}", message))

    def fires(self, node: str, timer: str) -> None:
        self.host._step(3.0, self.host._nodes[node], TimerFired(timer))

    def admitted(self) -> None:
        for network in ("net", "rival"):
            self.hears("market", network, Register(1, "network"))
        for node in ("market", "agent"):
            self.hears(node, "user", Register(1, "terminal"))
        for node in ("network", "agent"):
            self.hears(node, "ma", Registered(1, 1))
        self.hears("terminal", "sa", Registered(1, 1))
        self.hears("terminal", "ma", Registry(1, "open", [], [], []))

    def asked(self) -> None:
        for node in ("market", "agent"):
            self.hears(node, "user", Request(1, 1, wanted(), 0.5, None))
        self.fires("market", "gather")
        self.hears("network", "ma", Invite(1, wanted(), 0.5, 0.0, 2, None))
        self.fires("terminal", "call")

    def awarded(self) -> None:
        for network, price in (("net", 3.0), ("rival", 4.0)):
            self.hears("market", network, SealedBid(1, price))
        self.hears("network", "ma", Contract(1, "peer/user", wanted(), self.price))
        self.hears("agent", "ma", Contract(1, "peer/net", wanted(), 3.0))
        self.hears("terminal", "sa", Contract(1, "peer/net", wanted(), 4.0))

    def carried(self) -> None:
        self.hears("market", "net", Commit(1))
        for node in ("market", "agent"):
            self.hears(node, "user", Report(1, served=True))

    @property
    def price(self) -> float:
        bid = self.network._bid
        return 1.0 if bid is None or bid.price is None else bid.price

    @property
    def right(self) -> list[list[Any]]:
        to_market = [
            ["net", ["register", 2, "network"]],
            ["third", ["register", 1, "network"]],
            ["user", ["register", 1, "terminal"]],
            ["net", ["deregister", 2]],
            ["user", ["deregister", 2]],
            ["user", ["request", 1, 1, CALL, 0.5, None]],
            ["user", ["request", 2, 1, CALL, 0.5, 9.0]],
            ["net", ["sealed-bid", 1, 3.0]],
            ["rival", ["sealed-bid", 1, None]],
            ["net", ["commit", 1]],
            ["net", ["decommit", 1]],
            ["user", ["report", 1, True]],
        ]
        to_network = [
            ["ma", ["registered", 1, 1]],
            ["ma", ["deregistered", 1]],
            ["ma", ["invite", 1, CALL, 0.5, 0.0, 2, None]],
            ["ma", ["invite", 2, CALL, 0.5, 0.25, 3, [0.5, 0.75]]],
            ["ma", ["contract", 1, "peer/user", CALL, self.price]],
        ]
        to_agent = [
            ["ma", ["registered", 1, 1]],
            ["user", ["register", 2, "terminal"]],
            ["user", ["request", 2, 1, CALL, 0.5, 9.0]],
            ["user", ["report", 1, True]],
            ["user", ["deregister", 2]],
            ["ma", ["contract", 1, "peer/net", CALL, 3.0]],
            ["ma", ["noted", 1, True]],
            ["ma", ["decommit", 1]],
            ["ma", ["blocked", 1]],
        ]
        to_terminal = [
            ["sa", ["registered", 1, 1]],
            ["ma", ["registry", 1, "open", ["peer/net"], [0.5], []]],
            ["sa", ["contract", 1, "peer/net", CALL, 4.0]],
            ["sa", ["noted", 1, True]],
            ["sa", ["decommit", 1]],
            ["sa", ["blocked", 1]],
        ]
        rows = {"market": to_market, "network": to_network, "agent": to_agent, "terminal": to_terminal}
        return [[to, sender, 1, message] for to, found in rows.items() for sender, message in found]


PHASES = ["fresh", "admitted", "asked", "awarded", "carried"]


@pytest.mark.parametrize("phase", PHASES)
def test_spoilt_frame_is_counted_exactly_and_changes_nothing(phase: str) -> None:
    outcomes = outcomes_of_spoilt_frames(lambda: Target(phase), Random(phase), FRAMES)
    assert min(outcomes.values()) > FRAMES // 10


OF_THE_EXCHANGE = [
    ["advert", 0, 9, 100.0, 60.0, 1.0, "open", 0, bytes(16)],
    ["bid", 0, 0, 30.0, 3.0, 5],
    ["withdraw", 0, 1, 2],
    ["profile", 0, 2, 1, 0, 100.0, 1.0, 1.0, 1.0, [1.0], [1.0], bytes(16)],
    ["hold", 0, 1, 1, False],
    ["award", 0, 1, 1, 1.0, 1.0],
    ["accept", 0, 1, 1],
    ["settled", 0, 1, 1.0, 1.0],
    ["closed", 0],
]


def sent_from_the_other_market(phase: str, node: str, sender: str, message: list[Any]) -> tuple[bool, dict[str, int]]:
    """Whether it changed nothing, and how it was counted."""
    target = Target(phase)
    before = target.state
    target.host.counters.clear()
    target.host.receive_frame(2.0, "peer", msgpack.packb([1, ME, [[node, sender, 1, message]]]))
    return target.state == before, dict(target.host.counters)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("message", OF_THE_EXCHANGE, ids=lambda message: message[0])
@pytest.mark.parametrize(
    ("node", "sender", "reason"),
    [
        ("market", "net", "not for a market agent"),
        ("network", "ma", "not for a network"),
        ("agent", "user", "not for a service agent"),
        ("agent", "ma", "not for a service agent"),
        ("terminal", "sa", "not for a terminal"),
    ],
)
def test_message_of_the_exchange_is_rejected(
    phase: str, node: str, sender: str, reason: str, message: list[Any]
) -> None:
    unchanged, counters = sent_from_the_other_market(phase, node, sender, message)
    assert unchanged
    assert counters == {"received": 1, f"rejected: {reason}": 1}


@pytest.mark.parametrize("row", Target("awarded").right, ids=lambda row: f"{row[0]} {row[3][0]}")
@pytest.mark.parametrize(
    ("node", "sender", "reason"), [("seller", "b", "not for a seller"), ("buyer", "s", "not for a buyer")]
)
def test_message_of_the_marketplace_is_rejected(row: list[Any], node: str, sender: str, reason: str) -> None:
    unchanged, counters = sent_from_the_other_market("fresh", node, sender, row[3])
    assert unchanged
    assert counters == {"received": 1, f"rejected: {reason}": 1}
