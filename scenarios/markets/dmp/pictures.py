"""The pictures of a run of the Digital Marketplace (docs/results.md)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from node.mechanism.checks import FloatArray
from scenarios.extras import needs
from scenarios.markets.dmp.market import described
from scenarios.results.parts import above, bands, draw_events, events_of, label_ends, lines, title
from scenarios.results.style import WIDTH_IN, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scenarios.markets.dmp.results import CallCourse, CallResult

FEW_TERMINALS = 60
"""As many as an axis can name."""

PANEL_IN, ROW_IN, MARGIN_IN = 1.8, 0.16, 1.0

FAILURES = (("decommitted", "C1"), ("blocked", "0.7"))
"""Why calls are not served, and in which colour."""


@styled()
def plot_calls(result: "CallResult") -> "Figure":
    """What each operator won, earned, asked and broke, its reputation, and calls not served, over market time."""
    course, speed = result.course(), result.market.timing.speed
    events = {
        kind: [(begun * speed, over * speed) for begun, over in times]
        for kind, times in events_of(result.summary.faults).items()
    }
    heights = [PANEL_IN] * 3 + ([ROW_IN * len(events)] if events else [])
    figure: Figure = needs("matplotlib.figure").Figure(
        figsize=(1.35 * WIDTH_IN, sum(heights) + MARGIN_IN), layout="constrained"
    )
    axes = figure.subplots(len(heights), 2, sharex=True, height_ratios=heights)
    for one in axes.flat:
        one.set_xlim(0.0, course.time_s[-1])
    _draw_operators(axes[:3], course)
    _draw_failures(axes[2, 1], course)
    for one in axes[2]:
        one.set_xlabel("seconds of the market")
        one.tick_params(labelbottom=True)
    if events:
        for column in (0, 1):
            draw_events(axes[3, column], axes[:3, column], events, float(course.time_s[-1]))
            axes[3, column].tick_params(labelbottom=False)
    _title(figure, result, bands(course.operators, "operators"))
    return figure


@styled()
def plot_terminals(result: "CallResult") -> "Figure":
    """What each terminal paid per call, and how many of its calls were not served."""
    figure: Figure = needs("matplotlib.figure").Figure(figsize=(WIDTH_IN, 4.5), layout="constrained")
    price, failed = figure.subplots(2, 1, sharex=True)
    table = result.columns("terminals")
    names, places = table["terminal"], np.arange(len(table["terminal"]))
    calls = np.maximum(1, table["requested"])
    price.bar(places, table["mean_price"], color="C0")
    price.set(ylabel="mean price\nper call served", ylim=(0.0, None))
    below = np.zeros(len(names))
    for kind, colour in FAILURES:
        share = 100.0 * np.array(table[kind]) / calls
        failed.bar(places, share, bottom=below, color=colour, label=kind, hatch="" if kind == "blocked" else "///")
        below += share
    failed.set(
        ylabel="calls not served, %", ylim=(0.0, max(1.0, 1.08 * float(below.max(initial=0.0)))), xlabel="terminal"
    )
    failed.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.1)  # above, not over the bars
    for axes in (price, failed):
        axes.grid(visible=False, axis="x")
    if len(names) <= FEW_TERMINALS:
        failed.set_xticks(places, names, rotation=90, fontsize="small")
    _title(figure, result, "")
    return figure


def _title(figure: "Figure", result: "CallResult", more: str) -> None:
    summary = result.summary
    heading = f"{summary.scenario}: {summary.served:,} of {summary.calls:,} calls served"
    parameters = (
        f"{described(result.market)}; {summary.decommitted:,} decommitted, {summary.blocked:,} blocked; "
        f"world {summary.world}, {summary.network}, {summary.status}{more}"
    )
    title(figure, heading, parameters, result.run_dir)


def _draw_operators(axes: Any, course: "CallCourse") -> None:  # noqa: ANN401 - axes
    (share, revenue), (price, broken), (reputation, _) = axes
    total, won = np.maximum(1.0, course.won.sum(axis=1)), np.maximum(1.0, course.won)
    earned = np.cumsum(course.revenue, axis=0)
    drawn: list[tuple[Any, str, FloatArray, tuple[float, float]]] = [
        (share, "share of contracts, %", 100.0 * course.won / total[:, None], (0.0, 100.0)),
        (revenue, "revenue so far", earned, (0.0, above(earned))),
        (price, "mean price per call", course.price, (0.0, above(course.price))),
        (broken, "decommitted,\n% of its contracts", 100.0 * course.decommitted / won, (-2.0, 102.0)),
        (reputation, "reputation\n(lower is better)", course.reputation, (-0.02, 1.02)),
    ]
    for one, label, table, limits in drawn:
        one.set(ylabel=label, ylim=limits)
        lines(one, course.time_s, table, course.operators, step=one is reputation)


def _draw_failures(axes: Any, course: "CallCourse") -> None:  # noqa: ANN401 - axes
    calls = np.maximum(1, course.calls)
    shares = [100.0 * course.decommitted.sum(axis=1) / calls, 100.0 * course.blocked / calls]
    axes.stackplot(course.time_s, *shares, colors=[colour for _, colour in FAILURES], linewidth=0)
    axes.set(ylabel="calls not served, %", ylim=(0.0, 100.0))
    tops = np.cumsum([share[-1] for share in shares])
    middles = tops - np.array([share[-1] for share in shares]) / 2.0
    named = [
        (height, kind, "0.35" if kind == "blocked" else colour)
        for height, (kind, colour) in zip(middles, FAILURES, strict=True)
    ]
    label_ends(axes, named[::-1])
