"""What a scenario of the Digital Marketplace must fulfil beyond the types of its keys."""

import math

from scenarios.chaos.schema import ChaosTable, ExpectSettled
from scenarios.chaos.validity import check_chaos
from scenarios.errors import ScenarioError
from scenarios.files.checks import check_names
from scenarios.files.names import names_of, some
from scenarios.files.tables import Distribution, Number
from scenarios.markets.dmp.schema import CallScenario, Operators, Terminals


def check_call_scenario(scenario: CallScenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if the scenario contradicts itself."""
    _check_names(scenario)
    scenario.network.check("network")
    services, agents = [one.name for one in scenario.services], [one.name for one in scenario.agents]
    for k, service in enumerate(scenario.services):
        service.check(f"services.{k}")
    for k, group in enumerate(scenario.operators):
        group.check(f"operators.{k}")
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


def _check_terminals(key: str, group: Terminals, services: list[str], agents: list[str]) -> None:
    group.check(key)
    for name in group.services or ():
        if name not in services:
            raise ScenarioError(f"{key}.services = {name!r}: there is no such service; known: {some(services)}")
    if group.agent is not None and group.agent not in agents:
        known = some(agents) if agents else "none; add [[agents]]"
        raise ScenarioError(f"{key}.agent = {group.agent!r}: there is no such service agent; known: {known}")
    _check_weight(f"{key}.price_weight", group.price_weight)


def _check_weight(key: str, number: Number) -> None:
    if isinstance(number, Distribution):
        bound = number.bound
        if bound.most == math.inf:
            kind = type(number).__struct_config__.tag
            raise ScenarioError(f"{key}.{bound.key} = {kind!r} has no bound; the price weight must be at most 1")
        key, number = f"{key}.{bound.key}", bound.most
    if number > 1.0:
        raise ScenarioError(f"{key} = {number:g} must be at most 1")


def _check_agents(agents: list[str], used: set[str | None]) -> None:
    for k, name in enumerate(agents):
        if name not in used:
            raise ScenarioError(f"agents.{k}.name = {name!r}: no terminal asks through it; name it as one's agent")
