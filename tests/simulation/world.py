"""A market in the simulated world, with faults on demand and every promise to a user watched at every step."""

import math
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from node.mechanism.rounding import ROUNDING
from node.protocol.host import Host
from node.protocol.machine import Machine
from node.protocol.planned import Planned
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.journal import ExchangeEntry
from node.protocol.psp.seller import Seller
from node.protocol.topics import node_of
from node.protocol.trace import Record
from node.runtime.faults.clock_skew import Skewed
from node.runtime.journal import Journal
from node.runtime.sim.injector import FaultInjector
from node.runtime.sim.simulation import LinkModel, Simulation
from node.trace.psp.metrics import MarketMetrics
from node.trace.psp.sales import Excuses, is_disputed
from scenarios.launch.placement import build_hosts, faults_of, host_names, one_host_each, spread
from scenarios.markets.load import load, parse
from scenarios.markets.psp.market import Market, draw, theta
from scenarios.markets.psp.schema import Shift, ShiftKind

LONGEST_S = 10_000.0
MOST_EVENTS = 400_000

Receipts = dict[tuple[str, str, int], tuple[float, float]]
"""(seller, buyer, round) to (MB, money)."""


class World(Simulation):
    """Runs a drawn market."""

    def __init__(self, market: Market, hosts_in_all: int | None = None) -> None:
        placement = one_host_each(market) if hosts_in_all is None else spread(market, hosts_in_all)
        hosts = build_hosts(market, placement, set(host_names(placement)))
        self.market = market
        self.records: list[Record[Any]] = []
        self.metrics = MarketMetrics(
            {buyer.name: theta(buyer) for buyer in market.buyers}, [seller.name for seller in market.sellers]
        )
        self.sellers: dict[str, Seller] = {}
        self.buyers: dict[str, Buyer] = {}
        for host in hosts:
            self.know(host)
        self.placement = placement
        self.journal = Journal(Path(":memory:"), "psp", ExchangeEntry, durable=False)
        links = LinkModel(**msgspec.structs.asdict(market.network))
        self.faults = FaultInjector(faults_of(market, placement), self.rebuilt)
        super().__init__(hosts, links, market.seed, self.note, self.journal, self.faults)

    def rebuilt(self, name: str) -> Host:
        """A fresh process of a host."""
        (host,) = build_hosts(self.market, self.placement, {name})
        self.know(host)
        return host

    def know(self, host: Host) -> None:
        for node, machine in host.machines.items():
            match unplanned(machine):
                case Seller() as seller:
                    self.sellers[node] = seller
                case Buyer() as buyer:
                    self.buyers[node] = buyer

    def note(self, records: Iterable[Record[Any]]) -> None:
        for record in records:
            self.records.append(record)
            self.metrics.add(record)

    # Running

    def settles(self) -> bool:
        """Open the market and run it; whether every node came to rest."""
        self.open_market()
        return self.goes_on()

    def goes_on(self) -> bool:
        self.run(LONGEST_S, MOST_EVENTS)
        return self.settled

    def runs_until(self, kind: str) -> Record[Any]:
        """Run until something of this kind happens."""
        start = len(self.records)
        while True:
            for record in self.records[start:]:
                if record.kind == kind:
                    return record
            start = len(self.records)
            assert self.run(LONGEST_S, 1), f"no {kind}"

    # What must hold at every step

    def collect(self, host: Host) -> None:
        super().collect(host)
        for machine in map(unplanned, host.machines.values()):
            if isinstance(machine, Buyer):
                wanted = sum(auction.standing.quantity for auction in machine._auctions.values())
                assert machine._purchases.held + wanted <= machine._valuation.demand_mb * (1 + ROUNDING)
                assert machine._purchases.paid <= machine._purchases.budget * (1 + ROUNDING)
            elif isinstance(machine, Seller):
                awarded = machine._awards.promised
                assert machine._awards.sold + awarded <= machine._supply * (1 + ROUNDING)

    # What must hold at the end

    def receipts_of_sellers(self) -> Receipts:
        return {
            (name, node_of(buyer), round_): (receipt.quantity, receipt.charge)
            for name, machine in self.sellers.items()
            for (buyer, round_), receipt in machine._awards.receipts.items()
        }

    def receipts_of_buyers(self) -> Receipts:
        return {
            (node_of(auction.seller), name, round_): (receipt.quantity, receipt.charge)
            for name, machine in self.buyers.items()
            for auction in machine._auctions.values()
            for round_, receipt in auction._receipts.items()
        }

    def in_doubt(self) -> set[tuple[str, str, int]]:
        """What buyers have accepted and got no receipt for, however often they asked."""
        return {
            (node_of(auction.seller), name, auction.bound.round)
            for name, machine in self.buyers.items()
            for auction in machine._auctions.values()
            if auction.bound
        }

    def check_books(self) -> None:
        """Every receipt has its twin or is reported in doubt, and nobody sold, bought or paid more than it could."""
        receipts = self.receipts_of_sellers()
        in_doubt = self.in_doubt()
        assert len(in_doubt) <= self.metrics.in_doubt
        assert {key: receipt for key, receipt in receipts.items() if key not in in_doubt} == self.receipts_of_buyers()
        for seller in self.market.sellers:
            assert _total(receipts, 0, seller.name)[0] <= self.sellers[seller.name]._supply * (1 + ROUNDING)
        for buyer in self.market.buyers:
            quantity, money = _total(receipts, 1, buyer.name)
            assert quantity <= theta(buyer).demand_mb * (1 + ROUNDING)
            assert money <= (math.inf if buyer.budget_money is None else buyer.budget_money) * (1 + ROUNDING)
            assert math.isclose(quantity, self.buyers[buyer.name]._purchases.held, rel_tol=ROUNDING, abs_tol=ROUNDING)
            assert math.isclose(money, self.buyers[buyer.name]._purchases.paid, rel_tol=ROUNDING, abs_tol=ROUNDING)
        self.check_trace(receipts, in_doubt)
        received = sum(machine._awards.revenue for machine in self.sellers.values())
        assert math.isclose(sum(money for _, money in receipts.values()), received, rel_tol=ROUNDING, abs_tol=ROUNDING)

    def check_trace(self, receipts: Receipts, in_doubt: set[tuple[str, str, int]]) -> None:
        """What counts of the trace are the receipts, and nobody honest is in dispute."""
        told = {
            (node_of(one.sale.seller), node_of(one.sale.buyer), one.sale.round): one for one in self.metrics.verdicts()
        }
        assert not [one for one in told.values() if is_disputed(one, Excuses())]
        assert {key: tuple(one.counted) for key, one in told.items() if key not in in_doubt} == {
            key: amounts for key, amounts in receipts.items() if key not in in_doubt
        }

    def sold(self) -> dict[tuple[str, str], float]:
        """MB by (seller, buyer), of those that bought something."""
        sold: dict[tuple[str, str], float] = {}
        for (seller, buyer, _), (quantity, _) in self.receipts_of_sellers().items():
            sold[seller, buyer] = sold.get((seller, buyer), 0.0) + quantity
        return sold

    def bought(self, buyer: str) -> float:
        return _total(self.receipts_of_sellers(), 1, buyer)[0]


def unplanned(machine: Machine) -> Machine:
    """The machine itself, where a plan or a wrong clock is wrapped around it."""
    return unplanned(machine.machine) if isinstance(machine, Planned | Skewed) else machine


def _total(receipts: Receipts, place: int, name: str) -> tuple[float, float]:
    own = [amounts for key, amounts in receipts.items() if key[place] == name]
    return sum(quantity for quantity, _ in own), sum(money for _, money in own)


def world(name: str, seed: int, *settings: str, hosts: int | None = None) -> World:
    return World(draw(load(name, settings), seed), hosts)


HAZARDS = ("network.loss=0.05", "network.duplication=0.05", "network.reordering=1.0")


def within(clearings: float, clearing_s: float = 0.1) -> tuple[str, ...]:
    """Settings of a network that takes from no time at all up to so many clearing intervals, and waits accordingly."""
    delay = clearings * clearing_s
    quiet = 10 * clearing_s + 25 * delay
    return ("network.delay_min_s=0.0", f"network.delay_max_s={delay}", f"auction.quiet_period_s={quiet}")


FILL = tuple(f"buyers.{k}.strategy={{kind='opt-out',split='fill-largest-first'}}" for k in range(5))
"""Settings of two-sellers: every buyer fills the largest seller first."""


def small_market(seed: int) -> Market:
    """A market of up to four sellers and eight buyers of any kind, over a network of any badness."""
    random = Random(seed)
    sellers = [
        {
            "name": f"s{k}",
            "supply_mb": random.choice([10.0, 50.0, 130.0]),
            "reserve_price_per_mb": random.choice([0, 0.5]),
        }
        for k in range(random.randint(1, 4))
    ]
    buyers = [_buyer(f"b{k}", len(sellers), random) for k in range(random.randint(1, 8))]
    network = {
        "delay_max_s": random.choice([0.001, 0.05, 0.2]),
        "loss": random.choice([0.0, 0.05, 0.2]),
        "duplication": random.choice([0.0, 0.2]),
        "reordering": random.choice([0.0, 1.0]),
    }
    rule = random.choice(["fixed", "highest-losing"])
    tables = {
        "name": "small",
        "sellers": sellers,
        "buyers": buyers,
        "network": network,
        "auction": {"reserve_rule": rule},
    }
    return draw(parse(tables, f"small market {seed}"), seed)


def shifted(market: Market, seed: int) -> Market:
    """The market, to whose users anything may happen at any time, while they settle too."""
    random = Random(seed)
    span_s = 4.0 * market.timing.quiet_period_s
    shifts: list[Shift] = []
    for user in market.user_names:
        factors = (0.0, 0.3, 2.0) if any(user == seller.name for seller in market.sellers) else (0.2, 3.0)
        kind: ShiftKind = "valuation" if 0.2 in factors else "supply"
        if random.random() < 0.2:
            shifts.append(Shift(random.uniform(0.0, 0.4 * span_s), user, "join"))
        if random.random() < 0.4:
            shifts.append(Shift(random.uniform(0.4, 0.8) * span_s, user, kind, random.choice(factors)))
        if random.random() < 0.2:
            shifts.append(Shift(random.uniform(0.8, 1.0) * span_s, user, "leave"))
    timing = msgspec.structs.replace(market.timing, open_at_least_s=random.choice([0.0, 2.0 * span_s]))
    return msgspec.structs.replace(market, shifts=sorted(shifts, key=lambda one: one.at_s), timing=timing)


def _buyer(name: str, sellers: int, random: Random) -> dict[str, Any]:
    demand = random.uniform(5.0, 80.0)
    valuation: dict[str, Any] = random.choice(
        [
            {"kind": "flat", "demand_mb": demand, "value_per_mb": random.choice([1.0, 1.5, 2.0])},
            {"kind": "parabolic", "demand_mb": demand, "choke_price_per_mb": random.uniform(1.0, 5.0)},
        ]
    )
    strategy = random.choice(
        [
            {"kind": "opt-out", "think_s": 0.05},
            {"kind": "opt-out", "split": "fill-largest-first"},
            {"kind": "adaptive", "epsilon_start_money": 4.0, "epsilon_end_money": 0.2},
        ]
    )
    buyer = {"name": name, "valuation": valuation, "strategy": strategy, "sellers_each": random.randint(1, sellers)}
    return buyer | ({"budget_money": random.uniform(1.0, 40.0)} if random.random() < 0.4 else {})
