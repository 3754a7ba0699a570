"""The command ``bidswarm baselines``."""

import dataclasses
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from scenarios.cli.shared import complete_scenario
from scenarios.console import BROKEN, INTERRUPTED, Screen, flowing, interruptible, log, write_json
from scenarios.layout import print_table
from scenarios.words import counted

if TYPE_CHECKING:
    from scenarios.baselines.table import Entry
    from scenarios.sweep.course import Course
    from scenarios.sweep.work import Done


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"


HELP = flowing("""Compare the mechanism of an exchange with others, and with what a centre could reach.

Runs each scenario by every mechanism with the same seeds: PSP, quantised PSP, uniform price and pay-as-bid over
simulated messages; posted prices, the proportional share, multi-bid, VCG, a double auction and the operator's matching
worked out at once. Prints one table for each scenario, every figure with its 95 % bootstrap interval over five seeds or
more (docs/baselines.md).
What is done once is not done again: after Ctrl-C, a crash or a power cut the same command goes on where it stopped, and
with more seeds it does those that are new.

Examples:

bidswarm baselines neighbourhood

bidswarm baselines neighbourhood scarce budgeted --seeds 0:30 --workers 2 --out baselines

Exit codes: 0 compared; 1 a run broke down; 2 what cannot be compared; 130 interrupted, with the table of what was done.
""")


def baselines(
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO ...",
            autocompletion=complete_scenario,
            help="Shipped scenarios (see: bidswarm list) or paths of .toml files.",
            show_default=False,
        ),
    ],
    seeds: Annotated[str, typer.Option(metavar="SEEDS", help="0:50 for 0 to 49, or 3,5,8.")] = "0:30",
    world: Annotated[
        Literal["sim", "array"],
        typer.Option(help="Of what runs over the wire. array: PSP alone, in rounds without messages."),
    ] = "sim",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs done at a time; as many as cores if not given.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="If not given, one below runs/ that the same command finds again."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="MECHANISM", help="Leave this one out; may be given several times.", show_default=False),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="json: one JSON object on stdout; markdown: tables as of a page.")
    ] = Format.text,
) -> None:
    """Compare mechanisms."""
    from scenarios.baselines.baselines import TABLE, compare_mechanisms  # noqa: PLC0415 - quick commands stay quick
    from scenarios.cli.progress import Progress  # noqa: PLC0415

    with (
        interruptible("runs that are over are kept; the same command goes on with the others"),
        Progress(log) as progress,
    ):

        def watch(course: "Course", elapsed_s: float, done: "Done | None") -> None:
            if done and done.is_broken:
                log.warning(f"run {done.run}, seed {done.seed}: {done.error}")
            progress.wait(course.headline(elapsed_s))

        found = compare_mechanisms(scenarios, seeds, world, workers, out, watch, without or (), log.advice)
    if format_ is Format.json:
        write_json({**dataclasses.asdict(found), "folder": str(found.folder)})
    else:
        console, show = Screen(), _print_markdown if format_ is Format.markdown else _print
        for scenario in dict.fromkeys(entry.scenario for entry in found.entries):
            show(scenario, [entry for entry in found.entries if entry.scenario == scenario], console)
        if format_ is Format.text:
            console.print(f"table: {found.folder / TABLE}", highlight=False, soft_wrap=True)
    if found.missing:
        log.warning(
            f"interrupted: {counted(found.missing, 'run is', 'runs are')} still to be done; the same command goes on"
        )
        raise typer.Exit(INTERRUPTED)
    if found.broken:
        raise typer.Exit(BROKEN)


def _print(scenario: str, entries: "Sequence[Entry]", console: Console) -> None:
    from scenarios.baselines.table import HEADS, rows_of  # noqa: PLC0415

    has_intervals = any(entry.low is not None for entry in entries)
    intervals = "with 95 % intervals" if has_intervals else "without intervals, which need five or more"
    console.print(f"{scenario}: means over runs, {intervals}\n", highlight=False, soft_wrap=True)
    print_table(console, HEADS, rows_of(entries))
    console.print()


def _print_markdown(scenario: str, entries: "Sequence[Entry]", console: Console) -> None:
    from scenarios.baselines.table import markdown  # noqa: PLC0415

    console.print(markdown(scenario, entries) + "\n", markup=False, highlight=False, soft_wrap=True)
