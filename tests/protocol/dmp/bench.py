"""The machines of the Digital Marketplace on the bench: a market, a network, a service agent and a terminal."""

import itertools
from typing import Any

import numpy as np

from node.mechanism.dmp import WindowReputation
from node.protocol.dmp.auctioneer import Rules
from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.messages import (
    CallSpec,
    Commit,
    Contract,
    Invite,
    Noted,
    Register,
    Registered,
    Registry,
    Report,
    Request,
    Role,
    SealedBid,
)
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.dmp.networks import Network, Reputation
from node.protocol.dmp.service_agent import ServiceAgent
from node.protocol.dmp.terminal import PlannedCall, Terminal
from node.protocol.dmp.timing import CallTiming
from node.protocol.machine import Effect, Opened, PostOnBoard, Started
from node.strategy.dmp import Call
from tests.protocol.psp.bench import Bench

TIMING = CallTiming(bid_window_s=10.0, retry_s=4.0, gather_s=2.0, speed=10.0)

MARKET, AGENT = "ma/market", "sa/agent"
N, M, P = "n/net", "m/net", "p/net"
T, U = "t/user", "u/user"


def wanted(at_s: float = 0.0, holding_s: float = 100.0, rate_kbps: float = 500.0, kind: Any = "session") -> CallSpec:
    return CallSpec(at_s, "web", kind, rate_kbps, holding_s)


class MarketBench(Bench):
    """A market that awaits networks N and M and terminal T; reputations are of the last two calls."""

    def __init__(
        self,
        networks: tuple[str, ...] = (N, M),
        customers: tuple[str, ...] = (T,),
        rules: Rules | None = None,
        reputation: Reputation | None = None,
    ) -> None:
        super().__init__(
            MarketAgent(
                frozenset(networks),
                frozenset(customers),
                reputation or WindowReputation(2),
                rules or Rules(),
                TIMING,
                np.random.default_rng(0),
            )
        )
        self.awaited = [(one, "network") for one in networks] + [(one, "terminal") for one in customers]
        self.calls = itertools.count(1)

    @property
    def held(self) -> int:
        """The number of the last auction."""
        return self.machine._auctioneer.held  # type: ignore[attr-defined, no-any-return]

    @property
    def market_is(self) -> str:
        return self.machine._state  # type: ignore[attr-defined, no-any-return]

    def registers(self, who: str, role: Any = "network", seq: int = 1) -> list[Effect]:
        return self.hears(who, Register(seq, role))

    def opened(self) -> "MarketBench":
        self.step(Started())
        self.step(Opened())
        for who, role in self.awaited:
            self.registers(who, role)
        return self

    def asks(self, call: int = 1, spec: CallSpec | None = None, over: int = 1, **more: Any) -> list[Effect]:
        """T asks for a call, at the time it is for."""
        spec = spec or wanted()
        self.now = max(self.now, 0.0 if more.pop("early", False) else spec.at_s / TIMING.speed)
        fields = {"price_weight": 0.5, "budget": None} | more
        return self.hears(T, Request(call, over, spec, **fields))

    def called(self, **request: Any) -> "MarketBench":
        """A call of T is being auctioned."""
        self.asks(**request)
        self.fires("gather")
        return self

    def bids(self, network: str, price: float | None, auction: int = 0) -> list[Effect]:
        return self.hears(network, SealedBid(auction or self.held, price))

    def misses(self) -> list[Effect]:
        """The bid window passes; the effects of its end."""
        effects: list[Effect] = []
        closes_at = self.now + TIMING.bid_window_s
        while "bids" in self.timers and self.now < closes_at:
            effects = self.fires("bids")
        return effects

    def commits(self, network: str, auction: int = 0) -> list[Effect]:
        return self.hears(network, Commit(auction or self.held))

    def reports(self, call: int = 1, *, served: bool = True, customer: str = T) -> list[Effect]:
        return self.hears(customer, Report(call, served))

    def entry(self, network: str) -> Network:
        """The market's registry entry of a network."""
        return self.machine._networks.of(network)  # type: ignore[attr-defined, no-any-return]


def awarded_market(**request: Any) -> MarketBench:
    """N has won the first call at 3, M has bid 4; N has not answered yet."""
    bench = MarketBench().opened().called(**request)
    bench.bids(N, 3.0)
    bench.bids(M, 4.0)
    return bench


def carrying_market(**request: Any) -> MarketBench:
    """N carries the first call at 3."""
    bench = awarded_market(**request)
    bench.commits(N)
    return bench


def post_of(effects: list[Effect]) -> Registry:
    """The last post."""
    *_, post = [effect.message for effect in effects if isinstance(effect, PostOnBoard)]
    assert isinstance(post, Registry)
    return post


class Asking:
    """A pricing strategy that asks the prices it is given, the last one for ever, and remembers what it learned."""

    def __init__(self, *prices: float) -> None:
        self.prices = list(prices)
        self.calls: list[Call] = []
        self.profits: list[float | None] = []

    def price(self, call: Call) -> float:
        self.calls.append(call)
        return self.prices.pop(0) if len(self.prices) > 1 else self.prices[0]

    def learned(self, profit: float | None) -> None:
        self.profits.append(profit)


class NetworkBench(Bench):
    """A network of 1000 kbit/s whose costs are 1, 2, 3, ... from auction 1 on."""

    def __init__(self, *prices: float, overcommitment: float = 1.0) -> None:
        self.strategy = Asking(*(prices or (5.0,)))
        costs = map(float, itertools.count(1))
        super().__init__(NetworkAgent(MARKET, 1000.0, self.strategy, costs, TIMING, overcommitment))
        self.last = wanted()

    def admitted(self, epoch: int = 1, seq: int = 1) -> "NetworkBench":
        self.step(Started())
        self.hears(MARKET, Registered(seq, epoch))
        return self

    def invited(self, auction: int = 1, spec: CallSpec | None = None, **changes: Any) -> list[Effect]:
        self.last = spec or wanted()
        fields = {"price_weight": 0.5, "reputation": 0.25, "bidders": 2, "rivals": None} | changes
        return self.hears(MARKET, Invite(auction, self.last, **fields))

    def contracted(self, auction: int = 1, price: float = 5.0, spec: CallSpec | None = None) -> list[Effect]:
        return self.hears(MARKET, Contract(auction, T, spec or self.last, price))

    @property
    def carried(self) -> float:
        return self.machine.carried_kbps  # type: ignore[attr-defined, no-any-return]


def carrying_network(rate_kbps: float = 500.0, holding_s: float = 100.0) -> NetworkBench:
    """It has committed to auction 1."""
    bench = NetworkBench().admitted()
    bench.invited(1, wanted(0.0, holding_s, rate_kbps))
    bench.contracted(1)
    return bench


class AgentBench(Bench):
    """A service agent for T and U with a fee of 1 and a price weight of 0.75."""

    def __init__(self, *customers: str, fee: float = 1.0, price_weight: float | None = 0.75) -> None:
        awaited = frozenset(customers or (T, U))
        super().__init__(ServiceAgent(MARKET, awaited, TIMING, fee, price_weight))

    def registers(self, who: str, role: Role = "terminal", seq: int = 1) -> list[Effect]:
        return self.hears(who, Register(seq, role))

    def admitted(self) -> "AgentBench":
        self.step(Started())
        self.registers(T)
        self.registers(U)
        self.hears(MARKET, Registered(1, 1))
        return self

    def asks(self, customer: str = T, call: int = 1, over: int = 1, budget: float | None = None) -> list[Effect]:
        return self.hears(customer, Request(call, over, wanted(), 0.5, budget))


def asking_agent() -> AgentBench:
    """T has asked for a call; the market has not answered."""
    bench = AgentBench().admitted()
    bench.asks()
    return bench


def carrying_agent() -> AgentBench:
    """Network N carries T's call for 3."""
    bench = asking_agent()
    bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    return bench


def reported_agent() -> AgentBench:
    """T has said that its call was served."""
    bench = carrying_agent()
    bench.hears(T, Report(1, served=True))
    return bench


def finished_agent() -> AgentBench:
    """And the market has noted it."""
    bench = reported_agent()
    bench.hears(MARKET, Noted(1, served=True))
    return bench


class TerminalBench(Bench):
    """A terminal that calls at 10 s and 50 s of the market, 100 s each; its clock is ten times slower."""

    def __init__(self, *at_s: float, provider: str = MARKET) -> None:
        self.plan = [PlannedCall(wanted(at), 0.5, 9.0) for at in (at_s or (10.0, 50.0))]
        super().__init__(Terminal(MARKET, provider, self.plan, TIMING))
        self.provider = provider

    def admitted(self) -> "TerminalBench":
        self.step(Started())
        self.hears(self.provider, Registered(1, 1))
        return self

    def sees(self, state: Any, seq: int = 2) -> list[Effect]:
        return self.hears(MARKET, Registry(seq, state, [N, M], [0.0, 0.0], []))

    def opened(self) -> "TerminalBench":
        self.admitted()
        self.sees("open")
        return self

    def called(self) -> "TerminalBench":
        """Its first call is asked for."""
        self.opened()
        self.fires("call")
        return self

    def is_connected(self, call: int = 1, price: float = 3.0) -> list[Effect]:
        return self.hears(self.provider, Contract(call, N, self.plan[call - 1].wanted, price))


def calling_terminal() -> TerminalBench:
    """Network N carries its first call."""
    bench = TerminalBench().called()
    bench.is_connected()
    return bench
