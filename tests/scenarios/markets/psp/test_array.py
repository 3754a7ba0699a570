from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from node.mechanism.psp import clear
from node.mechanism.welfare import StandingBids, epsilon_gaps
from node.rounds.market import ArrayMarket
from node.rounds.play import Play
from scenarios.errors import ScenarioError
from scenarios.launch.run import run
from scenarios.markets.psp import array as arrayed
from scenarios.markets.psp import market as drawn
from scenarios.markets.psp.market import Market, theta
from scenarios.markets.psp.results import Result, edges
from tests.pictures import without_pictures

ONE_SELLER = [
    "buyers.0.count=10",
    "sellers.0.count=1",
    "buyers.0.sellers_each=1",
    'sellers.0.supply_mb={ distribution = "uniform", low = 200, high = 400 }',  # about half of the demand
]


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


def settled(out: Path, *settings: str, seed: int = 0, world: Any = "array", **options: Any) -> Result:
    with without_pictures():
        return run("neighbourhood", seed=seed, world=world, settings=settings, out=out, **options)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return settled(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("settings", [(), ONE_SELLER], ids=["50x10x3", "10x1"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_array_and_sim_end_alike_and_next_to_the_optimum(settings: list[str], seed: int, tmp_path: Path) -> None:
    array, sim = (settled(tmp_path, *settings, seed=seed, world=world).summary for world in ("array", "sim"))
    assert (array.status, sim.status) == ("settled", "settled")
    assert array.efficiency == pytest.approx(sim.efficiency, abs=1e-3)
    assert array.efficiency > 0.999
    assert array.welfare <= array.optimum * (1 + 1e-9)
    assert array.optimum == sim.optimum
    # A seller's last MB may stay unsold where they are worth less than the smallest ε, the least gain of a move.
    assert array.sold == pytest.approx(array.supply, rel=1e-4)
    assert sim.sold == pytest.approx(sim.supply, rel=1e-4)


def test_same_seed_gives_the_same_result(plain: Result, tmp_path: Path) -> None:
    one, other = plain.summary, settled(tmp_path).summary
    assert one.allocations == other.allocations
    assert (one.bids, one.duration_s) == (other.bids, other.duration_s)


def final_profile(result: Result, monkeypatch: pytest.MonkeyPatch) -> tuple[Market, Any]:
    """The market, and the outcome of running it again."""
    outcomes: list[Any] = []
    play = ArrayMarket.run
    monkeypatch.setattr(ArrayMarket, "run", lambda *a, **k: outcomes.append(play(*a, **k)) or outcomes[-1])
    market = result.market
    arrayed.run_arrayed(market, 60.0, lambda *_: None, result.run_dir)
    return market, outcomes[0]


def test_charges_follow_the_exclusion_compensation_rule(plain: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    market, outcome = final_profile(plain, monkeypatch)
    _, at = edges(market)
    for j, seller in enumerate(market.sellers):
        here = at == j
        alone = clear(outcome.quantity[here], outcome.price[here], seller.supply_mb, seller.reserve_price_per_mb)
        assert outcome.allocation[here] == pytest.approx(alone.allocation, abs=1e-6)
        assert outcome.charge[here] == pytest.approx(alone.charge, abs=1e-6)


def test_gap_is_that_of_the_mechanism(plain: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    market, outcome = final_profile(plain, monkeypatch)
    supply = np.array([seller.supply_mb for seller in market.sellers])
    reserve = np.array([seller.reserve_price_per_mb for seller in market.sellers])
    profile = StandingBids(*edges(market), outcome.quantity, outcome.price)
    thetas = [theta(buyer) for buyer in market.buyers]
    gaps = epsilon_gaps(thetas, np.full(len(thetas), np.inf), supply, reserve, profile, edges(market))
    assert plain.summary.epsilon_gap == pytest.approx(gaps.max(), abs=1e-6)
    assert plain.summary.epsilon_gap <= 3 * 0.6


def test_figures_and_tables_agree(plain: Result) -> None:
    summary, auctions, buyers = plain.summary, plain.columns("auctions"), plain.columns("buyers")
    assert summary.messages == 0
    assert summary.broker is None
    assert summary.bids == sum(buyers["bids"]) == plain.quiescence.bids == 3 * plain.quiescence.moves
    assert summary.revenue == pytest.approx(sum(auctions["revenue"]))
    assert summary.revenue == pytest.approx(sum(buyers["charge"]))
    assert summary.welfare == pytest.approx(sum(buyers["value"]))
    assert set(auctions["state"]) == {"closed"}
    assert min(buyers["utility"]) >= 0.0


def test_convergence_ends_where_the_run_ended(plain: Result) -> None:
    course = plain.convergence
    assert course.time_s[0] == 0.0
    assert course.time_s[-1] == pytest.approx(plain.summary.duration_s)
    assert (np.diff(course.time_s) > 0.0).all()
    assert course.welfare[-1] == pytest.approx(plain.summary.welfare)
    assert course.sold[-1].sum() == pytest.approx(plain.summary.sold)
    assert course.price[-1].tolist() == plain.columns("auctions")["price_per_mb"]


def test_folder_holds_what_those_of_other_worlds_hold(tmp_path: Path) -> None:
    folders = [run("neighbourhood", world=world, out=tmp_path).run_dir for world in ("array", "sim")]
    first, second = ({path.name for path in folder.iterdir()} for folder in folders)
    assert first == second - {"journals"} | {"rounds.npz"}
    for name in ("allocations", "auctions", "buyers", "convergence", "events"):
        tables = [pyarrow.parquet.read_schema(folder / f"{name}.parquet").names for folder in folders]
        assert tables[0] == tables[1]


def test_efficiency_of_a_large_market_is_against_a_bound(
    plain: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = plain.summary
    monkeypatch.setattr(drawn, "EXACT_PAIRS", 10)
    bound = settled(tmp_path).summary
    assert (exact.optimum_is, bound.optimum_is) == ("exact", "bound")
    assert exact.optimum <= bound.optimum * (1 + 1e-9)
    assert 0.995 < bound.efficiency <= exact.efficiency


def test_prices_of_very_many_sellers_are_not_kept_over_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrayed, "SELLERS_SHOWN", 5)
    result = settled(tmp_path)
    assert list(result.columns("convergence")) == ["time_s", "welfare"]
    assert len(result.columns("auctions")["seller"]) == 10


def test_timeout_counts_rounds_as_clearing_intervals(tmp_path: Path) -> None:
    result = settled(tmp_path, timeout_s=0.2)
    assert result.summary.status == "timeout"
    assert result.summary.duration_s == pytest.approx(0.2)
    assert set(result.columns("auctions")["state"]) == {"open"}


@pytest.mark.parametrize("after", [1, 5, 40])
def test_interrupt_keeps_what_was_computed(after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_books = Play._move

    def interrupted(play: Play, *moves: Any) -> None:
        if play.rounds == after:
            # In the middle of a move: bids stand that no book has seen.
            monkeypatch.setattr("node.rounds.books.Books.clear", stop)
        clear_books(play, *moves)

    def stop(*_: Any) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(Play, "_move", interrupted)
    summary = settled(tmp_path).summary
    assert summary.status == "interrupted"
    assert 0.0 < summary.welfare <= summary.optimum * (1 + 1e-9)
    assert summary.sold <= summary.supply * (1 + 1e-9)


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    settled(tmp_path, watch=lambda rounds, elapsed_s, _: seen.append((elapsed_s, rounds.headline(elapsed_s, 0))))
    assert "100.00% of" in seen[0][1]
    assert " 0.00% of" in seen[-1][1]
    assert seen[-1][0] > seen[0][0]


def test_synchronous_rounds_are_played_if_asked_for(tmp_path: Path) -> None:
    one = settled(tmp_path, "array.rounds=synchronous", timeout_s=1.0).summary
    assert one.welfare <= one.optimum * (1 + 1e-9)
    assert one.bids != settled(tmp_path, timeout_s=1.0).summary.bids


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("auction.reserve_rule=highest-losing", "auction.reserve_rule = 'highest-losing': world 'array' knows 'fixed'"),
        (
            "auction.mechanism=pay-as-bid",
            "auction.mechanism = 'pay-as-bid': world 'array' knows 'psp' only; change it, or choose world 'sim'",
        ),
        ("buyers.0.joins_at_s=1", "shifts = 50: world 'array' knows no shifts: take out shifts, joins_at_s"),
        ("sellers.0.joins_at_s=1", "shifts = 10: world 'array' knows no shifts"),
        ('shifts=[{ kind = "leave", at_s = 1, nodes = ["buyer-1"] }]', "shifts = 1: world 'array' knows no shifts"),
        ("network.loss=0.1", "network.loss = 0.1: world 'array' knows no network faults"),
        ("buyers.0.budget_money=50", "buyer 'buyer-1': budget_money = 50.0: world 'array' knows no budgets"),
        ('buyers.0.strategy={ kind = "opt-out" }', "strategy.kind = 'opt-out': world 'array' knows 'adaptive' only"),
        (
            'buyers.0.valuation={ kind = "flat", demand_mb = 5, value_per_mb = 2 }',
            "valuation.kind = 'flat': world 'array' knows 'parabolic' only; change it, or choose world 'sim'",
        ),
        (
            "buyers.0.strategy.epsilon_end_share=0",
            "strategy.epsilon_end_share = 0.0: world 'array' knows amounts above 0",
        ),
        (
            'buyers.0.strategy={ kind = "adaptive", epsilon_start_money = 40, epsilon_end_money = 0 }',
            "strategy.epsilon_end_money = 0.0: world 'array' knows amounts above 0",
        ),
    ],
)
def test_what_it_cannot_play_is_named(setting: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=text):
        settled(tmp_path, setting)
    assert not list(tmp_path.iterdir())
