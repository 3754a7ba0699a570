import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.psp import MergedStaircase, best_reply, clear, merged_staircase, staircase
from node.mechanism.valuation import Flat, Logarithmic, Parabolic, PiecewiseLinear, Valuation
from tests.mechanism.psp.books import BookCase, amounts, prices
from tests.mechanism.valuation.valuations import valuations
from tests.oracles import psp as oracle

# Budgets as shares of what a buyer without one would spend.
thrifts = st.one_of(st.just(math.inf), st.just(0.0), st.floats(0.0, 1.0))
epsilons = st.floats(0.01, 5.0)


@st.composite
def auctions(draw: st.DrawFn) -> BookCase:
    """The opponents of one auction, at everyday magnitudes."""
    bids = draw(st.lists(st.tuples(amounts(), prices()), max_size=6))
    reserve = draw(st.one_of(st.just(0.0), prices()))
    return BookCase([d for d, _ in bids], [p for _, p in bids], draw(amounts()), reserve)


markets = st.lists(auctions(), min_size=1, max_size=4)


def merged(cases: Sequence[BookCase]) -> MergedStaircase:
    return merged_staircase([staircase(c.quantity, c.price, c.supply, c.reserve) for c in cases])


def oracle_steps(cases: Sequence[BookCase]) -> list[tuple[Fraction, Fraction]]:
    return oracle.merged(
        [oracle.steps_of(oracle.book_of(c.quantity, c.price), Fraction(c.supply), Fraction(c.reserve)) for c in cases]
    )


def cleared(cases: Sequence[BookCase], quantity: Sequence[float], price: float) -> tuple[float, float]:
    """(allocation, charge) in all of bids of one price, from the auctions themselves."""
    allocation = charge = 0.0
    for case, amount in zip(cases, quantity, strict=True):
        result = clear([*case.quantity, amount], [*case.price, price], case.supply, case.reserve)
        allocation += float(result.allocation[-1])
        charge += float(result.charge[-1])
    return allocation, charge


def budget_of(thrift: float, theta: Valuation, cases: Sequence[BookCase]) -> float:
    return math.inf if thrift == math.inf else thrift * best_reply(theta, merged(cases)).cost


def scale(theta: Valuation, cases: Sequence[BookCase]) -> float:
    return theta.marginal(0.0) * theta.demand_mb + sum(case.worth for case in cases)


@settings(max_examples=200)
@given(valuations(), markets, thrifts)
def test_utility_is_the_best_of_all_breakpoints(theta: Valuation, cases: list[BookCase], thrift: float) -> None:
    budget = budget_of(thrift, theta, cases)
    reply = best_reply(theta, merged(cases), budget=budget)
    best, _ = oracle.best_utility(theta, oracle_steps(cases), budget)
    assert reply.utility == pytest.approx(best, abs=1e-9 * scale(theta, cases))


@given(valuations(), markets, epsilons, thrifts)
def test_bids_its_marginal_valuation_for_an_amount_that_costs_what_it_says(
    theta: Valuation, cases: list[BookCase], epsilon: float, thrift: float
) -> None:
    budget = budget_of(thrift, theta, cases)
    reply = best_reply(theta, merged(cases), epsilon=epsilon, budget=budget)
    total = sum(reply.quantity)
    slack = 1e-9 * scale(theta, cases)
    assert reply.price == pytest.approx(theta.marginal(total * (1 - 1e-12)), abs=1e-9 * theta.marginal(0.0))
    assert reply.cost == pytest.approx(float(oracle.cost(Fraction(total), oracle_steps(cases))), abs=slack)
    assert reply.utility == pytest.approx(theta.value(total) - reply.cost, abs=slack)


@given(valuations(), markets, epsilons, thrifts)
def test_keeps_the_budget(theta: Valuation, cases: list[BookCase], epsilon: float, thrift: float) -> None:
    budget = budget_of(thrift, theta, cases)
    reply = best_reply(theta, merged(cases), epsilon=epsilon, budget=budget)
    assert reply.cost <= budget + 1e-12 * scale(theta, cases)
    assert cleared(cases, reply.quantity, reply.price)[1] <= budget + 1e-9 * scale(theta, cases)


@given(valuations(), markets, epsilons, thrifts)
def test_auctions_give_what_the_reply_expects(
    theta: Valuation, cases: list[BookCase], epsilon: float, thrift: float
) -> None:
    budget = budget_of(thrift, theta, cases)
    reply = best_reply(theta, merged(cases), epsilon=epsilon, budget=budget)
    allocation, charge = cleared(cases, reply.quantity, reply.price)
    assert allocation == pytest.approx(sum(reply.quantity), abs=1e-9 * sum(case.supply for case in cases))
    assert charge == pytest.approx(reply.cost, abs=1e-9 * scale(theta, cases))


@given(valuations(), markets, thrifts)
def test_price_is_at_least_that_of_the_dearest_step_however_theta_rounds(
    theta: Valuation, cases: list[BookCase], thrift: float
) -> None:
    market = merged(cases)
    reply = best_reply(theta, market, budget=budget_of(thrift, theta, cases))
    filled = dict.fromkeys(range(len(cases)), 0.0)
    for price, seller, quantity in market:
        if filled[seller] < reply.quantity[seller] * (1.0 - 1e-12):
            assert reply.price >= price
        filled[seller] += quantity


def test_what_rounding_leaves_over_is_not_asked_for_at_the_next_price() -> None:
    """1.9 + 0.1 MB are all that is wanted, and 2 - 1.9 - 0.1 is 8e-17."""
    cases = [
        BookCase(quantity=[1.0], price=[1.0], supply=1.0, reserve=0.0),
        BookCase(quantity=[0.1], price=[0.1], supply=2.0, reserve=0.0),
    ]
    reply = best_reply(Logarithmic(demand_mb=2.0, choke_price=1.0, price_at_demand=0.5), merged(cases))
    assert (reply.quantity, reply.price) == ([0.0, 2.0], 0.5)


def test_price_that_rounds_below_the_reserve_is_the_reserve() -> None:
    theta = Parabolic(demand_mb=50.0, choke_price=3.0)
    assert theta.marginal(theta.demand(0.1)) < 0.1
    assert best_reply(theta, merged_staircase([staircase([], [], 60, 0.1)])).price == 0.1


@settings(max_examples=100)
@given(valuations(), markets, epsilons, thrifts, st.data())
def test_ls_proposition_1_truthful_reply_is_best_up_to_epsilon(
    theta: Valuation, cases: list[BookCase], epsilon: float, thrift: float, data: st.DataObject
) -> None:
    budget = budget_of(thrift, theta, cases)
    market = merged(cases)
    reply = best_reply(theta, market, epsilon=epsilon, budget=budget)
    allocation, charge = cleared(cases, reply.quantity, reply.price)
    utility = theta.value(allocation) - charge
    lying = data.draw(st.floats(0.5, 1.5))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(cases), max_size=len(cases))), dtype=float)
    for amount in np.linspace(0.0, theta.demand_mb, 15).tolist():
        split = amount * weights / max(1.0, weights.sum())
        for quantity, price in ((split, theta.marginal(amount)), (split, lying * theta.marginal(amount))):
            got, paid = cleared(cases, quantity.tolist(), price)
            if paid <= budget:
                assert utility >= theta.value(got) - paid - epsilon - 1e-9 * scale(theta, cases)


@given(valuations(), markets, epsilons)
def test_fills_the_cheapest_steps_and_shares_the_last(theta: Valuation, cases: list[BookCase], epsilon: float) -> None:
    market = merged(cases)
    reply = best_reply(theta, market, epsilon=epsilon)
    left, expected = sum(reply.quantity), np.zeros(len(cases))
    price_of, seller, width_of = np.array([*market]).reshape(-1, 3).T
    seller = seller.astype(int)
    for price in np.unique(price_of):
        level = price_of == price
        width = width_of[level].sum()
        taken = min(left, width)
        np.add.at(expected, seller[level], taken / width * width_of[level])
        left -= taken
    assert reply.quantity == pytest.approx(expected, abs=1e-9 * sum(case.supply for case in cases))


def test_equal_prices_share_in_proportion_to_their_sizes() -> None:
    market = merged_staircase([staircase([], [], 30, 1), staircase([], [], 10, 1), staircase([], [], 9, 3)])
    reply = best_reply(Flat(20, 2), market)
    assert reply.quantity == pytest.approx([15, 5, 0])
    assert (reply.price, reply.cost, reply.utility) == (2, 20, 20)


def test_ls_algorithm_1_retreats_by_epsilon_over_the_choke_price() -> None:
    market = merged_staircase([staircase([80], [4], 100)])
    assert sum(best_reply(Parabolic(50, 10), market).quantity) == pytest.approx(30)
    assert sum(best_reply(Parabolic(50, 10), market, epsilon=5).quantity) == pytest.approx(29.5)


def test_ls_algorithm_1_need_not_retreat_from_where_supply_or_budget_ends_before_demand() -> None:
    # At 4, 30 MB are wanted; ε/θ'(0) = 2 MB.
    short = merged_staircase([staircase([80], [4], 100), staircase([], [], 2, 9)])
    assert sum(best_reply(Parabolic(50, 10), merged_staircase([staircase([], [], 29, 4)]), epsilon=20).quantity) == 28
    assert sum(best_reply(Parabolic(50, 10), merged_staircase([staircase([], [], 20, 4)]), epsilon=20).quantity) == 20
    assert sum(best_reply(Parabolic(50, 10), short, epsilon=20, budget=60).quantity) == 28
    assert sum(best_reply(Parabolic(50, 10), short, epsilon=20, budget=20).quantity) == 25


@given(valuations(), markets, epsilons)
def test_retreat_leaves_the_price_clear_of_every_rival_it_beats(
    theta: Valuation, cases: list[BookCase], epsilon: float
) -> None:
    market = merged(cases)
    reply = best_reply(theta, market, epsilon=epsilon)
    total, beaten, width = sum(reply.quantity), 0.0, 0.0
    for price, _, quantity in market:
        if width < total * (1.0 - 1e-9):
            beaten = price
        width += quantity
    exact = best_reply(theta, market)
    if total > 0.0:
        assert total <= theta.demand(beaten) - epsilon / theta.marginal(0.0) + 1e-9 * theta.demand_mb
    assert exact.utility - reply.utility <= epsilon + 1e-9 * scale(theta, cases)


def test_wants_nothing_where_epsilon_outweighs_all() -> None:
    reply = best_reply(Parabolic(50, 10), merged_staircase([staircase([], [], 100)]), epsilon=1e9)
    assert (reply.quantity, reply.cost, reply.utility, reply.price) == ([0], 0, 0, 10)


def test_without_sellers_there_is_nothing_to_bid_for() -> None:
    reply = best_reply(Flat(20, 2), merged_staircase([]))
    assert (reply.quantity, reply.cost, reply.utility) == ([], 0, 0)


def test_sellers_without_supply_get_zero_bids() -> None:
    reply = best_reply(Flat(20, 2), merged_staircase([staircase([], [], 0), staircase([3], [1], 0)]))
    assert reply.quantity == [0, 0]


def test_steps_may_be_as_small_as_floats_go() -> None:
    market = merged_staircase([staircase([], [], 4e-308), staircase([], [], 7, 1)])
    assert best_reply(Flat(5, 3), market).quantity == [4e-308, 5]


def test_zero_budget_takes_what_is_free() -> None:
    market = merged_staircase([staircase([30], [2], 40), staircase([], [], 5), staircase([], [], 7, 1)])
    reply = best_reply(Flat(100, 3), market, budget=0.0)
    assert reply.quantity == pytest.approx([10, 5, 0])
    assert (reply.cost, reply.utility) == (0, 45)


def test_budget_ends_inside_a_step() -> None:
    market = merged_staircase([staircase([30], [2], 40)])
    reply = best_reply(Flat(100, 3), market, budget=21)
    assert reply.quantity == pytest.approx([20.5])
    assert reply.cost == pytest.approx(21)


def test_budget_counts_what_the_cheaper_steps_cost() -> None:
    market = merged_staircase([staircase([10, 10, 10], [4, 2, 1], 30)])
    reply = best_reply(Flat(100, 9), market, budget=50)
    assert reply.quantity == pytest.approx([25])
    assert (reply.cost, reply.utility) == (50, 175)


def test_buyer_of_a_flat_value_bids_it_for_its_whole_demand() -> None:
    reply = best_reply(Flat(50, 1.2), merged_staircase([staircase([40], [1], 65)]))
    assert (reply.quantity, reply.price) == ([50], 1.2)


def test_price_too_high_is_not_paid() -> None:
    reply = best_reply(PiecewiseLinear(((0, 3), (10, 1))), merged_staircase([staircase([], [], 10, 3)]))
    assert (reply.quantity, reply.utility) == ([0], 0)


def test_valuation_of_a_satisfied_buyer_wants_nothing() -> None:
    class Satisfied:
        demand_mb = 0.0

        def value(self, quantity: float) -> float:  # noqa: ARG002
            return 0.0

        def marginal(self, quantity: float) -> float:  # noqa: ARG002
            return 0.0

        def demand(self, price: float) -> float:  # noqa: ARG002
            return 0.0

    reply = best_reply(Satisfied(), merged_staircase([staircase([], [], 10)]), epsilon=1)
    assert (reply.quantity, reply.price) == ([0], 0)
