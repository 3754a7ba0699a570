"""The families of benchmarks/convergence.py: every one makes markets, and its bounds can be missed."""

import dataclasses

import pytest
from convergence import missed
from families import CONSTRAINED, FAMILIES, PROMISED, Family, always, elastic, rescaled
from trials import Trial, simulated, tried

from node.rounds.market import ArrayMarket, ArrayOutcome
from scenarios.markets.psp.equilibrium import last_epsilons
from scenarios.markets.psp.market import draw

KEPT = Trial(
    market="50x10",
    seed=0,
    status="settled",
    efficiency=0.9995,
    efficiencies={"welfare": 0.9995},
    gap=2.0,
    median_moves=8.0,
    most_moves=50,
    bids=900,
    bids_after=None,
    rest_s=5.0,
    duration_s=6.0,
    overpaying=0,
    wall_s=1.0,
    cpu_s=1.0,
)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_draws_the_same_market_from_the_same_seed(family: Family) -> None:
    once, again = (draw(family.scenario(1), 1) for _ in range(2))
    assert once == again
    assert {name for buyer in once.buyers for name in buyer.pool} <= {seller.name for seller in once.sellers}


@pytest.mark.parametrize(
    "name", ["50x10", "ring", "star", "power-law", "budget-tight", "piecewise", "mixed-valuations"]
)
def test_another_seed_draws_another_market(name: str) -> None:
    one, other = (draw(FAMILIES[name].scenario(seed), 0) for seed in (1, 2))
    changes_by_seed = name != "50x10"  # whose scenario leaves all drawing to the run
    assert (one.buyers != other.buyers) == changes_by_seed


@pytest.mark.parametrize("of", ["money", "mb"])
def test_other_units_change_numbers_by_their_power_of_two_and_nothing_else(of: str) -> None:
    plain, scaled = (draw(FAMILIES[name].scenario(3), 3) for name in ("50x10", f"{of}-2^20"))
    money, megabytes = (2.0**20, 1.0) if of == "money" else (1.0, 2.0**20)
    for one, other in zip(plain.buyers, scaled.buyers, strict=True):
        assert other.pool == one.pool
        assert other.valuation.demand_mb == megabytes * one.valuation.demand_mb
        assert other.valuation.choke_price_per_mb == money / megabytes * one.valuation.choke_price_per_mb
    for one, other in zip(plain.sellers, scaled.sellers, strict=True):
        assert other.supply_mb == megabytes * one.supply_mb
        assert other.reserve_price_per_mb == money / megabytes * one.reserve_price_per_mb


@pytest.mark.parametrize(("money", "megabytes"), [(2.0**20, 1.0), (2.0**-20, 1.0), (1.0, 2.0**20), (1.0, 2.0**-20)])
def test_a_market_in_units_of_another_power_of_two_moves_the_same_bit_for_bit(money: float, megabytes: float) -> None:
    plain = Family(always(elastic(12, 4, 2)))
    other = Family(rescaled(always(elastic(12, 4, 2)), money=money, megabytes=megabytes))
    one, scaled = (simulated(family.scenario(0), 0) for family in (plain, other))
    assert one.summary.bids == scaled.summary.bids > 50
    assert one.quiescence == scaled.quiescence
    assert one.summary.duration_s == scaled.summary.duration_s
    for mine, theirs in zip(one.summary.allocations, scaled.summary.allocations, strict=True):
        assert (theirs.buyer, theirs.seller) == (mine.buyer, mine.seller)
        assert (theirs.quantity, theirs.charge) == (megabytes * mine.quantity, money * mine.charge)


@pytest.mark.parametrize("name", ["budget-mild", "budget-tight"])
def test_budgets_are_below_what_all_that_is_wanted_is_worth(name: str) -> None:
    for buyer in draw(FAMILIES[name].scenario(0), 0).buyers:
        assert 0.0 < buyer.budget_money <= 0.6 * 0.5 * buyer.valuation.demand_mb * buyer.valuation.choke_price_per_mb


@pytest.mark.parametrize(
    ("change", "bound"),
    [
        ({"status": "timeout"}, "settled"),
        ({"overpaying": 1}, "rational"),
        ({"efficiency": 0.994}, "worst"),
        ({"gap": 3.1}, "gap"),
        ({"most_moves": 61}, "most moves"),
    ],
)
def test_one_bad_run_among_good_ones_misses_its_bound(change: dict[str, object], bound: str) -> None:
    assert missed(PROMISED, [KEPT] * 9) == []
    assert missed(PROMISED, [KEPT] * 9 + [dataclasses.replace(KEPT, **change)]) == [bound]


@pytest.mark.parametrize(("change", "bound"), [({"efficiency": 0.998}, "median"), ({"median_moves": 13.0}, "moves")])
def test_most_runs_miss_a_bound_of_the_median(change: dict[str, object], bound: str) -> None:
    other = dataclasses.replace(KEPT, **change)
    assert missed(PROMISED, [KEPT, KEPT, other]) == []
    assert missed(PROMISED, [KEPT, other, other]) == [bound]


def test_bids_after_a_shift_are_bounded_where_somebody_leaves() -> None:
    bounds = FAMILIES["leave"].bounds
    assert missed(bounds, [dataclasses.replace(KEPT, bids_after=3000)]) == []
    assert missed(bounds, [dataclasses.replace(KEPT, bids_after=3001)]) == ["bids after"]


def test_budgets_may_take_more_moves() -> None:
    assert missed(CONSTRAINED, [dataclasses.replace(KEPT, most_moves=120)]) == []
    assert missed(CONSTRAINED, [dataclasses.replace(KEPT, most_moves=121)]) == ["most moves"]


def test_a_trial_tells_what_its_market_came_to() -> None:
    trial = tried(FAMILIES["10x1"].scenario(0), 0)
    assert (trial.status, trial.overpaying, trial.bids_after) == ("settled", 0, None)
    assert 0.99 < trial.efficiency <= 1.0
    assert 0 < trial.median_moves <= trial.most_moves <= trial.bids


def test_gap_of_each_buyer_of_an_array_is_told_in_its_own_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[ArrayOutcome] = []
    play = ArrayMarket.run
    monkeypatch.setattr(ArrayMarket, "run", lambda *a, **k: outcomes.append(play(*a, **k)) or outcomes[-1])
    scenario = FAMILIES["presence-100"].scenario(0)
    trial = tried(scenario, 0, world="array")
    last = last_epsilons(draw(scenario, 0))
    assert max(last) == pytest.approx(4.0 * min(last), rel=0.01)  # the rich value all four times as much as the poor
    assert trial.gap == pytest.approx(max(gap / epsilon for gap, epsilon in zip(outcomes[0].gap, last, strict=True)))
    assert trial.gap > 0.0


def test_a_set_key_stands_over_the_family() -> None:
    scenario = FAMILIES["budget-mild"].scenario(0, ["auction.quiet_period_s=15", "buyers.*.budget_money=7"])
    assert scenario.auction.quiet_period_s == 15
    assert {buyer.budget_money for buyer in scenario.buyers} == {7}
