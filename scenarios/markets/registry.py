"""The kinds of markets that are installed, found by their entry points, and what is read by them."""

from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import msgspec

from node.protocol.journal import JournalEntry
from node.protocol.trace import Record, Trace
from node.runtime import journal
from scenarios.errors import ScenarioError
from scenarios.files.descriptions import with_descriptions
from scenarios.files.names import meant
from scenarios.files.own import as_in_files
from scenarios.markets.base import Market, Scenario
from scenarios.markets.kind import MarketKind
from scenarios.results import trace

GROUP = "bidswarm.markets"


@cache
def _entries() -> dict[str, metadata.EntryPoint]:
    """Where to find each kind, by name; none of them is loaded."""
    return {entry.name: entry for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)}


@cache
def kind_named(name: str) -> MarketKind:
    """The kind of this name; no other is loaded.

    Raises
    ------
    ScenarioError
        If none of that name is installed, or its entry point leads to no ``MarketKind``; the text names those that are
        installed, or the package.
    """
    if name not in _entries():
        raise ScenarioError(f"market = {name!r}{meant(name, _entries())}: allowed are: {', '.join(_entries())}")
    return _loaded(_entries()[name])


def kinds() -> dict[str, MarketKind]:
    """All kinds of markets by name."""
    return {name: kind_named(name) for name in _entries()}


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
    return kind_named(one.market if isinstance(one, Scenario) else str(type(one).__struct_config__.tag))


def draw_market(scenario: Scenario, seed: int) -> Market:
    """The market that this seed draws from the scenario; ScenarioError if it cannot be."""
    return kind_of(scenario).draw(scenario, seed)


def described(market: Market) -> str:
    """A drawn market in one line."""
    return kind_of(market).describe(market)


def advice_on(market: Market, limit_s: float) -> list[str]:
    """What cannot be expected of a drawn market in so many seconds, and what to change."""
    return kind_of(market).advise(market, limit_s)


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


def journal_of(market: Market, path: Path, *, durable: bool = True) -> journal.Journal:
    """The journal of a process that carries nodes of this market."""
    kind = kind_of(market)
    return journal.Journal(path, kind.name, kind.entries, durable=durable)


def kind_of_journal(path: Path) -> MarketKind:
    """The kind of market that a journal is of; JournalError if it is no journal, or that market is not installed."""
    name = journal.market_of(path)
    if name not in _entries():
        here = ", ".join(_entries())
        raise journal.JournalError(f"{path}: a journal of a market of kind {name!r}; installed are only: {here}")
    return kind_named(name)


def read_journal(path: Path) -> list[JournalEntry]:
    """All lines of the journal of any market that is installed; errors as for ``kind_of_journal``."""
    return journal.read_journal(path, kind_of_journal(path).entries)


def read_trace(folder: Path, opened_at: float = 0.0) -> Iterator[Record[Trace]]:
    """All records in the folder of a run by time, seconds since the market opened (docs/results.md).

    Parameters
    ----------
    opened_at
        When the market opened, seconds of the trace's clock: only needed of a run that was killed before its end.
    """
    told = kind_of(read_market((folder / "market.json").read_bytes())).records
    if (folder / "events.parquet").exists():
        return trace.from_parquet(folder / "events.parquet", told)
    return trace.read(folder, told, opened_at)


def json_schema() -> dict[str, object]:
    """The JSON Schema of scenario files."""
    tables = [kind.scenario for kind in kinds().values()]
    either, components = msgspec.json.schema_components(tables, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bidswarm scenario",
        "anyOf": list(either),
        "$defs": with_descriptions(as_in_files(components)),
    }
