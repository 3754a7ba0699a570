"""Several mechanisms compared, and what docs/baselines.md says of them, over a few seeds of small markets."""

from pathlib import Path

import pytest

from node.mechanism.direct import DIRECT
from node.mechanism.direct.reports import totals
from node.mechanism.welfare import envies
from scenarios.baselines import baselines
from scenarios.baselines.baselines import TABLE, Baselines, compare_mechanisms
from scenarios.baselines.mechanisms import CENTRAL, baselines_of, usual_price
from scenarios.baselines.table import COLUMNS, Entry, shown
from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.markets.load import load
from scenarios.markets.psp.direct import reports_of
from scenarios.markets.psp.market import draw
from scenarios.sweep.course import Course
from scenarios.sweep.folder import SweepFolder
from scenarios.sweep.sweep import Sweep
from scenarios.sweep.work import Done

LIBRARY = Path(__file__).parents[3] / "scenarios" / "library"
PAGE = LIBRARY.parents[1] / "docs" / "baselines.md"
WIRED = ("psp", "psp, quantised", "uniform-price", "pay-as-bid")


def small(folder: Path, name: str) -> str:
    """The shipped scenario with six buyers and two sellers."""
    text = (LIBRARY / f"{name}.toml").read_text()
    path = folder / f"{name}.toml"
    path.write_text(text.replace("count = 24", "count = 6").replace("count = 4", "count = 2"))
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("scenarios")
    return [small(folder, "scarce"), small(folder, "budgeted")]


@pytest.fixture(scope="module")
def found(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Baselines:
    """Without the clearing house, of which each lie takes longest."""
    out = tmp_path_factory.mktemp("runs") / "compared"
    return compare_mechanisms(files, "0:5", workers=1, out=out, without=["clearing-house"])


def means(found: Baselines, scenario: str, figure: str) -> dict[str, float]:
    return {
        one.mechanism: one.mean
        for one in found.entries
        if (one.scenario, one.figure) == (scenario, figure) and one.mean is not None
    }


def test_every_mechanism_has_every_figure_with_its_interval(found: Baselines) -> None:
    names = {*WIRED, *DIRECT} - {"clearing-house"}
    assert {one.mechanism for one in found.entries} == names
    assert len(found.entries) == 2 * len(names) * len(COLUMNS)
    for one in found.entries:
        assert (one.runs, one.settled) == (5, 5), one
        assert one.mean is None or (one.low is not None and one.high is not None), one
        assert one.mean is None or (one.low <= one.mean * (1.0 + 1e-12) and one.mean <= one.high * (1.0 + 1e-12)), one


def test_what_takes_no_messages_has_an_empty_place_for_them(found: Baselines) -> None:
    for figure in ("messages", "bytes", "duration_s", "epsilon_gap"):
        assert set(means(found, "scarce", figure)) == set(WIRED)


def test_the_table_holds_what_is_returned(found: Baselines) -> None:
    rows = needs("pyarrow.parquet").read_table(found.folder / TABLE).to_pylist()
    assert [Entry(**row) for row in rows] == list(found.entries)


# What docs/baselines.md says


def test_vcg_is_the_optimum_and_truthful_without_budgets(found: Baselines) -> None:
    assert means(found, "scarce", "efficiency")["vcg"] == pytest.approx(1.0, abs=1e-9)
    assert means(found, "scarce", "truthfulness_gap")["vcg"] == 0.0


def test_with_budgets_even_vcg_is_worth_lying_to(found: Baselines) -> None:
    assert means(found, "budgeted", "truthfulness_gap")["vcg"] > 1.0


def test_psp_is_truthful_and_near_the_optimum_without_budgets(found: Baselines) -> None:
    assert means(found, "scarce", "efficiency")["psp"] > 0.999
    assert {means(found, name, "truthfulness_gap")["psp"] for name in ("scarce", "budgeted")} == {0.0}


@pytest.mark.parametrize("scenario", ["scarce", "budgeted"])
def test_uniform_price_and_pay_as_bid_are_worth_lying_to(found: Baselines, scenario: str) -> None:
    gains = means(found, scenario, "truthfulness_gap")
    assert min(gains["uniform-price"], gains["pay-as-bid"], gains["operator-matching"]) > 1.0


@pytest.mark.parametrize("scenario", ["scarce", "budgeted"])
def test_posted_prices_are_truthful_and_lose_most_of_what_is_worked_out_at_once(
    found: Baselines, scenario: str
) -> None:
    efficiency = means(found, scenario, "efficiency")
    assert min(DIRECT.keys() & efficiency, key=efficiency.__getitem__) == "posted-price"
    assert means(found, scenario, "truthfulness_gap")["posted-price"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_nobody_envies_at_one_price_for_all(files: list[str], seed: int) -> None:
    reports = reports_of(draw(load(files[0]), seed))
    outcome = DIRECT["clearing-house"].outcome(reports)
    amounts, charges = totals(reports, outcome.quantity), totals(reports, outcome.charge)
    assert envies(reports.valuations, reports.budgets, amounts, charges) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("scenario", ["scarce", "budgeted"])
def test_the_operator_takes_the_most_from_buyers(found: Baselines, scenario: str) -> None:
    revenue = means(found, scenario, "revenue")
    assert max(revenue, key=revenue.__getitem__) == "operator-matching"


@pytest.mark.parametrize("scenario", ["scarce", "budgeted"])
def test_quantised_bids_settle_sooner(found: Baselines, scenario: str) -> None:
    duration = means(found, scenario, "duration_s")
    assert duration["psp, quantised"] < duration["psp"]


# The tables there, over 30 seeds


def documented(scenario: str) -> dict[str, dict[str, tuple[float, float, float]]]:
    """By mechanism and column, the mean and its interval as docs/baselines.md prints them."""
    part = PAGE.read_text(encoding="utf-8").split(f"### `{scenario}`\n")[1].lstrip().split("\n\n")[0]
    heads, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines())
    return {
        row[0]: {
            head: (numbers[0], numbers[1], numbers[2])
            for head, cell in zip(heads[2:], row[2:], strict=True)
            if (numbers := [float(one.strip("[],").replace(",", "")) for one in cell.split()])
        }
        for row in rows
        if row[1] == "30"
    }


OF_BIDS = ("messages", "kbit", "s to settle", "gain of another bid")
"""What only bids over the wire have."""

MARKETS = ("neighbourhood", "scarce", "budgeted")


@pytest.mark.parametrize("scenario", MARKETS)
def test_documented_table_has_every_mechanism_and_figure_with_an_interval(scenario: str) -> None:
    table = documented(scenario)
    heads = [column.head for column in COLUMNS]
    assert list(table) == [*WIRED, *DIRECT]
    for name, row in table.items():
        assert list(row) == [head for head in heads if name in WIRED or head not in OF_BIDS]
        assert all(low <= mean <= high for mean, low, high in row.values()), name


@pytest.mark.parametrize("scenario", MARKETS)
def test_documented_table_says_what_the_page_says(scenario: str) -> None:
    table = documented(scenario)
    mean = {head: {name: row[head][0] for name, row in table.items() if head in row} for head in table["psp"]}
    share, lie, has_budgets = mean["% of optimum"], mean["gain of lying"], scenario == "budgeted"
    assert share["vcg"] == 100.0
    assert (lie["vcg"] == 0.0) is not has_budgets
    assert (share["psp"] > 99.9) is not has_budgets
    assert has_budgets or 94.0 < share["psp, quantised"] < 98.0
    assert lie["psp"] == lie["psp, quantised"] == lie["posted-price"] == 0.0
    assert mean["revenue"]["psp"] < 0.7 * mean["revenue"]["vcg"] or has_budgets
    assert mean["s to settle"]["psp, quantised"] < 0.5 * mean["s to settle"]["psp"]
    assert mean["kbit"]["psp, quantised"] < mean["kbit"]["psp"]
    assert min(lie["uniform-price"], lie["pay-as-bid"]) > 30.0
    welfare, otherwise = mean["welfare"], mean["gain of another bid"]
    assert (max(welfare, key=welfare.__getitem__) == "psp") is has_budgets
    assert otherwise["psp, quantised"] > 100.0
    assert (otherwise["psp"] < 1.0) is not has_budgets
    assert (welfare["psp"] > 2.9 * welfare["vcg"]) is has_budgets
    assert (welfare["clearing-house"] > 2.0 * welfare["vcg"]) is has_budgets
    assert (mean["revenue"]["vcg"] < 10.0) is has_budgets
    assert share["multi-bid"] > 99.0
    assert share["proportional-share"] > 98.0
    assert min(DIRECT, key=share.__getitem__) == "posted-price"
    assert mean["envy"]["clearing-house"] < 0.1
    assert lie["clearing-house"] < 3.0
    assert max(mean["revenue"], key=mean["revenue"].__getitem__) == "operator-matching"
    assert max(DIRECT, key=lie.__getitem__) == "operator-matching"


# Running and going on


def test_what_is_done_is_not_done_again_and_interrupts_are_gone_on_from(files: list[str], tmp_path: Path) -> None:
    out, done = tmp_path / "compared", list[str]()

    def interrupt(course: Course, elapsed_s: float, one: Done | None) -> None:
        del course, elapsed_s
        if one:
            done.append(one.run)
            if len(done) == 3:
                raise KeyboardInterrupt

    def note(course: Course, elapsed_s: float, one: Done | None) -> None:
        del course, elapsed_s
        done.extend([one.run] if one else [])

    whole = len(WIRED) + len(DIRECT)
    first = compare_mechanisms(files[:1], "0:1", workers=1, out=out, watch=interrupt)
    assert 0 < first.missing < whole
    before = len(done)
    second = compare_mechanisms(files[:1], "0:1", workers=1, out=out, watch=note)
    assert second.missing == 0
    assert len(set(done)) == whole
    assert len(done) - before == first.missing
    assert compare_mechanisms(files[:1], "0:1", workers=1, out=out, watch=note).entries == second.entries
    assert len(done) - before == first.missing


TINY = """
name = "{}"
auction.quiet_period_s = 0.5
sellers = [{{ supply_mb = 50 }}]
[[buyers]]
count = 2
valuation = {{ kind = "parabolic", demand_mb = 40, choke_price_per_mb = 3 }}
strategy = {{ kind = "adaptive" }}
"""


def tiny(folder: Path, name: str) -> str:
    path = folder / f"{name}.toml"
    path.write_text(TINY.format(name))
    return str(path)


def test_a_folder_takes_more_seeds_and_scenarios_and_its_table_has_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, one, other, done = tmp_path / "compared", tiny(tmp_path, "one"), tiny(tmp_path, "other"), list[str]()

    def quickly(folder: SweepFolder, *_: object) -> Sweep:
        """As if all runs that are still to be done had been."""
        plan = folder.plan()
        for run, seed in ((run, seed) for runs in plan.runs for run, seed in zip(runs, plan.seeds, strict=True)):
            if folder.done(run) is None:
                done.append(run)
                folder.record(Done(run=run, seed=seed, world=plan.world, status="settled", figures={"welfare": 9.0}))
        return Sweep(folder.path, "complete", {}, 0, 0)

    monkeypatch.setattr(baselines, "go_on", quickly)
    compare_mechanisms([one], "0", "array", 1, out)
    assert len(done) == 1 + len(DIRECT)
    grown = compare_mechanisms([one], "0:2", "array", 1, out)
    assert len(done) == 2 * (1 + len(DIRECT))
    assert {entry.runs for entry in grown.entries} == {2}

    another = compare_mechanisms([other], "0", "array", 1, out)
    rows = needs("pyarrow.parquet").read_table(out / TABLE).to_pylist()
    assert [Entry(**row) for row in rows] == [*grown.entries, *another.entries]

    with pytest.raises(ScenarioError, match=r"one.array: holds other runs of 'one' .*: choose another folder, or give"):
        compare_mechanisms([one], "1:3", "array", 1, out)
    (out / TABLE).write_bytes(b"PAR")
    with pytest.raises(ScenarioError, match=rf"{TABLE}: is none that this version wrote .*: remove it"):
        compare_mechanisms([one], "0:2", "array", 1, out)


def test_world_array_compares_the_psp_alone_with_what_is_worked_out_at_once() -> None:
    names = [one.name for one in baselines_of(load("neighbourhood"), "array")]
    assert names == ["psp", *DIRECT]
    assert names[-3:] == [*CENTRAL]


def test_usual_price_is_of_other_markets_of_the_scenario() -> None:
    assert usual_price(load("two-sellers")) == pytest.approx(0.01)  # nothing is drawn there, and all are served
    assert 5.0 < usual_price(load("neighbourhood")) < 8.0


def test_mechanisms_can_be_left_out_and_what_takes_long_of_a_large_scenario_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advice = list[str]()

    def nothing(folder: SweepFolder, *_: object) -> Sweep:
        return Sweep(folder.path, "interrupted", {}, 0, 1)

    def left(scenario: str, *without: str) -> set[str]:
        out = tmp_path / str(len(without)) / scenario
        found = compare_mechanisms([scenario], "0", "sim", 1, out, None, without, advice.append)
        return {entry.mechanism for entry in found.entries}

    monkeypatch.setattr(baselines, "go_on", nothing)
    assert left("flat-values", "psp, quantised", "vcg") == {*WIRED, *DIRECT} - {"psp, quantised", "vcg"}
    (said,) = advice
    assert said.startswith("flat-values: with 500 buyers a run of proportional-share or multi-bid or clearing-house")
    assert "--without proportional-share --without multi-bid" in said
    left("scarce")
    left("flat-values", *baselines.SLOW)
    assert len(advice) == 1
    with pytest.raises(ScenarioError, match=r"--without multibid: is none .*\(did you mean multi-bid\?\): 'psp', "):
        left("scarce", "multibid")


@pytest.mark.parametrize(
    ("scenarios", "text"),
    [
        (["congested"], "market = 'dmp': bidswarm baselines compares mechanisms of 'psp' only"),
        (["scarce", "scarce"], "two of the scenarios are called 'scarce': give one of them another name"),
        (["herd"], "shifts = 4: world 'direct' knows no shifts"),
    ],
)
def test_what_cannot_be_compared_is_named(scenarios: list[str], text: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=text):
        compare_mechanisms(scenarios, "0:1", out=tmp_path / "compared")


def entry(mean: float | None, low: float | None = None, high: float | None = None) -> Entry:
    return Entry("s", "psp", "sim", "efficiency", 5, 5, mean, low, high)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (entry(None), ""),
        (entry(0.5), "50"),
        (entry(0.51234, 0.4, 0.6), "51.23 [40, 60]"),
        (entry(12.3456, 11.0, 13.0), "1,235 [1,100, 1,300]"),
    ],
)
def test_cell_of_the_table(one: Entry, text: str) -> None:
    assert shown(one, COLUMNS[0]) == text
