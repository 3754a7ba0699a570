"""The pictures of a run of the Digital Marketplace (docs/results.md)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.extras import needs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scenarios.markets.dmp.results import CallCourse, CallResult

FEW_OPERATORS, FEW_TERMINALS = 10, 60
"""As many as a legend and an axis can tell apart."""


def plot_calls(result: "CallResult") -> "Figure":
    """What each operator won, earned, asked and broke, its reputation, and calls not served, over market time."""
    figure: Figure = needs("matplotlib.figure").Figure(figsize=(12, 9), layout="constrained")
    course = result.course()
    axes = figure.subplots(3, 2, sharex=True)
    _draw_operators(axes, course)
    _draw_failures(axes[2, 1], course)
    for one in axes[2]:
        one.set(xlabel="seconds of the market", xlim=(0, course.time_s[-1]))
    figure.suptitle(_title(result))
    return figure


def plot_terminals(result: "CallResult") -> "Figure":
    """What each terminal paid per call, and how many of its calls were not served."""
    figure: Figure = needs("matplotlib.figure").Figure(figsize=(9, 6), layout="constrained")
    price, failed = figure.subplots(2, 1, sharex=True)
    table = result.columns("terminals")
    names, places = table["terminal"], np.arange(len(table["terminal"]))
    calls = np.maximum(1, table["requested"])
    decommitted, blocked = (100.0 * np.array(table[kind]) / calls for kind in ("decommitted", "blocked"))
    price.bar(places, table["mean_price"], color="C0")
    failed.bar(places, decommitted, color="C3", label="decommitted")
    failed.bar(places, blocked, bottom=decommitted, color="0.7", label="blocked")
    price.set(ylabel="mean price per call served", ylim=(0, None))
    failed.set(ylabel="calls not served, %", ylim=(0, None), xlabel="terminal")
    failed.legend(loc="upper right", ncols=2, fontsize="small", framealpha=0.6)
    if len(names) <= FEW_TERMINALS:
        failed.set_xticks(places, names, rotation=90, fontsize="small")
    figure.suptitle(_title(result))
    return figure


def _title(result: "CallResult") -> str:
    summary = result.summary
    return (
        f"{summary.scenario}: {summary.calls:,} calls, {summary.served:,} served, {summary.decommitted:,} decommitted, "
        f"{summary.blocked:,} blocked\n{summary.nodes} nodes, {summary.network}, seed {summary.seed}, {summary.status}"
    )


def _draw_operators(axes: Any, course: "CallCourse") -> None:  # noqa: ANN401 - axes
    (share, revenue), (price, broken), (reputation, _) = axes
    total, won = np.maximum(1.0, course.won.sum(axis=1)), np.maximum(1.0, course.won)
    few = len(course.operators) <= FEW_OPERATORS
    for j, name in enumerate(course.operators):
        style: dict[str, Any] = {"label": name if few else None, "linewidth": 1.6 if few else 0.7}
        share.plot(course.time_s, 100.0 * course.won[:, j] / total, **style)
        revenue.plot(course.time_s, np.cumsum(course.revenue[:, j]), **style)
        price.plot(course.time_s, course.price[:, j], ".-", markersize=3, **style)
        broken.plot(course.time_s, 100.0 * course.decommitted[:, j] / won[:, j], **style)
        reputation.step(course.time_s, course.reputation[:, j], where="post", **style)
    share.set(ylabel="share of contracts, %", ylim=(0, 100))
    revenue.set(ylabel="revenue so far", ylim=(0, None))
    price.set(ylabel="mean price per call", ylim=(0, None))
    broken.set(ylabel="decommitted, % of its contracts", ylim=(-2, 102))
    reputation.set(ylabel="reputation (lower is better)", ylim=(-0.02, 1.02))
    if few:
        share.figure.legend(*share.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")


def _draw_failures(axes: Any, course: "CallCourse") -> None:  # noqa: ANN401 - axes
    calls = np.maximum(1, course.calls)
    decommitted = 100.0 * course.decommitted.sum(axis=1) / calls
    blocked = 100.0 * course.blocked / calls
    axes.stackplot(
        course.time_s, decommitted, blocked, labels=["decommitted", "blocked"], colors=["C3", "0.7"], linewidth=0
    )
    axes.set(ylabel="calls not served, %", ylim=(0, 100))
    axes.legend(loc="upper right", ncols=2, fontsize="small", framealpha=0.6)
