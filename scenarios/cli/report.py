"""The command ``bidswarm report``."""

from pathlib import Path
from typing import Annotated

import typer

from scenarios.console import (
    Format,
    PicturesOption,
    Screen,
    flowing,
    interruptible,
    log,
    picture_options,
    write_json,
)

HELP = flowing("""Compute figures, tables and pictures of a run again from its folder, and write a page that shows them.

The page is report.html in the folder: figures, tables, pictures, the scenario, versions, and the command that repeats
the run, in one file that needs no network. Finishes what Ctrl-C or a kill left unfinished, and shows how far a run is
that still goes on. As often as you like: the same folder gives the same files (docs/results.md).

Examples:

bidswarm report runs/20261122-133130-two-sellers-seed0-25904d

bidswarm report runs/20261122-133130-two-sellers-seed0-25904d --pictures paper.mplstyle

bidswarm report runs/20261122-133130-two-sellers-seed0-25904d --no-pictures --format json

Exit codes: 0 written; 1 something could not be written; 2 the folder lacks what is needed; 130 interrupted: the next
report begins anew.
""")


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of a run, as bidswarm run names it at its end.")],
    pictures: PicturesOption = None,
    *,
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Draw nothing anew: show the pictures that there are.")
    ] = False,
    format_: Annotated[
        Format, typer.Option("--format", help="json: the figures as one JSON object on stdout, nothing else.")
    ] = Format.text,
) -> None:
    """Report on a run."""
    from scenarios.cli.progress import Progress  # noqa: PLC0415
    from scenarios.report.report import report_on  # noqa: PLC0415 - the quick commands stay quick

    wanted = picture_options(pictures, no_pictures=no_pictures)
    with interruptible("the run is kept; the same command begins its report anew"), Progress(log) as progress:
        made = report_on(folder, pictures=wanted, say=progress.say)
    if format_ is Format.json:
        write_json(made.summary)
        return
    console = Screen()
    if made.result:
        made.result.print(console)
    else:
        console.print("the run left neither a trace nor its rounds: the page shows its tables as they are")
    console.print(f"page: {made.page}", highlight=False, soft_wrap=True)
