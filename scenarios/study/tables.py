"""A study of the price weight as tables for the terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from scenarios.layout import print_table
from scenarios.study.summary import PAPER, Auction, Figures, Summary
from scenarios.words import counted

PAPERS_BIDDERS = 3
ROWS = 40
"""Bidders shown; the summary holds the rest."""

MEANING = {
    "p_intersection": "P(I = 1)",
    "mean": "mean intersection",
    "median": "median",
    "std": "standard deviation",
    "cdf_025": "share at or below .25",
    "cdf_075": "share at or below .75",
    "p_win_025_predicted": "P(win | w = .25), eq. (15)",
    "p_win_025_simulated": "P(win | w = .25), simulated",
    "p_win_075_predicted": "P(win | w = .75), eq. (15)",
    "p_win_075_simulated": "P(win | w = .75), simulated",
}


def print_study(summary: Summary, folder: Path, pictures: Sequence[Path] | str, console: Console) -> None:
    """Print the paper's figures beside ours, Table I, and where the pictures are, or why there are none."""
    if summary.bidders == PAPERS_BIDDERS:
        _print_auction(summary.papers_auction, "Table I of the paper", console)
        console.print()
    _print_auction(summary.drawn_auction, f"An auction drawn here, seed {summary.seed}", console)
    console.print()
    _print_figures(summary, console)
    console.print()
    interrupted = "" if summary.status == "complete" else "[yellow]interrupted[/]: "
    console.print(
        f"{interrupted}{counted(summary.runs, 'intersection')} in {counted(summary.draws, 'draw')} of "
        f"{summary.bidders} bidders; "
        f"P(I = 1) is exactly 1 - 1/{summary.bidders} = {summary.p_intersection_exact:.4f}; ± is one standard error; "
        "in equilibrium: the same draws, bids of the private-reputation equilibrium",
        highlight=False,
        soft_wrap=True,
    )
    named = pictures if isinstance(pictures, str) else ", ".join(path.name for path in pictures)
    console.print(f"results: {folder}", f"pictures: {named}", sep="\n", highlight=False, soft_wrap=True, markup=False)


def _print_auction(auction: Auction, title: str, console: Console) -> None:
    bidders = list(zip(auction.costs, auction.reputations, auction.bids, strict=True))
    rows = [
        (f"bidder {bidder}", *(f"{number:.4f}" for number in numbers))
        for bidder, numbers in enumerate(bidders[:ROWS], start=1)
    ]
    cheapest = min(range(len(bidders)), key=bidders.__getitem__) + 1
    console.print(title, highlight=False, soft_wrap=True)
    print_table(console, ("", "cost c", "reputation r", "bid b*(c)"), rows, len(bidders) - ROWS, "summary.json")
    console.print(f"bidder {cheapest} wins for w above {auction.intersection:.4f}", highlight=False, soft_wrap=True)


def _print_figures(summary: Summary, console: Console) -> None:
    is_papers = summary.bidders == PAPERS_BIDDERS
    heads = ["", *(["paper"] if is_papers else []), "bids b*(c)", "in equilibrium"]
    rows = [
        (
            meaning,
            *([f"{PAPER[key]:.4g}"] if is_papers else []),
            _measured(summary, key),
            _measured(summary.private_equilibrium, key),
        )
        for key, meaning in MEANING.items()
    ]
    print_table(console, heads, rows)


def _measured(figures: Figures, key: str) -> str:
    return f"{getattr(figures, key):.4f} ± {figures.standard_errors[key]:.4f}"
