"""The picture of a run of the exchange (docs/results.md)."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from node.mechanism.checks import FloatArray
from scenarios.extras import needs
from scenarios.markets.psp.figures import words
from scenarios.markets.psp.market import Market, described
from scenarios.results.parts import above, bands, draw_events, events_of, label_ends, lines, power_of_ten, title
from scenarios.results.style import WIDTH_IN, styled
from scenarios.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scenarios.markets.psp.results import Result

PANEL_IN, ROW_IN, MARGIN_IN = 1.65, 0.16, 1.0

LEAST_SHARE = 1e-6
"""Of the optimum: less than that missing is drawn as that."""


@styled()
def plot_convergence(result: "Result") -> "Figure":
    """Prices, shares sold, what is missing of the optimum and the largest gap over time, with shifts and faults."""
    course, summary = result.convergence, result.summary
    events = _events(result)
    drawings = [_draw_prices, _draw_sold] if course.price.shape[1] else [_draw_last_prices]
    drawings.append(_draw_welfare if result.shifts else _draw_missing)
    if len(result.moments) > 1:
        drawings.append(_draw_gap)
    heights = [PANEL_IN] * len(drawings) + ([ROW_IN * len(events)] if events else [])
    figure: Figure = needs("matplotlib.figure").Figure(
        figsize=(WIDTH_IN, sum(heights) + MARGIN_IN), layout="constrained"
    )
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    until = float(course.time_s[-1]) or 1.0
    timed = [one for one, draw in zip(panels, drawings, strict=False) if draw is not _draw_last_prices]
    for axes in [*timed, *panels[len(drawings) :]]:
        axes.set_xlim(0.0, until)
    for axes, draw in zip(panels, drawings, strict=False):
        draw(axes, result)
    for axes in timed[:-1]:
        axes.tick_params(labelbottom=False)
    timed[-1].set_xlabel("seconds since the market opened")
    if events:
        draw_events(panels[-1], timed, events, until)
        panels[-1].tick_params(labelbottom=False)
    efficiency = f"efficiency {summary.efficiency:.2%} ({words(summary.efficiency_of)})"
    heading = f"{summary.scenario}: {efficiency if summary.most_gains > 0.0 else 'nothing could be gained'}"
    shown = bands(_names(result), "sellers")
    parameters = (
        f"{described(result.market)}; {summary.mechanism}, world {summary.world}, {summary.network}, {summary.status} "
        f"after {summary.duration_s:.4g} s and {counted(summary.bids, 'bid')}{shown}"
    )
    title(figure, heading, parameters, result.run_dir)
    return figure


def _events(result: "Result") -> dict[str, list[tuple[float, float]]]:
    """Shifts and faults by kind: from when to when."""
    shifts = {"shift": [(one.time_s, one.time_s) for one in result.shifts]} if result.shifts else {}
    return shifts | events_of(result.summary.faults)


def _names(result: "Result") -> list[str]:
    """Of the sellers of whom there is a course, in the order of the market."""
    return [seller.name for seller in result.market.sellers[: result.convergence.price.shape[1]]]


def _draw_prices(axes: Any, result: "Result") -> None:  # noqa: ANN401 - axes
    course = result.convergence
    axes.set(ylabel="market price\nper MB", ylim=(0.0, above(course.price)))
    lines(axes, course.time_s, course.price, _names(result))


def _draw_last_prices(axes: Any, result: "Result") -> None:  # noqa: ANN401 - axes
    """Of very many sellers there is no course: their prices at the end, from the lowest to the highest."""
    price = np.sort(np.array(result.columns("auctions")["price_per_mb"], float))
    share = 100.0 * (np.arange(price.size) + 0.5) / price.size
    axes.plot(share, price)
    axes.set(
        ylabel="market price\nper MB at the end", xlabel=f"% of {price.size:,} sellers, by price", xlim=(0.0, 100.0)
    )
    axes.set_ylim(0.0, above(price))


def _draw_sold(axes: Any, result: "Result") -> None:  # noqa: ANN401 - axes
    course = result.convergence
    supply = supplies(result.market, course.time_s)[:, : course.sold.shape[1]]
    share = 100.0 * np.divide(course.sold, supply, out=np.full_like(supply, math.nan), where=supply > 0.0)
    axes.set(ylabel="sold, % of supply\nat that time", ylim=(0.0, max(105.0, above(share))))
    lines(axes, course.time_s, share, _names(result))


def supplies(market: Market, time_s: FloatArray) -> FloatArray:
    """What each seller has for sale in all at these times, shape (t, m), MB, as shifts plan it; 0 until it joins."""
    supply = np.array([[seller.supply_mb for seller in market.sellers]] * len(time_s))
    place = {seller.name: j for j, seller in enumerate(market.sellers)}
    for shift in market.shifts:
        if shift.node not in place:
            continue
        j = place[shift.node]
        if shift.kind == "supply":
            supply[time_s >= shift.at_s, j] = shift.factor * market.sellers[j].supply_mb
        elif shift.kind == "join":
            supply[time_s < shift.at_s, j] = 0.0
    return supply


def _draw_missing(axes: Any, result: "Result") -> None:  # noqa: ANN401 - axes
    """1 - efficiency on a logarithmic scale, of welfare, or of gains from trade where sellers have reserves."""
    course, summary = result.convergence, result.summary
    reached, most, measure = course.welfare, summary.optimum, "welfare"
    if course.price.shape[1] == len(result.market.sellers) and summary.efficiency_of.endswith("gains_from_trade"):
        reserve = np.array([seller.reserve_price_per_mb for seller in result.market.sellers])
        reached, most, measure = reached - course.sold @ reserve, summary.most_gains, "gains from trade"
    share = np.maximum(LEAST_SHARE, 1.0 - reached / (most or 1.0))
    at_most = "" if summary.optimum_is == "exact" else "at most "
    axes.set(ylabel=f"{at_most}short of most\n{measure}", yscale="log")
    axes.set_ylim(power_of_ten(0.9 * share.min(), math.floor), 1.5)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:g} %")
    axes.plot(course.time_s, share, drawstyle="steps-post")
    end = share[-1]
    label_ends(axes, [(end, f"{'≤ ' if end <= LEAST_SHARE else ''}{100.0 * end:.2g} %", "C0")])


def _draw_welfare(axes: Any, result: "Result") -> None:  # noqa: ANN401 - axes
    """Every shift has another optimum: welfare, with the last one."""
    course, summary = result.convergence, result.summary
    best = "optimum" if summary.optimum_is == "exact" else "bound of the optimum"
    shown = course.welfare[course.time_s >= min(0.02 * course.time_s[-1], course.time_s[-1])]
    low, high = min(shown.min(), summary.optimum), max(shown.max(), summary.optimum)
    room = 0.08 * (high - low) or 1.0
    axes.set(ylabel="welfare, money", ylim=(low - room, high + room))
    axes.axhline(summary.optimum, color="0.35", linestyle="--", linewidth=0.9)
    axes.plot(course.time_s, course.welfare, drawstyle="steps-post")
    ends = [(summary.optimum, f"{best} at the end", "0.35"), (float(course.welfare[-1]), "reached", "C0")]
    label_ends(axes, ends)


def _draw_gap(axes: Any, result: "Result") -> None:  # noqa: ANN401 - axes
    """The ε-Nash gap, on a logarithmic scale as far down as it is above 0."""
    times, values = np.array([(one.time_s, one.epsilon_gap) for one in result.moments]).T
    positive = values[values > 0.0]
    least = power_of_ten(0.9 * float(positive.min()), math.floor) if positive.size else LEAST_SHARE
    axes.set(ylabel="most that a buyer\ncould still gain, money", yscale="log")
    axes.set_ylim(least, power_of_ten(max(10.0 * least, float(values.max())), math.ceil))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.plot(times, np.maximum(least, values), marker="o", markersize=2.0)
    end = float(values[-1])
    label_ends(axes, [(max(least, end), f"{end:.3g}", "C0")])
