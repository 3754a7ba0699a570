"""The commands ``bidswarm broker``."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.cli.shared import Group
from scenarios.console import Screen, flowing, log
from scenarios.extras import needs

if TYPE_CHECKING:
    from broker.own.init import Report

GROUP = """Set up and run a Mosquitto of your own: TLS only, a login for every user, rules who may read and write what.

Start with: bidswarm broker init DIR --host alice --host bob --address 192.168.1.5
"""

INIT = """Set up the folder of a broker, or change one.

Writes the configuration of Mosquitto, a certificate authority and the certificate of the broker, and for every user a
profile: one file with the address, the login and the keys that this user needs (docs/security.md).

Run it again to add hosts, observers or addresses, or to renew the certificate; keys, certificates and passwords that
exist are kept.
"""

app = typer.Typer(
    cls=Group, help=flowing(GROUP), no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The broker's folder; it holds secrets.")]
Names = list[str] | None


@app.command(help=flowing(INIT))
def init(
    folder: FolderArgument,
    host: Annotated[Names, typer.Option(metavar="NAME", help="A device that carries nodes. Repeatable.")] = None,
    launcher: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who opens markets and runs scenarios; launcher, if not given.")
    ] = None,
    observer: Annotated[Names, typer.Option(metavar="NAME", help="Somebody who only watches. Repeatable.")] = None,
    address: Annotated[
        Names,
        typer.Option(
            metavar="NAME_OR_IP", help="Where devices find the broker; the first goes into profiles. Repeatable."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The broker's port; 8883, if not given.")] = None,
    remove: Annotated[Names, typer.Option(metavar="NAME", help="Take a user's login and key away. Repeatable.")] = None,
) -> None:
    """Set up the folder of a broker."""
    needs("cryptography")
    from broker.own.init import init as initialise  # noqa: PLC0415 - with an extra alone
    from broker.own.setup import Wishes  # noqa: PLC0415

    wishes = Wishes(host or (), launcher, observer or (), address or (), port, remove or ())
    screen = Screen()
    for line in _lines(folder, initialise(folder, wishes)):
        screen.say(line)


@app.command()
def up(folder: FolderArgument) -> None:
    """Run the broker of a folder made by init, until Ctrl-C or SIGTERM; its log goes to standard error."""
    needs("cryptography")
    from broker.own.serve import serve  # noqa: PLC0415

    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.default_int_handler)
    try:
        serve(folder)
    except KeyboardInterrupt:
        log.note("broker stopped")


def _lines(folder: Path, report: "Report") -> list[str]:
    """What happened, and what to do next; a line is left out where there is nothing to say."""
    profiles = folder / "profiles"
    happened = (
        (f"new profiles in {profiles}", report.added),
        (f"changed profiles in {profiles}, to be copied anew", report.changed),
        ("kept as they were", report.kept),
        ("removed", report.removed),
        (f"without a file in {profiles}, so the public keys of others are to be added by hand", report.absent),
    )
    return [
        f"broker at {report.setup.url}, certificate {report.certificate}",
        *(f"{what}: {', '.join(names)}" for what, names in happened if names),
        *_warnings(folder, report),
        "next:",
        f"  copy each file of {profiles} to the device of that name, and nowhere else",
        f"  bidswarm broker up {folder}   # start it anew if it runs",
        "  bidswarm doctor --profile FILE   # on each device",
    ]


def _warnings(folder: Path, report: "Report") -> list[str]:
    lines = []
    if not report.setup.addresses:
        lines.append(f"only this machine finds the broker: bidswarm broker init {folder} --address NAME_OR_IP")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        lines.append("you are root, and Mosquitto would run as root: better give an account of its own these files")
    return lines
