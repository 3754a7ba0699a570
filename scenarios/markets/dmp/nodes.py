"""From a drawn Digital Marketplace to its machines."""

from collections.abc import Iterator, Mapping

from node.mechanism.dmp import Beta, StepReputation, Uniform, WindowReputation
from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.dmp.networks import Reputation
from node.protocol.dmp.service_agent import ServiceAgent
from node.protocol.dmp.terminal import Terminal
from node.protocol.machine import Machine
from node.runtime.streams import stream
from node.strategy.dmp import (
    CommonEquilibriumBid,
    CostPlus,
    FirstPrice,
    LoadBased,
    NoRegret,
    PricingStrategy,
    PrivateEquilibriumBid,
)
from scenarios.files.draws import drawn
from scenarios.files.tables import Number
from scenarios.markets.dmp.market import CallMarket, OperatorSpec, TerminalSpec
from scenarios.markets.dmp.schema import (
    Belief,
    BetaBelief,
    CommonEquilibriumPricing,
    CostPlusPricing,
    FirstPricePricing,
    FixedRule,
    LoadBasedPricing,
    NoRegretPricing,
    PricingTable,
    PrivateEquilibriumPricing,
    ReputationTable,
    StepRule,
    UniformBelief,
    WindowRule,
)

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
        reputation(market.reputation, None),
        market.rules,
        market.timing,
        stream(market.seed, market.agent, "ties"),
        {addresses[one.name]: reputation(market.reputation, one.initial_reputation) for one in market.operators},
    )


def reputation(table: ReputationTable, initial: float | None) -> Reputation:
    """A first reputation, and the rule that moves it."""
    first = table.initial if initial is None else initial
    match table:
        case WindowRule(calls=calls):
            return WindowReputation(calls, first)
        case StepRule(commitment=commitment, step=step):
            return StepReputation(commitment, first, step)
        case FixedRule():
            return StepReputation(0.0, first, step=0.0)


def _network_agent(market: CallMarket, operator: OperatorSpec, addresses: Addresses) -> Machine:
    return NetworkAgent(
        addresses[market.agent],
        operator.capacity_kbps,
        _pricing(operator.pricing, market.seed, operator.name),
        _costs(operator.cost_money, market.seed, operator.name),
        market.timing,
        operator.overcommitment,
    )


def _costs(cost: Number, seed: int, name: str) -> Iterator[float]:
    random = stream(seed, name, "costs")
    while True:
        yield drawn(cost, random)


def _pricing(table: PricingTable, seed: int, name: str) -> PricingStrategy:
    match table:
        case CostPlusPricing(margin=margin):
            return CostPlus(margin)
        case FirstPricePricing(cost=cost):
            return FirstPrice(_belief(cost))
        case PrivateEquilibriumPricing(cost=cost, reputation=of_others, ceiling_money=ceiling):
            return PrivateEquilibriumBid(_belief(cost), _belief(of_others), ceiling)
        case CommonEquilibriumPricing(cost=cost, reputation=of_others, ceiling_money=ceiling):
            return CommonEquilibriumBid(Uniform(cost.low, cost.high), _belief(of_others), ceiling)
        case LoadBasedPricing(margin_money=margin, congestion_money=congestion, exponent=exponent):
            return LoadBased(margin, congestion, exponent)
        case NoRegretPricing(ceiling_money=ceiling, arms=arms, rate=rate, exploration=exploration):
            return NoRegret(stream(seed, name, "learning"), ceiling, arms, rate, exploration)


def _belief(belief: Belief) -> Uniform | Beta:
    match belief:
        case UniformBelief(low=low, high=high):
            return Uniform(low, high)
        case BetaBelief(a=a, b=b, low=low, high=high):
            return Beta(a, b, low, high)


def _terminal(market: CallMarket, terminal: TerminalSpec, addresses: Addresses) -> Machine:
    at = addresses[market.agent]
    provider = addresses[terminal.agent] if terminal.agent else at
    return Terminal(at, provider, terminal.calls, market.timing)
