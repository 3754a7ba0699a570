"""The picture of a run of the exchange (docs/results.md)."""

from typing import TYPE_CHECKING, Any

from scenarios.extras import needs
from scenarios.markets.psp.figures import words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scenarios.markets.psp.results import Result


def plot_convergence(result: "Result") -> "Figure":
    """Prices, quantities sold, welfare against the optimum and the largest gap over time."""
    figure: Figure = needs("matplotlib.figure").Figure(figsize=(9, 10), layout="constrained")
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
        f"{summary.scenario}: efficiency {summary.efficiency:.2%} ({words(summary.efficiency_of)}), "
        f"{summary.bids:,} bids\n"
        f"{summary.nodes} nodes, {summary.network}, seed {summary.seed}, {summary.status}"
    )
    return figure


def _at_end(result: "Result") -> str:
    return " at the end" if result.shifts else ""


def _draw_auctions(prices: Any, sold: Any, result: "Result") -> None:  # noqa: ANN401 - axes
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
