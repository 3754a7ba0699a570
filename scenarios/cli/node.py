"""The commands ``bidswarm node``, whose options the tables of the node file say (``scenarios.device.schema``)."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scenarios.cli.shared import Group
from scenarios.console import flowing, log
from scenarios.device.formats import LogFormat

if TYPE_CHECKING:
    from scenarios.device.options import Setting

EXIT_CODES = """
Exit codes: 0 the auctions are over, or it left on SIGTERM or the launcher's word; 2 bad usage, file or journal;
3 not over before the timeout; 4 the broker refused the login, or the profile cannot be used; 130 left on Ctrl-C."""

START = flowing(f"""Carry one buyer or seller on this device until its auctions are over.

Takes a FILE.toml, options, or both: options override the file. Run the same command again after a crash or a power cut:
the journal knows what was agreed on, and the trade is finished.

bidswarm node service prints a systemd unit for the same options.

{EXIT_CODES}
""")

SERVICE = """Print a systemd unit that runs the node with these options.

For example: bidswarm node service node.toml | sudo tee /etc/systemd/system/bidswarm-alice.service
"""

File = Annotated[Path | None, typer.Argument(metavar="FILE.toml", help="Settings of the node.")]
Log = Annotated[LogFormat, typer.Option(help="text: lines for people. json: one object per line.")]


class _StartsByDefault(Group):
    """``bidswarm node`` starts a node, unless another of its commands is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has a click of its own
        """Put in the command that is left out."""
        self.commands = _commands()
        return super().parse_args(ctx, args if args[:1] in [[name] for name in self.commands] else ["start", *args])


app = typer.Typer(
    cls=_StartsByDefault,
    help="Carry one buyer or seller on this device.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cache
def _commands() -> dict[str, Any]:
    """The commands, made when one of them is asked for: their tables load numpy."""
    # Its threads cost memory, and a node of one auction has nothing to share out.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    made = typer.Typer()
    made.command("start", help=START)(_with_options(start))
    made.command("service", help=SERVICE)(_with_options(service))
    group = typer.main.get_command(made)
    assert isinstance(group, TyperGroup)
    return dict(group.commands)


@cache
def _settings() -> "Sequence[Setting]":
    from scenarios.device.options import settings_of  # noqa: PLC0415
    from scenarios.device.schema import NodeFile  # noqa: PLC0415

    return list(settings_of(NodeFile))


def _tables(given: Mapping[str, Any]) -> dict[str, Any]:
    from scenarios.device.options import tables_from  # noqa: PLC0415

    return tables_from(_settings(), given)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer sees it: with the options of the tables between the file and the format of the log."""
    file, log_format, _ = inspect.signature(command).parameters.values()
    options = [
        inspect.Parameter(
            one.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[one.type | None, typer.Option(metavar=one.option.metavar, help=one.option.text)],
        )
        for one in _settings()
    ]

    def taking(**given: Any) -> None:  # noqa: ANN401 - of every type
        command(**given)

    parameters = [file, *options, log_format]
    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking.__annotations__ = {one.name: one.annotation for one in parameters}
    return taking


def start(file: File = None, *, log_format: Log = LogFormat.text, **given: Any) -> None:  # noqa: ANN401 - as above
    """Carry one node."""
    from scenarios.device.command import run  # noqa: PLC0415
    from scenarios.device.settings import read_settings  # noqa: PLC0415

    def name_code(source: object) -> None:
        log.warning(f"this node brings code: {source}")

    log.format = log_format  # of errors, too
    raise typer.Exit(run(read_settings(file, _tables(given), name_code), log_format))


def service(file: File = None, *, log_format: Log = LogFormat.text, **given: Any) -> None:  # noqa: ANN401 - as above
    """Print a systemd unit."""
    from scenarios.device.settings import read_settings  # noqa: PLC0415
    from scenarios.device.systemd import unit  # noqa: PLC0415

    arguments = _arguments({"file": file, **given, "log_format": log_format})
    typer.echo(unit(read_settings(file, _tables(given)), arguments), nl=False)


def _arguments(given: Mapping[str, Any]) -> list[str]:
    """The options as given, with paths that hold in any folder."""
    arguments = []
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        match value:
            case None | LogFormat.text:
                continue
            case bool():
                arguments.append(option if value else f"--no-{name}")
            case list():
                arguments += [f"{option}={one}" for one in value]
            case Path():
                arguments.append(str(value.resolve()))
            # A journal belongs into the folder of the service, if it is not given in full.
            case str() if name == "profile":
                arguments.append(f"{option}={Path(value).resolve()}")
            case _:
                arguments.append(f"{option}={value}")
    return arguments
