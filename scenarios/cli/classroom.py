"""The command ``bidswarm classroom``."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from scenarios.cli.shared import ScenarioArgument, invite, loaded
from scenarios.console import flowing, interruptible, log
from scenarios.errors import ScenarioError

LEAST_S, MOST_S = 1.0, 3_600.0
"""How long a round can be held open, seconds."""

HELP = flowing("""Let the people in a room take the places of users of a scenario, from their phones, round by round.

The board, for whoever teaches, shows a QR code: a phone that reads it asks for a name and waits in the lobby. When the
board begins a round, people become buyers of the exchange, with what an MB is worth drawn for each, or operators of
the Digital Marketplace; strategies play all other users. A round lasts --seconds, and auctions stay open until nobody
bids any more. After each round the score board compares what everybody has earned with what the scenario's own strategy
earned in the same place (docs/classroom.md). Each round is kept like any run.

Examples:

bidswarm classroom neighbourhood --address 0.0.0.0

bidswarm classroom neighbourhood --rounds 5 --seconds 60 --set buyers.0.count=20 --seed 7

bidswarm classroom network-selection --seconds 180

The pages are for this machine alone unless --address names another one. It needs the extra live. Ctrl-C ends it.

Exit codes: 0 all rounds are over; 1 a round broke down; 2 bad usage or scenario; 4 no broker; 130 ended before the last
round was over.
""")


def classroom(
    scenario: ScenarioArgument,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 3,
    seconds: Annotated[float, typer.Option(help="How long a round lasts.")] = 120.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the market of the first round; the next has the next one.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the scenario. Repeatable.")
    ] = None,
    broker: Annotated[
        str,
        typer.Option(envvar="BIDSWARM_BROKER", help="embedded, mosquitto, or the URL of a running broker."),
    ] = "embedded",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the pages; a free one if 0.")] = 0,
    address: Annotated[str, typer.Option(metavar="IP", help="Where the pages listen.")] = "127.0.0.1",
    out: Annotated[Path, typer.Option(help="Where the folder of the classroom is made.")] = Path("runs"),
    *,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Draw nothing after a round.")] = False,
) -> None:
    """Hold rounds in which people take part."""
    from scenarios.guests.board import routes_of  # noqa: PLC0415 - the quick commands stay quick
    from scenarios.guests.classroom import Classroom  # noqa: PLC0415
    from scenarios.guests.lesson import MARKET, Lesson, discard_if_bare, held  # noqa: PLC0415
    from scenarios.launch.options import RunOptions  # noqa: PLC0415
    from scenarios.launch.run import check  # noqa: PLC0415
    from scenarios.live.guard import guard_of, orderly  # noqa: PLC0415
    from scenarios.live.serving import bound, served_beside, url_of  # noqa: PLC0415
    from scenarios.markets.registry import draw_market  # noqa: PLC0415
    from scenarios.results.folder import create_plain  # noqa: PLC0415

    if not LEAST_S <= seconds <= MOST_S:
        raise ScenarioError(f"--seconds {seconds:g} must be from {LEAST_S:g} to {MOST_S:g}")
    chosen = loaded(scenario, set_ or ())
    guard = orderly(guard_of(address, os.environ.get("BIDSWARM_LIVE_TOKEN")))
    market = draw_market(chosen, seed)
    with interruptible():
        check(market, RunOptions(seed=seed, broker=broker, market_name=MARKET, out=out, pictures=False))
    listening = bound(address, port)
    page = url_of(listening, guard)
    room = Classroom(market, guard, rounds, seconds, page)
    folder = create_plain(out, f"{chosen.name}-classroom")
    pages = [*room.visitors.routes(), *routes_of(room)]
    lesson = Lesson(chosen, rounds, seed, seconds, folder, broker, not no_pictures)
    try:
        with interruptible(), served_beside(room, guard, listening, pages):
            log.warning(f"board: {page.replace('/?', '/board?')}")
            invite(room.url)
            held(lesson, room, log.note)
            log.note("the score board stays until Ctrl-C")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    finally:
        discard_if_bare(folder)
