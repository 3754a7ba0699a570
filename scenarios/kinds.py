"""The two markets, where the program has to tell them apart: which scenario files there are, and what is folded."""

from typing import Protocol

import msgspec

from node.protocol.host import Record
from scenarios.calls.market import CallMarket, draw_calls
from scenarios.calls.results import call_metrics
from scenarios.calls.schema import CallScenario
from scenarios.course import metrics_of
from scenarios.market import Market, draw
from scenarios.nodes import AnyMarket
from scenarios.schema import Scenario

AnyScenario = Scenario | CallScenario

SCENARIOS: dict[str, type[AnyScenario]] = {"psp": Scenario, "dmp": CallScenario}
"""By the key ``market`` of a file."""


class Metrics(Protocol):
    """What folds a trace."""

    def add(self, record: Record) -> None:
        """Take in the next record."""
        ...


def draw_market(scenario: AnyScenario, seed: int) -> AnyMarket:
    """The market that this seed draws from the scenario; ScenarioError if it cannot be."""
    return draw(scenario, seed) if isinstance(scenario, Scenario) else draw_calls(scenario, seed)


def live_metrics(market: AnyMarket) -> Metrics:
    """What a run is watched by."""
    return metrics_of(market) if isinstance(market, Market) else call_metrics(market)


def read_market(data: bytes) -> AnyMarket:
    """The market of a run's market.json."""
    market: AnyMarket = msgspec.json.decode(data, type=Market | CallMarket)
    return market


def json_schema() -> dict[str, object]:
    """The JSON Schema of scenario files."""
    either, components = msgspec.json.schema_components(SCENARIOS.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bidswarm scenario",
        "anyOf": list(either),
        "$defs": components,
    }
