import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.psp import Clearing, clear, staircase
from tests.mechanism.psp.books import BookCase, amounts, books, prices
from tests.oracles import psp as oracle

TOLERANCE = 1e-9


def outcome(case: BookCase) -> Clearing:
    return clear(case.quantity, case.price, case.supply, case.reserve)


def quantity_slack(case: BookCase) -> float:
    return TOLERANCE * max(case.supply, sum(case.quantity))


def exactly(case: BookCase) -> tuple[oracle.Book, Fraction, Fraction]:
    return oracle.book_of(case.quantity, case.price), Fraction(case.supply), Fraction(case.reserve)


@pytest.mark.parametrize(
    ("quantity", "price", "allocation", "charge"),
    [
        ([60, 70, 40, 10], [4, 4, 2, 1], [46.1538, 53.8462, 0, 0], [124.6154, 135.3846, 0, 0]),
        ([60, 70], [4, 4], [46.1538, 53.8462], [64.6154, 55.3846]),
    ],
)
def test_published_fixtures(
    quantity: list[float], price: list[float], allocation: list[float], charge: list[float]
) -> None:
    result = clear(quantity, price, supply=100)
    assert result.allocation.round(4).tolist() == allocation
    assert result.charge.round(4).tolist() == charge


def test_lone_buyer_pays_the_reserve_for_each_unit() -> None:
    result = clear([30], [5], supply=100, reserve=2)
    assert (result.allocation.tolist(), result.charge.tolist()) == ([30], [60])


def test_lone_buyer_of_more_than_the_supply_pays_the_reserve() -> None:
    result = clear([130], [5], supply=100, reserve=2)
    assert (result.allocation.tolist(), result.charge.tolist()) == ([100], [200])


def test_bid_at_the_reserve_is_served_and_one_below_is_not() -> None:
    result = clear([10, 10], [2, 1.999], supply=100, reserve=2)
    assert (result.allocation.tolist(), result.charge.tolist()) == ([10, 0], [20, 0])


def test_all_bids_below_the_reserve_get_nothing() -> None:
    result = clear([10, 200], [1, 1], supply=100, reserve=2)
    assert (result.allocation.tolist(), result.charge.tolist()) == ([0, 0], [0, 0])


def test_no_bids() -> None:
    result = clear([], [], supply=100)
    assert (result.allocation.shape, result.charge.shape) == ((0,), (0,))


def test_no_supply_serves_nobody() -> None:
    result = clear([10, 0, 5], [4, 4, 2], supply=0, reserve=1)
    assert (result.allocation.tolist(), result.charge.tolist()) == ([0, 0, 0], [0, 0, 0])


def test_supply_that_just_serves_all_charges_the_reserve() -> None:
    result = clear([0.1, 0.2, 0.7], [3, 2, 1], supply=math.fsum([0.1, 0.2, 0.7]), reserve=0.5)
    assert result.allocation == pytest.approx([0.1, 0.2, 0.7], rel=1e-12)
    assert result.charge == pytest.approx([0.05, 0.1, 0.35], rel=1e-12)


@pytest.mark.parametrize("parts", [3, 7, 49])
def test_rounding_makes_no_winner(parts: int) -> None:
    result = clear([65 / parts] * parts + [10], [2.0] * parts + [1.0], supply=math.nextafter(65, 66))
    assert result.allocation[-1] == 0.0
    assert result.allocation.sum() == pytest.approx(65, rel=1e-12)


def test_small_bids_keep_their_price_beside_a_huge_one() -> None:
    result = clear([1e9, 1, 1, 1, 1], [9, 3, 2, 2, 1], supply=1e9 + 2)
    assert result.allocation.tolist() == [1e9, 1, 0.5, 0.5, 0]
    # Without it the two at 2 would get the half of theirs that they miss.
    assert result.charge[1] == pytest.approx(2.0)


def test_charge_of_a_lone_marginal_bid_is_never_negative() -> None:
    for quantity in np.linspace(1, 2, 101):
        result = clear([quantity, 0.1], [3, 1], supply=0.7)
        assert result.charge[1] == 0.0
        assert result.charge[0] == pytest.approx(0.1, rel=1e-12)
        assert clear([quantity], [3], supply=0.7).charge[0] >= 0.0


def test_zero_is_not_negative() -> None:
    result = clear([-0.0, 5], [-0.0, 3], supply=-0.0, reserve=-0.0)
    assert np.abs(result.charge).tolist() == [0, 0]
    assert math.copysign(1.0, clear([5], [3], supply=9, reserve=-0.0).charge[0]) == 1.0


@settings(max_examples=300)
@given(books())
def test_eq_5_and_6_clearing_agrees_with_the_definitions(case: BookCase) -> None:
    result, book = outcome(case), exactly(case)
    expected = [float(amount) for amount in oracle.allocations(*book)]
    by_exclusion = [float(amount) for amount in oracle.charges_by_exclusion(*book)]
    by_integral = [float(amount) for amount in oracle.charges_by_integral(*book)]
    np.testing.assert_allclose(result.allocation, expected, rtol=0, atol=quantity_slack(case))
    np.testing.assert_allclose(result.charge, by_exclusion, rtol=0, atol=TOLERANCE * case.worth)
    np.testing.assert_allclose(result.charge, by_integral, rtol=0, atol=TOLERANCE * case.worth)


@pytest.mark.parametrize("seed", range(4))
def test_eq_6_charge_is_the_integral_of_the_market_price_in_large_books_full_of_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quantity, price = rng.integers(0, 9, 400).astype(float), rng.integers(0, 30, 400) / 3
    supply, reserve = float(rng.uniform(0, 1.2) * quantity.sum()), float(rng.integers(0, 9)) / 3
    result = clear(quantity, price, supply, reserve)
    for i in range(0, 400, 7):
        steps = staircase(np.delete(quantity, i), np.delete(price, i), supply, reserve)
        assert result.charge[i] == pytest.approx(steps.cost(result.allocation[i]), abs=TOLERANCE * 10 * supply)


@given(books())
def test_sells_no_more_than_the_supply(case: BookCase) -> None:
    assert outcome(case).allocation.sum() <= case.supply + quantity_slack(case)


@given(books())
def test_allocates_between_nothing_and_the_quantity_bid(case: BookCase) -> None:
    allocation = outcome(case).allocation
    assert np.all(allocation >= 0.0)
    assert np.all(allocation <= np.array(case.quantity) * (1 + 1e-15))


@given(books())
def test_section_iv_c_1_nobody_pays_more_than_its_bid_nor_less_than_the_reserve(case: BookCase) -> None:
    result = outcome(case)
    slack = TOLERANCE * case.worth
    assert np.all(result.charge >= case.reserve * result.allocation - slack)
    assert np.all(result.charge >= 0.0)
    assert np.all(result.charge <= np.array(case.price) * result.allocation + slack)


@given(books())
def test_eq_19_every_winner_bids_more_than_any_loser(case: BookCase) -> None:
    allocation = outcome(case).allocation
    bids = [bid for bid in zip(case.quantity, case.price, allocation, strict=True) if bid[0] and bid[1] >= case.reserve]
    winning, losing = [p for _, p, a in bids if a], [p for _, p, a in bids if not a]
    assert not winning or not losing or min(winning) > max(losing)


@given(books(), prices())
def test_zero_bid_gets_and_pays_nothing(case: BookCase, price: float) -> None:
    result = clear([*case.quantity, 0.0], [*case.price, price], case.supply, case.reserve)
    assert (result.allocation[-1], result.charge[-1]) == (0.0, 0.0)


@given(books(), st.randoms(use_true_random=False))
def test_permuted_bids_have_the_permuted_outcome(case: BookCase, random: Any) -> None:
    order = list(range(len(case.price)))
    random.shuffle(order)
    shuffled = BookCase([case.quantity[i] for i in order], [case.price[i] for i in order], case.supply, case.reserve)
    result, again = outcome(case), outcome(shuffled)
    np.testing.assert_allclose(again.allocation, result.allocation[order], rtol=0, atol=quantity_slack(case))
    np.testing.assert_allclose(again.charge, result.charge[order], rtol=0, atol=TOLERANCE * case.worth)


@given(books(min_size=1), st.floats(0.0, 2.0))
def test_raising_a_price_never_lowers_the_allocation(case: BookCase, factor: float) -> None:
    dearer = [case.price[0] * (1.0 + factor), *case.price[1:]]
    raised = clear(case.quantity, dearer, case.supply, case.reserve)
    assert raised.allocation[0] >= outcome(case).allocation[0] - quantity_slack(case)


@given(books(), amounts(), prices())
def test_losing_bid_never_raises_an_allocation(case: BookCase, quantity: float, price: float) -> None:
    joined = clear([*case.quantity, quantity], [*case.price, price], case.supply, case.reserve)
    if joined.allocation[-1] == 0.0:
        slack = TOLERANCE * max(case.supply, sum(case.quantity) + quantity)
        assert np.all(joined.allocation[:-1] <= outcome(case).allocation + slack)


@given(books(min_size=1))
def test_charge_does_not_depend_on_ones_own_price_while_the_allocation_stays(case: BookCase) -> None:
    raised = clear(case.quantity, [case.price[0] * 1.5, *case.price[1:]], case.supply, case.reserve)
    result = outcome(case)
    if result.allocation[0] == raised.allocation[0]:
        assert raised.charge[0] == pytest.approx(result.charge[0], rel=0, abs=TOLERANCE * 1.5 * case.worth)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, "much", None, 10**400])
@pytest.mark.parametrize("name", ["supply", "reserve"])
def test_rejects_a_bad_number_by_name(name: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be"):
        clear([1], [1], **{"supply": 1.0, name: bad})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize("name", ["quantity", "price"])
def test_rejects_a_bad_element_by_name_and_index(name: str, bad: float) -> None:
    book = {"quantity": [1.0, 2.0], "price": [3.0, 4.0], name: [1.0, bad]}
    with pytest.raises(ValueError, match=f"^{name} must be finite and at least 0, got .* at index 1"):
        clear(**book, supply=1.0)


@pytest.mark.parametrize("bad", [[[1.0], [2.0]], 1.0])
@pytest.mark.parametrize("name", ["quantity", "price"])
def test_rejects_a_shape_by_name(name: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must have shape \(n,\)"):
        clear(**{"quantity": [1.0, 2.0], "price": [3.0, 4.0], name: bad}, supply=1.0)


@pytest.mark.parametrize("bad", [["much"], [10**400], [[1], [2, 3]]])
def test_rejects_what_is_no_array_of_numbers(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"^price must be an array of numbers"):
        clear([1.0], bad, supply=1.0)


def test_rejects_arrays_of_different_length() -> None:
    with pytest.raises(ValueError, match="quantity and price must have the same shape"):
        clear([1, 2], [1], supply=1)


def test_rejects_quantities_whose_sum_overflows() -> None:
    with pytest.raises(ValueError, match="quantity must have a finite sum"):
        clear([1.7e308, 1.7e308], [1, 1], supply=1)


def test_rejects_money_that_overflows() -> None:
    with pytest.raises(ValueError, match="quantity times price must be finite"):
        clear([1e200, 1], [1e200, 1], supply=1)
