import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp import (
    Staircase,
    best_reply,
    clear,
    expected_allocation,
    market_price,
    merged_staircase,
    residual_supply,
    staircase,
    unchecked_staircase,
)
from node.mechanism.valuation import Flat
from tests.mechanism.psp.books import BookCase, amounts, books, prices
from tests.oracles import psp as oracle

TOLERANCE = 1e-9


@given(books(), st.lists(st.floats(0, 2), max_size=5))
def test_eq_3_residual_supply_is_what_dearer_bids_leave(case: BookCase, factors: list[float]) -> None:
    top = max([case.reserve, *case.price])
    asked = [*case.price, *(factor * top for factor in factors)]
    book = oracle.book_of(case.quantity, case.price)
    expected = [
        float(oracle.residual_supply(Fraction(y), book, Fraction(case.supply), Fraction(case.reserve))) for y in asked
    ]
    slack = TOLERANCE * max(case.supply, sum(case.quantity))
    actual = residual_supply(asked, case.quantity, case.price, case.supply, case.reserve)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=slack)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=8), st.integers(0, 20), st.integers(0, 3))
def test_eq_2_market_price_inverts_the_residual_supply(bids: list[tuple[int, int]], supply: int, reserve: int) -> None:
    asked = np.arange(0, 22) / 2
    quantity, price = [d for d, _ in bids], [p for _, p in bids]
    book = oracle.book_of(quantity, price)
    expected = [float(oracle.market_price(Fraction(z), book, Fraction(supply), Fraction(reserve))) for z in asked]
    assert market_price(asked, quantity, price, supply, reserve).tolist() == expected


def test_market_price_checks_its_arguments_by_name() -> None:
    with pytest.raises(ValueError, match=r"^price must have shape"):
        market_price([1], [1], [[1]], supply=1)
    with pytest.raises(ValueError, match=r"^reserve must be finite"):
        market_price([1], [1], [1], supply=1, reserve=math.nan)
    with pytest.raises(ValueError, match=r"^amount must be finite"):
        market_price([-1], [1], [1], supply=1)


@given(books(), amounts(), prices())
def test_eq_5_expected_allocation_is_what_clearing_gives(case: BookCase, quantity: float, price: float) -> None:
    allocation = clear([*case.quantity, quantity], [*case.price, price], case.supply, case.reserve).allocation[-1]
    expected = expected_allocation(quantity, price, case.quantity, case.price, case.supply, case.reserve)
    assert expected == pytest.approx(allocation, abs=TOLERANCE * max(case.supply, sum(case.quantity) + quantity))


@given(books())
def test_eq_2_staircase_has_the_steps_of_the_market_price(case: BookCase) -> None:
    steps = staircase(case.quantity, case.price, case.supply, case.reserve)
    book = oracle.book_of(case.quantity, case.price)
    expected = oracle.steps_of(book, Fraction(case.supply), Fraction(case.reserve))
    assert np.all(np.diff(steps.price) > 0.0)
    assert all(quantity > 0.0 for quantity in steps.quantity)
    for share in (0.0, 0.3, 0.8, 1.0, 1.5):
        exact = oracle.cost(Fraction(share * case.supply), expected)
        assert steps.cost(share * case.supply) == pytest.approx(float(exact), abs=TOLERANCE * case.worth)


@given(st.lists(books(max_size=4), max_size=4))
def test_eq_2_of_substitutes_merges_the_steps_of_all_sellers(cases: list[BookCase]) -> None:
    steps = [staircase(case.quantity, case.price, case.supply, case.reserve) for case in cases]
    market = merged_staircase(steps)
    assert market.sellers == len(cases)
    assert np.all(np.diff([price for price, _, _ in market]) >= 0.0)
    for seller, own in enumerate(steps):
        here = [(price, quantity) for price, whose, quantity in market if whose == seller]
        assert here == [*zip(own.price, own.quantity, strict=True)]


def test_equal_prices_stand_in_the_order_of_their_sellers() -> None:
    market = merged_staircase([staircase([], [], 10, 2), staircase([], [], 20, 1), staircase([], [], 30, 2)])
    assert [*market] == [(1, 1, 20), (2, 0, 10), (2, 2, 30)]
    assert market.cost(25) == 30


@given(books(), prices())
def test_staircase_has_the_residual_supply_available(case: BookCase, price: float) -> None:
    steps = staircase(case.quantity, case.price, case.supply, case.reserve)
    slack = TOLERANCE * max(case.supply, sum(case.quantity))
    for asked in (price, *case.price):
        left = residual_supply([asked], case.quantity, case.price, case.supply, case.reserve)[0]
        assert steps.available(asked) == pytest.approx(left, abs=slack)


def test_losing_bids_take_nothing_from_the_staircase() -> None:
    steps = staircase([100, 50], [3, 1], supply=100, reserve=0.5)
    assert (steps.price, steps.quantity) == ([3], [100])


@given(books())
def test_bids_in_the_order_of_a_profile_leave_the_same_staircase_to_the_last_bit(case: BookCase) -> None:
    unlike = {price: quantity for quantity, price in zip(case.quantity, case.price, strict=True) if quantity > 0.0}
    prices = sorted(unlike, reverse=True)
    quantities = [unlike[price] for price in prices]
    assert unchecked_staircase(quantities, prices, case.supply, case.reserve) == unchecked_staircase(
        quantities[::-1], prices[::-1], case.supply, case.reserve
    )


@given(st.lists(books(max_size=4), max_size=4), st.lists(st.integers(0, 20), max_size=4))
def test_a_merged_staircase_can_be_climbed_again_and_by_several_at_once(
    cases: list[BookCase], climbs: list[int]
) -> None:
    staircases = [staircase(case.quantity, case.price, case.supply, case.reserve) for case in cases]
    market, everything = merged_staircase(staircases), [*merged_staircase(staircases)]
    climbers = [iter(market) for _ in climbs]
    for climber, steps in zip(climbers, climbs, strict=True):
        assert [*islice(climber, steps)] == everything[:steps]
    for climber, steps in zip(climbers, climbs, strict=True):
        assert [*climber] == everything[steps:]


def test_steps_that_nobody_climbs_are_not_merged() -> None:
    asked = list[float]()

    class Watched(list[float]):
        def __iter__(self) -> Iterator[float]:
            for price in super().__iter__():
                asked.append(price)
                yield price

    market = merged_staircase([Staircase(Watched([1, 3, 5, 7]), [10] * 4), Staircase(Watched([2, 4, 6, 8]), [10] * 4)])

    assert best_reply(Flat(15, 9), market).quantity == [10, 5]
    assert max(asked) == 4  # one more than the two steps that it climbs, of each seller
