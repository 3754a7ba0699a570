"""What differs between sides, and whether it is more than noise."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import bidswarm
from scenarios.cli.main import app
from scenarios.compare.differences import FEWEST, differences, interval, paired
from scenarios.compare.sides import Row, Side
from tests.own_code import MARKET

PAGE = Path(__file__).parents[3] / "docs" / "comparing.md"
QUICK = {"buyers.0.count": [4], "sellers.0.count": [3]}


def side(name: str, values: Sequence[float | None], first_seed: int = 0, **settings: Any) -> Side:
    rows = [Row(first_seed + k, settings, "settled", {"figure": value}) for k, value in enumerate(values)]
    return Side(name, rows)


def difference(one: Side, other: Side) -> Any:
    (found,) = differences(one, other, paired(one, other), 0.95)
    return found


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """Some tests look at pictures; runs are told to draw none."""


# Differences


def test_difference_is_that_of_the_pairs_and_not_of_the_runs() -> None:
    found = difference(side("a", [1.0, 2.0, 3.0, 100.0]), side("b", [2.5, 4.5], first_seed=1))
    assert (found.pairs, found.mean_baseline, found.mean, found.difference) == (2, 2.5, 3.5, 1.0)


def test_noise_that_pairs_share_cancels_out() -> None:
    noise = np.random.default_rng(1).normal(0.0, 100.0, 30)
    small = np.random.default_rng(2).normal(1.0, 0.1, 30)
    found = difference(side("a", noise.tolist()), side("b", (noise + small).tolist()))
    assert found.differs
    assert found.low < 1.0 < found.high
    assert found.high - found.low < 0.2


def test_what_is_noise_does_not_differ() -> None:
    change = np.array([-1.0, 1.0] * 10)
    found = difference(side("a", [0.0] * 20), side("b", change.tolist()))
    assert (found.differs, found.is_equal) == (False, False)


def test_what_is_equal_in_all_pairs_says_so() -> None:
    found = difference(side("a", [0.1 + 0.2] * 6), side("b", [0.3] * 6))
    assert (found.difference, found.low, found.high, found.differs, found.is_equal) == (0.0, 0.0, 0.0, False, True)


def test_few_pairs_have_no_interval() -> None:
    found = difference(side("a", [0.0] * (FEWEST - 1)), side("b", [1.0] * (FEWEST - 1)))
    assert (found.low, found.high, found.differs) == (None, None, None)


def test_runs_without_the_figure_do_not_count() -> None:
    found = difference(side("a", [1.0, None, 3.0]), side("b", [2.0, 5.0, float("nan")]))
    assert (found.pairs, found.difference) == (1, 1.0)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_interval_holds_the_mean_about_as_often_as_it_says(level: float) -> None:
    rng = np.random.default_rng(7)
    intervals = [interval(rng.exponential(1.0, 40), level) for _ in range(100)]
    held = sum(low <= 1.0 <= high for low, high in intervals if low is not None and high is not None)
    assert level - 0.13 <= held / 100 <= min(1.0, level + 0.1)


def test_interval_is_the_same_every_time() -> None:
    values = np.random.default_rng(3).normal(size=12)
    assert interval(values, 0.95) == interval(values, 0.95)


# Pairs


def test_pairs_have_the_same_seed_and_the_same_common_settings() -> None:
    one = Side("a", [Row(seed, {"n": n, "world": "sim"}, "settled", {"x": n}) for seed in (0, 1) for n in (1, 2)])
    other = Side("b", [Row(seed, {"n": n, "world": "mqtt"}, "settled", {"x": n}) for n in (2, 1) for seed in (1, 2)])
    pairs = paired(one, other)
    assert [(a.seed, a.settings["n"], b.seed, b.settings["n"]) for a, b in pairs] == [(1, 1, 1, 1), (1, 2, 1, 2)]


def test_two_runs_of_one_seed_on_a_side_are_an_error_that_says_what_tells_them_apart() -> None:
    rows = [Row(0, {"n": n}, "settled", {"x": 1.0}) for n in (1, 2)]
    with pytest.raises(bidswarm.ScenarioError, match=r"b: has two runs of seed 0, told apart by n: .*--by KEY"):
        paired(side("a", [1.0]), Side("b", rows))


def test_sides_without_a_pair_are_an_error() -> None:
    with pytest.raises(bidswarm.ScenarioError, match="a and b have no run of the same seed"):
        paired(side("a", [1.0]), side("b", [1.0], first_seed=5))


# Sweeps, runs and scenarios


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept") / "rules"
    settings = {**QUICK, "auction.mechanism": ["psp", "uniform-price"]}
    bidswarm.sweep("neighbourhood", settings, seeds=range(6), keep="tables", workers=1, out=folder)
    return folder


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of the same market in two worlds."""
    out = tmp_path_factory.mktemp("worlds")
    settings = [f"{key}={value}" for key, (value,) in QUICK.items()]
    made = [
        bidswarm.run("neighbourhood", settings=settings, world=world, seed=3, out=out / world, pictures=False)
        for world in ("sim", "array")
    ]
    sim, array = (one.run_dir for one in made)
    return sim, array


def test_values_of_a_key_are_compared_with_each_other(swept: Path) -> None:
    found = bidswarm.compare(swept, by="auction.mechanism")
    assert [one.name for one in found.sides] == ["psp", "uniform-price"]
    table = pq.read_table(swept / "sweep.parquet").to_pandas()
    means = table.groupby("auction.mechanism")["revenue"].mean()
    (revenue,) = (one for one in found.differences if one.figure == "revenue")
    assert (revenue.pairs, revenue.mean_baseline, revenue.mean) == pytest.approx(
        (6, means["psp"], means["uniform-price"])
    )
    assert not {"seed", "buyers.0.count"} & {one.figure for one in found.differences}


def test_auctions_and_buyers_stand_side_by_side(swept: Path) -> None:
    found = bidswarm.compare(swept, by="auction.mechanism")
    numbers = found.frame("tables")
    assert {"auctions", "buyers"} <= set(numbers["table"])
    prices = numbers[(numbers["table"] == "auctions") & (numbers["column"] == "price_per_mb")]
    assert len(prices) == 6 * 3
    one = prices.iloc[0]
    kept = {}
    for path in (swept / "runs").glob("*/auctions.parquet"):
        for row in pq.read_table(path).to_pylist():
            kept[row["auction.mechanism"], row["seed"], row["seller"]] = row["price_per_mb"]
    assert one["baseline_value"] == kept["psp", one["seed"], one["key"]]
    assert one["value"] == kept["uniform-price", one["seed"], one["key"]]


def test_one_market_in_two_worlds_is_named_by_them(worlds: tuple[Path, Path]) -> None:
    found = bidswarm.compare(*worlds)
    assert [one.name for one in found.sides] == ["sim", "array"]
    (efficiency,) = (one for one in found.differences if one.figure == "efficiency")
    of_sim, of_array = (json.loads((one / "summary.json").read_text())["efficiency"] for one in worlds)
    assert (efficiency.mean_baseline, efficiency.mean, efficiency.low) == (of_sim, of_array, None)
    assert {one.table for one in found.spreads} >= {"auctions", "buyers"}


def test_folders_of_runs_are_sides_under_names_of_ones_own(worlds: tuple[Path, Path]) -> None:
    found = bidswarm.compare(f"one={worlds[0].parent}", f"other={worlds[1].parent}", figures=["sold"])
    assert [one.name for one in found.sides] == ["one", "other"]
    assert [one.figure for one in found.differences] == ["sold"]


def test_runs_without_a_partner_are_counted(swept: Path, tmp_path: Path) -> None:
    table = pq.read_table(swept / "sweep.parquet").to_pylist()
    rows = [row for row in table if row["auction.mechanism"] == "psp"]
    for name, some in (("a", rows), ("b", rows[:2])):
        (tmp_path / name).mkdir()
        pq.write_table(pa.Table.from_pylist(some), tmp_path / name / "table.parquet")
    found = bidswarm.compare(tmp_path / "a" / "table.parquet", tmp_path / "b" / "table.parquet")
    assert found.unpaired == {"a beside b": 4}
    assert all(one.is_equal for one in found.differences)


def test_scenarios_are_run_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(MARKET, encoding="utf-8")
    found = bidswarm.compare("two-sellers", "mine.toml", seeds=[0, 1], workers=1)
    assert [one.name for one in found.sides] == ["two-sellers", "mine"]
    (sold,) = (one for one in found.differences if one.figure == "sold")
    assert (sold.pairs, sold.mean_baseline, sold.mean) == pytest.approx((2, 150.0, 60.0))


# The command


def invoke(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_command_prints_what_differs_and_leaves_tables_and_pictures(swept: Path, tmp_path: Path) -> None:
    ended = invoke(swept, "--by", "auction.mechanism", "--figures", "revenue,supply", "--out", tmp_path)
    assert ended.exit_code == 0, ended.output
    assert "uniform-price against psp: 6 pairs" in ended.output
    assert re.search("the same in all pairs: .*supply", ended.output)
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {
        *("comparison.json", "differences.parquet", "spreads.parquet", "tables.parquet"),
        *(f"{name}.{ending}" for name in ("revenue", "supply") for ending in ("pdf", "png", "svg")),
    }


def test_command_answers_in_json(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    ended = invoke(*worlds, "--format", "json", "--no-pictures", "--out", tmp_path)
    told = json.loads(ended.stdout)
    assert told["sides"] == ["sim", "array"]
    rows = pq.read_table(Path(told["folder"]) / "differences.parquet").to_pylist()
    assert told["differences"] == rows


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SWEEP"], "has nothing to be compared with: give another, or --by KEY (auction.mechanism)"),
        (["SWEEP", "--by", "bids"], "--by bids: allowed are keys that vary: auction.mechanism"),
        (["SWEEP", "SWEEP", "--by", "auction.mechanism"], "give one source, not 2"),
        (["SWEEP", "--by", "auction.mechanism", "--figures", "joy"], "--figures joy: psp has no such; allowed are: "),
        (["SWEEP", "--by", "auction.mechanism", "--confidence", "2"], "--confidence 2.0: give one from 0.5"),
        (["SWEEP", "SWEEP"], "two sides have this name"),
        (["SWEEP", "nowhere"], "nowhere"),
        (["."], "is neither a run nor a sweep, and holds no runs"),
    ],
)
def test_what_cannot_be_compared_is_a_clear_error(
    swept: Path, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(bidswarm.ScenarioError) as error:
        CliRunner().invoke(
            app, ["compare", *(str(swept) if one == "SWEEP" else one for one in arguments)], catch_exceptions=False
        )
    assert said in str(error.value)


# The page


def test_page_names_every_file_and_column(swept: Path, tmp_path: Path) -> None:
    folder = bidswarm.compare(swept, by="auction.mechanism").save(tmp_path, drawn=False)
    page = PAGE.read_text(encoding="utf-8")
    for path in folder.glob("*.parquet"):
        row = next(line for line in page.splitlines() if line.startswith(f"| `{path.name}`"))
        assert {*pq.read_schema(path).names} <= {*re.findall(r"`(\w+)`", row)}, path.name


def test_picture_shows_every_pair_and_is_the_same_every_time(swept: Path, tmp_path: Path) -> None:
    found = bidswarm.compare(swept, by="auction.mechanism", figures=["revenue"])
    figure = found.plot("revenue")
    of_runs, of_pairs = figure.axes
    assert len(of_runs.lines) == 6 + 1
    assert len(of_pairs.lines[0].get_xdata()) == 6
    figure.draw_without_rendering()
    small_print = figure.findobj(lambda artist: "Pairs of runs" in getattr(artist, "get_text", str)())
    assert [figure.bbox.containsx(text.get_window_extent().x1) for text in small_print] == [True]
    assert small_print[0].get_window_extent().y0 >= 0.0
    first, second = (found.save(tmp_path / name) for name in ("a", "b"))
    assert (first / "revenue.svg").read_bytes() == (second / "revenue.svg").read_bytes()
