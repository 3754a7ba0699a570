"""Pictures fit to print: nothing covers anything, nothing is blank, and all that happened is marked."""

import itertools
import math
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scenarios.errors import ScenarioError
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp import array as arrayed
from scenarios.markets.psp.market import draw
from scenarios.markets.psp.pictures import supplies
from scenarios.results.figures import save
from scenarios.results.parts import FEW, draw_events, label_ends, lines, origin, spread, title
from scenarios.results.style import COLOURS, DASHES, read_style, styled


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8), st.floats(0.01, 0.12))
def test_labels_keep_their_distance_and_order_near_their_lines(heights: list[float], gap: float) -> None:
    placed = spread(np.array(heights), gap)
    apart = np.diff(np.sort(placed))
    assert (apart >= gap - 1e-9).all()
    assert -1e-9 <= placed.min() <= placed.max() <= 1.0 + 1e-9
    for (low, at), (high, other) in itertools.permutations(zip(heights, placed, strict=True), 2):
        if high - low > 0.11 * gap:
            assert other >= at


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5))
def test_labels_that_have_room_stay_where_their_lines_are(heights: list[float]) -> None:
    gap = 0.5 * min((b - a for a, b in itertools.pairwise(sorted(heights))), default=1.0)
    if gap > 0.001 and gap * len(heights) <= min(heights) and gap * len(heights) <= 1.0 - max(heights):
        assert spread(np.array(heights), gap) == pytest.approx(np.array(heights))


def test_of_equal_lines_the_first_is_named_on_top() -> None:
    assert spread(np.full(3, 0.5), 0.1) == pytest.approx([0.6, 0.5, 0.4])


def panel(figure: Figure) -> Axes:
    axes = figure.subplots()
    axes.set(xlim=(0.0, 3.0), ylim=(0.0, 10.0))
    return axes


def texts_of(figure: Figure) -> list[Any]:
    """The extents of all texts beside lines."""
    figure.draw_without_rendering()
    found = [text for axes in figure.axes for text in axes.texts if text.get_text()]
    return [text.get_window_extent() for text in found]


def overlaps(boxes: list[Any]) -> bool:
    return any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


@pytest.mark.parametrize("count", [1, 2, FEW])
def test_few_lines_are_named_at_their_ends_each_with_a_style_of_its_own(count: int) -> None:
    with styled():
        figure = Figure(figsize=(7.0, 2.5), layout="constrained")
        axes = panel(figure)
        names = [f"seller-{k}" for k in range(count)]
        lines(axes, np.arange(4.0), np.tile(5.0, (4, count)), names)
    drawn = axes.lines[:count]
    assert [text.get_text() for text in axes.texts] == names
    assert [text.get_color() for text in axes.texts] == [line.get_color() for line in drawn] == [*COLOURS[:count]]
    assert len({str(line._dash_pattern) for line in drawn}) == count
    assert not overlaps(texts_of(figure))
    assert not axes.get_legend()


def test_of_many_lines_there_are_median_and_bands() -> None:
    table = np.array([np.arange(101.0), np.full(101, np.nan)])
    with styled():
        figure = Figure(figsize=(7.0, 2.5), layout="constrained")
        axes = panel(figure)
        lines(axes, np.arange(2.0), table, [str(k) for k in range(101)])
    assert [text.get_text() for text in axes.texts] == ["highest 100", "median 50", "lowest 0"]
    assert axes.lines[0].get_ydata()[0] == 50.0
    bands = sorted(tuple(np.nanquantile(one.get_paths()[0].vertices[:, 1], [0, 1])) for one in axes.collections)
    assert bands == [(0.0, 100.0), (10.0, 90.0)]


def test_lines_without_numbers_are_not_named() -> None:
    figure = Figure()
    axes = panel(figure)
    label_ends(axes, [(math.nan, "nobody", "C0")])
    assert not axes.texts


def test_dashes_and_colours_are_as_many_and_told_apart() -> None:
    assert len(COLOURS) == len(DASHES) == len(set(COLOURS)) == len(set(DASHES))


def test_what_happened_has_a_row_and_shades_the_panels() -> None:
    figure = Figure()
    above, strip = figure.subplots(2, 1)
    draw_events(strip, [above], {"shift": [(1.0, 1.0)], "crash": [(2.0, math.inf), (3.0, 4.0)]}, 10.0)
    assert [label.get_text() for label in strip.get_yticklabels()] == ["shift", "crash"]
    assert [line.get_xdata()[0] for line in above.lines] == [1.0, 2.0, 3.0]
    assert [patch.get_width() for patch in above.patches] == [0.0, 8.0, 1.0]


def labels_of(figure: Figure) -> list[str]:
    return [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]


def is_blank(axes: Axes) -> bool:
    """Whether no line in it has a number that is seen."""
    low, high = sorted(axes.get_ylim())
    shown = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    return not any((np.isfinite(ys) & (ys >= low) & (ys <= high)).any() for ys in shown)


PRICES = ["market price per MB", "sold, % of supply at that time"]


@pytest.mark.parametrize(
    ("name", "world", "wanted"),
    [
        (
            "two-sellers",
            "sim",
            [*PRICES, "short of most gains from trade", "most that a buyer could still gain, money"],
        ),
        ("neighbourhood", "array", [*PRICES, "short of most gains from trade"]),
        ("chaos", "sim", [*PRICES, "short of most gains from trade", "most that a buyer could still gain, money", ""]),
        ("market-shift", "sim", [*PRICES, "welfare, money", "most that a buyer could still gain, money", ""]),
    ],
)
def test_the_course_of_an_exchange_is_drawn_whole(name: str, world: Any, wanted: list[str], tmp_path: Path) -> None:
    result = run(name, world=world, out=tmp_path, pictures=False)
    figure = result.plot()

    assert labels_of(figure) == wanted
    assert not [axes for axes in figure.axes if is_blank(axes)]
    assert not overlaps(texts_of(figure))
    happened = [label.get_text() for label in figure.axes[-1].get_yticklabels()] if wanted[-1] == "" else []
    assert happened == list(
        dict.fromkeys(["shift"] * bool(result.shifts) + [one.kind for one in result.summary.faults])
    )
    caption = figure.get_supxlabel().replace("\n", " ")
    assert f"(seed {result.summary.seed})" in caption
    assert f"world {world}" in caption
    assert origin(result.run_dir) in caption


def test_of_very_many_sellers_in_rounds_the_last_prices_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrayed, "SELLERS_SHOWN", 5)
    figure = run("neighbourhood", world="array", out=tmp_path, pictures=False).plot()
    assert labels_of(figure) == ["market price per MB at the end", "short of most welfare"]
    assert not [axes for axes in figure.axes if is_blank(axes)]


def test_the_gap_at_the_end_is_one_less_the_efficiency(tmp_path: Path) -> None:
    for world in ("sim", "array"):
        result = run("neighbourhood", world=world, out=tmp_path, pictures=False)  # type: ignore[arg-type]
        (gap,) = [axes for axes in result.plot().axes if "short of most" in axes.get_ylabel()]
        assert gap.get_yscale() == "log"
        assert gap.lines[0].get_ydata()[-1] == pytest.approx(1.0 - result.summary.efficiency, abs=1e-12)


def test_supply_is_that_of_the_moment() -> None:
    market = draw(load("market-shift"), 0)
    times = np.array([0.0, *(one.at_s for one in market.shifts), 1e9])
    table = supplies(market, times)
    joins = {one.node: one.at_s for one in market.shifts if one.kind == "join"}
    factors = {one.node: (one.at_s, one.factor) for one in market.shifts if one.kind == "supply"}
    assert factors
    assert joins
    for j, seller in enumerate(market.sellers):
        for time_s, supply in zip(times, table[:, j], strict=True):
            since, factor = factors.get(seller.name, (math.inf, 1.0))
            wanted = seller.supply_mb * (factor if time_s >= since else 1.0)
            assert supply == (0.0 if time_s < joins.get(seller.name, 0.0) else wanted)


def test_a_style_file_stands_over_the_style_of_the_house(tmp_path: Path) -> None:
    style = tmp_path / "paper.mplstyle"
    style.write_text("font.size: 11  # points\naxes.prop_cycle: cycler('color', ['k', 'r'])\n", encoding="utf-8")
    size = mpl.rcParams["font.size"]
    with styled(style):
        assert mpl.rcParams["font.size"] == 11.0
        assert not mpl.rcParams["axes.spines.top"]
        with styled():  # as the plot of a market asks for
            assert mpl.rcParams["font.size"] == 11.0
    assert mpl.rcParams["font.size"] == size
    result = run("two-sellers", world="sim", out=tmp_path / "runs", pictures=style)
    plain = run("two-sellers", world="sim", out=tmp_path / "runs")
    drawn, other = (
        re.sub(r"sim.*?revision", "", (one.run_dir / "convergence.svg").read_text()) for one in (result, plain)
    )
    assert "stroke: #ff0000" in drawn
    assert "stroke: #ff0000" not in other


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no such file; name a matplotlib style, such as paper.mplstyle"),
        ("font.size: huge\n", "no matplotlib style: "),
        ("font.colour: red\n", "no matplotlib style: unknown key 'font.colour'"),
        (b"\xff\xfe\x00", "no matplotlib style: "),
    ],
)
def test_a_style_that_is_none_is_an_error_before_anything_is_run(text: Any, told: str, tmp_path: Path) -> None:
    style = tmp_path / "paper.mplstyle"
    if text is not None:
        style.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScenarioError, match=re.escape(f"--pictures {style}: {told}")):
        run("two-sellers", world="sim", out=tmp_path / "runs", pictures=str(style))
    assert not (tmp_path / "runs").exists()
    with pytest.raises(ScenarioError):
        read_style(style)


def test_how_and_whether_to_draw_contradict_each_other(said: Any) -> None:
    code, _, stderr = said("run", "two-sellers", "--world", "sim", "--pictures", "a.mplstyle", "--no-pictures")
    assert code == 2
    assert "--pictures a.mplstyle says how to draw, and --no-pictures not to: give one of them" in stderr


def test_the_same_figure_makes_the_same_files(tmp_path: Path) -> None:
    files = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with styled():
            figure = Figure(layout="constrained")
            lines(panel(figure), np.arange(4.0), np.arange(8.0).reshape(4, 2), ["a", "$b"])
            title(figure, "$heading", "$parameters", tmp_path)
            save(figure, tmp_path / name, "picture")
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert files[0] == files[1]
    assert files[0].keys() == {"picture.pdf", "picture.svg", "picture.png"}
    assert files[0]["picture.pdf"].startswith(b"%PDF")
    assert b"CreationDate" not in files[0]["picture.pdf"]


def test_a_picture_without_a_folder_names_the_program_alone(tmp_path: Path) -> None:
    assert origin(tmp_path) == "bidswarm"
