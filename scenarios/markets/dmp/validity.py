"""What a scenario of the Digital Marketplace must fulfil beyond what its tables check themselves."""

import math
from functools import partial

from scenarios.chaos.schema import ChaosTable, ExpectSettled
from scenarios.errors import ScenarioError, check_all
from scenarios.files.checks import check_names
from scenarios.files.names import meant, some
from scenarios.files.tables import Distribution, Number
from scenarios.markets.dmp.schema import CallScenario, Terminals


def check_call_scenario(scenario: CallScenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if the scenario contradicts itself."""
    services, agents = [one.name for one in scenario.services], [one.name for one in scenario.agents]
    checks = [
        partial(check_names, services, "every service"),
        *(
            partial(_check_terminals, f"terminals.{k}", one, services, agents)
            for k, one in enumerate(scenario.terminals)
        ),
        partial(_check_agents, agents, {group.agent for group in scenario.terminals}),
    ]
    if scenario.chaos:
        checks.append(partial(_check_chaos, scenario.chaos))
    check_all(checks)


def _check_chaos(chaos: ChaosTable) -> None:
    for k, expected in enumerate(chaos.expect):
        if not isinstance(expected, ExpectSettled):
            raise ScenarioError(f"chaos.expect.{k}.kind: market 'dmp' knows 'settled' only")


def _check_terminals(key: str, group: Terminals, services: list[str], agents: list[str]) -> None:
    for name in group.services or ():
        if name not in services:
            raise ScenarioError(
                f"{key}.services = {name!r}: there is no such service{meant(name, services)}; known: {some(services)}"
            )
    if group.agent is not None and group.agent not in agents:
        known = some(agents) if agents else "none; add [[agents]]"
        raise ScenarioError(
            f"{key}.agent = {group.agent!r}: there is no such service agent{meant(group.agent, agents)}; known: {known}"
        )
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
