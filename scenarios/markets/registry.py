"""The kinds of markets that are installed, found by their entry points, and what is read by them."""

from functools import cache
from importlib import metadata

import msgspec

from scenarios.errors import ScenarioError
from scenarios.markets.base import Market, Scenario
from scenarios.markets.kind import MarketKind

GROUP = "bidswarm.markets"


@cache
def kinds() -> dict[str, MarketKind]:
    """All kinds of markets by name.

    Raises
    ------
    ScenarioError
        If an entry point leads to no ``MarketKind`` of its name; the text names the package.
    """
    found = sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
    return {entry.name: _loaded(entry) for entry in found}


def _loaded(entry: metadata.EntryPoint) -> MarketKind:
    of = f"the market {entry.name!r} of the package {entry.dist.name if entry.dist else '?'!r} ({entry.value})"
    try:
        kind = entry.load()
    except Exception as error:
        raise ScenarioError(f"{of} cannot be loaded: {error!r}; repair or uninstall that package") from error
    if not isinstance(kind, MarketKind) or kind.name != entry.name:
        raise ScenarioError(f"{of} is no MarketKind called {entry.name!r}; repair or uninstall that package")
    return kind


def kind_of(one: Scenario | Market) -> MarketKind:
    """The kind that a scenario or a market is of."""
    return next(kind for kind in kinds().values() if type(one) in {kind.scenario, kind.market})


def draw_market(scenario: Scenario, seed: int) -> Market:
    """The market that this seed draws from the scenario; ScenarioError if it cannot be."""
    return kind_of(scenario).draw(scenario, seed)


def described(market: Market) -> str:
    """A drawn market in one line."""
    return kind_of(market).describe(market)


def read_market(data: bytes) -> Market:
    """The market of a run's market.json.

    Raises
    ------
    ScenarioError
        If it is of a market that is not installed.
    """
    name = msgspec.json.decode(data, type=_Tagged).market
    market: Market = msgspec.json.decode(data, type=kind_named(name).market)
    return market


class _Tagged(msgspec.Struct):
    market: str


def kind_named(name: str) -> MarketKind:
    """The kind of this name; ScenarioError, naming those there are, if it is not installed."""
    kind = kinds().get(name)
    if kind is None:
        raise ScenarioError(f"market = {name!r}: allowed are: {', '.join(kinds())}")
    return kind


def json_schema() -> dict[str, object]:
    """The JSON Schema of scenario files."""
    tables = [kind.scenario for kind in kinds().values()]
    either, components = msgspec.json.schema_components(tables, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bidswarm scenario",
        "anyOf": list(either),
        "$defs": components,
    }
