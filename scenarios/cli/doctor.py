"""The command ``bidswarm doctor``."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from broker import BrokerAddress, read_profile
from broker.address import broker_address
from node.runtime.mqtt.loop import event_loop
from scenarios.console import Format, FormatOption, Screen, write_json
from scenarios.errors import ScenarioError

if TYPE_CHECKING:
    from broker.profile import Role
    from scenarios.doctor.checks import Check

HELP = """Check what this device needs to take part: clock, open files, broker, TLS, login, access rules, round trip.

It also tries what the broker must refuse, in a market of its own that nobody is in.

Exit codes: 0 nothing failed; 1 a check failed; 2 bad usage; 4 the profile cannot be used.
"""
STYLES = {"ok": "green", "failed": "bold red", "skipped": "yellow"}


def doctor(
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A profile that bidswarm broker init wrote.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="BIDSWARM_BROKER",
            help="A broker without profiles: mqtt://[user[:password]@]host[:port], or mqtts:// for TLS. Its user "
            "counts as a host.",
        ),
    ] = None,
    acl_check: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--acl-check/--no-acl-check", help="Whether what must be refused is tried.")
    ] = True,
    format_: FormatOption = Format.text,
) -> None:
    """Check what this device needs."""
    address, role = _patient(profile, broker)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        checks = runner.run(_examined(address, role, format_, tries_rules=acl_check))
    healthy = all(check.verdict != "failed" for check in checks)
    if format_ is Format.json:
        write_json({"ok": healthy, "checks": checks})
    raise typer.Exit(0 if healthy else 1)


def _patient(profile: Path | None, broker: str | None) -> "tuple[BrokerAddress, Role]":
    if profile is not None:
        read = read_profile(profile)
        return read.address, read.role
    if broker is None:
        raise ScenarioError("doctor needs --profile FILE, or --broker URL for a broker without profiles")
    return broker_address(broker), "host"


async def _examined(address: BrokerAddress, role: "Role", format_: Format, *, tries_rules: bool) -> "list[Check]":
    from scenarios.doctor.checks import examine  # noqa: PLC0415 - the quick commands stay quick

    checks = []
    output = Screen()
    async for check in examine(address, role, tries_rules=tries_rules):
        checks.append(check)
        if format_ is Format.text:
            verdict = (f"{check.verdict:<8}", STYLES[check.verdict])
            output.print(Text.assemble(verdict, f"{check.check:<13}", check.text), soft_wrap=True)
    return checks
