"""A run of the Digital Marketplace in the simulated world, and what it leaves behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pyarrow.parquet as pq
import pytest

from scenarios.errors import ScenarioError
from scenarios.launch.run import run
from scenarios.markets.dmp.results import CallResult, OperatorRow
from scenarios.markets.kind import Metrics, Watch
from scenarios.markets.registry import read_market
from tests.conftest import Command
from tests.pictures import without_pictures

SHORT = ["terminals.*.calls=20"]
SHIPPED = ["network-selection", "congested", "price-weight-sweep", "mixed-agents"]


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


def short(name: str, out: Path, *settings: str, **options: Any) -> CallResult:
    """A shipped scenario with fewer calls, and without pictures."""
    with without_pictures():
        result = run(name, settings=[*SHORT, *settings], world="sim", out=out, **options)
    assert isinstance(result, CallResult)
    return result


@pytest.fixture(scope="module", params=SHIPPED)
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CallResult:
    result = run(request.param, settings=SHORT, world="sim", out=tmp_path_factory.mktemp("runs"))
    assert isinstance(result, CallResult)
    return result


def test_shipped_scenario_settles_and_its_books_agree(result: CallResult) -> None:
    assert (result.summary.status, result.summary.breaches) == ("settled", [])
    assert result.summary.calls == result.market.calls
    assert not [reason for reason in result.counters if reason.startswith("rejected")]


def test_the_folder_holds_tables_figures_and_pictures(result: CallResult) -> None:
    assert {path.name for path in result.run_dir.iterdir()} == {
        "manifest.json",
        "market.json",
        "summary.json",
        "counters.json",
        "journals",
        "calls.parquet",
        "operators.parquet",
        "terminals.parquet",
        "reputations.parquet",
        "events.parquet",
        "outcome.json",
        "scenario.toml",
        "calls.pdf",
        "calls.png",
        "course.parquet",
        "terminals.pdf",
        "terminals.png",
        "terminals.svg",
        "calls.svg",
    }


def test_tables_and_summary_agree(result: CallResult) -> None:
    calls, operators, terminals = (
        pq.read_table(result.run_dir / f"{name}.parquet").to_pandas() for name in ("calls", "operators", "terminals")
    )
    summary = result.summary

    for outcome in ("served", "decommitted", "blocked"):
        count = getattr(summary, outcome)
        assert ((calls.outcome == outcome).sum(), terminals[outcome].sum()) == (count, count)
    assert terminals.requested.sum() == summary.calls
    assert (operators.won.sum(), operators.served.sum()) == (len(calls[calls.winner != ""]), summary.served)
    assert operators.share.sum() == pytest.approx(1.0)
    assert operators.revenue.sum() == pytest.approx(summary.paid)
    assert (operators.profit > 0.0).all()


def test_calls_are_auctioned_in_the_order_of_time(result: CallResult) -> None:
    calls = result.frame("calls")
    assert calls.at_s.is_monotonic_increasing
    assert list(calls.auction) == list(range(1, len(calls) + 1))


def test_nobody_sells_below_cost(result: CallResult) -> None:
    won = result.frame("calls").query("winner != ''")
    assert (won.price >= won.cost).all()
    assert (won.value >= won.best_value).all()


def test_the_picture_is_one(result: CallResult) -> None:
    picture = matplotlib.image.imread(result.run_dir / "calls.png")
    assert picture.shape[0] > 500
    assert len(np.unique(picture[::4, ::4].reshape(-1, picture.shape[-1]), axis=0)) > 20


def test_the_manifest_says_how_to_run_the_same_again(result: CallResult) -> None:
    manifest = json.loads((result.run_dir / "manifest.json").read_text())
    assert (manifest["status"], manifest["seed"]) == ("settled", 0)
    assert manifest["scenario"]["terminals"][0]["calls"] == 20
    assert read_market((result.run_dir / "market.json").read_bytes()) == result.market


# Seeds


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> CallResult:
    """Service agents with weights of their own, seed 3."""
    return short("mixed-agents", tmp_path_factory.mktemp("mixed"), seed=3)


def test_same_seed_gives_the_same_trace_byte_for_byte_and_the_same_tables(mixed: CallResult, tmp_path: Path) -> None:
    again = short("mixed-agents", tmp_path, seed=3)
    first, second = ((result.run_dir / "events.parquet").read_bytes() for result in (mixed, again))
    assert first == second
    for name in ("calls", "operators", "terminals"):
        one, other = (pq.read_table(result.run_dir / f"{name}.parquet") for result in (mixed, again))
        assert one.drop_columns("run").equals(other.drop_columns("run")), name


def test_another_seed_gives_other_events(mixed: CallResult, tmp_path: Path) -> None:
    other = short("mixed-agents", tmp_path, seed=4)
    first, second = ((result.run_dir / "events.parquet").read_bytes() for result in (mixed, other))
    assert first != second


def test_faults_of_the_network_change_no_contract(tmp_path: Path) -> None:
    bad = "network={ delay_max_s = 0.01, loss = 0.05, duplication = 0.05, reordering = 0.2 }"
    columns = ["customer", "number", "winner", "price", "outcome"]
    good, faulty = (
        short("network-selection", tmp_path, "marketplace.speed=20", "marketplace.gather_s=2", *settings)
        for settings in ([], [bad])
    )
    assert (faulty.summary.status, faulty.summary.breaches) == ("settled", [])
    assert faulty.frame("calls")[columns].equals(good.frame("calls")[columns])


# Cut short


def interrupting(after: int) -> Watch:
    """Presses Ctrl-C at that look."""
    looks = iter(range(after + 1))

    def watch(metrics: Metrics, elapsed_s: float, messages: int) -> None:
        del metrics, elapsed_s, messages
        if next(looks, None) == after:
            raise KeyboardInterrupt

    return watch


def test_ctrl_c_keeps_what_was_computed(tmp_path: Path) -> None:
    result = run("network-selection", world="sim", out=tmp_path, watch=interrupting(3))
    assert isinstance(result, CallResult)
    assert (result.summary.status, result.summary.breaches) == ("interrupted", [])
    assert 0 < result.summary.served < result.summary.calls < result.market.calls
    assert pq.read_table(result.run_dir / "calls.parquet").num_rows == result.summary.calls
    assert (result.run_dir / "calls.png").stat().st_size > 10_000


def test_ctrl_c_before_the_first_call_keeps_an_empty_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.launch.simulated.EVENTS_PER_LOOK", 10)
    result = short("network-selection", tmp_path, watch=interrupting(0))
    assert (result.summary.status, result.summary.calls) == ("interrupted", 0)
    assert pq.read_table(result.run_dir / "terminals.parquet").num_rows == 20


def test_run_that_is_not_over_in_time_says_so(tmp_path: Path) -> None:
    result = short("mixed-agents", tmp_path, timeout_s=2.0)
    assert (result.summary.status, result.summary.breaches) == ("timeout", [])
    assert 0 < result.summary.calls < result.market.calls


# Other worlds


def test_world_array_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="'dmp': world 'array' knows 'psp' only; choose world 'sim' or 'mqtt'"):
        run("congested", world="array", out=tmp_path)
    assert not list(tmp_path.iterdir())


# Weights, fees and budgets


def test_lowest_price_wins_where_only_the_price_counts(tmp_path: Path) -> None:
    result = short("network-selection", tmp_path, "terminals.0.price_weight=1")
    events = pq.read_table(result.run_dir / "events.parquet").to_pandas()
    lowest = events[events.kind == "offered"].groupby("auction").price_money.min()
    won = result.frame("calls").query("winner != ''")
    assert won.price.tolist() == lowest[won.auction].tolist()


def test_service_agent_asks_at_its_own_weight(mixed: CallResult) -> None:
    calls = mixed.frame("calls")
    weights = {name: set(group.price_weight) for name, group in calls.groupby("customer")}
    assert (weights["frugal"], weights["careful"]) == ({1.0}, {0.3})
    assert len(calls[calls.customer == "careful"]) == 7 * 20


def test_customer_of_a_service_agent_pays_the_fee_on_top(mixed: CallResult) -> None:
    calls, terminals = mixed.frame("calls").query("outcome == 'served'"), mixed.frame("terminals")
    cautious = terminals[terminals.terminal.str.startswith("cautious")]
    to_networks = calls[calls.customer == "careful"].price.sum()
    assert cautious.paid.sum() == pytest.approx(to_networks + 0.05 * cautious.served.sum())


def test_nobody_pays_more_than_its_budget(tmp_path: Path) -> None:
    result = short("network-selection", tmp_path, "terminals.0.budget_money=0.5")
    assert result.frame("calls").price.max() <= 0.5
    assert result.summary.blocked > 0


# The command


@pytest.mark.usefixtures("no_pictures")
def test_json_is_one_object_with_the_documented_keys_and_nothing_else(bidswarm: Callable[..., Command]) -> None:
    options = ("--world", "sim", "--format", "json", "--set", *SHORT)
    code, stdout, _ = bidswarm("run", "congested", *options).finished()
    summary = json.loads(stdout)
    assert (code, stdout.count("\n")) == (0, 1)
    assert list(summary) == [
        *("scenario", "seed", "world", "broker", "nodes", "status", "duration_s", "messages", "bytes", "run_dir"),
        *("faults", "expectations", "dropped_records", "rejected_from", "throttled"),
        *("market_s", "calls", "served", "decommitted", "blocked", "calls_per_s"),
        *("paid", "mean_price", "efficient", "excess", "operators", "breaches"),
    ]
    assert {tuple(row) for row in summary["operators"]} == {OperatorRow.__struct_fields__}


@pytest.mark.usefixtures("no_pictures")
def test_a_run_prints_who_won_what(said: Callable[..., tuple[int, str, str]]) -> None:
    code, stdout, _ = said("run", "congested", "--world", "sim", "--set", *SHORT)
    assert code == 0
    assert "400 calls in" in stdout
    assert "no call lost, none served twice" in stdout


def test_check_says_what_market_is_drawn(said: Callable[..., tuple[int, str, str]]) -> None:
    code, stdout, _ = said("check", "congested")
    assert code == 0
    assert "congested: valid: 2,000 calls of 20 terminals in " in stdout
    assert "3 operators, 0 service agents (seed 0)" in stdout


def test_list_names_the_scenarios_of_both_markets(said: Callable[..., tuple[int, str, str]]) -> None:
    names = {row["name"] for row in json.loads(said("list", "--format", "json")[1])}
    assert {*SHIPPED, "two-sellers"} <= names
