"""Options that all commands have."""

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scenarios.console import USAGE, interrupted, log
from scenarios.device.formats import LogFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.markets.base import Scenario


def _set_quiet(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    log.is_quiet = value
    _check_loudness()


def _set_verbose(value: bool) -> None:  # noqa: FBT001 - as above
    log.is_verbose = value
    _check_loudness()


def _check_loudness() -> None:
    if log.is_quiet and log.is_verbose:
        raise typer.BadParameter("--quiet asks for less than usual and --verbose for more: give one of them")


def _set_format(value: LogFormat) -> None:
    log.format = value


def _shared(
    *,
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", expose_value=False, callback=_set_quiet, help="Say results and errors alone."),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "-v", "--verbose", expose_value=False, callback=_set_verbose, help="Say more: every step, and theory."
        ),
    ] = False,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            expose_value=False,
            callback=_set_format,
            help="Of what goes to standard error. json: one object per line.",
        ),
    ] = LogFormat.text,
) -> None:
    del quiet, verbose, log_format


def complete_scenario(incomplete: str) -> list[str]:
    """The shipped scenarios and the scenario files here whose names begin so, for the completion of shells."""
    from scenarios.markets.load import shipped  # noqa: PLC0415 - the quick commands stay quick

    files = [str(path) for path in Path().glob("*.toml")]
    return [name for name in [*shipped(), *files] if name.startswith(incomplete)]


def loaded(name_or_path: str, settings: "Sequence[str]") -> "Scenario":
    """A scenario; what code it brings is said before any of it is run."""
    from scenarios.markets.load import read  # noqa: PLC0415 - the quick commands stay quick

    draft = read(name_or_path, settings)
    for source in draft.code():
        log.warning(f"this scenario brings code: {source}")
    return draft.scenario()


def invite(url: str) -> None:
    """Say where people come in, on a terminal as a QR code too."""
    from scenarios.guests.visitors import code_of  # noqa: PLC0415 - the quick commands stay quick

    log.warning(f"join: {url}")
    if log.is_live and "utf" in log.console.encoding:
        log.console.print(code_of(url), markup=False, highlight=False)


ScenarioArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        autocompletion=complete_scenario,
        help="A shipped scenario (see: bidswarm list) or the path of a .toml file.",
    ),
]


@cache
def _options() -> list[Any]:
    made = typer.Typer(add_completion=False)
    made.command()(_shared)
    return list(typer.main.get_command(made).params)


_UsageError: Any = typer.BadParameter.__mro__[1]
"""typer gives it no name of its own."""


class Group(TyperGroup):
    """Commands that all have these options."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer has a click of its own
        """The command of that name, with these options after its own."""
        command = super().get_command(ctx, cmd_name)
        if command is not None and not isinstance(command, TyperGroup):
            taken = {name for option in command.params for name in option.opts}
            command.params += [option for option in _options() if not taken.intersection(option.opts)]
        return command

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Find the command; what follows it may ask for errors as JSON, and be wrong itself."""
        is_json = "--log-format json" in " ".join(args).replace("=", " ")
        log.format = LogFormat.json if is_json else LogFormat.text
        log.is_quiet = log.is_verbose = False
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except _UsageError as error:
            if log.format is LogFormat.text:
                raise
            log.error(error.format_message())
            raise typer.Exit(USAGE) from None
        except KeyboardInterrupt as interrupt:
            interrupted(interrupt)
        return result
