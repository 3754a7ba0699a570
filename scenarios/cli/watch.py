"""The command ``bidswarm watch``."""

import math
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.cli.shared import complete_scenario, invite, loaded
from scenarios.console import Screen, flowing, interruptible, log
from scenarios.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.routing import BaseRoute

    from scenarios.guests.door import Door
    from scenarios.live.beside import Beside
    from scenarios.live.guard import Guard
    from scenarios.live.playback import Playback
    from scenarios.live.watching import Watch
    from scenarios.markets.base import Market, Scenario

HERE = "127.0.0.1"
"""Of this machine alone."""

HELP = flowing("""Show a market on a page in the browser: one that goes on, or a finished run played back.

With a FOLDER alone it plays the run back, at any speed. With --broker or --profile, and --market, it watches a market
that anybody launched: it reads boards, presence and traces, and says nothing. Given the scenario of that market, or the
folder of its run, the page also knows what the nodes value, and the optimum (docs/live.md).

Examples:

bidswarm watch runs/20261122-133130-two-sellers-seed0-25904d --speed 0.5

bidswarm watch --broker mqtt://127.0.0.1:1883 --market lab

bidswarm watch --broker mqtt://127.0.0.1:1883 --market lab --join --address 0.0.0.0

bidswarm watch --profile lab/profiles/eve.toml --market lab --scenario neighbourhood --seed 3

With --join people take part: a QR code and an address lead a phone to a page of its own, on which it buys or sells.

With --terminal all but the graph is shown here instead, as where there is no browser. It ends when the market is over.

The page is for this machine alone unless --address names another one; then its address has a token, of its own or that
in BIDSWARM_LIVE_TOKEN. It needs the extra live, which --terminal does not. Ctrl-C ends it.

Exit codes: 0 ended by Ctrl-C, or with --terminal the market is over; 2 bad usage, or the folder lacks what is needed;
4 a profile that cannot be used.
""")


def watch(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Of a run, as bidswarm run names it at its end.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            envvar="BIDSWARM_BROKER",
            metavar="URL",
            help="Watch a market there: mqtt://[user[:password]@]host[:port], or mqtts:// for TLS.",
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="In place of --broker: an observer's profile, or the launcher's."),
    ] = None,
    market: Annotated[
        str | None, typer.Option(metavar="NAME", help="What bidswarm run --market calls the market.")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO",
            autocompletion=complete_scenario,
            help="What that market was launched with, if it is known.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of that market.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As given to that market. Repeatable.")
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Of playing back: seconds of the market per second; 0 for all at once.")
    ] = 1.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; a free one if 0.")] = 0,
    address: Annotated[str, typer.Option(metavar="IP", help="Where the page listens.")] = HERE,
    *,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Show the market in this terminal, in place of a page.")
    ] = False,
    join: Annotated[
        bool,
        typer.Option("--join", help="With --broker: let people take part from their browsers, as a node each."),
    ] = False,
    journals: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="With --join: where the nodes of guests keep their journals; or guests."),
    ] = None,
) -> None:
    """Show a market on a page."""
    from scenarios.live.guard import guard_of  # noqa: PLC0415 - the quick commands stay quick
    from scenarios.live.pace import FASTEST, SLOWEST, is_speed  # noqa: PLC0415
    from scenarios.live.serving import bound, serve, url_of  # noqa: PLC0415
    from scenarios.live.terminal import watch_in_terminal  # noqa: PLC0415

    if market is None and (profile or scenario):
        raise ScenarioError("--profile and --scenario go with --market NAME: what the market is called on the broker")
    if folder is None and market is None:
        raise ScenarioError(
            "name the FOLDER of a run, or a market with --market NAME and --broker URL or --profile FILE"
        )
    if not is_speed(speed):
        raise ScenarioError(
            f"--speed {speed:g} must be from {SLOWEST:g} to {FASTEST:,.0f} seconds of the market per second, or 0 for "
            "all at once"
        )
    if join and (market is None or broker is None):
        raise ScenarioError(
            "--join goes with --market NAME and --broker URL: guests have no profiles, so the broker must let hosts of "
            "any name in"
        )
    if journals and not join:
        raise ScenarioError("--journals goes with --join: the journals are those of guests")
    if terminal and (join or port or address != HERE):
        raise ScenarioError("--terminal shows no page: leave --join, --port and --address out")
    guard, screen = guard_of(address, os.environ.get("BIDSWARM_LIVE_TOKEN")), Screen()
    with interruptible():
        if market is None:
            assert folder is not None
            shown: Playback | Watch | Door = _playback(folder, speed)
        else:
            known = _drawn(scenario, seed, set_ or [])
            say = None if terminal and screen.is_terminal else log.warning  # the picture says it, too
            shown = watched = _watch(folder, broker, profile, market, known, say)
            if join:
                shown = _door(watched, str(broker), market, journals or Path("guests"), guard, known)
        if terminal:
            watch_in_terminal(shown, screen)
            return
        listening = bound(address, port)
        log.warning(f"page: {url_of(listening, guard)} (Ctrl-C ends it)")
        serve(shown, guard, listening, _opened(shown, url_of(listening, guard)) if join else ())


def _door(watched: "Watch", broker: str, name: str, journals: Path, guard: "Guard", market: "Market | None") -> "Door":
    from scenarios.guests.door import Door  # noqa: PLC0415

    return Door(watched, broker, name, journals, guard, market)


def _opened(shown: "Playback | Watch | Door", page: str) -> "Sequence[BaseRoute]":
    """The pages of guests, after it has been said where they are."""
    from scenarios.guests.door import Door  # noqa: PLC0415

    assert isinstance(shown, Door)
    invite(shown.visitors.url_of(page))
    return shown.visitors.routes()


def _playback(folder: Path, speed: float) -> "Playback":
    from scenarios.live.playback import Playback  # noqa: PLC0415

    return Playback(folder, speed or math.inf)


def _watch(
    folder: Path | None,
    broker: str | None,
    profile: Path | None,
    name: str,
    market: "Market | None",
    say: "Callable[[str], None] | None",
) -> "Watch":
    from broker.address import broker_address  # noqa: PLC0415
    from broker.profile import read_profile  # noqa: PLC0415
    from node.protocol.topics import NAME, NAME_IN_WORDS  # noqa: PLC0415
    from scenarios.broker_link import keys_of  # noqa: PLC0415
    from scenarios.live.watching import Watch  # noqa: PLC0415
    from scenarios.report.finish import remains_of  # noqa: PLC0415

    if not re.fullmatch(NAME, name):
        raise ScenarioError(f"--market {name!r} must be {NAME_IN_WORDS}")
    if (broker is None) == (profile is None):
        raise ScenarioError("--broker URL (or BIDSWARM_BROKER) and --profile FILE name the broker: give one of them")
    if folder and market:
        raise ScenarioError("FOLDER and --scenario both name the market: give one of them")
    known = read_profile(profile) if profile else None
    where = known.address if known else broker_address(str(broker))
    keys = keys_of(known) if known and known.role == "launcher" else None
    return Watch(where, name, remains_of(folder).market if folder else market, folder, keys, say)


def _drawn(scenario: str | None, seed: int, settings: list[str]) -> "Market | None":
    """The market of this seed, if a scenario is named."""
    if scenario is None:
        return None
    from scenarios.markets.registry import draw_market  # noqa: PLC0415

    return draw_market(loaded(scenario, settings), seed)


@contextmanager
def shown_live(scenario: "Scenario", seed: int, world: str) -> "Iterator[Beside]":
    """A page of the run of this scenario and seed, served meanwhile and told where it is."""
    from scenarios.live.beside import Beside  # noqa: PLC0415
    from scenarios.live.guard import guard_of, orderly  # noqa: PLC0415
    from scenarios.live.serving import bound, served_beside, url_of  # noqa: PLC0415
    from scenarios.markets.registry import draw_market  # noqa: PLC0415

    page = Beside(draw_market(scenario, seed), is_paced=world == "sim")
    guard = orderly(guard_of(HERE, None))
    listening = bound(HERE, 0)
    with served_beside(page, guard, listening):
        log.warning(f"page: {url_of(listening, guard)}")
        yield page
