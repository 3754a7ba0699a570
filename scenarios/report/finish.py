"""From what a world left in the folder of a run to its figures and tables: at the end of the run, or again later."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from node.protocol.trace import Record, Trace
from scenarios.errors import RunError, ScenarioError, reason
from scenarios.files.own import bring
from scenarios.markets.base import Market
from scenarios.markets.kind import MarketKind, Metrics
from scenarios.markets.registry import kind_of, read_market
from scenarios.results import folder as rundir
from scenarios.results import trace as events
from scenarios.results.outcome import OUTCOME, Outcome, Run
from scenarios.results.result import Result
from scenarios.words import counted

RECORDS_PER_WORD = 250_000
"""So many records of a trace are read before the next word about it."""

Say = Callable[[str], None]
"""Told which step begins."""


class UnfinishedError(KeyboardInterrupt):
    """Ctrl-C while results were computed: the run is over, and what they are computed from is in its folder."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What a folder has of a run.

    Attributes
    ----------
    is_over
        Whether its launcher has seen its end. If not it was killed, or is still at work.
    """

    manifest: dict[str, Any]
    market: Market
    run: Run
    is_over: bool

    @property
    def kind(self) -> MarketKind:
        """The kind of its market."""
        return kind_of(self.market)


def finish(
    run: Run,
    market: Market,
    metrics: Metrics | None,
    say: Say,
    labels: Mapping[str, Any] | None = None,
    *,
    is_over: bool = True,
    tables: bool = True,
) -> Result[Any]:
    """Compute figures and tables of a run from what is in its folder, and write them there.

    Parameters
    ----------
    metrics
        Of this kind of market; None in a world of its own.
    labels
        As for ``Result.save``.
    is_over
        Whether nobody writes into the folder any more: then the trace goes into one file.
    tables
        Whether they are written; the result has them anyway.

    Raises
    ------
    UnfinishedError
        On Ctrl-C; the text says how to go on.
    RunError
        If something cannot be written; likewise.
    """
    try:
        return _finished(run, market, metrics, say, labels, is_over=is_over, tables=tables)
    except KeyboardInterrupt:
        outcome = run.outcome
        raise UnfinishedError(
            f"{outcome.status} after {outcome.duration_s:.2f} s, but interrupted before its results were complete; "
            f"{how_to_finish(run.folder)}"
        ) from None
    except OSError as error:
        raise RunError(
            f"cannot write results: {reason(error)}; free some space, then {how_to_finish(run.folder)}"
        ) from error


def how_to_finish(folder: Path) -> str:
    """The command, in words."""
    return f"finish with: bidswarm report {shlex.quote(str(folder))}"


def _finished(
    run: Run,
    market: Market,
    metrics: Metrics | None,
    say: Say,
    labels: Mapping[str, Any] | None,
    *,
    is_over: bool,
    tables: bool,
) -> Result[Any]:
    kind = kind_of(market)
    own = kind.worlds.get(run.world)
    say(f"{run.outcome.status} after {run.outcome.duration_s:.2f} s; reading what there is of it ...")
    if own:
        result = own.result(market, run)
    else:
        records = records_of(run.folder, kind, run.outcome.opened_at, is_over=is_over)
        result = kind.summarise(market, metrics, run, _followed(records, say))
    if tables:
        say("writing the tables ...")
        result.save(labels)
        events.archive(run.folder, kind.records, run.outcome.opened_at, is_over=is_over)
    return result


def records_of(folder: Path, kind: MarketKind, opened_at: float, *, is_over: bool) -> Iterator[Record[Trace]]:
    """The trace: of a run that goes on its lines, which grow; else its one file, if that was written to its end."""
    archived, lines = folder / events.ARCHIVE, folder / events.LINES
    if lines.exists() and not (is_over and events.is_whole(archived)):
        return events.read(folder, kind.records, opened_at)
    if not events.is_whole(archived):
        raise ScenarioError(f"{archived} is missing or broken, and there is no folder {lines}: the trace is lost")
    return events.from_parquet(archived, kind.records)


def _followed(records: Iterator[Record[Trace]], say: Say) -> Iterator[Record[Trace]]:
    """The records; it is told how many there are so far, and when the last has been read."""
    count = 0
    for count, record in enumerate(records, 1):
        if count % RECORDS_PER_WORD == 0:
            say(f"reading the trace: {count:,} records so far ...")
        yield record
    say(f"{counted(count, 'record')} read; working out the figures ...")


def rebuild(folder: Path, say: Say) -> tuple[Remains, Result[Any] | None]:
    """The results of the run in the folder, computed again and written there; with what they come from.

    A run in a world that keeps no trace, of a version that left nothing else, has no result: its tables stay.

    Raises
    ------
    ScenarioError
        If the folder lacks what is needed; the text names the file.
    """
    remains = remains_of(folder)
    own = remains.kind.worlds.get(remains.run.world)
    if own and not (folder / OUTCOME).exists():
        return remains, None
    say("working out what can be reached ...")
    metrics = None if own else remains.kind.metrics(remains.market)
    with _reading_trace_of(folder):
        labels = remains.manifest.get("labels")
        result = finish(remains.run, remains.market, metrics, say, labels, is_over=remains.is_over)
    if remains.is_over:
        rundir.note(folder, results="complete")
    return remains, result


def remains_of(folder: Path) -> Remains:
    """What the folder has of a run; ScenarioError, naming the file, if it is none."""
    manifest = rundir.read_json(folder / "manifest.json")
    if "study" in manifest:
        raise ScenarioError(f"{folder / 'manifest.json'} is of the study {manifest['study']!r}, and no run's")
    try:
        world, is_over = str(manifest["world"]), manifest["status"] != "running"
    except KeyError as error:
        raise ScenarioError(f"{folder / 'manifest.json'} lacks the key {error}: it is no run's") from error
    bring(folder / "code")
    market = _market(folder / "market.json")
    with _reading_trace_of(folder):
        run = _run(folder, world, manifest, kind_of(market))
    return Remains(manifest, market, run, is_over)


@contextmanager
def _reading_trace_of(folder: Path) -> Iterator[None]:
    """Have records that are none end in a ScenarioError."""
    try:
        yield
    except (msgspec.MsgspecError, KeyError) as error:
        raise ScenarioError(
            f"the trace in {folder} is not one that this version of bidswarm writes ({error!r}): use the version that "
            "its manifest.json names"
        ) from error


def _market(path: Path) -> Market:
    try:
        return read_market(path.read_bytes())
    except OSError as error:
        raise ScenarioError(f"cannot read {path}: {error.strerror}; without it nobody knows who took part") from error
    except msgspec.MsgspecError as error:
        raise ScenarioError(
            f"{path} is no market of this version of bidswarm: {error}; use the version that manifest.json names"
        ) from error


def _run(folder: Path, world: str, manifest: dict[str, Any], kind: MarketKind) -> Run:
    """How the run ended: as its launcher wrote down, or as an older one did in its figures, or as the trace shows."""
    if (folder / OUTCOME).exists():
        noted = rundir.read_json(folder / OUTCOME)
        broker = noted.pop("broker", None)
        try:
            return Run(world, broker, folder, msgspec.convert(noted, Outcome))
        except msgspec.ValidationError as error:
            raise ScenarioError(f"{folder / OUTCOME} is not what a run leaves: {error}") from error
    if (folder / "summary.json").exists() and not (folder / events.LINES).exists():
        summary, counters = rundir.read_json(folder / "summary.json"), rundir.read_json(folder / "counters.json")
        known = {"status": summary["status"], "opened_at": 0.0, "duration_s": summary["duration_s"]}
        outcome = {**known, "counters": counters, "dropped": summary.get("dropped_records", {})}
        return Run(world, summary["broker"], folder, msgspec.convert(outcome, Outcome))
    return Run(world, manifest.get("broker"), folder, _cut_short(folder, manifest, kind))


def _cut_short(folder: Path, manifest: dict[str, Any], kind: MarketKind) -> Outcome:
    """As far as the trace shows: until its last record; counters of the processes that came to write theirs."""
    records = events.read(folder, kind.records)
    first = next(records, None)
    begun = 0.0 if first is None else first.time_s
    last = max((record.time_s for record in records), default=begun)
    counters = Counter[str]()
    for path in sorted((folder / events.LINES).glob("*.json")):
        counters.update(rundir.read_json(path))
    opened_at = float(manifest.get("opened_at_s", begun))
    return Outcome("interrupted", opened_at, max(0.0, last - opened_at), dict(counters))
