"""The figures that say how good an outcome is."""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from node.mechanism.welfare import most_gains
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp import figures as module
from scenarios.markets.psp import market as drawn
from scenarios.markets.psp.figures import FIELDS, figures, fitting_measure
from scenarios.markets.psp.live import optimum_of
from scenarios.markets.psp.market import Market, draw
from scenarios.markets.psp.results import Allocation, Result
from scenarios.markets.psp.schema import (
    AdaptiveStrategy,
    AuctionTable,
    Buyers,
    FlatValuation,
    OptOutStrategy,
    ParabolicValuation,
    Scenario,
    Sellers,
)
from scenarios.markets.psp.tables import print_result

ONE_SELLER = [
    "buyers.0.count=10",
    "sellers.0.count=1",
    "buyers.0.sellers_each=1",
    'sellers.0.supply_mb={ distribution = "uniform", low = 200, high = 400 }',
]


def two_buyers(reserve: float = 0.0, budget: float | None = None, **auction: Any) -> Market:
    """Rich wants 40 MB worth 3 each, poor 50 MB worth 2 each, of 60; only rich may have a budget."""
    scenario = Scenario(
        name="two-buyers",
        auction=AuctionTable(**auction),
        sellers=[Sellers(name="s", supply_mb=60.0, reserve_price_per_mb=reserve)],
        buyers=[
            Buyers(name="rich", valuation=FlatValuation(demand_mb=40.0, value_per_mb=3.0), budget_money=budget),
            Buyers(name="poor", valuation=FlatValuation(demand_mb=50.0, value_per_mb=2.0)),
        ],
    )
    return draw(scenario, seed=0)


def of(market: Market, rich: tuple[float, float], poor: tuple[float, float], gap: float = 0.0) -> dict[str, Any]:
    """The figures where the two have so many MB for so much money."""
    rows = [Allocation("rich", "s", *rich), Allocation("poor", "s", *poor)]
    welfare, most = 3.0 * rich[0] + 2.0 * poor[0], 40 * 3.0 + 20 * 2.0
    return figures(market, rows, welfare, most, [np.ones(1)], np.array([gap, 0.0]))


@pytest.mark.parametrize(
    ("reserve", "budget", "measure"),
    [
        (0.0, None, "welfare"),
        (0.5, None, "gains_from_trade"),
        (0.0, 30.0, "liquid_welfare"),
        (0.5, 30.0, "liquid_gains_from_trade"),
    ],
)
def test_efficiency_is_net_of_reserves_and_as_far_as_budgets_reach(
    reserve: float, budget: float | None, measure: str
) -> None:
    market = two_buyers(reserve, budget)
    assert fitting_measure(market) == measure
    found = of(market, (20.0, 10.0), (30.0, 10.0))
    # θ: 60 and 60 of at most 120 + 40; with a budget of 30 rich counts for 30 of at most 10 MB, and poor for 100.
    kept = {"welfare": (120.0, 160.0), "gains_from_trade": (120.0 - 50 * reserve, 160.0 - 60 * reserve)}
    if budget:
        kept["liquid_welfare"] = (90.0, 130.0)
        kept["liquid_gains_from_trade"] = (90.0 - 50 * reserve, 130.0 - 60 * reserve)
    for name, (reached, most) in kept.items():
        told = [found[field] for key, fields in FIELDS.items() if key == name for field in fields]
        assert told == pytest.approx([reached, most])
        assert found["efficiencies"][name] == pytest.approx(reached / most)
    assert found["efficiencies"].keys() == kept.keys()
    assert (found["efficiency"], found["efficiency_of"]) == (found["efficiencies"][measure], measure)
    assert found["efficiency_loss"] == pytest.approx(kept[measure][1] - kept[measure][0])


def test_buyers_who_pay_too_much_are_counted_by_value_and_by_budget() -> None:
    market = two_buyers(budget=30.0)
    fine = of(market, (20.0, 30.0), (30.0, 60.0))
    assert [fine[key] for key in ("buyers_at_a_loss", "largest_loss")] == [0, 0.0]
    assert [fine[key] for key in ("buyers_over_budget", "largest_excess")] == [0, 0.0]
    bad = of(market, (20.0, 64.0), (30.0, 61.0))
    assert [bad[key] for key in ("buyers_at_a_loss", "largest_loss")] == [2, 4.0]
    assert [bad[key] for key in ("buyers_over_budget", "largest_excess")] == [1, 34.0]


def test_rounding_is_no_loss() -> None:
    found = of(two_buyers(budget=30.0), (10.0, 30.0 * (1 + 1e-12)), (0.0, 0.0))
    assert (found["buyers_at_a_loss"], found["buyers_over_budget"]) == (0, 0)


@pytest.mark.usefixtures("no_pictures")
def test_who_pays_too_much_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run("two-sellers", world="sim", out=tmp_path)
    print_result(result, Console(width=300))
    assert "no buyer pays more than what it has is worth to it, or than its budget" in capsys.readouterr().out
    result.summary = msgspec.structs.replace(
        result.summary, buyers_at_a_loss=2, largest_loss=0.25, buyers_over_budget=1, largest_excess=3.0
    )
    print_result(result, Console(width=300))
    told = "of the buyers 2 pay up to 0.25 more than it is worth to them and 1 pays up to 3 more than their budget"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("market", "reason"),
    [
        (two_buyers(mechanism="uniform-price"), "the mechanism is uniform-price"),
        (two_buyers(reserve_rule="highest-losing"), "reserve prices follow the bids"),
        (two_buyers(budget=9.0), "buyer rich has a budget"),
        (two_buyers(), "the marginal valuation of buyer rich jumps, or is not known"),
    ],
)
def test_ls_proposition_3_says_nothing_where_its_suppositions_are_not_met(market: Market, reason: str) -> None:
    found = of(market, (40.0, 0.0), (20.0, 0.0))
    assert (found["efficiency_loss_bound"], found["no_bound_because"]) == (None, reason)


def test_gap_in_epsilons_is_the_largest_of_the_adaptive_buyers_in_their_own() -> None:
    def found(strategy: AdaptiveStrategy) -> tuple[Any, Any]:
        scenario = Scenario(
            name="two-epsilons",
            sellers=[Sellers(name="s", supply_mb=60.0)],
            buyers=[
                Buyers(
                    name=name,
                    valuation=ParabolicValuation(demand_mb=100.0, choke_price_per_mb=choke),
                    strategy=OptOutStrategy() if name == "other" else strategy,
                )
                for name, choke in (("rich", 20.0), ("poor", 2.0), ("other", 20.0))
            ],
        )
        figures_of = figures(draw(scenario, seed=0), [], 0.0, 0.0, [], np.array([8.0, 3.0, 9.0]))
        return figures_of["epsilon_gap"], figures_of["gap_in_epsilons"]

    assert found(AdaptiveStrategy(epsilon_end_share=0.01)) == (9.0, pytest.approx(3.0))  # ε is 10 and 1 money
    assert found(AdaptiveStrategy(epsilon_start_money=4.0, epsilon_end_money=4.0)) == (9.0, pytest.approx(2.0))
    assert of(two_buyers(), (40.0, 0.0), (20.0, 0.0), gap=5.0)["gap_in_epsilons"] is None


def test_ls_proposition_3_needs_purchases_above_its_threshold() -> None:
    scenario = Scenario(
        name="elastic",
        sellers=[Sellers(name="s", supply_mb=60.0), Sellers(name="t", supply_mb=40.0)],
        buyers=[Buyers(name="b", valuation=ParabolicValuation(demand_mb=100.0, choke_price_per_mb=25.0))],
    )
    market = draw(scenario, seed=0)

    def bound(*quantities: float) -> tuple[Any, Any]:
        rows = [Allocation("b", seller, quantity, 0.0) for seller, quantity in zip("st", quantities, strict=False)]
        found = figures(market, rows, 0.0, 0.0, [], np.array([0.04]))
        return found["efficiency_loss_bound"], found["no_bound_because"]

    # κ = 1/4 and ε = 1/25: √(ε/κ) is 0.4 MB, 4 · 100 MB · √(εκ) is 40.
    assert bound(60.0, 0.41) == (pytest.approx(40.0), None)
    assert bound(60.0, 0.39) == (None, "the smallest purchase, 0.39 MB, is not above √(ε/κ) = 0.4 MB")
    assert bound() == (None, "nothing is sold")


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("world", ["array", "sim"])
@pytest.mark.parametrize("seed", range(3))
def test_ls_proposition_3_markets_of_one_seller_lose_less_than_the_bound(world: Any, seed: int, tmp_path: Path) -> None:
    summary = run("neighbourhood", settings=ONE_SELLER, seed=seed, world=world, out=tmp_path).summary
    assert summary.no_bound_because is None
    assert summary.efficiency_loss_bound
    assert 0.0 <= summary.efficiency_loss <= summary.efficiency_loss_bound
    assert summary.efficiency_loss == pytest.approx(summary.most_gains - summary.gains_from_trade, abs=1e-6)


@pytest.fixture
def budgeted(tmp_path: Path) -> Result:
    return run("single-auction", seed=1, world="sim", out=tmp_path)


@pytest.mark.usefixtures("no_pictures")
def test_run_with_budgets_tells_all_measures(budgeted: Result, capsys: pytest.CaptureFixture[str]) -> None:
    summary = budgeted.summary
    buyers = budgeted.columns("buyers")
    budgets = [buyer.budget_money or math.inf for buyer in budgeted.market.buyers]
    assert summary.efficiency_of == "liquid_welfare"
    assert summary.liquid_welfare == pytest.approx(sum(map(min, buyers["value"], budgets)))
    assert summary.most_liquid_welfare
    assert summary.liquid_welfare <= summary.most_liquid_welfare <= min(summary.optimum, sum(budgets))
    assert (summary.buyers_at_a_loss, summary.buyers_over_budget) == (0, 0)
    assert max(buyers["charge"]) <= 100.0 * (1 + 1e-9)
    print_result(budgeted, Console(width=300))
    printed = capsys.readouterr().out
    assert f"efficiency {summary.efficiency:.4%}: liquid welfare " in printed
    assert "beside it: welfare " in printed


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("world", ["array", "sim"])
@pytest.mark.parametrize("reserve", [0.01, 6.0])
def test_efficiency_of_a_large_market_is_the_least_that_it_can_be(
    world: Any, reserve: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["buyers.0.count=20", "sellers.0.count=4", f"sellers.0.reserve_price_per_mb={reserve}"]
    exact = run("neighbourhood", settings=settings, seed=1, world=world, out=tmp_path).summary
    monkeypatch.setattr(drawn, "EXACT_PAIRS", 10)
    bound = run("neighbourhood", settings=settings, seed=1, world=world, out=tmp_path).summary
    assert (exact.optimum_is, bound.optimum_is) == ("exact", "bound")
    assert bound.gains_from_trade == exact.gains_from_trade
    assert exact.most_gains <= bound.most_gains * (1 + 1e-9) <= exact.most_gains * 1.005
    assert bound.efficiency <= exact.efficiency * (1 + 1e-9)


@pytest.mark.parametrize(("reserve", "programs"), [(0.01, 0), (12.0, 1)])
def test_most_gains_are_those_of_the_optimum_where_its_prices_prove_it(
    reserve: float, programs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = draw(load("neighbourhood", [f"sellers.0.reserve_price_per_mb={reserve}"]), seed=1)
    best, solved = optimum_of(market), list[float]()

    def counted(*arguments: Any) -> float:
        solved.append(most_gains(*arguments))
        return solved[-1]

    monkeypatch.setattr(module, "most_gains", counted)
    found = figures(market, [], 0.0, best.welfare, [best.price], np.zeros(len(market.buyers)))["most_gains"]
    supply, pairs = [seller.supply_mb for seller in market.sellers], drawn.edges(market)
    exact = most_gains([drawn.theta(buyer) for buyer in market.buyers], supply, [reserve] * len(supply), pairs)
    assert found == pytest.approx(exact, rel=1e-8)
    assert len(solved) == programs


@pytest.mark.usefixtures("no_pictures")
def test_bounds_of_a_large_market_with_budgets_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["buyers.0.count=12", "sellers.0.count=3", "buyers.0.budget_money=60"]
    exact = run("neighbourhood", settings=settings, seed=1, world="sim", out=tmp_path).summary
    monkeypatch.setattr(drawn, "EXACT_PAIRS", 10)
    bound = run("neighbourhood", settings=settings, seed=1, world="sim", out=tmp_path).summary
    assert exact.efficiency_of == bound.efficiency_of == "liquid_gains_from_trade"
    for name in ("most_gains", "most_liquid_welfare", "most_liquid_gains"):
        assert getattr(exact, name) <= getattr(bound, name) * (1 + 1e-9)
    assert bound.efficiency <= exact.efficiency * (1 + 1e-9)


@pytest.mark.usefixtures("no_pictures")
def test_neighbourhood_has_nearly_the_same_efficiency_by_gains_as_by_welfare(tmp_path: Path) -> None:
    summary = run("neighbourhood", seed=1, world="sim", out=tmp_path).summary
    assert summary.efficiency_of == "gains_from_trade"
    assert summary.efficiency > 0.9995
    assert summary.efficiency == pytest.approx(summary.efficiencies["welfare"], abs=1e-5)
    assert (summary.buyers_at_a_loss, summary.buyers_over_budget, summary.truthfulness_gap) == (0, 0, 0.0)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("seed", range(3))
def test_where_reserves_keep_supply_from_being_sold_gains_are_reached_though_welfare_is_not(
    seed: int, tmp_path: Path
) -> None:
    settings = ["sellers.0.reserve_price_per_mb=8"]
    summary = run("neighbourhood", settings=settings, seed=seed, world="array", out=tmp_path).summary
    assert summary.sold < 0.9 * summary.supply
    assert summary.efficiencies["welfare"] < 0.9
    assert summary.efficiency > 0.99
