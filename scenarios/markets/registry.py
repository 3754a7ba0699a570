"""The two markets, where the program has to tell them apart: which scenario files there are, and what is folded."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec
from rich.console import Console

from node.mechanism.welfare import Optimum
from node.protocol.host import Record
from scenarios.launch.placement import AnyMarket
from scenarios.markets.dmp.market import CallMarket, draw_calls
from scenarios.markets.dmp.report import save_calls
from scenarios.markets.dmp.results import CallResult, call_metrics, summarise_calls
from scenarios.markets.dmp.schema import CallScenario
from scenarios.markets.dmp.tables import print_calls
from scenarios.markets.psp.course import metrics_of
from scenarios.markets.psp.market import Market, draw
from scenarios.markets.psp.report import save
from scenarios.markets.psp.results import Result, is_exact, summarise
from scenarios.markets.psp.schema import Scenario
from scenarios.markets.psp.tables import print_result
from scenarios.results.outcome import Outcome

AnyScenario = Scenario | CallScenario

AnyResult = Result | CallResult

SCENARIOS: dict[str, type[AnyScenario]] = {"psp": Scenario, "dmp": CallScenario}
"""By the key ``market`` of a file."""


class Metrics(Protocol):
    """What folds a trace."""

    def add(self, record: Record) -> None:
        """Take in the next record."""
        ...

    @property
    def in_doubt(self) -> int:
        """How many trades somebody still waits for."""
        ...


def draw_market(scenario: AnyScenario, seed: int) -> AnyMarket:
    """The market that this seed draws from the scenario; ScenarioError if it cannot be."""
    return draw(scenario, seed) if isinstance(scenario, Scenario) else draw_calls(scenario, seed)


def live_metrics(market: AnyMarket) -> Metrics:
    """What a run is watched by."""
    return metrics_of(market) if isinstance(market, Market) else call_metrics(market)


def is_large(market: AnyMarket) -> bool:
    """Whether there is something to wait for besides the run itself."""
    return isinstance(market, Market) and not is_exact(market)


def summary_of(
    market: AnyMarket,
    best: Optimum | None,
    outcome: Outcome,
    records: Iterable[Record],
    world: str,
    broker: str | None,
    run_dir: Path,
) -> AnyResult:
    """The result of a run from its records in the order of time; ``best`` is the optimum of an exchange."""
    if isinstance(market, CallMarket):
        return summarise_calls(market, outcome, records, world, broker, run_dir)
    assert best is not None
    return summarise(market, best, outcome, records, world, broker, run_dir)


def save_result(result: AnyResult, opened_at: float) -> None:
    """Write the files of a run's folder."""
    if isinstance(result, CallResult):
        save_calls(result, opened_at)
    else:
        save(result, opened_at)


def print_any(result: AnyResult, console: Console) -> None:
    """Print a result as tables."""
    if isinstance(result, CallResult):
        print_calls(result, console)
    else:
        print_result(result, console)


def described(market: AnyMarket) -> str:
    """A drawn market in one line."""
    if isinstance(market, CallMarket):
        until = max((one.calls[-1].wanted.at_s for one in market.terminals), default=0.0)
        return (
            f"{market.calls:,} calls of {len(market.terminals)} terminals in {until:,.0f} s of the market, "
            f"{len(market.operators)} operators, {len(market.agents)} service agents (seed {market.seed}); "
            f"{until / market.timing.speed:,.0f} s on the clock"
        )
    supply = sum(seller.supply_mb for seller in market.sellers)
    return (
        f"{len(market.buyers)} buyers, {len(market.sellers)} sellers with {supply:.6g} MB (seed {market.seed}); "
        f"an auction closes after {market.timing.quiet_period_s:.6g} s of quiet"
    )


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
