"""The command ``bidswarm sweep``."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from scenarios.cli.shared import complete_scenario
from scenarios.console import (
    BROKEN,
    INTERRUPTED,
    SETTLED,
    UNMET,
    UNSETTLED,
    Format,
    FormatOption,
    Screen,
    World,
    flowing,
    interruptible,
    log,
    write_json,
)
from scenarios.errors import ScenarioError
from scenarios.layout import print_table
from scenarios.words import counted

if TYPE_CHECKING:
    from scenarios.sweep.course import Course
    from scenarios.sweep.executors import Crew
    from scenarios.sweep.folder import SweepFolder
    from scenarios.sweep.plan import Plan
    from scenarios.sweep.sweep import Sweep
    from scenarios.sweep.work import Done

HELP = flowing("""Run a scenario with many settings and seeds, and gather one table with a row for each run.

Every value of one --set goes with every value of the others, and with every row of --design; each of these settings,
a cell, is run with every seed. The same seed draws the same users in all cells. What is done once is not done again:
after Ctrl-C, a crash or a power cut the same command goes on where it stopped, and so does bidswarm sweep FOLDER
--resume. The folder, its table sweep.parquet and clusters: docs/sweeps.md.

Examples:

bidswarm sweep neighbourhood --set buyers.0.count=10,100 --set auction.mechanism=psp,uniform-price --seeds 0:50

bidswarm sweep neighbourhood --world array --design saltelli.csv --seeds 0:10 --workers 8 --out sensitivity

bidswarm sweep neighbourhood --set buyers.0.count=10,100 --seeds 0:1000 --until-ci 0.001:efficiency

bidswarm sweep sensitivity --resume

Exit codes: 0 all runs settled; 1 a run broke down; 2 bad usage or scenario; 3 a run did not settle before the timeout;
5 an expectation of the scenario was not met; 130 interrupted, with the table of what was done.
""")

CELLS_SHOWN = 40


class Keep(StrEnum):
    """What is kept of a run."""

    summary = "summary"
    tables = "tables"
    all = "all"


def sweep(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|FOLDER",
            autocompletion=complete_scenario,
            help="A shipped scenario (see: bidswarm list) or the path of a .toml file; with --resume or --only "
            "the folder of a sweep.",
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE,VALUE",
            help="Values of a key of the scenario, e.g. buyers.0.count=10,100; quotes around a value that has commas. "
            "Repeatable.",
        ),
    ] = None,
    design: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A .csv or .parquet file with a cell in each row; its columns are keys."),
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="SEEDS", help="0:50 for 0 to 49, or 3,5,8.")] = "0:10",
    world: Annotated[
        World,
        typer.Option(help="sim, array and direct: many runs at a time. mqtt: one at a time, with a broker for each."),
    ] = World.sim,
    broker: Annotated[
        str, typer.Option(help="World mqtt: embedded, or mosquitto (an installed one is started).")
    ] = "embedded",
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Give a run up after so long; the scenario's, if not given."),
    ] = None,
    until_ci: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTH[:FIGURE]",
            help="Spare a cell its other seeds when the 95 % interval of the mean of this figure (efficiency, if not "
            "given) is WIDTH or less to either side; after 5 seeds at the earliest.",
        ),
    ] = None,
    keep: Annotated[
        Keep, typer.Option(help="Of each run its row; its tables, too; or its whole folder, in FOLDER/runs.")
    ] = Keep.summary,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs done at a time; as many as cores if not given.")
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            metavar="processes|dask://HOST:PORT|slurm",
            help="Who does the runs: processes of this machine, the workers of a Dask cluster, or jobs of SLURM.",
        ),
    ] = "processes",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder of the sweep; if not given, one below runs/ that the same command finds again.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="Do this run alone of the sweep in FOLDER, here; --list prints such commands."
        ),
    ] = None,
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do what is missing of the sweep in FOLDER, and gather its table.")
    ] = False,
    list_: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Run nothing: write the plan into the folder, and print a command for each run that is missing, for "
            "GNU parallel, Snakemake or a job array. --resume gathers their table in the end.",
        ),
    ] = False,
    format_: FormatOption = Format.text,
) -> None:
    """Run a sweep."""
    from scenarios.sweep.executors import crew_of  # noqa: PLC0415 - the quick commands stay quick
    from scenarios.sweep.folder import MANIFEST, SweepFolder  # noqa: PLC0415
    from scenarios.sweep.grid import cells_of, grid_of, rows_of, seeds_of  # noqa: PLC0415
    from scenarios.sweep.plan import planned  # noqa: PLC0415
    from scenarios.sweep.stopping import until_ci_of  # noqa: PLC0415
    from scenarios.sweep.sweep import begun, tables_of  # noqa: PLC0415

    with interruptible("runs that are over are kept; the same command goes on with the others"):
        if only is not None:
            raise typer.Exit(_one(SweepFolder(Path(target)), only, format_))
        if resume:
            if set_ or design or out or until_ci:
                raise ScenarioError(
                    "--resume: the folder says what is swept: leave --set, --design, --out, --until-ci out"
                )
            folder = SweepFolder(Path(target))
            plan = folder.plan()
        else:
            if (Path(target) / MANIFEST).exists():
                raise ScenarioError(f"{target} holds a sweep: go on with it by --resume")
            plan = planned(
                *tables_of(target),
                cells_of(grid_of(set_ or ()), rows_of(design) if design else ()),
                seeds_of(seeds),
                world=world.value,
                broker=broker,
                timeout_s=timeout,
                until_ci=None if until_ci is None else until_ci_of(until_ci),
                keep=keep.value,
                announce=lambda code: log.warning(f"this scenario brings code: {code}"),
            )
            folder = begun(plan, out)
        if list_:
            for line in _commands(folder, plan):
                typer.echo(line)
            return
        done = _done(folder, plan, crew_of(executor, workers, plan.world, plan.keep, folder.path))
        if format_ is Format.json:
            write_json({**dataclasses.asdict(done), "folder": str(done.folder), "table": str(done.table)})
        else:
            _print(done, plan, Screen())
        raise typer.Exit(exit_code(done.counts, done.unmet, done.missing))


def _one(folder: "SweepFolder", run: str, format_: Format) -> int:
    from scenarios.sweep.sweep import do_one  # noqa: PLC0415

    done = do_one(folder, run)
    if format_ is Format.json:
        write_json(done)
    else:
        Screen().say(f"{done.run}: seed {done.seed}: {done.error or done.status}")
    return exit_code({done.status: 1}, int(bool(done.figures.get("expectations_unmet"))), 0)


def _commands(folder: "SweepFolder", plan: "Plan") -> Iterator[str]:
    import shlex  # noqa: PLC0415

    from scenarios.sweep.course import Course  # noqa: PLC0415

    for run in Course(plan, folder.over()).missing():
        yield shlex.join(["bidswarm", "sweep", str(folder.path), "--only", run])


def _done(folder: "SweepFolder", plan: "Plan", crew: "Crew") -> "Sweep":
    from scenarios.cli.progress import Progress  # noqa: PLC0415
    from scenarios.sweep.sweep import go_on  # noqa: PLC0415

    with Progress(log) as progress:

        def watch(course: "Course", elapsed_s: float, done: "Done | None") -> None:
            if done is None and course.count:
                log.note(f"{course.count:,} of {counted(plan.count, 'run')} are in {folder.path}")
            if done and done.is_broken:
                log.warning(f"run {done.run}, seed {done.seed}: {done.error}")
            progress.wait(course.headline(elapsed_s))

        return go_on(folder, crew, watch)


def exit_code(counts: Mapping[str, int], unmet: int, missing: int) -> int:
    """What scripts see of a sweep with so many runs of each status."""
    if missing:
        return INTERRUPTED
    if counts.get("error") or counts.get("failed"):
        return BROKEN
    if unmet:
        return UNMET
    return SETTLED if set(counts) <= {"settled"} else UNSETTLED


def _print(done: "Sweep", plan: "Plan", console: Console) -> None:
    """Print each cell with what its runs came to, and where the table is."""
    from scenarios.extras import needs  # noqa: PLC0415

    rows = needs("pyarrow.parquet").read_table(done.table).to_pylist()
    keys, figure = list(plan.parameters), plan.until_ci.figure if plan.until_ci else "efficiency"
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault(tuple(row[key] for key in keys), []).append(row)
    shown = [
        (*map(str, values), str(len(of_cell)), str(_settled(of_cell)), _mean(of_cell, figure))
        for values, of_cell in list(cells.items())[:CELLS_SHOWN]
    ]
    print_table(
        console,
        (*keys, "runs", "settled", f"mean {figure}"),
        shown,
        len(cells) - CELLS_SHOWN,
        done.table.name,
        names=len(keys),
    )
    said = [f"{count:,} {status}" for status, count in sorted(done.counts.items())]
    said += [f"{done.unmet:,} missed an expectation"] * bool(done.unmet)
    said += [f"{done.missing:,} still to be done: bidswarm sweep {done.folder} --resume"] * bool(done.missing)
    console.print(f"\n{counted(len(rows), 'run')}: {', '.join(said)}", highlight=False, soft_wrap=True)
    console.print(f"table: {done.table}", highlight=False, soft_wrap=True)


def _settled(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(row["status"] == "settled" for row in rows)


def _mean(rows: Sequence[Mapping[str, Any]], figure: str) -> str:
    from scenarios.sweep.stopping import Mean  # noqa: PLC0415

    mean = Mean()
    for row in rows:
        if row.get(figure) is not None:
            mean.add(row[figure])
    if mean.count == 0:
        return "none"
    return f"{mean.mean:.6g}" + (f" ± {mean.half_width:.2g}" if mean.count > 1 else "")
