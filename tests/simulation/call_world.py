"""A Digital Marketplace in the simulated world, built of its machines, with the promises to its users watched."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from math import isclose
from pathlib import Path
from typing import Any

import msgspec

from node.mechanism.dmp import WindowReputation
from node.mechanism.rounding import ROUNDING
from node.protocol.dmp.auctioneer import Rules
from node.protocol.dmp.journal import CallEntry
from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.messages import CallSpec
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.dmp.networks import Reputation
from node.protocol.dmp.service_agent import ServiceAgent
from node.protocol.dmp.terminal import PlannedCall, Terminal
from node.protocol.dmp.timing import CallTiming
from node.protocol.host import Host
from node.protocol.trace import Record, Trace
from node.runtime.journal import Journal
from node.runtime.sim.injector import FaultInjector
from node.runtime.sim.simulation import LinkModel, Simulation
from node.runtime.streams import stream
from node.strategy.dmp import CostPlus, LoadBased, PricingStrategy
from node.trace.dmp.ledger import CallLedger
from tests.protocol.codecs import CALLS

MARKET, AGENT = "ma/market", "sa/agent"

PLAIN = LinkModel()
BAD = LinkModel(delay_min_s=0.0, delay_max_s=0.05, loss=0.05, duplication=0.05, reordering=1.0)
SLOW = LinkModel(delay_min_s=0.02, delay_max_s=0.1, reordering=1.0)

TIMING = CallTiming(bid_window_s=4.0, retry_s=0.25, gather_s=5.0, speed=20.0)
"""Patient enough for the worst of these networks: what is lost is said again in time."""

LONGEST_S = 10_000.0
MOST_EVENTS = 400_000
OUTCOMES = {"served", "decommitted", "blocked"}


class Operator(msgspec.Struct, frozen=True):
    """A network: costs are drawn from ``cheapest`` to ``dearest``."""

    capacity_kbps: float
    cheapest: float = 0.2
    dearest: float = 0.8
    overcommitment: float = 1.0
    strategy: PricingStrategy | None = None


class Users(msgspec.Struct, frozen=True):
    """How many terminals there are, and what each asks for."""

    direct: int = 2
    brokered: int = 2
    calls: int = 8
    gap_s: float = 15.0
    holding_s: float = 60.0
    price_weight: float | None = None
    budget: float | None = None


OPERATORS = (
    Operator(1_600.0),
    Operator(1_100.0, 0.3, 0.9, strategy=LoadBased(0.05, 0.3)),
    Operator(800.0, 0.1, 0.7, overcommitment=2.0),
)


def about(what: Trace) -> tuple[Any, ...]:
    """What a record is about, whichever life tells it."""
    return what.kind, *(getattr(what, name, None) for name in ("auction", "own_call", "call"))


class CallWorld(Simulation):
    """Some networks, and terminals of whom some have a service agent; each is a host of its own."""

    def __init__(
        self,
        seed: int,
        links: LinkModel = PLAIN,
        operators: Iterable[Operator] = OPERATORS,
        users: Users | None = None,
        reputation: Reputation | None = None,
        timing: CallTiming = TIMING,
        *,
        journalled: bool = False,
    ) -> None:
        self.seed = seed
        self.reputation = reputation or WindowReputation(5)
        self.timing = timing
        self.users = users or Users()
        self.operators = {f"n{k}": operator for k, operator in enumerate(operators)}
        self.terminals = [f"t{k}" for k in range(self.users.direct + self.users.brokered)]
        self.plans = {name: self.plan_of(name) for name in self.terminals}
        self.records: list[Record[Any]] = []
        self.brokered = frozenset(f"{name}/{name}" for name in self.terminals[self.users.direct :])
        self.written = Journal(Path(":memory:"), "dmp", CallEntry, durable=False) if journalled else None
        names = ["ma", *self.operators, *(["sa"] if self.brokered else []), *self.terminals]
        self.faults = FaultInjector()
        super().__init__(map(self.fresh, names), links, seed, self.records.extend, self.written, self.faults)

    def plan_of(self, name: str) -> list[PlannedCall]:
        random, users = stream(self.seed, name, "calls"), self.users
        times = itertools.accumulate(random.exponential(users.gap_s, users.calls))
        return [
            PlannedCall(
                CallSpec(
                    at_s, "web", "session", float(random.choice([256.0, 512.0])), random.exponential(users.holding_s)
                ),
                random.uniform() if users.price_weight is None else users.price_weight,
                users.budget,
            )
            for at_s in map(float, times)
        ]

    def fresh(self, name: str) -> Host:
        """A fresh process of any host."""
        match name:
            case "ma":
                return self.market_host()
            case "sa":
                self.agent = ServiceAgent(MARKET, self.brokered, self.timing, fee=0.1, price_weight=0.7)
                return Host("sa", {"agent": self.agent}, CALLS)
        return self.operator_host(name) if name in self.operators else self.terminal_host(name)

    def market_host(self) -> Host:
        """A fresh process of the market agent."""
        customers = {f"{name}/{name}" for name in self.terminals[: self.users.direct]}
        self.market = MarketAgent(
            frozenset(f"{name}/{name}" for name in self.operators),
            frozenset(customers | {AGENT} if self.brokered else customers),
            self.reputation,
            Rules(reserve=0.95),
            self.timing,
            stream(self.seed, MARKET, "ties"),
        )
        return Host("ma", {"market": self.market}, CALLS)

    def operator_host(self, name: str) -> Host:
        """A fresh process of a network."""
        operator, random = self.operators[name], stream(self.seed, name, "costs")
        costs = (float(random.uniform(operator.cheapest, operator.dearest)) for _ in itertools.count())
        strategy = operator.strategy or CostPlus(0.0)
        machine = NetworkAgent(MARKET, operator.capacity_kbps, strategy, costs, self.timing, operator.overcommitment)
        return Host(name, {name: machine}, CALLS)

    def terminal_host(self, name: str) -> Host:
        """A fresh process of a terminal."""
        provider = MARKET if self.terminals.index(name) < self.users.direct else AGENT
        return Host(name, {name: Terminal(MARKET, provider, self.plans[name], self.timing)}, CALLS)

    # Running

    def settles(self) -> bool:
        """Open the market and run it; whether every node came to rest."""
        self.open_market()
        return self.goes_on()

    def goes_on(self) -> bool:
        self.run(LONGEST_S, MOST_EVENTS)
        return self.settled

    def lasts(self, seconds: float) -> None:
        """Let so many seconds of the clock pass."""
        self.run(self.now + seconds, MOST_EVENTS)

    # What must hold at every step

    def collect(self, host: Host) -> None:
        super().collect(host)
        machine = host.machines.get(host.name)
        if isinstance(machine, NetworkAgent):
            assert machine.carried_kbps <= machine._capacity * (1.0 + ROUNDING)

    # What happened

    def seen(self, host: str, *kinds: str) -> list[Record[Any]]:
        """What one host has told observers."""
        own = [one for one in self.records if one.node.startswith(f"{host}/")]
        first_life = next((at for at, one in enumerate(own) if one.kind == "resumed"), len(own))
        found = {about(one.what): one for one in reversed(own[first_life:])}  # says again what it said
        known = {about(one.what) for one in own[:first_life]}
        later = [one for key, one in reversed(found.items()) if key not in known]
        return [one for one in (*own[:first_life], *later) if one.kind in kinds]

    def calls_of_auctions(self) -> dict[int, tuple[str, int]]:
        """Which call of which terminal every auction is about."""
        brokered = {own.what.own_call: (own.what.terminal, own.what.call) for own in self.seen("sa", "brokered")}
        decided = {one.what.auction for one in self.seen("ma", "contracted", "blocked")}
        calls = [one.what for one in self.seen("ma", "called")]
        called = {one.auction: (one.customer, one.call) for one in calls if one.auction in decided}
        return {number: brokered[seq] if of == AGENT else (of, seq) for number, (of, seq) in called.items()}

    def winners(self) -> dict[tuple[str, int], str]:
        """Who has won the auction of each call, and at which price."""
        calls = self.calls_of_auctions()
        won = [one.what for one in self.seen("ma", "contracted")]
        return {calls[one.auction]: f"{one.network} for {one.price_money!r}" for one in won}

    def outcomes_at_market(self) -> dict[tuple[str, int], str]:
        """How each call ended by the market agent's books."""
        calls = self.calls_of_auctions()
        found = self.seen("ma", *OUTCOMES)
        assert len({one.what.auction for one in found}) == len(found)
        return {calls[one.what.auction]: one.kind for one in found}

    def outcomes_at_terminals(self) -> dict[tuple[str, int], str]:
        """How each call ended for the user."""
        found = [one for name in self.terminals for one in self.seen(name, "outcome")]
        outcomes = {(one.node, one.what.call): one.what.outcome for one in found}
        assert len(outcomes) == len(found)
        return outcomes

    def wanted(self, terminal: str, call: int) -> CallSpec:
        return self.plans[terminal.partition("/")[0]][call - 1].wanted

    def rejected(self) -> Counter[str]:
        """What any host took for the fault of another."""
        counters = sum((host.counters for host in self.hosts.values()), Counter[str]())
        return Counter({key: count for key, count in counters.items() if key.startswith("rejected")})

    # What must hold at the end

    def check_ledger(self) -> None:
        """The journals agree on all calls, and nothing is in doubt."""
        assert self.written
        ledger = CallLedger(entry for past in self.written.past().values() for entry in past.entries)
        assert (ledger.breaches, ledger.doubts) == ([], [])
        assert isclose(ledger.earned, ledger.paid)

    def check_books(self) -> None:
        """Every planned call has one outcome, the same for user and market, and one carrier at most."""
        planned = {(f"{name}/{name}", call + 1) for name in self.terminals for call in range(len(self.plans[name]))}
        assert set(self.outcomes_at_terminals()) == planned
        assert sorted(self.calls_of_auctions().values()) == sorted(planned)
        self.check_outcomes()

    def check_outcomes(self) -> None:
        """What every user was told agrees with the market agent's books, and nobody has seen a fault of another."""
        assert self.market.finished
        at_market, alive = self.outcomes_at_market(), self.terminals_alive()
        assert {call: at_market[call] for call in at_market if call[0] in alive} == {
            call: outcome for call, outcome in self.outcomes_at_terminals().items() if call[0] in alive
        }
        self.check_carriers()
        assert self.rejected() == Counter()

    def terminals_alive(self) -> set[str]:
        return {f"{name}/{name}" for name in self.terminals if name not in self.faults.dead}

    def check_carriers(self) -> None:
        """No call is carried twice, and only by whom the market agent has chosen."""
        contracted = {(one.what.network, one.what.auction) for one in self.seen("ma", "contracted")}
        committed = [(one.node, one.what.auction) for name in self.operators for one in self.seen(name, "committed")]
        assert len({number for _, number in committed}) == len(committed)
        assert set(committed) <= contracted
        served = {(one.what.network, one.what.auction) for one in self.seen("ma", "served")}
        assert served <= set(committed)

    def most_carried(self) -> dict[str, float]:
        """The most that each network carried at any moment of the market, by the market agent's books alone, kbit/s."""
        calls = self.calls_of_auctions()
        starts = {one.what.auction: one.what.market_s for one in self.seen("ma", "called")}
        changes: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for one in self.seen("ma", "served"):
            wanted = self.wanted(*calls[one.what.auction])
            start = starts[one.what.auction]
            changes[one.what.network] += [(start, wanted.rate_kbps), (start + wanted.holding_s, -wanted.rate_kbps)]
        return {
            network.partition("/")[0]: max(itertools.accumulate(rate for _, rate in sorted(found)))
            for network, found in changes.items()
        }
