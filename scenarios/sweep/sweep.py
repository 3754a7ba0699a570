"""A sweep from its scenario to its table; the way in from Python."""

import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from scenarios.errors import ScenarioError, not_toml
from scenarios.extras import needs
from scenarios.launch.options import World
from scenarios.markets.base import Scenario
from scenarios.markets.load import Tables, source, with_populations
from scenarios.sweep.course import Course
from scenarios.sweep.drive import drive
from scenarios.sweep.executors import Crew, crew_of
from scenarios.sweep.folder import SweepFolder
from scenarios.sweep.grid import cells_of, rows_of, seeds_of, text_of
from scenarios.sweep.plan import Keep, Plan, check_unchanged, planned
from scenarios.sweep.stopping import until_ci_of
from scenarios.sweep.work import Done, perform

Watch = Callable[[Course, float, Done | None], None]
"""Told after each run, and at the start: how far the sweep is, seconds since it went on, and the run."""


def _unwatched(course: Course, elapsed_s: float, done: Done | None) -> None:
    del course, elapsed_s, done


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep, or what there is of one.

    Attributes
    ----------
    folder
        Its folder.
    status
        ``complete``, or ``interrupted`` by Ctrl-C.
    counts
        How many runs there are of each status.
    unmet
        How many of them did not meet an expectation of the scenario.
    missing
        How many are still to be done.
    """

    folder: Path
    status: Literal["complete", "interrupted"]
    counts: Mapping[str, int]
    unmet: int = 0
    missing: int = 0

    @property
    def table(self) -> Path:
        """The Parquet file of the table."""
        return SweepFolder(self.folder).table

    def frame(self) -> Any:  # noqa: ANN401 - a pandas DataFrame
        """The table as a pandas DataFrame: a row for each run (docs/sweeps.md)."""
        return needs("pandas").read_parquet(self.table)


def sweep(
    scenario: Scenario | str,
    settings: Mapping[str, Sequence[Any]] | None = None,
    *,
    design: Path | str | Iterable[Mapping[str, Any]] | None = None,
    seeds: Iterable[int] | str = "0:10",
    world: World = "sim",
    broker: str = "embedded",
    timeout_s: float | None = None,
    until_ci: float | str | None = None,
    keep: Keep = "summary",
    workers: int | None = None,
    executor: Any = "processes",  # noqa: ANN401 - a text, or a Client of Dask
    out: Path | str | None = None,
    watch: Watch | None = None,
) -> Sweep:
    """Run a scenario with every combination of settings and seeds; what is done already is not done again.

    Parameters
    ----------
    scenario
        A ``Scenario``, the path of a scenario file, or the name of a shipped one.
    settings
        The values of each key, for example ``{"buyers.0.count": [10, 100]}``.
    design
        A CSV or Parquet file whose columns are keys, or rows of that kind: each is combined with ``settings``.
    seeds
        The seeds of each combination; as text ``0:50`` for 0 to 49, or ``3,5,8``. The same seed draws the same users,
        whatever the settings.
    world, broker, timeout_s
        As for ``run``; runs over MQTT are done one at a time, each with a broker of its own.
    until_ci
        Each combination takes no more seeds when the 95 % interval of the mean efficiency is no wider than this to
        either side; ``"0.5:welfare"`` of another figure.
    keep
        ``summary``: the row of each run only; ``tables``: its tables, too; ``all``: its whole folder.
    workers
        Processes, as many as cores if not given; or jobs at a time.
    executor
        ``processes`` of this machine; or the workers of a Dask cluster, as ``dask://host:port`` or as a
        ``distributed.Client``; or jobs of ``slurm``.
    out
        The folder of the sweep; one below ``runs`` if not given, which the same call finds again.
    watch
        Told after each run how far the sweep is.

    Raises
    ------
    ScenarioError
        If the sweep cannot begin; the text says what to do about it.
    """
    grid = {key: [text_of(value) for value in values] for key, values in (settings or {}).items()}
    cells = cells_of(grid, rows_of(design) if design is not None else ())
    plan = planned(
        *tables_of(scenario),
        cells,
        seeds_of(seeds if isinstance(seeds, str) else ",".join(map(str, seeds))),
        world=world,
        broker=broker,
        timeout_s=timeout_s,
        until_ci=None if until_ci is None else until_ci_of(str(until_ci)),
        keep=keep,
    )
    folder = begun(plan, out)
    return go_on(folder, crew_of(executor, workers, world, keep, folder.path), watch)


def tables_of(scenario: Scenario | str) -> tuple[Tables, str, Path]:
    """The tables of a scenario, how errors call it, and the folder its populations are relative to.

    Raises
    ------
    ScenarioError
        If there is no such scenario, or it is not TOML.
    """
    if not isinstance(scenario, str):
        return _given(msgspec.to_builtins(with_populations(scenario))), scenario.name, Path.cwd()
    text, origin, folder = source(scenario)
    try:
        return tomllib.loads(text), origin, folder
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(not_toml(origin, error)) from error


def _given(value: Any) -> Any:  # noqa: ANN401 - tables, or what stands in them
    """Tables without keys that have no value, as TOML has them."""
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None}
    return [_given(one) for one in value] if isinstance(value, list) else value


def begun(plan: Plan, out: Path | str | None) -> SweepFolder:
    """The folder of this sweep: new, or as it was left; one below ``runs`` if none is given."""
    name = f"{plan.scenario.get('name', 'scenario')}-sweep-{plan.sha256[:8]}"
    folder = SweepFolder(Path("runs") / name if out is None else Path(out))
    folder.begin(plan)
    return folder


def go_on(folder: SweepFolder, crew: Crew, watch: Watch | None = None) -> Sweep:
    """Do what is missing of the sweep in this folder, and gather its table; Ctrl-C keeps what there is.

    Raises
    ------
    RunError
        If its workers were taken away, or a result cannot be written; what was done until then is gathered.
    """
    started, watch = time.monotonic(), watch or _unwatched
    plan = folder.plan()
    course = Course(plan, folder.over())
    watch(course, 0.0, None)

    def take(done: Done) -> None:
        folder.record(done)
        course.take(done)
        watch(course, time.monotonic() - started, done)

    try:
        folder.note(plan, "running")
        drive(course.orders(folder.path if crew.sees_folder else None), crew, take)
    except KeyboardInterrupt:
        pass
    finally:
        counts = folder.gather(plan)
    unmet, missing = counts.pop("unmet", 0), counts.pop("missing", 0)
    return Sweep(folder.path, "interrupted" if missing else "complete", dict(sorted(counts.items())), unmet, missing)


def do_one(folder: SweepFolder, run: str) -> Done:
    """Do one run of a sweep in this process, unless it is done; ScenarioError if the sweep has no such run."""
    done = folder.done(run)
    if done and not done.is_broken:
        return done
    plan = folder.plan()
    cell, runs = next(((cell, runs) for cell, runs in enumerate(plan.runs) if run in runs), (0, []))
    if not runs:
        raise ScenarioError(f"--only {run}: {folder.path} has no such run; bidswarm sweep FOLDER --list prints them")
    scenario = plan.scenario_of(cell)
    check_unchanged(plan, cell, scenario)
    done = perform(plan.order(cell, runs.index(run), scenario, folder.path))
    folder.record(done)
    return done
