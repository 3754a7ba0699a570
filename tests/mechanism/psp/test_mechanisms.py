"""What holds for every mechanism, and what tells them apart (docs/decisions/0013)."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from node.mechanism.psp import MECHANISMS, PSP, AuctionMechanism, PayAsBid, Staircase, UniformPrice, clear, staircase
from node.mechanism.psp.price_impact import best_amounts
from node.mechanism.valuation import Flat, Parabolic, PiecewiseLinear, Valuation
from tests.mechanism.psp.books import BookCase, books
from tests.mechanism.psp.test_reply import auctions, budget_of, epsilons, markets, oracle_steps, scale, thrifts
from tests.mechanism.valuation.valuations import valuations
from tests.oracles import pay_as_bid as discriminatory
from tests.oracles import price_impact as oracle
from tests.oracles import psp, uniform_price

TOLERANCE = 1e-9
UNIFORM, AS_BID = UniformPrice(), PayAsBid()
every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=str)
untruthful = pytest.mark.parametrize("mechanism", [UNIFORM, AS_BID], ids=["uniform-price", "pay-as-bid"])


def steps_of(cases: Sequence[BookCase]) -> list[Staircase]:
    return [staircase(case.quantity, case.price, case.supply, case.reserve) for case in cases]


def is_clear_cut(case: BookCase) -> bool:
    """Whether no rounding decides who loses something."""
    wanted = [sum(d for d, at in zip(case.quantity, case.price, strict=True) if at >= p) for p in case.price]
    return all(abs(one - case.supply) < 1e-12 * one or abs(one - case.supply) > 1e-8 * case.supply for one in wanted)


def test_mechanisms_go_by_their_names() -> None:
    assert {name: mechanism.name for name, mechanism in MECHANISMS.items()} == {
        name: name for name in ("psp", "uniform-price", "pay-as-bid")
    }
    assert [name for name, mechanism in MECHANISMS.items() if mechanism.is_truthful] == ["psp"]


# Clearing


@every
@given(books())
def test_every_mechanism_allocates_alike(mechanism: AuctionMechanism, case: BookCase) -> None:
    outcome = mechanism.clear(case.quantity, case.price, case.supply, case.reserve)
    expected = clear(case.quantity, case.price, case.supply, case.reserve).allocation
    assert outcome.allocation.tolist() == expected.tolist()
    assert outcome.allocation.sum() <= case.supply * (1.0 + TOLERANCE)


@every
@given(books())
def test_nobody_pays_more_than_its_bid_nor_less_than_the_reserve(mechanism: AuctionMechanism, case: BookCase) -> None:
    outcome = mechanism.clear(case.quantity, case.price, case.supply, case.reserve)
    slack = TOLERANCE * case.worth
    assert np.all(outcome.charge >= case.reserve * outcome.allocation - slack)
    assert np.all(outcome.charge <= np.array(case.price) * outcome.allocation + slack)
    assert np.all(outcome.charge[outcome.allocation == 0.0] == 0.0)


@every
@given(books(), st.randoms(use_true_random=False))
def test_order_of_bids_plays_no_part(mechanism: AuctionMechanism, case: BookCase, random: Any) -> None:
    order = list(range(len(case.price)))
    random.shuffle(order)
    assume(is_clear_cut(case))
    outcome = mechanism.clear(case.quantity, case.price, case.supply, case.reserve)
    again = mechanism.clear(
        [case.quantity[i] for i in order], [case.price[i] for i in order], case.supply, case.reserve
    )
    np.testing.assert_allclose(again.charge, outcome.charge[order], rtol=0, atol=TOLERANCE * case.worth)


@settings(max_examples=300)
@given(books())
@example(BookCase([30.0, 70.0], [2.0, 1.0], 100.0, 0.5))
@example(BookCase([0.1, 0.2, 0.7], [3.0, 2.0, 1.0], math.fsum([0.1, 0.2, 0.7]), 0.5))
def test_uniform_price_agrees_with_its_definition(case: BookCase) -> None:
    assume(is_clear_cut(case))
    book = psp.book_of(case.quantity, case.price), Fraction(case.supply), Fraction(case.reserve)
    expected = [float(amount) for amount in uniform_price.charges(*book)]
    charge = UNIFORM.clear(case.quantity, case.price, case.supply, case.reserve).charge
    np.testing.assert_allclose(charge, expected, rtol=0, atol=TOLERANCE * case.worth)


@settings(max_examples=300)
@given(books())
def test_pay_as_bid_agrees_with_its_definition(case: BookCase) -> None:
    book = psp.book_of(case.quantity, case.price), Fraction(case.supply), Fraction(case.reserve)
    expected = [float(amount) for amount in discriminatory.charges(*book)]
    charge = AS_BID.clear(case.quantity, case.price, case.supply, case.reserve).charge
    np.testing.assert_allclose(charge, expected, rtol=0, atol=TOLERANCE * case.worth)


@given(books())
def test_uniform_price_is_one_price_at_most_the_lowest_winning_one(case: BookCase) -> None:
    outcome = UNIFORM.clear(case.quantity, case.price, case.supply, case.reserve)
    won = outcome.allocation > 0.0
    if won.any():
        # The largest allocation shows the price with the least rounding.
        largest = outcome.allocation.argmax()
        price = outcome.charge[largest] / outcome.allocation[largest]
        np.testing.assert_allclose(outcome.charge, price * outcome.allocation, rtol=TOLERANCE, atol=0)
        assert price <= np.array(case.price)[won].min() * (1.0 + TOLERANCE)


@given(books())
def test_every_bidder_pays_most_as_bid_and_least_under_psp(case: BookCase) -> None:
    book = case.quantity, case.price, case.supply, case.reserve
    slack = TOLERANCE * case.worth
    assert np.all(AS_BID.clear(*book).charge >= UNIFORM.clear(*book).charge - slack)
    assert np.all(UNIFORM.clear(*book).charge >= PSP.clear(*book).charge - slack)


@pytest.mark.parametrize("size", [3, 30, 70])
@pytest.mark.parametrize("seed", range(3))
def test_order_of_revenues_and_the_definitions_hold_in_books_of_any_size(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    quantity, price = rng.integers(0, 9, size).astype(float), rng.integers(0, 30, size) / 3
    supply, reserve = float(rng.uniform(0, 1.2) * quantity.sum()), float(rng.integers(0, 9)) / 3
    book = psp.book_of(quantity, price), Fraction(supply), Fraction(reserve)
    charges = {name: one.clear(quantity, price, supply, reserve).charge for name, one in MECHANISMS.items()}
    slack = 1e-9 * max(1.0, charges["pay-as-bid"].sum())
    assert charges["uniform-price"] == pytest.approx(list(map(float, uniform_price.charges(*book))), abs=slack)
    assert charges["pay-as-bid"] == pytest.approx(list(map(float, discriminatory.charges(*book))), abs=slack)
    assert charges["pay-as-bid"].sum() >= charges["uniform-price"].sum() - slack
    assert charges["uniform-price"].sum() >= charges["psp"].sum() - slack


def test_bid_served_in_part_sets_the_uniform_price() -> None:
    outcome = UNIFORM.clear([60, 70, 40], [4, 3, 2], supply=100, reserve=1)
    assert (outcome.allocation.tolist(), outcome.charge.tolist()) == ([60, 40, 0], [180, 120, 0])


def test_rationed_tie_sets_the_uniform_price() -> None:
    outcome = UNIFORM.clear([60, 50, 50], [4, 3, 3], supply=100, reserve=1)
    assert (outcome.allocation.tolist(), outcome.charge.tolist()) == ([60, 20, 20], [180, 60, 60])


def test_where_the_supply_just_serves_the_winners_the_first_loser_sets_the_uniform_price() -> None:
    outcome = UNIFORM.clear([60, 40, 40], [4, 3, 2], supply=100, reserve=1)
    assert (outcome.allocation.tolist(), outcome.charge.tolist()) == ([60, 40, 0], [120, 80, 0])


def test_where_nobody_loses_the_uniform_price_is_the_reserve() -> None:
    outcome = UNIFORM.clear([60, 40, 40], [4, 3, 0.5], supply=100, reserve=1)
    assert outcome.charge.tolist() == [60, 40, 0]


@every
@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_rejects_bad_numbers_by_name(mechanism: AuctionMechanism, bad: float) -> None:
    for name, match in (("supply", "^supply must be"), ("reserve", "^reserve must be")):
        with pytest.raises(ValueError, match=match):
            mechanism.clear([1], [1], **{"supply": 1.0, "reserve": 0.0, name: bad})
    with pytest.raises(ValueError, match=r"^price must be finite"):
        mechanism.clear([1.0], [bad], supply=1.0)


@every
def test_no_bids_make_an_empty_outcome(mechanism: AuctionMechanism) -> None:
    outcome = mechanism.clear([], [], 100.0, 1.0)
    assert (outcome.allocation.shape, outcome.charge.shape) == ((0,), (0,))


# What a bidder expects


@every
@settings(max_examples=200)
@given(books(min_size=1))
def test_a_bidder_expects_the_charge_that_it_is_made(mechanism: AuctionMechanism, case: BookCase) -> None:
    assume(is_clear_cut(case))
    outcome = mechanism.clear(case.quantity, case.price, case.supply, case.reserve)
    for i in np.flatnonzero(outcome.allocation).tolist():
        others = [*case.quantity[:i], *case.quantity[i + 1 :]], [*case.price[:i], *case.price[i + 1 :]]
        steps = staircase(*others, case.supply, case.reserve)
        expected = mechanism.charge(steps, case.quantity[i], case.price[i], float(outcome.allocation[i]))
        assert outcome.charge[i] == pytest.approx(expected, rel=0, abs=10 * TOLERANCE * case.worth)


@settings(max_examples=100, deadline=None)
@given(valuations(), st.lists(auctions(), min_size=1, max_size=2), thrifts)
@example(Flat(12, 2), [BookCase([9.0], [1.0], 10.0, 0.0), BookCase([], [], 10.0, 1.0)], math.inf)
def test_best_amounts_are_the_best_of_all_combinations(theta: Valuation, cases: list[BookCase], thrift: float) -> None:
    budget = budget_of(thrift, theta, cases)
    amounts = best_amounts(theta, steps_of(cases), budget)
    cost = sum(steps.price_at(amount) * amount for steps, amount in zip(steps_of(cases), amounts, strict=True))
    best = oracle.best_utility(theta, [oracle_steps([case]) for case in cases], budget)
    slack = 1e-8 * scale(theta, cases)
    assert cost <= budget + slack
    assert theta.value(sum(amounts)) - cost == pytest.approx(best, abs=slack)


def test_a_greedy_choice_would_climb_the_wrong_auction() -> None:
    book, other = BookCase([9.0], [1.0], 10.0, 0.0), BookCase([], [], 10.0, 1.0)
    # One MB is free at the first; the rest of it would cost 1 for each of all ten, the first one included.
    assert best_amounts(Flat(11, 2), steps_of([book, other])) == pytest.approx([1, 10])


@pytest.mark.parametrize("sellers", [1, 4, 10])
@pytest.mark.parametrize("seed", range(3))
def test_best_amounts_are_no_worse_than_any_tried_at_many_sellers(sellers: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta = Parabolic(float(rng.uniform(50, 200)), 10.0)
    cases = [
        BookCase(rng.uniform(1, 30, 12).tolist(), rng.uniform(0, 12, 12).tolist(), float(rng.uniform(50, 150)), 0.1)
        for _ in range(sellers)
    ]
    markets_steps = steps_of(cases)

    def utility(amounts: Sequence[float]) -> float:
        cost = sum(one.price_at(amount) * amount for one, amount in zip(markets_steps, amounts, strict=True))
        return theta.value(sum(amounts)) - cost

    best = utility(best_amounts(theta, markets_steps))
    ends = [np.concatenate(([0.0], np.cumsum(one.quantity))) for one in markets_steps]
    for _ in range(2000):
        tried = [float(rng.choice(end[:6])) * float(rng.choice([1.0, rng.uniform()])) for end in ends]
        assert utility(tried) <= best + 1e-6


@every
@settings(max_examples=60, deadline=None)
@given(st.data(), valuations(), st.lists(auctions(), min_size=1, max_size=3), epsilons)
def test_no_bids_at_all_beat_the_best_reply(
    mechanism: AuctionMechanism, data: st.DataObject, theta: Valuation, cases: list[BookCase], epsilon: float
) -> None:
    def utility(quantity: Sequence[float], price: Sequence[float]) -> float:
        got = paid = 0.0
        for case, amount, at in zip(cases, quantity, price, strict=True):
            outcome = mechanism.clear([*case.quantity, amount], [*case.price, at], case.supply, case.reserve)
            got += float(outcome.allocation[-1])
            paid += float(outcome.charge[-1])
        return theta.value(got) - paid

    best = mechanism.best_reply(theta, steps_of(cases)).utility
    for _ in range(10):
        bids = data.draw(
            st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1.2)), min_size=len(cases), max_size=len(cases))
        )
        quantity = [share * theta.demand_mb for share, _ in bids]
        prices = [share * theta.marginal(0.0) for _, share in bids]
        assert utility(quantity, prices) <= best + 1e-8 * scale(theta, cases)

    reply = mechanism.best_reply(theta, steps_of(cases), epsilon=epsilon)
    clearance = epsilon / sum(reply.quantity) if any(reply.quantity) else 0.0
    prices = [
        mechanism.bid_price(steps, amount, reply.price, clearance)
        for steps, amount in zip(steps_of(cases), reply.quantity, strict=True)
    ]
    assert reply.utility >= best - 2.0 * epsilon - 1e-8 * scale(theta, cases)
    if all(
        price > steps.price_at(amount) * (1 + 1e-9)
        for price, steps, amount in zip(prices, steps_of(cases), reply.quantity, strict=True)
    ):  # else it ties, which shares
        assert utility(reply.quantity, prices) == pytest.approx(reply.utility, abs=1e-7 * scale(theta, cases))


@untruthful
@settings(deadline=None)
@given(valuations(), markets, epsilons, thrifts)
def test_best_reply_keeps_the_budget_and_bids_no_more_than_its_value(
    mechanism: AuctionMechanism, theta: Valuation, cases: list[BookCase], epsilon: float, thrift: float
) -> None:
    budget = budget_of(thrift, theta, cases)
    steps = steps_of(cases)
    reply = mechanism.best_reply(theta, steps, epsilon=epsilon, budget=budget)
    slack = 1e-8 * scale(theta, cases)
    assert reply.cost <= budget + slack
    assert reply.utility == pytest.approx(theta.value(sum(reply.quantity)) - reply.cost, abs=slack)
    for one, amount in zip(steps, reply.quantity, strict=True):
        assert mechanism.bid_price(one, amount, reply.price, epsilon) <= reply.price
    assert reply.price <= theta.marginal(sum(reply.quantity) * (1 - 1e-9)) + 1e-9 * theta.marginal(0.0)


@untruthful
def test_what_rounding_leaves_over_is_not_bid_for_at_a_dearer_auction(mechanism: AuctionMechanism) -> None:
    theta = PiecewiseLinear(((0.0, 4.0), (1.0, 2.0), (2.0, 0.0)))
    steps = [staircase([], [], 1.0), staircase([], [], 0.1, 1.0), staircase([], [], 1.0, 3.0)]
    reply = mechanism.best_reply(theta, steps, epsilon=1.0)
    assert reply.quantity[2] == 0.0
    assert reply.price == pytest.approx(theta.marginal(sum(reply.quantity)))


def test_asking_for_less_keeps_a_uniform_price_low() -> None:
    """Demand reduction: 80 MB cost 2 each, 70 nothing."""
    theta, rival = Parabolic(100, 10), staircase([30], [2], supply=100)
    truthful, best = PSP.best_reply(theta, [rival]), UNIFORM.best_reply(theta, [rival])
    assert (truthful.quantity, best.quantity) == ([80], [70])
    assert theta.value(80) - UNIFORM.charge(rival, 80, 2, 80) == pytest.approx(320)
    assert best.utility == pytest.approx(455)


def test_bidding_ones_value_gains_nothing_as_bid_and_shading_does() -> None:
    theta, rival = Flat(60, 3), staircase([70], [2], supply=100)
    truthful = PSP.best_reply(theta, [rival])
    assert theta.value(60) - AS_BID.charge(rival, 60, truthful.price, 60) == 0
    best = AS_BID.best_reply(theta, [rival], epsilon=0.6)
    # 30 MB are left for nothing: to displace the rival for 30 more costs 2 for each of 60.
    assert best.quantity == pytest.approx([29.8])
    assert best.utility == pytest.approx(29.8 * 3 - 0.6)
    assert AS_BID.bid_price(rival, 29.8, best.price, 0.6 / 29.8) == pytest.approx(0.6 / 29.8)


@every
def test_without_sellers_or_supply_there_is_nothing_to_gain(mechanism: AuctionMechanism) -> None:
    assert mechanism.best_reply(Flat(20, 2), []).utility == 0
    assert mechanism.best_reply(Flat(20, 2), [staircase([], [], 0)], epsilon=1).quantity == [0]
