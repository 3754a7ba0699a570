"""What follows from a charge alone agrees with what our mechanisms know of theirs."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.mechanism.psp import (
    MECHANISMS,
    AuctionMechanism,
    Staircase,
    cheapest_price,
    cleared,
    searched_reply,
    staircase,
)
from node.mechanism.valuation import Flat, Parabolic, Valuation
from tests.mechanism.psp.books import BookCase, books
from tests.mechanism.psp.test_mechanisms import is_clear_cut, steps_of
from tests.mechanism.psp.test_reply import auctions, budget_of, epsilons, scale, thrifts
from tests.mechanism.valuation.valuations import valuations

every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=str)


def between(steps: Staircase, quantity: float, price: float, amount: float) -> float:
    """Half of the bid, and half of what PSP charges: convex in no auction, linear within its steps."""
    del quantity
    return 0.5 * (price * amount + steps.cost(amount))


@every
@settings(deadline=None)
@given(books())
def test_clearing_by_charge_is_the_clearing_of_the_mechanism(mechanism: AuctionMechanism, case: BookCase) -> None:
    assume(is_clear_cut(case))
    book = case.quantity, case.price, case.supply, case.reserve
    outcome, expected = cleared(mechanism.charge, *book), mechanism.clear(*book)
    assert outcome.allocation.tolist() == expected.allocation.tolist()
    np.testing.assert_allclose(outcome.charge, expected.charge, rtol=0, atol=1e-8 * case.worth)


@every
@settings(max_examples=100, deadline=None)
@given(valuations(), st.lists(auctions(), min_size=1, max_size=3), thrifts)
def test_search_finds_the_best_reply_of_our_mechanisms(
    mechanism: AuctionMechanism, theta: Valuation, cases: list[BookCase], thrift: float
) -> None:
    budget = budget_of(thrift, theta, cases)
    found = searched_reply(mechanism.charge, theta, steps_of(cases), budget=budget)
    best = mechanism.best_reply(theta, steps_of(cases), budget=budget)
    assert found.utility == pytest.approx(best.utility, abs=1e-7 * scale(theta, cases))
    assert found.cost <= budget * (1.0 + 1e-9)


def bought(charge: object, theta: Valuation, steps: Sequence[Staircase], amounts: Sequence[float]) -> float:
    assert callable(charge)
    paid = [charge(one, amount, one.price_at(amount), amount) for one, amount in zip(steps, amounts, strict=True)]
    return theta.value(sum(amounts)) - sum(paid)


@settings(max_examples=60, deadline=None)
@given(valuations(), auctions(), epsilons)
def test_at_one_seller_no_amount_is_better(theta: Valuation, case: BookCase, epsilon: float) -> None:
    (steps,) = steps_of([case])
    slack = 1e-7 * scale(theta, [case])
    best = searched_reply(between, theta, [steps])
    for share in np.linspace(0.005, 1.0, 200).tolist():
        amount = share * min(theta.demand_mb, sum(steps.quantity))
        if amount > 0.0 and steps.price_at(amount) < theta.marginal(amount):
            assert bought(between, theta, [steps], [amount]) <= best.utility + slack
    assert searched_reply(between, theta, [steps], epsilon=epsilon).utility >= best.utility - 2.0 * epsilon - slack


@pytest.mark.parametrize("seed", range(5))
def test_at_several_sellers_no_amounts_tried_are_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta = Parabolic(float(rng.uniform(50, 200)), 10.0)
    steps = [
        staircase(rng.uniform(1, 30, 12), rng.uniform(0, 12, 12), float(rng.uniform(50, 150)), 0.1) for _ in range(4)
    ]
    best = searched_reply(between, theta, steps).utility
    ends = [np.concatenate(([0.0], np.cumsum(one.quantity))) for one in steps]
    for _ in range(2000):
        tried = [float(rng.choice(end[:6])) * float(rng.choice([1.0, rng.uniform()])) for end in ends]
        assert bought(between, theta, steps, tried) <= best + 1e-6


def test_a_budget_ends_inside_a_step() -> None:
    reply = searched_reply(between, Flat(100, 5), [staircase([], [], 80, reserve=2)], budget=60)
    assert (reply.quantity, reply.cost) == (pytest.approx([30]), pytest.approx(60))


def test_a_step_of_rounding_is_passed_over() -> None:
    steps = Staircase([1.0, 2.0, 3.0], [10.0, 1e-15, 10.0])
    assert searched_reply(between, Flat(20, 10), [steps]).quantity == pytest.approx([20])


def test_who_pays_its_bid_shades_it_and_who_does_not_bids_its_value() -> None:
    rival = staircase([70], [2], supply=100)
    prices = {name: cheapest_price(one.charge, rival, 60, 3, 0.25) for name, one in MECHANISMS.items()}
    assert prices == {"psp": 3, "uniform-price": 3, "pay-as-bid": 2.25}
    assert cheapest_price(between, rival, 60, 3, 0.25) == 2.25
    assert cheapest_price(between, rival, 60, 2.1, 0.25) == 2.1
    assert cheapest_price(between, rival, 0.0, 3) == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_rejects_bad_numbers_by_name(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^supply must be"):
        cleared(between, [1], [1], bad)
    with pytest.raises(ValueError, match=r"^price must be finite"):
        cleared(between, [1.0], [bad], 1.0)


def test_without_sellers_or_supply_there_is_nothing_to_gain() -> None:
    assert searched_reply(between, Flat(20, 2), []).utility == 0
    assert searched_reply(between, Flat(20, 2), [staircase([], [], 0)], epsilon=1).quantity == [0]
