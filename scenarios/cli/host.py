"""The command ``bidswarm host``: one part of a market, on any machine."""

import re
from pathlib import Path
from typing import Annotated

import typer

from scenarios.cli.shared import ScenarioArgument, loaded
from scenarios.console import flowing, interruptible, log
from scenarios.errors import ScenarioError

HELP = flowing("""Carry one part of the users of a market that bidswarm run --parts opens and ends, on any machine.

For example, the 2nd of 4: bidswarm host exchange-1000 --broker mqtt://broker --market lab --part 2/4

Give the SCENARIO, --seed and --set that bidswarm run was given. Neighbours in the market are on the same part.
Run the same command again after a crash: the journal knows what was agreed on.

Exit codes: 0 the launcher has ended the market; 2 bad usage, other market or journal; 4 no broker; 130 interrupted.""")


def host(
    scenario: ScenarioArgument,
    part: Annotated[str, typer.Option(metavar="K/N", help="Which of how many parts: 1/4 to 4/4.")],
    market: Annotated[str, typer.Option(metavar="NAME", help="What bidswarm run --market calls the market.")],
    join: Annotated[
        Path | None,
        typer.Option(metavar="PROFILE", help="The launcher's profile of a broker set up by: bidswarm broker init."),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            envvar="BIDSWARM_BROKER",
            metavar="URL",
            help="In place of --join: mqtt://[user[:password]@]host[:port], or mqtts:// for TLS.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed that bidswarm run was given.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the scenario, as bidswarm run did."),
    ] = None,
    journals: Annotated[
        Path,
        typer.Option(help="The folder for the journal; one that all machines share lets the part go on elsewhere."),
    ] = Path("journals"),
) -> None:
    """Carry one part of a market."""
    number, parts = _numbers(part)
    from broker.address import broker_address  # noqa: PLC0415 - the quick commands stay quick
    from node.protocol.topics import NAME, NAME_IN_WORDS  # noqa: PLC0415
    from scenarios.broker_link import keys_of, launcher_profile  # noqa: PLC0415
    from scenarios.launch.part import Part, carry  # noqa: PLC0415
    from scenarios.markets.registry import draw_market  # noqa: PLC0415

    if not re.fullmatch(NAME, market):
        raise ScenarioError(f"--market {market!r} must be {NAME_IN_WORDS}")
    if (join is None) == (broker is None):
        raise ScenarioError("--join PROFILE and --broker URL (or BIDSWARM_BROKER) name the broker: give one of them")
    profile = None if join is None else launcher_profile(join)
    drawn = draw_market(loaded(scenario, set_ or ()), seed)
    where = profile.address if profile else broker_address(str(broker))
    keys = keys_of(profile) if profile else None
    with interruptible("the journal is kept; the same command goes on with it"):
        carry(Part(drawn, number, parts, market, where, keys, journals), log.note)


def _numbers(part: str) -> tuple[int, int]:
    """The two numbers of --part."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", part)
    if not found:
        raise ScenarioError(f"--part {part!r}: write K/N, for example 2/4 for the 2nd of 4 parts")
    return int(found[1]), int(found[2])
