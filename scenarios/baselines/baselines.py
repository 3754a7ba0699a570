"""Several scenarios by all mechanisms with the same seeds: sweeps, and one table of them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scenarios.baselines.mechanisms import Baseline, baselines_of
from scenarios.baselines.table import Entry, entries
from scenarios.errors import ScenarioError, reason
from scenarios.extras import needs
from scenarios.files.names import meant, some
from scenarios.launch.options import World
from scenarios.markets.psp.schema import Scenario
from scenarios.sweep.executors import crew_of
from scenarios.sweep.folder import MANIFEST, SweepFolder, rows_of
from scenarios.sweep.grid import seeds_of
from scenarios.sweep.plan import Plan, planned
from scenarios.sweep.sweep import Watch, go_on, tables_of
from scenarios.sweep.work import BROKEN

TABLE = "baselines.parquet"

LARGE = 200
"""Buyers: of more than so many, a run of some mechanisms takes long."""

SLOW = ("proportional-share", "multi-bid", "vcg", "clearing-house", "operator-matching")
"""These: they are worked out anew, or an optimum is, for each of very many buyers, or for each lie of some."""


@dataclass(frozen=True, slots=True)
class _Job:
    """The mechanisms of one scenario that run in one world, a cell of a sweep each."""

    scenario: str
    buyers: int
    baselines: Sequence[Baseline]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Baselines:
    """What came out, or what there is of it.

    Attributes
    ----------
    folder
        Of the comparison: a sweep for each scenario and world, and the table.
    missing, broken
        How many runs are still to be done, and how many broke down.
    """

    folder: Path
    entries: Sequence[Entry]
    missing: int
    broken: int


def compare_mechanisms(
    scenarios: Sequence[str],
    seeds: str = "0:30",
    world: World = "sim",
    workers: int | None = None,
    out: Path | None = None,
    watch: Watch | None = None,
    without: Sequence[str] = (),
    advise: Callable[[str], None] | None = None,
) -> Baselines:
    """Run every scenario by every mechanism, and write the table; what is done already is not done again.

    Parameters
    ----------
    scenarios
        Names of shipped ones, or paths.
    world
        ``sim``, or ``array``, which plays the PSP alone.
    out
        The folder; one below ``runs`` if not given, which the same call finds again. Other scenarios and more seeds may
        come to it later: its table has them all.
    without
        Names of mechanisms to leave out.
    advise
        Told of scenarios so large that some mechanisms take long.

    Raises
    ------
    ScenarioError
        If a scenario cannot be compared; the text says what to do about it.
    """
    jobs = [job for scenario in scenarios for job in _jobs(scenario, seeds_of(seeds), world, without)]
    _check_names(jobs)
    folder = out or Path("runs") / f"baselines-{_sha256(jobs)[:8]}"
    if advise:
        for text in filter(None, dict.fromkeys(map(_advice, jobs))):
            advise(text)
    at = [SweepFolder(folder / job.scenario / job.plan.world) for job in jobs]
    for job, sweep in zip(jobs, at, strict=True):
        _begin(sweep, job)
    others = _others(folder / TABLE, jobs)
    for job, sweep in zip(jobs, at, strict=True):
        if go_on(sweep, crew_of("processes", workers, job.plan.world, "summary", sweep.path), watch).missing:
            break
    found, missing, broken = list[Entry](), 0, 0
    for job, sweep in zip(jobs, at, strict=True):
        rows, still = rows_of(job.plan, sweep.over())
        missing += still
        broken += sum(row["status"] in BROKEN for row in rows)
        ids = {run: cell for cell, runs in enumerate(job.plan.runs) for run in runs}
        for cell, baseline in enumerate(job.baselines):
            found += entries(job.scenario, baseline, [row for row in rows if ids[row["run"]] == cell])
    _write(folder / TABLE, [*others, *found])
    return Baselines(folder, found, missing, broken)


def _jobs(source: str, seeds: Sequence[int], world: World, without: Sequence[str]) -> Iterator[_Job]:
    tables, origin, folder = tables_of(source)
    scenario = planned(tables, origin, folder, [{}], seeds[:1], world="sim").scenario_of(0)
    known = list(baselines_of(scenario, world))
    assert isinstance(scenario, Scenario)  # else there are none
    buyers = sum(group.count for group in scenario.buyers)
    names = [baseline.name for baseline in known]
    for name in without:
        if name not in names:
            raise ScenarioError(
                f"--without {name}: is none of the mechanisms here{meant(name, names)}: {some(map(repr, names))}"
            )
    baselines = [baseline for baseline in known if baseline.name not in without]
    if not baselines:
        raise ScenarioError("--without: leaves no mechanism to compare; leave fewer out")
    for one in dict.fromkeys(baseline.world for baseline in baselines):
        there = [baseline for baseline in baselines if baseline.world == one]
        plan = planned(tables, origin, folder, [baseline.settings for baseline in there], seeds, world=one)
        yield _Job(scenario.name, buyers, there, plan)


def _advice(job: _Job) -> str | None:
    """What takes long of a large scenario, if it is to be run."""
    slow = [baseline.name for baseline in job.baselines if baseline.name in SLOW]
    if job.buyers <= LARGE or not slow:
        return None
    options = " ".join(f"--without {name}" for name in slow)
    return f"{job.scenario}: with {job.buyers:,} buyers a run of {' or '.join(slow)} may take minutes; else: {options}"


def _check_names(jobs: Sequence[_Job]) -> None:
    names = [(job.scenario, job.plan.world) for job in jobs]
    for scenario, world in names:
        if names.count((scenario, world)) > 1:
            raise ScenarioError(f"two of the scenarios are called {scenario!r}: give one of them another name")


def _begin(sweep: SweepFolder, job: _Job) -> None:
    """Make the folder of these runs, or go on in it, also with runs that it did not have."""
    if not (sweep.path / MANIFEST).exists():
        sweep.begin(job.plan)
        return
    before = sweep.plan()
    if before.sha256 == job.plan.sha256:
        return
    if not _runs(before) <= _runs(job.plan):
        raise ScenarioError(
            f"--out {sweep.path}: holds other runs of {job.scenario!r} (seeds, mechanisms, the file or the version "
            "differ): choose another folder, or give all of its seeds and mechanisms, and more if you like"
        )
    sweep.note(job.plan, "planned")


def _runs(plan: Plan) -> set[str]:
    return {run for runs in plan.runs for run in runs}


def _others(path: Path, jobs: Sequence[_Job]) -> list[Entry]:
    """What the table of the folder says of other scenarios and worlds than these."""
    if not path.exists():
        return []
    try:
        rows = needs("pyarrow.parquet").read_table(path).to_pylist()
        entries = msgspec.convert(rows, list[Entry])
    except (OSError, ValueError, msgspec.MsgspecError) as error:  # those of pyarrow are of these
        raise ScenarioError(f"{path}: is none that this version wrote ({reason(error)}): remove it") from error
    here = {(job.scenario, job.plan.world) for job in jobs}
    return [one for one in entries if (one.scenario, one.world) not in here]


def _sha256(jobs: Sequence[_Job]) -> str:
    return hashlib.sha256("".join(job.plan.sha256 for job in jobs).encode()).hexdigest()


def _write(path: Path, found: Sequence[Entry]) -> None:
    arrow, part = needs("pyarrow"), path.with_name(f"{path.name}.part")
    needs("pyarrow.parquet").write_table(arrow.Table.from_pylist([msgspec.structs.asdict(one) for one in found]), part)
    part.replace(path)
