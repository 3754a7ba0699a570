"""The paper's Figs. 2 to 5, each with the private-reputation equilibrium beside the paper's bids."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import PrivateEquilibrium
from scenarios.extras import needs
from scenarios.results.figures import save
from scenarios.results.style import styled
from scenarios.study.price_weight import PAPERS_TABLE, PriceWeightStudy, Table

FIXED, PRIVATE = "bids b*(c) of the paper", "private-reputation equilibrium"
SHOWN_RUNS = 10_000
"""Intersections shown one by one, as many as in the paper; more would be one grey area."""

NAMED = 10
"""Bidders that a legend names; more could not be told apart."""

CURVE_POINTS = 2_000
"""Points of a distribution function: as fine as a picture can show."""


def draw(study: PriceWeightStudy, folder: Path) -> list[Path]:
    """Draw the four figures, each as PDF, SVG and PNG; the paths of the PNGs.

    Raises
    ------
    ScenarioError
        If matplotlib is not installed.
    """
    wanted: dict[str, Callable[[PriceWeightStudy], Any]] = {
        "fig2-compound-bids": compound_bids,
        "fig3-intersections": intersections,
        "fig4-density": density,
        "fig5-distribution": distribution,
    }
    with styled():
        return [save(figure(study), folder, name) for name, figure in wanted.items()]


def blank(width: float = 7.5, height: float = 4.5) -> Any:  # noqa: ANN401 - a matplotlib figure
    """An empty figure of that size in inches.

    Raises
    ------
    ScenarioError
        If matplotlib is not installed.
    """
    figure = needs("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(wspace=0.04)  # else the last tick of one panel touches the first of the next
    return figure


def compound_bids(study: PriceWeightStudy) -> Any:  # noqa: ANN401 - a matplotlib figure
    """Fig. 2: compound bids against the price weight, in the paper's auction of Table I and in one drawn here."""
    figure = blank(10.0, 7.5)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    w = np.linspace(0.0, 1.0, 101)
    tables = ((PAPERS_TABLE, "Table I of the paper"), (study.table, f"an auction drawn here, seed {study.seed}"))
    for (fixed, private), (table, title) in zip(axes.T, tables, strict=True):
        lines = w[:, None] * table.bid + (1.0 - w[:, None]) * table.reputation
        _compound(fixed, w, lines, f"{title}\n{FIXED}", table.intersection)
        # There is no equilibrium at w = 0.
        curves = np.array([_equilibrium_compounds(table, weight) for weight in w[1:]])
        _compound(private, w[1:], curves, PRIVATE, Table(table.cost, table.reputation, table.cost).intersection)
        private.set_xlabel("price weight w")
    for left in axes[:, 0]:
        left.set_ylabel("compound bid w b + (1 - w) r")
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1))
    if study.bidders <= NAMED:
        figure.legend(*axes[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=NAMED)
    return figure


def _equilibrium_compounds(table: Table, w: float) -> FloatArray:
    """The equilibrium compound bids of that auction, shape (bidders,)."""
    equilibrium = PrivateEquilibrium(w, len(table.cost))
    return np.asarray(equilibrium.compound(w * table.cost + (1.0 - w) * table.reputation), dtype=np.float64)


def _compound(axes: Any, w: FloatArray, compounds: FloatArray, title: str, crossing: float) -> None:  # noqa: ANN401 - axes
    """One line per bidder, of shape (len(w), bidders), and where the cheapest stops winning."""
    few, cheapest = compounds.shape[1] <= NAMED, int(np.argmin(compounds[-1]))
    for bidder, line in enumerate(compounds.T):
        # Of many only the cheapest, which has the lowest compound bid at w = 1, is told from the rest.
        rest: dict[str, Any] = {"color": "0.8", "linestyle": "-", "linewidth": 0.4}
        style = {"linewidth": 1.6, "zorder": 3} if few or bidder == cheapest else rest
        axes.plot(w, line, label=f"bidder {bidder + 1}", **style)
    axes.axvline(crossing, color="0.4", linestyle=":")
    axes.set_title(f"{title}: intersection at w = {crossing:.3f}", fontsize="medium")


def intersections(study: PriceWeightStudy) -> Any:  # noqa: ANN401 - a matplotlib figure
    """Fig. 3: the intersections one after another, with their running mean."""
    figure = blank(10.0, 6.5)
    shown = slice(0, SHOWN_RUNS)
    for axes, (label, colour, weights) in zip(figure.subplots(2, 1, sharex=True), _series(study), strict=True):
        part = weights[shown]
        run = np.arange(1, len(part) + 1)
        # Rasterised, for 10,000 points as vectors make an SVG that browsers crawl through.
        axes.plot(run, part, ".", markersize=2, alpha=0.4, color=colour, rasterized=True)
        axes.plot(run, np.cumsum(part) / run, color="black", linewidth=1.2, label="mean so far")
        axes.set(ylabel="intersection, w", ylim=(0, 1), xlim=(0, len(part)))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_title(label, fontsize="medium")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")  # beside the points
    axes.set_xlabel(f"run{f' (the first {SHOWN_RUNS:,} of {study.runs:,})' if study.runs > SHOWN_RUNS else ''}")
    return figure


def density(study: PriceWeightStudy) -> Any:  # noqa: ANN401 - a matplotlib figure
    """Fig. 4: the density of the intersections with mean, median and standard deviation."""
    figure = blank(10.0, 4.5)
    bins = np.linspace(0.0, 1.0, 51)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (label, colour, weights) in zip(panels, _series(study), strict=True):
        mean, median, std = weights.mean(), np.median(weights), weights.std()
        axes.hist(weights, bins=bins, density=True, color=colour, alpha=0.6)
        axes.axvline(mean, color="black", label=f"mean {mean:.3f}")
        axes.axvline(median, color="black", linestyle="--", label=f"median {median:.3f}")
        axes.axvspan(mean - std, mean + std, color="0.5", alpha=0.15, label=f"mean ± std {std:.3f}")
        axes.set(xlabel="intersection, w", xlim=(0, 1))
        axes.set_title(label, fontsize="medium")
        axes.legend(fontsize="small", loc="upper left")
    panels[0].set_ylabel("empirical density")
    panels[0].set_ylim(0, 1.25 * panels[0].get_ylim()[1])  # room for the legends
    return figure


def distribution(study: PriceWeightStudy) -> Any:  # noqa: ANN401 - a matplotlib figure
    """Fig. 5: the empirical distribution function of the intersections."""
    figure = blank()
    axes = figure.subplots()
    share = np.linspace(0.0, 1.0, min(study.runs, CURVE_POINTS))
    for label, colour, weights in _series(study):
        axes.plot(np.quantile(weights, share), share, color=colour, label=label)
    axes.set(xlabel="intersection, w", ylabel="share of intersections ≤ w", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
    axes.set_title(_title(study), fontsize="medium")
    return figure


def _series(study: PriceWeightStudy) -> list[tuple[str, str, FloatArray]]:
    return [(FIXED, "C0", study.fixed.weights), (PRIVATE, "C1", study.private.weights)]


def _title(study: PriceWeightStudy) -> str:
    return f"{study.bidders} bidders, {study.runs:,} intersections, seed {study.seed}"
