import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp import clear
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve, ReserveRule

Bids = list[tuple[float, float]]


def reserve(rule: ReserveRule, bids: Bids, supply: float) -> float:
    return rule.reserve(np.array([d for d, _ in bids]), np.array([p for _, p in bids]), supply)


@pytest.mark.parametrize("bids", [[], [(50, 4), (80, 3), (10, 2)]])
def test_fixed_reserve_is_its_floor(bids: Bids) -> None:
    assert reserve(FixedReserve(1.5), bids, 100) == 1.5


@pytest.mark.parametrize(
    ("bids", "expected"),
    [
        pytest.param([(60, 4), (40, 3), (10, 2), (10, 1)], 2.1, id="highest loser plus the step"),
        pytest.param([(60, 4), (80, 3), (10, 2)], 2.1, id="a partly served bid is no loser"),
        pytest.param([(60, 4), (40, 2.05), (10, 2)], 2.05, id="no more than the lowest winning price"),
        pytest.param([(100, 4), (10, 4)], 0.5, id="a tie shares: nobody loses"),
        pytest.param([(60, 4), (30, 3)], 0.5, id="supply is left"),
        pytest.param([(60, 4), (30, 3), (10, 0.4)], 0.5, id="a bid below the floor is no loser"),
        pytest.param([(100, 4), (0, 3)], 0.5, id="a bid of nothing is no loser"),
        pytest.param([(100, 4), (0.1, 3), (10, 2)], 2.1, id="a bid of a thousandth of the supply is no loser"),
        pytest.param([(100, 4), (0.1, 3), (0.1, 3), (10, 2)], 2.1, id="nor is either of two at one price"),
        pytest.param([(100, 4), (0.1001, 3), (10, 2)], 3.1, id="a bid of a little more is"),
        pytest.param([(99.95, 4), (0.1, 2.05), (10, 2)], 2.05, id="a small winner is not turned away either"),
        pytest.param([(60, 0.4)], 0.5, id="nobody reaches the floor"),
        pytest.param([], 0.5, id="no bids"),
    ],
)
def test_eq_14_highest_losing_reserve(bids: Bids, expected: float) -> None:
    assert reserve(HighestLosingReserve(0.5, 0.1), bids, 100) == pytest.approx(expected)


def test_highest_losing_reserve_is_floor_where_nothing_is_on_sale() -> None:
    assert reserve(HighestLosingReserve(0.5, 0.1), [(60, 4), (10, 2)], 0.0) == 0.5


books = st.lists(st.tuples(st.floats(0.0, 50.0), st.sampled_from([0.0, 0.5, 1.0, 1.05, 2.0, 3.0])), max_size=8)


@given(books, st.floats(0.0, 100.0), st.floats(0.0, 2.0))
def test_highest_losing_reserve_is_never_below_floor(bids: Bids, supply: float, floor: float) -> None:
    assert reserve(HighestLosingReserve(floor, 0.1), bids, supply) >= floor


@given(books, st.floats(0.0, 100.0), st.floats(0.0, 2.0))
def test_highest_losing_reserve_turns_no_winner_away(bids: Bids, supply: float, floor: float) -> None:
    quantity, price = np.array([d for d, _ in bids]), np.array([p for _, p in bids])
    set_price = HighestLosingReserve(floor, 0.1).reserve(quantity, price, supply)
    before = clear(quantity, price, supply, floor).allocation
    assert clear(quantity, price, supply, set_price).allocation == pytest.approx(before)


quantities = st.floats(0.0, 60.0) | st.sampled_from(
    [0.0, 0.05, 20.0, 50.0]
)  # sums that just fill the supply, and slivers
prices = st.floats(0.0, 6.0) | st.sampled_from([1.0, 2.0, 2.05, 3.0])  # ties, and steps across a winner


@given(
    st.lists(st.tuples(quantities, prices), min_size=1, max_size=8),
    st.floats(0.0, 100.0) | st.just(100.0),
    st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from([0.0, 0.01, 0.5, 10.0]),
)
def test_eq_14_without_ones_own_bid_is_the_floor_in_all_that_it_does(
    bids: Bids, supply: float, floor: float, epsilon: float
) -> None:
    """A bidder is allocated and charged as if there were the floor alone (docs/decisions/0003-reserve-price.md)."""
    rule, quantity, price = HighestLosingReserve(floor, epsilon), *np.array(bids, float).T
    fixed = clear(quantity, price, supply, floor)
    for i in range(len(bids)):
        own = rule.reserve(np.delete(quantity, i), np.delete(price, i), supply)
        faced = clear(quantity, price, supply, own)
        assert faced.allocation[i] == pytest.approx(fixed.allocation[i], abs=1e-9)
        assert faced.charge[i] == pytest.approx(fixed.charge[i], abs=1e-9)


def test_eq_14_with_ones_own_bid_charges_more_than_the_floor() -> None:
    """So the law above does not hold for want of losers: here the reserve of the literal rule binds."""
    quantity, price, rule = np.array([10.0, 5.0]), np.array([5.0, 1.0]), HighestLosingReserve(0.0, 0.01)
    assert clear(quantity, price, 10.0, rule.reserve(quantity, price, 10.0)).charge[0] == pytest.approx(10.1)
    assert clear(quantity, price, 10.0, rule.reserve(quantity[1:], price[1:], 10.0)).charge[0] == pytest.approx(5.0)


def test_ls_proposition_1_fails_where_the_reserve_follows_eq_14() -> None:
    """A buyer to whom each of 100 MB is worth 5 gains by asking for 90, since then nobody loses."""

    def utility(wanted: float, rule: ReserveRule) -> float:
        bids = np.array([wanted, 10.0]), np.array([5.0, 3.0])
        outcome = clear(*bids, 100.0, rule.reserve(*bids, 100.0))
        return float(5.0 * outcome.allocation[0] - outcome.charge[0])

    assert utility(90.0, FixedReserve(0.0)) < utility(100.0, FixedReserve(0.0))
    assert utility(90.0, HighestLosingReserve(0.0, 0.1)) > utility(100.0, HighestLosingReserve(0.0, 0.1))
