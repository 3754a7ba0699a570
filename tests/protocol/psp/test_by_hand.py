"""A buyer for whom a person bids, and a seller that waits for it."""

import math

from node.mechanism.valuation import Flat
from node.protocol.host import Host
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.events import MindChanged
from node.protocol.psp.messages import Bid
from node.protocol.psp.seller import Seller
from node.protocol.psp.trace import SaleSettled
from node.protocol.trace import Record, Trace
from node.strategy.psp.by_hand import ByHand
from node.strategy.psp.offer import Target
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.codecs import BOTH
from tests.protocol.lives import lives
from tests.protocol.psp.bench import TIMING, BuyerBench, S, sent_as
from tests.strategy.psp.offers import Scripted


class Pair:
    """A seller of 100 MB with reserve 1 and a buyer of 60 MB by hand, each on a host, who hear each other at once."""

    def __init__(self) -> None:
        self.strategy = ByHand()
        self.buyer = Buyer(["s/seller"], Flat(60, 2.0), self.strategy, TIMING, Scripted(0.5))
        self.hosts = {
            "s": Host("s", {"seller": Seller(100.0, FixedReserve(1.0), TIMING)}, BOTH),
            "b": Host("b", {"buyer": self.buyer}, BOTH),
        }
        self.now = 0.0
        self.records = list[Record[Trace]]()
        for host in self.hosts.values():
            host.start(self.now, lives("s", "b"))
        self.deliver()
        for host in self.hosts.values():
            host.open(self.now)

    def deliver(self) -> None:
        for name, host in self.hosts.items():
            for poster, post in host.posts():
                self.hosts["b"].receive_post(self.now, poster, post)
            for to, frame in host.frames():
                self.hosts[to].receive_frame(self.now, name, frame)
            self.records += host.records()
            host.entries()

    def run(self, until: float) -> None:
        while True:
            self.deliver()
            deadlines = [host.next_deadline for host in self.hosts.values()]
            due = min((one for one in deadlines if one is not None), default=math.inf)
            if due > until and not any(host.has_output for host in self.hosts.values()):
                self.now = until
                return
            self.now = max(self.now, min(due, until))
            for host in self.hosts.values():
                host.fire(self.now)

    def choose(self, quantity: float, price: float, *, stand: bool) -> None:
        bids = {"s/seller": Target(quantity, price)}
        self.hosts["b"].tell(self.now, "buyer", MindChanged(bids, stand))

    @property
    def settled(self) -> list[Trace]:
        return [record.what for record in self.records if record.kind == "settled"]


def test_the_seller_waits_for_the_person_whose_bid_does_not_stand_yet() -> None:
    pair = Pair()
    pair.choose(40.0, 3.0, stand=False)
    pair.run(5.0 * TIMING.quiet_period_s)
    assert pair.buyer.tentative == {"s/seller": (40.0, 40.0)}
    assert pair.settled == []
    pair.choose(40.0, 3.0, stand=True)
    pair.run(10.0 * TIMING.quiet_period_s)
    assert pair.settled == [SaleSettled("b/buyer", 1, 40.0, 40.0)]


def test_a_person_changes_its_mind_even_after_its_bid_has_stood() -> None:
    pair = Pair()
    pair.choose(40.0, 3.0, stand=True)
    pair.run(0.5 * TIMING.quiet_period_s)
    assert pair.settled == []
    pair.choose(25.0, 2.0, stand=True)
    pair.run(10.0 * TIMING.quiet_period_s)
    assert [one.quantity_mb for one in pair.settled if isinstance(one, SaleSettled)] == [25.0]


def test_a_person_that_wants_more_than_it_said_at_first_does_not_get_it() -> None:
    pair = Pair()
    pair.choose(90.0, 3.0, stand=True)
    pair.run(10.0 * TIMING.quiet_period_s)
    assert [one.quantity_mb for one in pair.settled if isinstance(one, SaleSettled)] == [60.0]


def test_without_a_choice_nothing_is_said() -> None:
    pair = Pair()
    pair.run(5.0 * TIMING.quiet_period_s)
    assert pair.hosts["b"].counters["sent"] == 0


def test_nobody_else_bids_what_a_person_wants() -> None:
    """A buyer whom a strategy serves."""
    buyer = Buyer(["s/seller"], Flat(60, 2.0), OptOut(), TIMING, Scripted(0.5))
    assert buyer.step(0.0, MindChanged({"s/seller": Target(40.0, 3.0)}, stand=True)) == []


def test_a_mind_that_changes_does_not_wait_for_what_it_was_thinking_about() -> None:
    bench = BuyerBench(ByHand()).opened(s=100, t=100)
    bench.thinks()
    assert bench.timers["think"] == TIMING.clearing_interval_s
    bench.now = 0.3
    bench.step(MindChanged({S: Target(30.0, 2.0)}, stand=False))
    assert bench.timers["think"] == 0.3
    assert sent_as(Bid, bench.thinks()).keys() == {S}
