"""One figure of all sides as a picture: every run, and what it differs by from its partner."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from node.mechanism.checks import FloatArray
from scenarios.compare.differences import Difference, values_of
from scenarios.extras import needs
from scenarios.results.parts import small_print
from scenarios.results.style import WIDTH_IN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scenarios.compare.comparison import Comparison

HEIGHT_IN = 2.8
SPREAD = 0.22
"""Of the points of one side, of the distance between two."""


def draw(comparison: "Comparison", name: str, rows: Sequence[Difference]) -> "Figure":
    """Left the runs, those of a pair joined by a line; right what they differ by, with the interval of the mean."""
    figure = needs("matplotlib.figure").Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    of_runs, of_pairs = figure.subplots(1, 2, width_ratios=[1 + len(rows), len(rows) + 0.5])
    meaning = comparison.meanings.get(name)
    unit = f", {meaning.unit}" if meaning and meaning.unit else ""
    title = f"{meaning.name if meaning else name}{unit}"
    for place, row in enumerate(rows, start=1):
        known = values_of(name, comparison.pairs[row.side])
        _join(of_runs, place, known)
        _spread(of_pairs, place - 1, known[:, 1] - known[:, 0], row)
    sides = [comparison.baseline.name, *(row.side for row in rows)]
    _name(of_runs, sides)
    of_runs.set_title(title, loc="left")
    _name(of_pairs, [row.side for row in rows])
    of_pairs.axhline(0.0, color="0.35", linewidth=0.8, linestyle="-")
    of_pairs.set_title(f"minus that of {sides[0]}, by pair", loc="left", parse_math=False)
    small_print(figure, _caption(comparison, rows))
    return figure  # type: ignore[no-any-return]


def _join(axes: Any, place: int, known: FloatArray) -> None:  # noqa: ANN401 - axes
    """The pairs of one side, drawn between the side before and its own place; the first from the baseline."""
    left, right = (0, 1) if place == 1 else (place - 0.35, place)
    faint = max(0.08, min(0.6, 8.0 / len(known)))
    axes.plot([left, right], known.T, color="0.5", alpha=faint, linewidth=0.7, linestyle="-", marker=".", markersize=3)
    axes.plot([left, right], known.mean(axis=0), color="C0", linewidth=1.8, linestyle="-", marker="D", markersize=4)


def _spread(axes: Any, place: int, change: FloatArray, row: Difference) -> None:  # noqa: ANN401 - axes
    beside = np.linspace(-SPREAD, SPREAD, len(change)) if len(change) > 1 else np.zeros(1)
    axes.plot(place + beside, np.sort(change), color="0.5", linestyle="none", marker=".", markersize=3)
    if row.low is not None and row.high is not None:
        away = [[row.difference - row.low], [row.high - row.difference]]
        axes.errorbar(
            [place], [row.difference], yerr=away, color="C1", marker="D", markersize=4, capsize=4, linestyle="none"
        )
    else:
        axes.plot([place], [row.difference], color="C1", marker="D", markersize=4, linestyle="none")


def _name(axes: Any, names: Sequence[str]) -> None:  # noqa: ANN401 - axes
    axes.set_xticks(range(len(names)), names, parse_math=False)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="x", visible=False)


def _caption(comparison: "Comparison", rows: Sequence[Difference]) -> str:
    pairs = ", ".join(f"{row.pairs} of {row.side}" for row in rows)
    level = f"{100.0 * comparison.confidence:g} %"
    said = f"Pairs of runs with the same seed: {pairs}. Diamonds: means"
    return said + (f", with the {level} bootstrap interval." if any(row.low is not None for row in rows) else ".")
