"""The commands ``bidswarm node``."""

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text
from typer.core import TyperGroup

from scenarios.console import errors
from scenarios.device.formats import LogFormat
from scenarios.errors import ScenarioError

EXIT_CODES = """
Exit codes: 0 the auctions are over, or it left on SIGTERM or the launcher's word; 2 bad usage, file or journal;
3 not over before the timeout; 4 the broker refused the login, or the profile cannot be used; 130 left on Ctrl-C."""

START = f"""Carry one buyer or seller on this device until its auctions are over.

Takes a FILE.toml, options, or both: options override the file. Run the same command again after a crash or a power cut:
the journal knows what was agreed on, and the trade is finished.

bidswarm node service prints a systemd unit for the same options.

{EXIT_CODES}
"""

SERVICE = """Print a systemd unit that runs the node with these options.

For example: bidswarm node service node.toml | sudo tee /etc/systemd/system/bidswarm-alice.service
"""


class _StartsByDefault(TyperGroup):
    """``bidswarm node`` starts a node, unless another of its commands is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has a click of its own
        """Put in the command that is left out."""
        return super().parse_args(ctx, args if args[:1] in [[name] for name in self.commands] else ["start", *args])


app = typer.Typer(
    cls=_StartsByDefault,
    help="Carry one buyer or seller on this device.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Role = Literal["buyer", "seller"]
Strategy = Literal["opt-out", "best-reply", "adaptive"]


def _options(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.toml", help="Settings of the node.")] = None,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The profile of this device, from: bidswarm broker init.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A broker without profiles: mqtt[s]://[user[:password]@]host[:port]. From BIDSWARM_BROKER, if neither "
            "is given.",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --broker: this device; the URL's user if not given.")
    ] = None,
    market: Annotated[str | None, typer.Option(metavar="NAME", help="The market, the same on all devices.")] = None,
    role: Annotated[Role | None, typer.Option(help="What the node does.")] = None,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="The node; the host's name if not given.")] = None,
    supply_mb: Annotated[float | None, typer.Option(metavar="MB", help="Seller: what is for sale.")] = None,
    reserve_price: Annotated[
        float | None, typer.Option(metavar="PER_MB", help="Seller: sells for no less; 0 if not given.")
    ] = None,
    seller: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST/NODE", help="Buyer: whom it may buy from; HOST alone is HOST/HOST. Repeatable."),
    ] = None,
    demand_mb: Annotated[float | None, typer.Option(metavar="MB", help="Buyer: what it wants at most.")] = None,
    choke_price: Annotated[
        float | None,
        typer.Option(metavar="PER_MB", help="Buyer: what the first MB is worth; the last is worth nothing."),
    ] = None,
    value_per_mb: Annotated[
        float | None, typer.Option(metavar="PER_MB", help="Buyer: what every MB is worth; or --choke-price.")
    ] = None,
    budget: Annotated[float | None, typer.Option(metavar="MONEY", help="Buyer: spends no more in all.")] = None,
    strategy: Annotated[
        Strategy | None, typer.Option(help="Buyer: how it bids; opt-out if not given. Its numbers go into a file.")
    ] = None,
    clearing_interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seller: clears at most this often; 0.25 if not given.")
    ] = None,
    quiet_period: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seller: ends when no bid has changed for so long; 10 if not given."),
    ] = None,
    open_at_least: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seller: does not end sooner after the first bid; 0 if not given."),
    ] = None,
    retry: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Says again what nobody answered; 1 if not given.")
    ] = None,
    linger: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seller: stays so long after its end for lost receipts; 10 if not given."),
    ] = None,
    keepalive: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS", help="The broker takes a silent device for gone after 1.5 times that; 20 if not given."
        ),
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option("--wait/--no-wait", help="Begin on a launcher's word, not when all sellers have been seen."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Leave with exit code 3 after so long; never if not given.")
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What binds the node; MARKET-NODE.sqlite in the working folder by default."),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve metrics to Prometheus there; 0 takes a free port.")
    ] = None,
    metrics_address: Annotated[
        str | None, typer.Option(metavar="IP", help="Where the metrics port listens; 127.0.0.1 if not given.")
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="text: lines for people. json: one object per line.")
    ] = LogFormat.text,
) -> tuple[Path | None, dict[str, Any], LogFormat]:
    """The file, what the options say in the form of its tables, and how to log."""
    given = {
        "profile": str(profile) if profile else None,
        "broker": broker,
        "host": host,
        "market": market,
        "role": role,
        "node": node,
        "journal": str(journal) if journal else None,
        "wait": wait,
        "timeout_s": timeout,
        "linger_s": linger,
        "keepalive_s": keepalive,
        "metrics_port": metrics_port,
        "metrics_address": metrics_address,
        "auction": _given(
            clearing_interval_s=clearing_interval,
            quiet_period_s=quiet_period,
            retry_s=retry,
            open_at_least_s=open_at_least,
        ),
        "seller": _given(supply_mb=supply_mb, reserve_price_per_mb=reserve_price),
        "buyer": _given(
            sellers=seller or None,
            budget_money=budget,
            valuation=_valuation(demand_mb, choke_price, value_per_mb),
            strategy=strategy and {"kind": strategy},
        ),
    }
    return file, _given(**given) or {}, log_format


def _given(**options: Any) -> dict[str, Any] | None:  # noqa: ANN401 - of every type
    return {key: value for key, value in options.items() if value is not None} or None


def _valuation(demand_mb: float | None, choke: float | None, value: float | None) -> dict[str, Any] | None:
    if choke is not None and value is not None:
        raise ScenarioError("--choke-price and --value-per-mb exclude each other: give one of them")
    kind = "parabolic" if choke is not None else "flat" if value is not None else None
    return _given(kind=kind, demand_mb=demand_mb, choke_price_per_mb=choke, value_per_mb=value)


def _taking_options(command: Callable[[Mapping[str, Any]], None]) -> Callable[..., None]:
    """The command, with the options of a node as typer sees them."""

    def taking(**given: Any) -> None:  # noqa: ANN401 - as above
        command(given)

    taking.__signature__ = inspect.signature(_options).replace(return_annotation=None)  # type: ignore[attr-defined]
    taking.__annotations__ = _options.__annotations__ | {"return": None}
    return taking


@_taking_options
def start(given: Mapping[str, Any]) -> None:
    """Carry one node."""
    # Before numpy is loaded: its threads cost memory, and a node of one auction has nothing to share out.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from scenarios.device.command import run  # noqa: PLC0415
    from scenarios.device.settings import read_settings  # noqa: PLC0415

    file, options, log_format = _options(**given)

    def name_code(source: object) -> None:
        errors.print(Text(f"this node brings code: {source}"), soft_wrap=True)

    raise typer.Exit(run(read_settings(file, options, name_code), log_format))


@_taking_options
def service(given: Mapping[str, Any]) -> None:
    """Print a systemd unit."""
    from scenarios.device.settings import read_settings  # noqa: PLC0415
    from scenarios.device.systemd import unit  # noqa: PLC0415

    file, options, _ = _options(**given)
    typer.echo(unit(read_settings(file, options), _arguments(given)), nl=False)


app.command("start", help=START)(start)
app.command("service", help=SERVICE)(service)


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
            case Path() if name == "file":
                arguments.append(str(value.resolve()))
            # A journal belongs into the folder of the service, if it is not given in full.
            case Path() if name != "journal":
                arguments.append(f"{option}={value.resolve()}")
            case _:
                arguments.append(f"{option}={value}")
    return arguments
