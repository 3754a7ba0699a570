"""The command ``bidswarm``."""

import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.table import Table

from broker.errors import BrokerError
from node.runtime.journal import JournalError
from scenarios.cli.baselines import HELP as BASELINES
from scenarios.cli.baselines import baselines
from scenarios.cli.broker import app as broker_app
from scenarios.cli.classroom import HELP as CLASSROOM
from scenarios.cli.classroom import classroom
from scenarios.cli.compare import HELP as COMPARE
from scenarios.cli.compare import compare
from scenarios.cli.doctor import HELP as DOCTOR
from scenarios.cli.doctor import doctor
from scenarios.cli.host import HELP as HOST
from scenarios.cli.host import host
from scenarios.cli.ledger import ledger
from scenarios.cli.new import HELP as NEW
from scenarios.cli.new import new
from scenarios.cli.node import app as node_app
from scenarios.cli.report import HELP as REPORT
from scenarios.cli.report import report
from scenarios.cli.shared import Group, ScenarioArgument, complete_scenario, loaded
from scenarios.cli.study import app as study
from scenarios.cli.sweep import HELP as SWEEP
from scenarios.cli.sweep import sweep
from scenarios.cli.watch import HELP as WATCH
from scenarios.cli.watch import shown_live, watch
from scenarios.console import (
    BROKEN,
    INTERRUPTED,
    NO_BROKER,
    SETTLED,
    UNMET,
    UNSETTLED,
    USAGE,
    Format,
    FormatOption,
    PicturesOption,
    Screen,
    World,
    interruptible,
    log,
    nobody_reads,
    picture_options,
    speak_any_encoding,
    write_json,
)
from scenarios.errors import RunError, ScenarioError

if TYPE_CHECKING:
    from scenarios.launch.run import BrokenRunError
    from scenarios.results.result import Result

EXIT_CODES = (
    "\n\nExit codes: 0 settled; 1 the run broke down; 2 bad usage or scenario; 3 not settled before the timeout; "
    "4 no broker, or it refused; 5 an expectation of the scenario was not met; 130 interrupted; 141 nobody reads on."
)

app = typer.Typer(
    name="bidswarm",
    cls=Group,
    help="Run markets in which every user is a node of its own and every bid a message.\n\nStart with: bidswarm run "
    "two-sellers" + EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(broker_app, name="broker")
app.command(help=DOCTOR)(doctor)
app.add_typer(node_app, name="node")
app.add_typer(study, name="study")
app.command(help=NEW)(new)
app.command(help=HOST)(host)
app.command()(ledger)
app.command(help=REPORT)(report)
app.command(help=SWEEP)(sweep)
app.command(help=COMPARE)(compare)
app.command(help=BASELINES)(baselines)
app.command(help=WATCH)(watch)
app.command(help=CLASSROOM)(classroom)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - costs a node, which asks for none, a megabyte

        typer.echo(f"bidswarm {version('bidswarm')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and stop.")
    ] = False,
) -> None:
    """What holds for all commands."""


class Connections(StrEnum):
    """Who has an MQTT connection."""

    per_host = "per-host"
    per_node = "per-node"


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a key of the scenario, e.g. buyers.0.count=20. Repeatable."
    ),
]


@app.command(help="Run a scenario and print who bought what." + EXIT_CODES)
def run(
    context: typer.Context,
    scenario: ScenarioArgument,
    world: Annotated[
        World,
        typer.Option(
            help="mqtt: real processes over a broker. sim: virtual time, the same every time. array: very many "
            "adaptive buyers, in rounds without messages. direct: a mechanism that works everything out at once."
        ),
    ] = World.mqtt,
    broker: Annotated[
        str,
        typer.Option(
            envvar="BIDSWARM_BROKER",  # so that a password need not stand in the process list
            help="embedded (nothing to install), mosquitto (an installed one is started), or the URL of a "
            "running broker: mqtt://[user[:password]@]host[:port], or mqtts:// for TLS.",
        ),
    ] = "embedded",
    profile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The launcher's profile of a broker set up by: bidswarm broker init. In place of --broker.",
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port for a broker started here; a free one if not given.")] = None,
    hosts: Annotated[
        int | None, typer.Option(help="Worker processes that carry the nodes; as many as cores if not given.")
    ] = None,
    connections: Annotated[
        Connections, typer.Option(help="One MQTT connection per worker process, or one for every single node.")
    ] = Connections.per_host,
    market: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="World mqtt: what the market is called on the broker, so that devices can join it (bidswarm node). "
            "One of its own if not given.",
        ),
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="World mqtt: N processes carry the nodes that are started elsewhere (bidswarm host --part 1/N and its "
            "like); none is started here. Needs --market, or --place.",
        ),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(
            metavar="dask://HOST:PORT",
            help="World mqtt: the workers of this Dask cluster carry the nodes; --parts says how many if not each one.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Root of all randomness: drawn users, think times, the network.")] = 0,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Give up after so long; the scenario's, if not given."),
    ] = None,
    set_: SetOption = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="World mqtt: serve metrics to Prometheus there; 0 takes a free port."),
    ] = None,
    metrics_address: Annotated[str, typer.Option(metavar="IP", help="Where that port listens.")] = "127.0.0.1",
    out: Annotated[Path, typer.Option(help="Where the run's own folder is made.")] = Path("runs"),
    pictures: PicturesOption = None,
    *,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Worlds mqtt and sim: show the run on a page in the browser, which stays until Ctrl-C. "
            "Time in sim waits for that page, and goes as it says; shifts and faults can be made there.",
        ),
    ] = False,
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Draw nothing; a short run spends most of its time on drawing.")
    ] = False,
    format_: FormatOption = Format.text,
) -> None:
    """Run a scenario."""
    from scenarios.cli.progress import Progress  # noqa: PLC0415
    from scenarios.launch.options import Onlookers, RunOptions  # noqa: PLC0415
    from scenarios.launch.run import BrokenRunError, carry_out  # noqa: PLC0415
    from scenarios.metrics.exporter import exported  # noqa: PLC0415 - the quick commands stay quick
    from scenarios.metrics.meter import Meter  # noqa: PLC0415
    from scenarios.report.finish import how_to_finish  # noqa: PLC0415
    from scenarios.results.drawing import LOG  # noqa: PLC0415
    from scenarios.results.tables import settings_label  # noqa: PLC0415

    chosen = loaded(scenario, set_ or ())
    if metrics_port is not None and world is not World.mqtt:
        raise ScenarioError(f"--metrics-port goes with world mqtt, and the world is {world.value}")
    run_options = RunOptions(
        seed=seed,
        world=world.value,
        broker=_broker_for(world, broker, context),
        profile=profile,
        port=port,
        hosts=hosts,
        connections=connections.value,
        parts=parts,
        place=place,
        market_name=market,
        timeout_s=timeout,
        out=out,
        pictures=picture_options(pictures, no_pictures=no_pictures),
        labels=settings_label(set_ or ()),
    )
    if live and world in {World.array, World.direct}:
        raise ScenarioError(f"--live goes with worlds mqtt and sim: world {world} tells nothing while it runs")
    meter = Meter()
    labels = {"market": scenario, "role": "launcher"}
    with shown_live(chosen, seed, world.value) if live else nullcontext() as page:
        try:
            with (
                interruptible(),
                exported(meter, metrics_port, metrics_address, **labels) as metrics,
                Progress(log) as progress,
            ):
                if metrics:
                    log.note(f"metrics at http://{metrics_address}:{metrics}/metrics")
                onlookers = Onlookers(
                    watch=progress.watch,
                    say=progress.say,
                    step=progress.step,
                    wait=progress.wait,
                    meter=meter,
                    page=page,
                )
                result = carry_out(chosen, run_options, onlookers)
        except BrokenRunError as error:
            _print(error.result, format_)
            _print_error(error)
            raise typer.Exit(_broken_code(error)) from error
        _print(result, format_)
        if result.summary.status == "interrupted":
            # A second Ctrl-C spares the pictures.
            is_whole = not (result.run_dir / LOG).exists()
            rest = "the same command begins anew" if is_whole else how_to_finish(result.run_dir)
            log.warning(f"interrupted: results so far are kept in {result.run_dir}; {rest}")
        elif page:
            log.note("the page stays until Ctrl-C")
            page.stay(Path(result.summary.run_dir))
    raise typer.Exit(_exit_code(result))


def _broker_for(world: World, broker: str, context: typer.Context) -> str:
    """The broker of a run: one that the environment names for all runs is none of those that need no broker."""
    source = context.get_parameter_source("broker")
    is_for_all = source is not None and source.name == "ENVIRONMENT"
    return "embedded" if is_for_all and world is not World.mqtt else broker


def _exit_code(result: "Result[Any]") -> int:
    summary = result.summary
    code = {"settled": SETTLED, "timeout": UNSETTLED}.get(summary.status, INTERRUPTED)
    met = all(one.held for one in summary.expectations)
    return code if met or code == INTERRUPTED else UNMET


def _broken_code(error: "BrokenRunError") -> int:
    if isinstance(error.__cause__, BrokerError):
        return NO_BROKER
    return UNSETTLED if error.result.summary.status == "timeout" else BROKEN


def _print(result: "Result[Any]", format_: Format) -> None:
    if format_ is Format.json:
        write_json(result.summary)
    else:
        screen = Screen()
        result.print(screen)
        for line in result.theory() if log.is_verbose else ():
            screen.say(line)


def _print_error(error: Exception) -> None:
    for line in str(error).splitlines() or [repr(error)]:
        log.error(line)


@app.command("list")
def list_(format_: Annotated[Format, typer.Option("--format", help="json: a list of objects.")] = Format.text) -> None:
    """List the scenarios that come with bidswarm."""
    from scenarios.markets.load import load, shipped  # noqa: PLC0415

    rows = [(name, load(name).title) for name in shipped()]
    if format_ is Format.json:
        typer.echo(msgspec.json.encode([{"name": name, "title": title} for name, title in rows]))
        return
    table = Table("scenario", "what it is", box=None, padding=(0, 3, 0, 0))
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*row)
    Screen().print(table)


@app.command()
def show(scenario: ScenarioArgument) -> None:
    """Print a scenario as the file it is: a start for one of your own."""
    from scenarios.markets.load import source  # noqa: PLC0415

    typer.echo(source(scenario)[0].encode(), nl=False)  # TOML is UTF-8, whatever a terminal has


@app.command()
def check(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="SCENARIO",
            autocompletion=complete_scenario,
            help="A shipped scenario (see: bidswarm list) or the path of a .toml file.",
        ),
    ] = None,
    set_: SetOption = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="In place of a scenario: try a buyer strategy, for example my_module:MyStrategy, by the laws that all "
            "must keep; exit code 5 if it breaks one. --set gives its keys.",
        ),
    ] = None,
    mechanism: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The same of a mechanism of auctions, for example my_module:MyMechanism."),
    ] = None,
) -> None:
    """Say whether a scenario file is valid, what market it draws, and what cannot be expected of that."""
    if sum(one is not None for one in (file, strategy, mechanism)) != 1:
        raise ScenarioError("bidswarm check takes a scenario, --strategy or --mechanism: give one of them")
    from scenarios.cli.conformance import mechanism_tried, strategy_tried  # noqa: PLC0415

    if strategy is not None:
        raise typer.Exit(strategy_tried(strategy, set_ or ()))
    if mechanism is not None:
        raise typer.Exit(mechanism_tried(mechanism, set_ or ()))
    assert file is not None
    from scenarios.markets.registry import advice_on, described, draw_market  # noqa: PLC0415

    scenario = loaded(file, set_ or ())
    market = draw_market(scenario, seed=0)
    Screen().say(f"{file}: valid: {described(market)}")
    for line in advice_on(market, scenario.timeout_s):
        log.advice(line)


@app.command()
def schema(
    *,
    asyncapi: Annotated[
        bool,
        typer.Option(
            "--asyncapi", help="Print the protocol as an AsyncAPI 3 document instead: topics, messages, their bounds."
        ),
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from scenarios.asyncapi import document  # noqa: PLC0415
    from scenarios.markets.registry import json_schema, kinds  # noqa: PLC0415

    found = document(kinds().values()) if asyncapi else json_schema()
    typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))


def main() -> None:
    """Run the command line; every expected error is one line and an exit code of its own."""
    speak_any_encoding()
    codes: dict[type[Exception], int] = {
        ScenarioError: USAGE,
        BrokerError: NO_BROKER,
        RunError: BROKEN,
        JournalError: USAGE,
    }
    try:
        app(prog_name="bidswarm")
    except (ScenarioError, BrokerError, RunError, JournalError) as error:
        _print_error(error)
        sys.exit(codes[type(error)])
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # of which rich and typer, who print help, make a 1
            nobody_reads()
        raise


if __name__ == "__main__":
    main()
