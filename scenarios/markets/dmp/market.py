"""A Digital Marketplace as drawn from a scenario and a seed: every call with its time, every user with its numbers."""

from collections.abc import Iterator
from itertools import accumulate, islice

import msgspec
import numpy as np

from node.protocol.dmp.auctioneer import Rules
from node.protocol.dmp.messages import CallSpec
from node.protocol.dmp.terminal import PlannedCall
from node.protocol.dmp.timing import CallTiming
from node.protocol.numbers import MAX_PRICE, MAX_RATE_KBPS, MAX_SECONDS
from node.runtime.streams import stream
from scenarios.errors import ScenarioError
from scenarios.files.draws import check_bound, drawn
from scenarios.files.names import names_of
from scenarios.files.tables import NetworkTable, Number
from scenarios.markets import base
from scenarios.markets.dmp.schema import (
    Agents,
    CallScenario,
    MarketplaceTable,
    Operators,
    PricingTable,
    ReputationTable,
    Service,
    Terminals,
)
from scenarios.words import counted


class OperatorSpec(msgspec.Struct, frozen=True):
    """One network operator; its cost, money, is drawn anew for every call. A person may set its prices."""

    name: str
    capacity_kbps: float
    cost_money: Number
    pricing: PricingTable
    overcommitment: float
    initial_reputation: float | None = None
    by_hand: bool = False


class TerminalSpec(msgspec.Struct, frozen=True):
    """One user terminal: its calls in the order of time, and the service agent that asks for them, if any."""

    name: str
    agent: str | None
    calls: list[PlannedCall]


class CallMarket(base.Market, frozen=True, kw_only=True, tag="dmp"):
    """Everybody in a Digital Marketplace."""

    agent: str
    rules: Rules
    reputation: ReputationTable
    timing: CallTiming
    operators: list[OperatorSpec]
    agents: list[Agents]
    terminals: list[TerminalSpec]

    @property
    def user_names(self) -> list[str]:
        """All nodes, the market agent first."""
        users: list[OperatorSpec | Agents | TerminalSpec] = [*self.operators, *self.agents, *self.terminals]
        return [self.agent, *(user.name for user in users)]

    @property
    def closers(self) -> list[str]:
        """The market agent."""
        return [self.agent]

    @property
    def churning(self) -> list[str]:
        """All terminals."""
        return [terminal.name for terminal in self.terminals]

    @property
    def retry_s(self) -> float:
        """As the timing says, seconds."""
        return self.timing.retry_s

    @property
    def calls(self) -> int:
        """How many calls the terminals mean to make."""
        return sum(len(terminal.calls) for terminal in self.terminals)


def draw_calls(scenario: CallScenario, seed: int) -> CallMarket:
    """The market that this seed draws from the scenario.

    Raises
    ------
    ScenarioError
        If a drawn number is one that no message can carry; the text names the user.
    """
    services = {service.name: service for service in scenario.services}
    table = scenario.marketplace
    return CallMarket(
        scenario=scenario.name,
        seed=seed,
        network=scenario.network,
        chaos=scenario.chaos,
        agent=table.name,
        rules=Rules(table.reserve, table.public_reputations),
        reputation=scenario.reputation,
        timing=call_timing(table, scenario.network),
        operators=[operator for group in scenario.operators for operator in _operators(group, seed)],
        agents=scenario.agents,
        terminals=[terminal for group in scenario.terminals for terminal in _terminals(group, services, seed)],
    )


def described(market: CallMarket) -> str:
    """A drawn Digital Marketplace in one line."""
    until = max((one.calls[-1].wanted.at_s for one in market.terminals), default=0.0)
    return (
        f"{counted(market.calls, 'call')} of {counted(len(market.terminals), 'terminal')} in {until:,.0f} s of the "
        f"market, {counted(len(market.operators), 'operator')}, {counted(len(market.agents), 'service agent')} "
        f"(seed {market.seed}); "
        f"{until / market.timing.speed:,.0f} s on the clock"
    )


def call_timing(table: MarketplaceTable, network: NetworkTable) -> CallTiming:
    """The intervals of a market; those left out leave room for several messages of the slowest kind."""
    retry = table.retry_s if table.retry_s is not None else 0.25 + 4.0 * network.delay_max_s
    window = table.bid_window_s if table.bid_window_s is not None else 8.0 * retry
    return CallTiming(window, retry, table.gather_s, table.speed)


def _operators(group: Operators, seed: int) -> Iterator[OperatorSpec]:
    for name in names_of(group):
        capacity = drawn(group.capacity_kbps, stream(seed, name, "population"))
        check_bound(f"operator {name!r}: capacity_kbps", capacity, MAX_RATE_KBPS)
        if capacity <= 0.0:
            raise ScenarioError(f"operator {name!r}: capacity_kbps = {capacity:g} must be above 0")
        yield OperatorSpec(
            name, capacity, group.cost_money, group.pricing, group.overcommitment, group.initial_reputation
        )


def _terminals(group: Terminals, services: dict[str, Service], seed: int) -> Iterator[TerminalSpec]:
    offered = [services[name] for name in group.services or services]
    for name in names_of(group):
        random = stream(seed, name, "calls")
        yield TerminalSpec(name, group.agent, list(_calls(group, offered, name, random)))


def _calls(group: Terminals, services: list[Service], name: str, random: np.random.Generator) -> Iterator[PlannedCall]:
    pauses = iter(lambda: float(random.exponential(1.0 / group.calls_per_s)), None)
    for at_s in accumulate(islice(pauses, group.calls)):
        service = services[int(random.integers(len(services)))]
        holding_s, weight = drawn(service.holding_s, random), drawn(group.price_weight, random)
        budget = None if group.budget_money is None else drawn(group.budget_money, random)
        check_bound(f"terminal {name!r}: the time of a call", at_s + holding_s, MAX_SECONDS)
        check_bound(f"terminal {name!r}: price_weight", weight, 1.0)
        check_bound(f"terminal {name!r}: budget_money", budget or 0.0, MAX_PRICE)
        wanted = CallSpec(at_s, service.name, service.contract, service.rate_kbps, holding_s)
        yield PlannedCall(wanted, weight, budget)
