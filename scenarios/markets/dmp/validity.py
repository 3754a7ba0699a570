"""What a scenario of the Digital Marketplace must fulfil beyond the types of its keys."""

from scenarios.chaos.schema import ChaosTable, ExpectSettled
from scenarios.chaos.validity import check_chaos
from scenarios.errors import ScenarioError
from scenarios.files.checks import check_names, check_network, check_numbers
from scenarios.files.names import names_of, some
from scenarios.files.tables import Choice, LogNormal, Normal, Number, Uniform
from scenarios.markets.dmp.schema import (
    CallScenario,
    CommonEquilibriumPricing,
    FirstPricePricing,
    Operators,
    PrivateEquilibriumPricing,
    Terminals,
)


def check_call_scenario(scenario: CallScenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if the scenario contradicts itself."""
    _check_names(scenario)
    check_network(scenario.network)
    services, agents = [one.name for one in scenario.services], [one.name for one in scenario.agents]
    for k, service in enumerate(scenario.services):
        check_numbers(f"services.{k}", service)
    for k, group in enumerate(scenario.operators):
        _check_operators(f"operators.{k}", group)
    for k, terminals in enumerate(scenario.terminals):
        _check_terminals(f"terminals.{k}", terminals, services, agents)
    _check_agents(agents, {group.agent for group in scenario.terminals})
    if scenario.chaos:
        _check_chaos(scenario, scenario.chaos)


def _check_names(scenario: CallScenario) -> None:
    for names in ([scenario.name], _node_names(scenario), [one.name for one in scenario.services]):
        check_names(names, "each")


def _check_chaos(scenario: CallScenario, chaos: ChaosTable) -> None:
    check_chaos(chaos, _node_names(scenario), scenario.timeout_s)
    for k, expected in enumerate(chaos.expect):
        if not isinstance(expected, ExpectSettled):
            raise ScenarioError(f"chaos.expect.{k}.kind: market 'dmp' knows 'settled' only")


def _node_names(scenario: CallScenario) -> list[str]:
    groups: list[Operators | Terminals] = [*scenario.operators, *scenario.terminals]
    nodes = [name for group in groups for name in names_of(group)] + [one.name for one in scenario.agents]
    return [*nodes, scenario.marketplace.name]


def _check_operators(key: str, group: Operators) -> None:
    check_numbers(key, group)
    pricing = group.pricing
    if isinstance(pricing, FirstPricePricing | PrivateEquilibriumPricing | CommonEquilibriumPricing):
        _check_belief(f"{key}.pricing.cost", pricing.cost)
    if isinstance(pricing, PrivateEquilibriumPricing | CommonEquilibriumPricing):
        _check_belief(f"{key}.pricing.reputation", pricing.reputation, most=1.0)
        ceiling, most = pricing.ceiling_money, pricing.cost.high
        if ceiling < most:
            raise ScenarioError(f"{key}.pricing.ceiling_money = {ceiling} must be at least cost.high = {most}")


def _check_belief(key: str, belief: object, most: float = float("inf")) -> None:
    low, high = getattr(belief, "low", 0.0), getattr(belief, "high", 1.0)
    if not low < high <= most:
        limit = "" if most == float("inf") else f", and that at most {most:g}"
        raise ScenarioError(f"{key}.low = {low} must be below high = {high}{limit}")


def _check_terminals(key: str, group: Terminals, services: list[str], agents: list[str]) -> None:
    check_numbers(key, group)
    for name in group.services or ():
        if name not in services:
            raise ScenarioError(f"{key}.services = {name!r}: there is no such service; known: {some(services)}")
    if group.agent is not None and group.agent not in agents:
        known = some(agents) if agents else "none; add [[agents]]"
        raise ScenarioError(f"{key}.agent = {group.agent!r}: there is no such service agent; known: {known}")
    _check_weight(f"{key}.price_weight", group.price_weight)


def _check_weight(key: str, number: Number) -> None:
    match number:
        case Uniform(high=high) | Normal(high=high):
            key, most = f"{key}.high", high
        case Choice(values=values):
            key, most = f"{key}.values", max(values)
        case LogNormal():
            raise ScenarioError(f"{key}.distribution = 'log-normal' has no bound; the price weight must be at most 1")
        case _:
            most = number
    if most > 1.0:
        raise ScenarioError(f"{key} = {most:g} must be at most 1")


def _check_agents(agents: list[str], used: set[str | None]) -> None:
    for k, name in enumerate(agents):
        if name not in used:
            raise ScenarioError(f"agents.{k}.name = {name!r}: no terminal asks through it; name it as one's agent")
