"""The commands ``bidswarm study``."""

from pathlib import Path
from typing import Annotated

import typer

from scenarios.cli.shared import Group
from scenarios.console import INTERRUPTED, Format, FormatOption, Screen, flowing, log, write_json

GROUP = """Study the auctions on their own, without nodes or messages.

dmp-price-weight and dmp-equilibrium are of the Digital Marketplace, learners of both markets.

In an auction of the Digital Marketplace a call is sold: the lowest compound bid w b + (1 - w) r wins, of the price b,
the operator's reputation r (lower is better) and the user's price weight w. Start with: bidswarm study dmp-price-weight
"""

PRICE_WEIGHT = """How long does the cheapest operator keep winning as the price counts for less?

Draws costs and reputations, lets everybody bid b*(c), and notes the price weight w down to which the winner at w = 1
still wins: the intersection. Prints the paper's figures (section III.C) beside those found here, and beside the same
draws in the private-reputation equilibrium; keeps them with Figs. 2 to 5 as PNG and SVG (docs/studies.md).

Examples:

bidswarm study dmp-price-weight

bidswarm study dmp-price-weight --bidders 5 --runs 1000000

bidswarm study dmp-price-weight --seed 7 --format json > study.json

Exit codes: 0 complete; 1 a result could not be written; 2 bad usage; 130 interrupted, with what there was.
"""

EQUILIBRIUM = """What should operators bid at price weight w?

Without --reputation each operator knows its own cost and reputation alone: bids for five reputations, beside the
paper's b*(c), and what an operator gains by bidding otherwise, in equilibrium and where all bid b*(c). With
--reputation, once for each operator, all know all reputations: who can win, from which compound bid on, and the bids
of each operator. The bids are printed against the cost and drawn as PNG and SVG (docs/studies.md).

Examples:

bidswarm study dmp-equilibrium --w 0.75 --bidders 3

bidswarm study dmp-equilibrium --w 0.5 --bidders 4 --cost beta:2,5

bidswarm study dmp-equilibrium --w 0.5 --bidders 2 --reputation 0.25 --reputation 0.75

Exit codes: 0 complete; 1 a result could not be written; 2 bad usage, or no equilibrium (w = 0); 130 interrupted.
"""

LEARNERS = """Do bidders that learn reach the equilibrium, and in how many auctions?

In the exchange, Exp3 and regret matching bid anew in every clearing: all buyers of a market, or one among adaptive
ones; beside them adaptive itself. In the Digital Marketplace, operators learn their mark-ups with Exp3, against the
private-reputation equilibrium. Prints what was reached, with 95 % intervals over the seeds, and draws it as PNG and SVG
(docs/learning.md). It takes some ten minutes on two cores.

Examples:

bidswarm study learners

bidswarm study learners --seeds 2 --auctions 1000

Exit codes: 0 complete; 1 a result could not be written; 2 bad usage; 130 interrupted.
"""


app = typer.Typer(
    cls=Group, help=flowing(GROUP), no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)

OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Where the study's own folder is made.")]


@app.command("dmp-price-weight", help=flowing(PRICE_WEIGHT))
def dmp_price_weight(
    bidders: Annotated[int, typer.Option(metavar="N", help="Operators per auction, 2 to 1,000.")] = 3,
    runs: Annotated[
        int,
        typer.Option(metavar="N", help="Draws with an intersection to collect, 1 to 10,000,000; others do not count."),
    ] = 10_000,
    seed: Annotated[int, typer.Option(metavar="N", help="Root of all randomness.")] = 0,
    out: OutOption = Path("runs"),
    format_: FormatOption = Format.text,
) -> None:
    """Run the paper's Monte Carlo."""
    from scenarios.study.report import report_price_weight  # noqa: PLC0415 - the quick commands stay quick

    summary, folder, pictures = report_price_weight(bidders, runs, seed, out, log)
    if format_ is Format.json:
        import msgspec  # noqa: PLC0415

        write_json({**msgspec.to_builtins(summary), "run_dir": str(folder)})
    else:
        from scenarios.study.tables import print_study  # noqa: PLC0415

        print_study(summary, folder, pictures, Screen())
    if summary.status != "complete":
        raise typer.Exit(INTERRUPTED)


@app.command("dmp-equilibrium", help=flowing(EQUILIBRIUM))
def dmp_equilibrium(
    w: Annotated[float, typer.Option("--w", metavar="W", help="Price weight, above 0 and at most 1.")],
    bidders: Annotated[int, typer.Option(metavar="N", help="Operators, 2 to 1,000; with --reputation at most 50.")],
    reputation: Annotated[
        list[float] | None,
        typer.Option(
            metavar="R", help="An operator's reputation, 0 (best) to 1, known to all. Once for each operator."
        ),
    ] = None,
    cost: Annotated[str, typer.Option(metavar="uniform|beta:A,B", help="Distribution of costs on [0, 1].")] = "uniform",
    out: OutOption = Path("runs"),
    format_: FormatOption = Format.text,
) -> None:
    """Print and draw equilibrium bids."""
    from scenarios.study.equilibrium_report import print_equilibrium, report_equilibrium  # noqa: PLC0415

    found, folder, pictures = report_equilibrium(w, bidders, reputation or (), cost, out)
    if format_ is Format.json:
        import msgspec  # noqa: PLC0415

        write_json({**msgspec.to_builtins(found), "run_dir": str(folder)})
    else:
        print_equilibrium(found, folder, pictures, Screen())


@app.command("learners", help=flowing(LEARNERS))
def learners(
    seeds: Annotated[int, typer.Option(metavar="N", help="Markets of each size, 2 to 1,000.")] = 5,
    auctions: Annotated[
        int, typer.Option(metavar="N", help="Auctions that Exp3 plays, 100 to 1,000,000; regret matching a fifth.")
    ] = 10_000,
    out: OutOption = Path("runs"),
    format_: FormatOption = Format.text,
) -> None:
    """Let bidders learn, and print what they reached."""
    from scenarios.study.learners_report import print_learners, report_learners  # noqa: PLC0415

    found, folder, pictures = report_learners(seeds, auctions, out, log)
    if format_ is Format.json:
        import msgspec  # noqa: PLC0415

        write_json({**msgspec.to_builtins(found), "run_dir": str(folder)})
    else:
        print_learners(found, folder, pictures, Screen())
