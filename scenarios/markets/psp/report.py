"""What a run leaves in its folder: tables, summary and picture (docs/results.md)."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.markets.psp.results import Result
from scenarios.markets.psp.spread import by_time, described
from scenarios.results import folder as rundir
from scenarios.results.tables import keep

TABLES: tuple[Literal["allocations", "auctions", "buyers", "convergence"], ...] = (
    "allocations",
    "auctions",
    "buyers",
    "convergence",
)


def save(result: Result, opened_at: float) -> None:
    """Write summary.json, the tables as Parquet, and convergence.png and .svg into the run's folder."""
    folder = result.run_dir
    rest = {
        "quiescence": result.quiescence,
        "oscillations": result.oscillations,
        "shifts": shifts_of(result),
        "moments": result.moments,
        "ladder": _named(result),
    }
    rundir.write_json(folder / "convergence.json", rest)
    keep(folder, result.summary, result.counters, {name: result.columns(name) for name in TABLES}, opened_at)
    try:
        plot(result, folder)
    except ScenarioError:
        return  # the plot is an extra


def shifts_of(result: Result) -> list[dict[str, Any]]:
    """What each market shift was, and how far it spread."""
    what = by_time(result.market)
    return [{"what": described(what[report.time_s]), **dataclasses.asdict(report)} for report in result.shifts]


def _named(result: Result) -> dict[str, Any] | None:
    """What became of the price ladder, with its violations by name."""
    ladder, market = result.ladder, result.market
    if ladder is None:
        return None
    sellers, buyers = [seller.name for seller in market.sellers], [buyer.name for buyer in market.buyers]
    examples = [(sellers[k], buyers[lower], sellers[j], buyers[i]) for k, lower, j, i in ladder.examples]
    return {"checked": ladder.checked, "violated": ladder.violated, "examples": examples}


def plot(result: Result, folder: Path) -> None:
    """Draw prices, quantities sold, welfare against the optimum and the largest gap over time, as PNG and SVG."""
    figures = needs("matplotlib.figure")
    figure = figures.Figure(figsize=(9, 10), layout="constrained")
    prices, sold, welfare, gap = figure.subplots(4, 1, sharex=True)
    summary, course = result.summary, result.convergence
    best = "optimum" if summary.optimum_is == "exact" else "bound of the optimum"
    _draw_auctions(prices, sold, result)
    welfare.axhline(
        summary.optimum, color="0.4", linestyle="--", label=f"{best}{_at_end(result)} {summary.optimum:,.2f}"
    )
    welfare.step(course.time_s, course.welfare, where="post", color="C2", label=f"reached {summary.welfare:,.2f}")
    welfare.set(ylabel="welfare", ylim=(0, None), xlim=(0, None))
    welfare.legend(loc="lower right")
    gap.plot(
        [m.time_s for m in result.moments], [m.epsilon_gap for m in result.moments], "o-", color="C3", markersize=3
    )
    gap.set(ylabel="most that a buyer\ncould still gain", xlabel="seconds since the market opened", yscale="symlog")
    gap.set_ylim(0, None)
    for report in result.shifts:
        for axes in (prices, sold, welfare, gap):
            axes.axvline(report.time_s, color="0.7", linestyle=":", linewidth=1.0, zorder=0)
    figure.suptitle(
        f"{summary.scenario}: {summary.efficiency:.2%} of the optimum, {summary.bids:,} bids\n"
        f"{summary.nodes} nodes, {summary.network}, seed {summary.seed}, {summary.status}"
    )
    figure.savefig(folder / "convergence.png", dpi=110)
    figure.savefig(folder / "convergence.svg", metadata={"Date": None})


def _at_end(result: Result) -> str:
    return " at the end" if result.shifts else ""


def _draw_auctions(prices: Any, sold: Any, result: Result) -> None:  # noqa: ANN401 - axes
    supply = result.columns("auctions")["supply_mb"]
    course = result.convergence
    names = [seller.name for seller in result.market.sellers[: course.price.shape[1]]]
    few = 0 < len(names) <= 10  # noqa: PLR2004 - as many as a legend can tell apart
    style: dict[str, Any] = {"where": "post", "linewidth": 1.6 if few else 0.7, "alpha": 1.0 if few else 0.5}
    for j, name in enumerate(names):
        label = name if few else None
        prices.step(course.time_s, course.price[:, j], label=label, **style)
        most = max(supply[j], result.market.sellers[j].supply_mb) or 1.0
        sold.step(course.time_s, 100.0 * course.sold[:, j] / most, label=label, **style)
    prices.set(ylabel="market price per MB", ylim=(0, None))
    sold.set(ylabel="sold, % of supply", ylim=(0, 105))
    if few:
        prices.legend(title="seller", loc="lower right", ncols=2, fontsize="small")
