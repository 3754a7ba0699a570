"""From a drawn Digital Marketplace to its machines."""

from collections.abc import Iterator, Mapping

from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.dmp.service_agent import ServiceAgent
from node.protocol.dmp.terminal import Terminal
from node.protocol.machine import Machine
from node.runtime.streams import stream
from node.strategy.dmp import ByHand
from scenarios.files.draws import drawn
from scenarios.files.tables import Number
from scenarios.markets.dmp.market import CallMarket, OperatorSpec, TerminalSpec

Addresses = Mapping[str, str]
"""Node name to address."""


def call_machines(market: CallMarket, addresses: Addresses, names: set[str]) -> Iterator[tuple[str, Machine]]:
    """The machines of the nodes of these names."""
    if market.agent in names:
        yield market.agent, _market_agent(market, addresses)
    for operator in market.operators:
        if operator.name in names:
            yield operator.name, _network_agent(market, operator, addresses)
    for agent in market.agents:
        if agent.name in names:
            served = frozenset(addresses[one.name] for one in market.terminals if one.agent == agent.name)
            at = addresses[market.agent]
            yield agent.name, ServiceAgent(at, served, market.timing, agent.fee_money, agent.price_weight)
    for terminal in market.terminals:
        if terminal.name in names:
            yield terminal.name, _terminal(market, terminal, addresses)


def _market_agent(market: CallMarket, addresses: Addresses) -> Machine:
    direct = [terminal.name for terminal in market.terminals if terminal.agent is None]
    return MarketAgent(
        frozenset(addresses[operator.name] for operator in market.operators),
        frozenset(addresses[name] for name in [*direct, *(agent.name for agent in market.agents)]),
        market.reputation.build(None),
        market.rules,
        market.timing,
        stream(market.seed, market.agent, "ties"),
        {addresses[one.name]: market.reputation.build(one.initial_reputation) for one in market.operators},
    )


def _network_agent(market: CallMarket, operator: OperatorSpec, addresses: Addresses) -> Machine:
    learning = stream(market.seed, operator.name, "learning")
    return NetworkAgent(
        addresses[market.agent],
        operator.capacity_kbps,
        ByHand() if operator.by_hand else operator.pricing.build(learning),
        _costs(operator.cost_money, market.seed, operator.name),
        market.timing,
        operator.overcommitment,
    )


def _costs(cost: Number, seed: int, name: str) -> Iterator[float]:
    random = stream(seed, name, "costs")
    while True:
        yield drawn(cost, random)


def _terminal(market: CallMarket, terminal: TerminalSpec, addresses: Addresses) -> Machine:
    at = addresses[market.agent]
    provider = addresses[terminal.agent] if terminal.agent else at
    return Terminal(at, provider, terminal.calls, market.timing)
