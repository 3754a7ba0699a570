"""The command ``bidswarm new``."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli.shared import complete_scenario
from scenarios.console import Screen, flowing
from scenarios.errors import ScenarioError, reason

HELP = flowing("""Write a scenario of your own, with a comment on every key, to change and to run.

It begins as a scenario that ships with bidswarm; on a terminal the command asks for what no option gives.

Examples:

bidswarm new mine.toml

bidswarm new mine.toml --like neighbourhood --set buyers.0.count=20 --set sellers.0.count=5

Exit codes: 0 written; 2 bad usage, or there is such a file; 130 interrupted.
""")

LIKE = "neighbourhood"


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to write.")],
    like: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO",
            autocompletion=complete_scenario,
            help=f"What it begins as: a shipped scenario, or a .toml file; {LIKE}, if not given.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of it, e.g. buyers.0.count=20. Repeatable."),
    ] = None,
) -> None:
    """Write a scenario."""
    from scenarios.files.commented import to_commented_toml  # noqa: PLC0415 - the quick commands stay quick
    from scenarios.markets.load import read  # noqa: PLC0415
    from scenarios.markets.registry import described, draw_market, kind_of  # noqa: PLC0415

    if file.suffix != ".toml":
        raise ScenarioError(f"{file}: the name of a scenario file ends in .toml: give {file.stem}.toml")
    if file.exists():
        raise ScenarioError(f"{file} is there already: give another name, or remove it")
    asks = sys.stdin.isatty()
    like = like or (typer.prompt("Which scenario is it to begin as?", default=LIKE) if asks else LIKE)
    draft = read(like, [f'name="{file.stem}"', *(set_ or ())])
    for key in ("title", "description"):  # which are those of the other
        draft.tables.pop(key, None)
    for key, count in _counts(draft.tables) if asks and not set_ else ():
        table: dict[str, Any] = draft.tables[key][0]
        table["count"] = typer.prompt(f"How many {key}?", default=count, type=int)
    scenario = draft.scenario()
    market = draw_market(scenario, seed=0)
    try:
        file.write_text(to_commented_toml(draft.tables, kind_of(scenario).scenario), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"cannot write {file}: {reason(error)}") from error
    Screen().say(f"{file}: {described(market)}\nrun it with: bidswarm run {file} --world sim")


def _counts(tables: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The populations whose size is asked for: those of one table alone."""
    for key, groups in tables.items():
        if isinstance(groups, Sequence) and len(groups) == 1 and isinstance(groups[0], dict) and "count" in groups[0]:
            yield key, groups[0]["count"]
