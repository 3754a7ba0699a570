import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.mechanism.dmp import (
    Beta,
    CommonEquilibrium,
    NoEquilibriumError,
    TwoOperators,
    Uniform,
    common_best_reply_gain,
    first_price_bid,
)
from node.mechanism.dmp.equilibrium.lebrun import highest_bid, solve
from tests.oracles import dmp as oracle

COSTS = np.linspace(0.0, 1.0, 101)


def check(equilibrium: CommonEquilibrium, gain: float = 1e-6) -> None:
    """What holds of every equilibrium."""
    width = equilibrium.cost.high - equilibrium.cost.low
    costs = equilibrium.cost.low + width * COSTS
    for operator, r in enumerate(equilibrium.reputations):
        bids, compound = equilibrium.bid(operator, costs), equilibrium.compound(operator, costs)
        assert (bids >= costs).all()
        assert (np.diff(bids) >= -1e-12).all()
        assert compound == pytest.approx(equilibrium.w * bids + (1 - equilibrium.w) * r, abs=1e-9)
        assert compound[0] == pytest.approx(float(equilibrium.entry[operator]), abs=1e-9)
    assert common_best_reply_gain(equilibrium).gain <= gain * width


def test_two_operators_in_figures() -> None:
    equilibrium = CommonEquilibrium(0.5, (0.25, 0.75))
    assert (equilibrium.lower, equilibrium.upper) == (0.515625, 0.75)
    market = TwoOperators(0.125, 0.375, 0.5)
    assert (market.lower, market.upper) == (0.515625, 0.75)
    assert (round(market.d1, 5), round(market.d2, 5)) == (-1.95549, -2.04553)


def test_ex_ante_utilities_and_mean_price_of_two_operators() -> None:
    equilibrium = CommonEquilibrium(0.5, (0.25, 0.75))
    cost = (np.arange(20_000) + 0.5) / 20_000
    offers = [equilibrium.compound(k, cost) for k in range(2)]
    own = [0.5 * cost + 0.5 * r for r in equilibrium.reputations]
    odds = [1 - np.searchsorted(offers[1 - k], offers[k]) / 20_000 for k in range(2)]
    utility = [((offers[k] - own[k]) * odds[k]).mean() for k in range(2)]
    assert utility == pytest.approx([0.18269, 0.02955], abs=2e-5)
    assert sum((offers[k] * odds[k]).mean() for k in range(2)) == pytest.approx(0.58854, abs=4e-5)


def test_three_operators_in_figures() -> None:
    equilibrium = CommonEquilibrium(0.75, (0.25, 0.5, 0.75))
    assert (round(equilibrium.lower, 4), round(equilibrium.upper, 4)) == (0.3751, 0.8389)
    assert equilibrium.entry == pytest.approx([equilibrium.lower] * 3)
    check(equilibrium)


def test_a_third_operator_that_enters_later() -> None:
    equilibrium = CommonEquilibrium(0.55, (0.75, 0.25, 0.5))
    assert (round(equilibrium.lower, 4), round(equilibrium.upper, 4)) == (0.4073, 0.7100)
    assert equilibrium.entry.round(4).tolist() == [0.4332, 0.4073, 0.4073]
    assert float(equilibrium.inverse(0, 0.42)) == pytest.approx(0.45 * 0.75)  # its cheapest type waits
    check(equilibrium)


@pytest.mark.parametrize("gap", [0.02, 0.5, 1.0, 1.7, 1.95])
def test_the_differential_equations_lead_to_the_closed_form(gap: float) -> None:
    market = TwoOperators(0.0, gap, 1.0)
    solution = solve(np.array([0.0, gap]), highest_bid(np.array([0.0, gap])))
    assert solution.bids[0] == pytest.approx(market.lower, abs=1e-7)
    assert solution.bids[-1] == pytest.approx(market.upper)
    for k in range(2):
        assert solution.costs[k, :-1] == pytest.approx(market.inverse(k, solution.bids[:-1]), abs=1e-5)


def test_the_closed_form_solves_the_differential_equations() -> None:
    market = TwoOperators(0.125, 0.375, 0.5)
    bids = np.linspace(market.lower, market.upper, 41)[1:-1]
    first, second = (market.inverse(k, bids) for k in range(2))
    slopes = [(market.inverse(k, bids + 1e-6) - market.inverse(k, bids - 1e-6)) / 2e-6 for k in range(2)]
    assert slopes[0] == pytest.approx((0.625 - first) / (bids - second), rel=1e-4, abs=1e-6)
    assert slopes[1] == pytest.approx((0.875 - second) / (bids - first), rel=1e-4, abs=1e-6)
    assert market.inverse(0, np.array(market.lower)) == pytest.approx(0.125)
    assert market.inverse(1, np.array(market.lower)) == pytest.approx(0.375)


@pytest.mark.parametrize("operators", [2, 3, 6])
@pytest.mark.parametrize(("w", "reputation"), [(0.1, 0.3), (0.6, 1.0), (1.0, 0.0)])
def test_equal_reputations_are_the_symmetric_equilibrium(operators: int, w: float, reputation: float) -> None:
    equilibrium = CommonEquilibrium(w, (reputation,) * operators)
    for operator in range(operators):
        assert equilibrium.bid(operator, COSTS) == pytest.approx(first_price_bid(COSTS, operators))
    check(equilibrium)


@pytest.mark.parametrize("gap", [1e-12, 1e-7, 1e-4, 0.99e-3, 1.01e-3])
def test_nearly_equal_reputations_are_nearly_the_symmetric_equilibrium(gap: float) -> None:
    equilibrium = CommonEquilibrium(0.5, (0.5, 0.5 + gap))
    for operator in range(2):
        assert equilibrium.bid(operator, COSTS) == pytest.approx(first_price_bid(COSTS, 2), abs=2 * gap + 1e-5)
    check(equilibrium)


def test_full_price_weight_makes_all_alike() -> None:
    equilibrium = CommonEquilibrium(1.0, (0.9, 0.0, 0.4))
    assert equilibrium.bid(0, COSTS) == pytest.approx(first_price_bid(COSTS, 3))


def test_much_the_best_reputation_bids_the_lower_end_of_the_next() -> None:
    equilibrium = CommonEquilibrium(0.2, (0.7, 0.1, 0.9))
    assert equilibrium.compound(1, COSTS) == pytest.approx(0.8 * 0.7)
    assert equilibrium.lower == equilibrium.upper == pytest.approx(0.56)
    assert equilibrium.bid(0, COSTS) == pytest.approx(COSTS)
    assert float(equilibrium.inverse(1, 0.55)) == pytest.approx(0.08)
    check(equilibrium)


def test_the_edge_between_bidding_and_giving_way() -> None:
    for r in (0.66, 0.666, 0.66666, 2 / 3 - 1e-9, 2 / 3, 0.667):  # c̄₁ = 2c̲₂ - c̄₂ where (1 - w) r = 2w
        check(CommonEquilibrium(0.25, (0.0, r)))


def test_an_upper_end_at_the_lower_end_of_another() -> None:
    handicaps = np.array([0.0, 0.8, 1.35])
    assert highest_bid(handicaps[:2]) == pytest.approx(1.4)
    assert highest_bid(handicaps) == 1.35
    equilibrium = CommonEquilibrium(0.4, tuple((handicaps * 0.4 / 0.6).tolist()))
    assert equilibrium.upper == pytest.approx(0.54)
    assert equilibrium.bid(2, COSTS) == pytest.approx(COSTS)
    check(equilibrium)


def test_any_uniform_costs() -> None:
    plain = CommonEquilibrium(0.5, (0.25, 0.5, 0.75))
    wide = CommonEquilibrium(0.2, (0.25, 0.5, 0.75), Uniform(3.0, 7.0))  # handicaps 0.8 · 0.25 / 0.8 as in plain
    assert wide.bid(1, 3.0 + 4.0 * COSTS) == pytest.approx(3.0 + 4.0 * plain.bid(1, COSTS))
    check(wide)


@settings(max_examples=12)
@given(st.floats(0.05, 1.0), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6))
def test_nobody_gains_by_leaving_the_equilibrium(w: float, reputations: list[float]) -> None:
    check(CommonEquilibrium(w, tuple(reputations)))


@pytest.mark.parametrize("operators", [3, 4, 6])
def test_nobody_gains_in_random_markets(operators: int) -> None:
    random = np.random.default_rng(operators)
    for _ in range(4):
        check(CommonEquilibrium(random.uniform(0.3, 1.0), tuple(random.random(operators))))


@settings(max_examples=10)
@given(st.floats(0.2, 1.0), st.permutations([0.1, 0.3, 0.6, 0.65]))
def test_the_order_of_operators_is_nothing(w: float, reputations: list[float]) -> None:
    ordered, moved = CommonEquilibrium(w, tuple(sorted(reputations))), CommonEquilibrium(w, tuple(reputations))
    for operator, r in enumerate(reputations):
        assert moved.bid(operator, COSTS).tolist() == ordered.bid(sorted(reputations).index(r), COSTS).tolist()


@settings(max_examples=10)
@given(st.floats(0.3, 1.0), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=4))
def test_inverse_and_bid_belong_together(w: float, reputations: list[float]) -> None:
    equilibrium = CommonEquilibrium(w, tuple(reputations))
    assume(equilibrium.lower < equilibrium.upper)
    for operator, r in enumerate(reputations):
        back = equilibrium.inverse(operator, equilibrium.compound(operator, COSTS))
        assert back == pytest.approx(w * COSTS + (1 - w) * r, abs=1e-4)


def test_the_best_reply_of_one_type_by_simulation() -> None:
    equilibrium = CommonEquilibrium(0.55, (0.25, 0.5, 0.75))
    random = np.random.default_rng(8)
    rivals = np.minimum(*(equilibrium.compound(k, random.random(40_000)) for k in (0, 2)))
    cost = 0.3
    offers = np.linspace(equilibrium.lower, equilibrium.upper, 31)
    utility = [oracle.utility(b, cost, 0.5, 0.55, rivals) for b in (offers - 0.45 * 0.5) / 0.55]
    present = oracle.utility(float(equilibrium.bid(1, cost)), cost, 0.5, 0.55, rivals)
    assert max(utility) - present < 5 * 0.5 / math.sqrt(rivals.size)


def test_without_a_price_weight_or_a_rival_there_is_no_equilibrium() -> None:
    with pytest.raises(NoEquilibriumError, match="w must be above 0"):
        CommonEquilibrium(0.0, (0.1, 0.2))
    with pytest.raises(NoEquilibriumError, match="two operators"):
        CommonEquilibrium(0.5, (0.1,))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((2.0, (0.1, 0.2)), "w must"),
        ((0.5, (0.1, 1.2)), "reputations"),
        ((0.5, (0.1, math.nan)), "reputations"),
        ((0.5, 0.1), "shape"),
        ((0.5, (0.1, 0.2), Beta(2, 3)), "cost must be uniform"),
    ],
)
def test_what_is_no_market_is_rejected(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        CommonEquilibrium(*arguments)


def test_what_is_no_question_is_rejected() -> None:
    equilibrium = CommonEquilibrium(0.5, (0.25, 0.75))
    for operator, cost, named in [(2, 0.5, "operator"), (-1, 0.5, "operator"), (0, 1.5, "cost")]:
        with pytest.raises(ValueError, match=named):
            equilibrium.bid(operator, cost)
    with pytest.raises(ValueError, match="compound_bid"):
        equilibrium.inverse(0, math.nan)
    for ends in ((0.5, 0.5, 1.0), (0.0, 2.0, 1.0), (0.0, math.nan, 1.0)):
        with pytest.raises(ValueError, match="start2"):
            TwoOperators(*ends)
