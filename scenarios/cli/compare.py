"""The command ``bidswarm compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from scenarios.console import (
    Format,
    FormatOption,
    PicturesOption,
    Screen,
    flowing,
    interruptible,
    log,
    picture_options,
    write_json,
)
from scenarios.extras import needs
from scenarios.layout import print_table
from scenarios.words import counted

if TYPE_CHECKING:
    from scenarios.compare.comparison import Comparison
    from scenarios.compare.differences import Difference
    from scenarios.sweep.course import Course
    from scenarios.sweep.work import Done

HELP = flowing("""Compare runs of the same seeds: what differs, by how much, and whether that is more than noise.

The first source is the baseline. A source is a run folder, a folder of such, a sweep or its table, or a scenario, which
is then run with --seeds in world sim. NAME=SOURCE gives it a name. Runs of the same seed and settings are pairs; of
each figure there is the mean difference with its bootstrap interval. Tables and a picture per figure go into a folder
of their own (docs/comparing.md).

Examples:

bidswarm compare rules --by auction.mechanism

bidswarm compare runs/20261122-133130-two-sellers-seed0-25904d runs/20261122-133502-two-sellers-seed0-b01f77

bidswarm compare sim=runs-sim mqtt=runs-mqtt --figures efficiency,duration_s

bidswarm compare neighbourhood my-neighbourhood.toml --seeds 0:50

Exit codes: 0 compared; 2 what cannot be compared; 130 interrupted.
""")

COLUMNS_SHOWN = 12
"""Of tables side by side, for people; the file has all."""


def compare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]SOURCE ...", help="The baseline, and what is compared with it.", show_default=False
        ),
    ],
    by: Annotated[
        str | None, typer.Option(metavar="KEY", help="Compare the values of this key of one sweep with each other.")
    ] = None,
    figures: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Those that matter; all that the runs have, if not given.")
    ] = None,
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="With which a scenario is run: 0:50 for 0 to 49, or 3,5,8.")
    ] = "0:10",
    confidence: Annotated[float, typer.Option(metavar="LEVEL", help="Of the intervals.")] = 0.95,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs of a scenario done at a time; as many as cores if not given.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the folder of the comparison is made.")] = Path("runs"),
    pictures: PicturesOption = None,
    *,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Draw nothing.")] = False,
    format_: FormatOption = Format.text,
) -> None:
    """Compare runs."""
    from scenarios.cli.progress import Progress  # noqa: PLC0415
    from scenarios.compare.comparison import compare as compared  # noqa: PLC0415 - the quick commands stay quick

    wanted = picture_options(pictures, no_pictures=no_pictures)
    if wanted:
        needs("matplotlib")  # said before the work, not after it
    with (
        interruptible("runs of a sweep that are over are kept; the same command goes on with the others"),
        Progress(log) as progress,
    ):

        def watch(course: "Course", elapsed_s: float, done: "Done | None") -> None:
            del done
            progress.wait(course.headline(elapsed_s))

        names = [name.strip() for name in (figures or "").split(",") if name.strip()]
        found = compared(
            *sources, by=by, figures=names, seeds=seeds, confidence=confidence, workers=workers, watch=watch
        )
        progress.say("writing the tables and drawing ...")
        folder = found.save(out, style=wanted if isinstance(wanted, Path) else None, drawn=wanted is not False)
    if format_ is Format.json:
        write_json(
            {
                "folder": str(folder),
                "sides": [side.name for side in found.sides],
                "unpaired": found.unpaired,
                "unsettled": found.unsettled,
                "differences": found.differences,
                "spreads": found.spreads,
            }
        )
        return
    _print(found, folder, Screen())


def _print(found: "Comparison", folder: Path, console: Console) -> None:
    for side in found.sides[1:]:
        _print_side(found, side.name, console)
    for text in _warnings(found):
        console.print(text, highlight=False, soft_wrap=True)
    console.print(f"comparison: {folder}", highlight=False, soft_wrap=True)


def _print_side(found: "Comparison", side: str, console: Console) -> None:
    base, level = found.baseline.name, f"{100.0 * found.confidence:g} % interval"
    shown = [one for one in found.differences if one.side == side]
    equal = [one.figure for one in shown if one.is_equal]
    rows = [
        (one.figure, *map(_number, (one.mean_baseline, one.mean)), *_told(one)) for one in shown if not one.is_equal
    ]
    pairs = counted(len(found.pairs[side]), "pair")
    console.print(f"{side} against {base}: {pairs} of runs with the same seed\n", soft_wrap=True)
    if rows:
        print_table(console, ("figure", base, side, "difference", level, ""), rows)
    if equal:
        console.print(f"\nthe same in all pairs: {', '.join(equal)}", highlight=False, soft_wrap=True)
    spreads = [row for row in found.spreads if row.side == side and row.largest_difference]
    if spreads:
        beside = [
            (
                f"{row.table}: {row.column}",
                *map(_number, (row.mean_baseline, row.mean, row.mean_absolute_difference, row.largest_difference)),
                row.largest_at,
            )
            for row in spreads[:COLUMNS_SHOWN]
        ]
        console.print()
        print_table(console, ("side by side", base, side, "mean distance", "largest", ""), beside)
    console.print()


def _told(one: "Difference") -> tuple[str | Text, ...]:
    change = f"{one.difference:+.5g}"
    if one.low is None or one.high is None:
        return change, "", "too few pairs for an interval" if one.pairs > 1 else ""
    verdict = Text("differs", "green") if one.differs else Text("within noise")
    return change, f"{one.low:+.4g} to {one.high:+.4g}", verdict


def _number(value: float) -> str:
    return f"{value:,.6g}"


def _warnings(found: "Comparison") -> list[str]:
    said = [
        f"{counted(count, 'run')} of {name} without a partner, not counted" for name, count in found.unpaired.items()
    ]
    said += [
        f"{counted(count, 'run')} of {name} not settled, counted all the same"
        for name, count in found.unsettled.items()
    ]
    return said
