"""What the pictures of all markets are put together from."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from scenarios.chaos.expectations import FaultRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 6
"""As many lines as can be told apart; of more there are the median and bands."""

CAPTION_CHARACTERS, CAPTION_POINTS = 150, 6.0

LABEL_GAP = 1.15
"""Between the labels of two lines, in heights of the text."""


def lines(axes: Any, x: FloatArray, table: FloatArray, names: Sequence[str], *, step: bool = True) -> None:  # noqa: ANN401 - axes
    """A line for each column, named at its end, in the order of the names; of many columns their median and bands."""
    drawn: dict[str, Any] = {"drawstyle": "steps-post"} if step else {}
    if len(names) <= FEW:
        of = [axes.plot(x, column, **drawn)[0] for column in table.T]
        label_ends(
            axes,
            [(last(column), name, line.get_color()) for column, name, line in zip(table.T, names, of, strict=True)],
        )
        return
    low, lower, median, upper, high = np.array([*map(_quantiles, table)]).T
    fill: dict[str, Any] = {"step": "post"} if step else {}
    axes.fill_between(x, low, high, color="C0", alpha=0.15, linewidth=0, **fill)
    axes.fill_between(x, lower, upper, color="C0", alpha=0.3, linewidth=0, **fill)
    axes.plot(x, median, color="C0", linestyle="-", **drawn)
    ends = [(last(column), name) for column, name in ((high, "highest"), (median, "median"), (low, "lowest"))]
    label_ends(axes, [(value, f"{name} {value:.4g}", "C0" if name == "median" else "0.35") for value, name in ends])


def bands(names: Sequence[str], of: str) -> str:
    """What the bands of so many lines are, for the small print; nothing where there are none."""
    return f"; shaded: all {len(names)} {of}, and the middle 80 % of them" if len(names) > FEW else ""


def above(values: FloatArray) -> float:
    """A limit of an axis that leaves some room above all values."""
    known = values[np.isfinite(values)]
    return 1.08 * float(known.max(initial=0.0)) or 1.0


def _quantiles(row: FloatArray) -> FloatArray:
    known = row[np.isfinite(row)]
    return np.quantile(known, [0.0, 0.1, 0.5, 0.9, 1.0]) if known.size else np.full(5, math.nan)


def last(column: FloatArray) -> float:
    """The last number of a column; NaN if there is none."""
    known = column[np.isfinite(column)]
    return float(known[-1]) if known.size else math.nan


def label_ends(axes: Any, labels: Sequence[tuple[float, str, str]]) -> None:  # noqa: ANN401 - axes
    """Name lines beside their ends: values, texts and colours. None of the texts covers another.

    The axes must have their limits first: those of the values are kept from then on.
    """
    known = [one for one in labels if math.isfinite(one[0])]
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top)
    scale = axes.get_yscale()
    heights = np.array([_place(value, bottom, top, scale) for value, _, _ in known])
    points = 72.0 * axes.figure.get_figheight() * axes.get_position().height
    gap = LABEL_GAP * float(axes.yaxis.label.get_fontsize()) / points
    for true, height, (_, text, colour) in zip(heights, spread(heights, gap), known, strict=True):
        axes.plot(
            [1.0, 1.015],
            [true, height],
            color=colour,
            linestyle="-",
            linewidth=0.6,
            clip_on=False,
            transform=axes.transAxes,
        )
        axes.text(1.02, height, text, color=colour, va="center", transform=axes.transAxes, parse_math=False)


def _place(value: float, bottom: float, top: float, scale: str) -> float:
    """How far up the axis a value is, from 0 to 1."""
    if scale == "log":
        bottom, top, value = math.log(bottom), math.log(top), math.log(max(value, bottom))
    return min(1.0, max(0.0, (value - bottom) / (top - bottom)))


def spread(heights: FloatArray, gap: float) -> FloatArray:
    """Heights at least ``gap`` apart and from 0 to 1 if there is room, with the least squares from those given.

    They are in the same order; of those that are next to equal the first is highest.
    """
    # Lowest first, so the last of equals comes first.
    order = np.lexsort((-np.arange(len(heights)), np.round(heights / gap, 1)))
    # y_i - i gap must not fall: isotonic regression, by pooling neighbours that do.
    pools: list[tuple[float, int]] = []
    for i, height in enumerate(heights[order].tolist()):
        mean, count = height - i * gap, 1
        while pools and pools[-1][0] > mean:
            former, of = pools.pop()
            mean, count = (mean * count + former * of) / (count + of), count + of
        pools.append((mean, count))
    above = gap * np.arange(len(heights))
    found = np.repeat([mean for mean, _ in pools], [count for _, count in pools]) + above
    placed = np.empty(len(heights))
    placed[order] = np.maximum(np.minimum(found, 1.0 - above[::-1]), above)
    return placed


def draw_events(
    strip: Any,  # noqa: ANN401 - axes
    panels: Sequence[Any],
    events: Mapping[str, Sequence[tuple[float, float]]],
    until: float,
) -> None:
    """What happened, by kind: from when to when, as a bar of a row of its own, and as a shade of the panels below."""
    for row, (_, times) in enumerate(events.items()):
        for begun, over in times:
            end = min(over, until)
            strip.plot([begun, end], [row, row], color="0.35", linestyle="-", linewidth=3.0, solid_capstyle="butt")
            strip.plot([begun], [row], color="0.35", marker="|", markersize=6.0)
            for axes in panels:
                axes.axvspan(begun, end, color="0.5", alpha=0.12, linewidth=0)
                axes.axvline(begun, color="0.5", linestyle=":", linewidth=0.7)
    strip.set_yticks(range(len(events)), list(events))
    strip.set_ylim(len(events) - 0.4, -0.6)
    strip.tick_params(left=False, bottom=False)
    strip.grid(visible=False)
    strip.spines[:].set_visible(False)


def events_of(faults: Sequence[FaultRow]) -> dict[str, list[tuple[float, float]]]:
    """The faults of a run by kind: from when to when; those that were not over have no end."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in faults:
        found.setdefault(row.kind, []).append((row.at_s, math.inf if row.until_s is None else row.until_s))
    return found


def title(figure: "Figure", heading: str, parameters: str, run_dir: Path) -> None:
    """A heading, and below the picture in small print what it takes to make the same again."""
    figure.suptitle(heading, x=0.01, ha="left", fontsize="large", parse_math=False)
    small_print(figure, f"{parameters}; {origin(run_dir)}")


def small_print(figure: "Figure", text: str) -> None:
    """What is said below a picture."""
    text = textwrap.fill(text, CAPTION_CHARACTERS)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=CAPTION_POINTS, color="0.35", parse_math=False)


def origin(run_dir: Path) -> str:
    """The version and the revision that a run was made with, as far as its folder knows."""
    try:
        manifest = msgspec.json.decode((run_dir / "manifest.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return "bidswarm"
    revision = manifest.get("git_revision")
    version = f"bidswarm {manifest['versions']['bidswarm']}"
    return f"{version}, revision {_short(revision)}" if revision else version


def _short(revision: str) -> str:
    """As many digits as tell it from all others."""
    digits, dash, rest = revision.partition("-")
    return digits[:12] + dash + rest


def power_of_ten(value: float, rounding: Callable[[float], int]) -> float:
    """The power of ten below or above, as a limit of a logarithmic axis."""
    return float(10.0 ** rounding(math.log10(value)))
