"""The study of the equilibrium from options to folder: checks, tables, pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from node.mechanism.dmp import CommonEquilibrium, NoEquilibriumError
from scenarios.errors import ScenarioError
from scenarios.layout import print_table
from scenarios.results.figures import save
from scenarios.results.style import styled
from scenarios.study.equilibrium import POINTS, CommonBids, PrivateBids, common_bids, private_bids
from scenarios.study.folder import folder_for
from scenarios.study.pictures import NAMED, blank

NAME = "dmp-equilibrium"
MOST_BIDDERS = {"private": 1_000, "common": 50}
"""As far as both have been tried."""

EXACT = 1e-6
"""Gains below this are within what the grid of replies can tell."""


def report_equilibrium(
    w: float, bidders: int, reputations: Sequence[float], cost: str, out: Path
) -> tuple[PrivateBids | CommonBids, Path, Sequence[Path] | str]:
    """Compute and keep the bids; what was found, the folder, and the pictures or why there are none.

    Raises
    ------
    ScenarioError
        If an option is wrong, there is no equilibrium, or the folder cannot be made.
    RunError
        If a result cannot be written.
    """
    _check(w, bidders, reputations, cost)
    try:
        found, fine = _bids(w, bidders, reputations, cost)
    except NoEquilibriumError as error:
        raise ScenarioError(str(error)) from error
    options = {"w": w, "bidders": bidders, "reputation": list(reputations), "cost": cost}
    with folder_for(out, NAME, f"w{w:g}", options) as folder:
        folder.write("summary.json", found)
        drawn = folder.draw(lambda path: [save(draw(fine), path, "bids")])
        folder.finish("complete")
    return found, folder.path, drawn


def _bids(
    w: float, bidders: int, reputations: Sequence[float], cost: str
) -> tuple[PrivateBids, PrivateBids] | tuple[CommonBids, CommonBids]:
    """The bids for the table, and for the picture."""
    if not reputations:
        return private_bids(w, bidders, cost), private_bids(w, bidders, cost, POINTS)
    equilibrium = CommonEquilibrium(w, tuple(reputations))
    return common_bids(equilibrium), common_bids(equilibrium, POINTS)


def _check(w: float, bidders: int, reputations: Sequence[float], cost: str) -> None:
    most = MOST_BIDDERS["common" if reputations else "private"]
    if not 0.0 <= w <= 1.0:
        raise ScenarioError(f"--w: {w:g} is out of range; give a number above 0 and at most 1")
    if not 2 <= bidders <= most:  # noqa: PLR2004 - a rival
        raise ScenarioError(f"--bidders: {bidders} is out of range; give a whole number from 2 to {most:,}")
    if not reputations:
        return
    if len(reputations) != bidders:
        raise ScenarioError(
            f"--reputation: given {len(reputations)} times for --bidders {bidders}; give it once for each of them, "
            "or not at all for private reputations"
        )
    for reputation in reputations:
        if not 0.0 <= reputation <= 1.0:
            raise ScenarioError(f"--reputation: {reputation:g} is out of range; give a number from 0 to 1")
    if cost != "uniform":
        raise ScenarioError(f"--cost: {cost} does not go with --reputation; leave one of them out")


def print_equilibrium(
    found: PrivateBids | CommonBids, folder: Path, pictures: Sequence[Path] | str, console: Console
) -> None:
    """Print the bids as a table, cost by cost."""
    _print_bids(found, console)
    console.print()
    for line in _sentences(found):
        console.print(line, highlight=False, soft_wrap=True)
    named = pictures if isinstance(pictures, str) else ", ".join(path.name for path in pictures)
    console.print(f"results: {folder}", f"pictures: {named}", sep="\n", highlight=False, soft_wrap=True, markup=False)


def _print_bids(found: PrivateBids | CommonBids, console: Console) -> None:
    shown = list(zip(_labels(found), found.bids, strict=True))[:NAMED]
    rows = [
        (f"{cost:.2f}", *(f"{bid:.4f}" for bid in [*(bids[k] for _, bids in shown), found.paper_bids[k]]))
        for k, cost in enumerate(found.costs)
    ]
    print_table(console, ("cost c", *(label for label, _ in shown), "b*(c)"), rows)


def _labels(found: PrivateBids | CommonBids) -> list[str]:
    if isinstance(found, PrivateBids):
        return [f"r = {r:g}" for r in found.reputations]
    return [f"{k}: r = {r:g}" for k, r in enumerate(found.reputations, start=1)]


def _sentences(found: PrivateBids | CommonBids) -> list[str]:
    return _gains(found) if isinstance(found, PrivateBids) else _entries(found)


def _gains(found: PrivateBids) -> list[str]:
    known = f"who know their own cost ({found.cost}) and reputation r (uniform) alone"
    lines = [
        f"bids at w = {found.w:g} of {found.bidders} operators {known}; b*(c) is the paper's bid",
        "the most that an operator with one of these costs gains by bidding otherwise, while the others do not:",
    ]
    gains = zip(found.reputations, found.best_reply_gain, found.paper_best_reply_gain, strict=True)
    for r, own, papers in gains:
        lines.append(f"  r = {r:g}: {_gain(max(own))} in equilibrium; {max(papers):.4f} where all bid b*(c)")
    return lines


def _gain(gain: float) -> str:
    return f"below {EXACT:.0e}" if gain < EXACT else f"{gain:.1e}"


def _entries(found: CommonBids) -> list[str]:
    known = "who know all reputations, and of costs their own"
    lines = [
        f"bids at w = {found.w:g} of {found.bidders} operators {known}; b*(c) is the paper's bid",
        f"compound bids w b + (1 - w) r that can win lie between {found.lower:.4f} and {found.upper:.4f}",
        f"the most that one of them gains by bidding otherwise while the others do not: {_gain(found.best_reply_gain)}",
    ]
    best = min(found.reputations)
    for k, (entry, r) in list(enumerate(zip(found.entry, found.reputations, strict=True), start=1))[:NAMED]:
        is_out = entry >= found.upper and r > best
        lines.append(f"  operator {k}: {'can never win, and bids its cost' if is_out else f'bids from {entry:.4f} on'}")
    return lines


@styled()
def draw(found: PrivateBids | CommonBids) -> Any:  # noqa: ANN401 - a matplotlib figure
    """Bids against cost, beside what others than the equilibrium's would gain, or beside compound bids."""
    figure = blank(10.0, 4.8)
    bids, other = figure.subplots(1, 2, sharex=True)
    private = isinstance(found, PrivateBids)
    labels = _labels(found) if found.bidders <= NAMED or private else [None] * found.bidders
    right = found.paper_best_reply_gain if isinstance(found, PrivateBids) else found.compound_bids
    for label, line, value in zip(labels, found.bids, right, strict=True):
        bids.plot(found.costs, line, label=label)
        other.plot(found.costs, value)
    bids.plot(found.costs, found.paper_bids, color="black", linestyle="--", label="b*(c) of the paper")
    bids.set(xlabel="cost c", ylabel="bid b", xlim=(0, 1), ylim=(0, None))
    other.set(xlabel="cost c", ylim=(0, None))
    other.set_ylabel("gain of the best reply, if all rivals bid b*(c)" if private else "compound bid w b + (1 - w) r")
    if isinstance(found, CommonBids):
        other.axhspan(found.lower, found.upper, color="0.5", alpha=0.15, label="compound bids that can win")
    known = "private reputations" if private else "reputations that all know"
    figure.suptitle(f"{found.bidders} operators, w = {found.w:g}, {known}, costs {found.cost}", fontsize="medium")
    shown = zip(bids.get_legend_handles_labels(), other.get_legend_handles_labels(), strict=True)
    figure.legend(*(own + more for own, more in shown), loc="outside lower center", ncols=6, fontsize="small")
    return figure
