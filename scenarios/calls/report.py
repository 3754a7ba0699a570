"""What a run of the Digital Marketplace leaves in its folder: tables, summary and picture (docs/results.md)."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from scenarios import events, rundir
from scenarios.calls.results import CallResult, Course, TableName
from scenarios.errors import ScenarioError
from scenarios.extras import needs

TABLES: tuple[TableName, ...] = ("calls", "operators", "terminals", "reputations")


def save_calls(result: CallResult, opened_at: float) -> None:
    """Write summary.json, the tables as Parquet, and calls.png and .svg into the run's folder."""
    folder = result.run_dir
    rundir.write_json(folder / "summary.json", result.summary)
    rundir.write_json(folder / "counters.json", dict(sorted(result.counters.items())))
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    for name in TABLES:
        parquet.write_table(arrow.table(result.columns(name)), folder / f"{name}.parquet")
    events.to_parquet(events.read(folder, opened_at), folder / "events.parquet")
    shutil.rmtree(folder / "events")
    try:
        plot_calls(result, folder)
    except ScenarioError:
        return  # the plot is an extra


def plot_calls(result: CallResult, folder: Path) -> None:
    """Draw share of calls, price, reputation and what went wrong over market time, as PNG and SVG."""
    figure = needs("matplotlib.figure").Figure(figsize=(9, 10), layout="constrained")
    share, price, reputation, broken = figure.subplots(4, 1, sharex=True)
    summary, course = result.summary, result.course()
    _draw_operators(share, price, reputation, course)
    _draw_failures(broken, course)
    broken.set(xlabel="seconds of the market", xlim=(0, course.time_s[-1]))
    figure.suptitle(
        f"{summary.scenario}: {summary.calls:,} calls, {summary.served:,} served, {summary.decommitted:,} decommitted, "
        f"{summary.blocked:,} blocked\n{summary.nodes} nodes, {summary.network}, seed {summary.seed}, {summary.status}"
    )
    figure.savefig(folder / "calls.png", dpi=110)
    figure.savefig(folder / "calls.svg", metadata={"Date": None})


def _draw_operators(share: Any, price: Any, reputation: Any, course: Course) -> None:  # noqa: ANN401 - axes
    total = np.maximum(1.0, course.won.sum(axis=1))
    few = len(course.operators) <= 10  # noqa: PLR2004 - as many as a legend can tell apart
    for j, name in enumerate(course.operators):
        style: dict[str, Any] = {"label": name if few else None, "linewidth": 1.6 if few else 0.7}
        share.plot(course.time_s, 100.0 * course.won[:, j] / total, **style)
        price.plot(course.time_s, course.price[:, j], ".-", markersize=3, **style)
        reputation.step(course.time_s, course.reputation[:, j], where="post", **style)
    share.set(ylabel="share of contracts, %", ylim=(0, 100))
    price.set(ylabel="mean price per call", ylim=(0, None))
    reputation.set(ylabel="reputation\n(lower is better)", ylim=(-0.02, 1.02))
    if few:
        share.figure.legend(*share.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")


def _draw_failures(axes: Any, course: Course) -> None:  # noqa: ANN401 - axes
    calls = np.maximum(1, course.calls)
    decommitted = 100.0 * course.decommitted.sum(axis=1) / calls
    blocked = 100.0 * course.blocked / calls
    axes.stackplot(
        course.time_s, decommitted, blocked, labels=["decommitted", "blocked"], colors=["C3", "0.7"], linewidth=0
    )
    axes.set(ylabel="calls not served, %", ylim=(0, 100))
    axes.legend(loc="upper right", ncols=2, fontsize="small", framealpha=0.6)
