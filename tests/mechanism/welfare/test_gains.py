import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.valuation import Flat, Parabolic
from node.mechanism.welfare import gains_bound, most_gains, optimum

BUYERS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), min_size=1, max_size=4)
SELLERS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=3)


def complete(buyers: int, sellers: int) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(buyers), sellers), np.tile(np.arange(sellers), buyers)


@given(BUYERS, SELLERS, st.data())
def test_most_gains_pair_the_dearest_mb_with_the_cheapest(
    buyers: list[tuple[int, int]], sellers: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Where everybody reaches everybody and all is worth the same to a buyer, MB by MB while it gains."""
    worth = sorted((value for demand, value in buyers for _ in range(demand)), reverse=True)
    asked = sorted(reserve for supply, reserve in sellers for _ in range(supply))
    expected = sum(max(0, value - reserve) for value, reserve in zip(worth, asked, strict=False))
    supply, reserve = zip(*sellers, strict=True)
    valuations, edges = [Flat(*one) for one in buyers], complete(len(buyers), len(sellers))
    assert most_gains(valuations, supply, reserve, edges) == pytest.approx(expected, abs=1e-6)
    price = data.draw(st.lists(st.floats(0, 12), min_size=len(sellers), max_size=len(sellers)))
    assert gains_bound(valuations, supply, reserve, edges, price) >= expected - 1e-9


def test_no_reserve_makes_them_the_optimum() -> None:
    buyers, edges = [Parabolic(80, 10), Parabolic(60, 4)], complete(2, 2)
    best = optimum(buyers, [40, 30], edges).welfare
    assert most_gains(list(buyers), [40, 30], [0, 0], edges) == pytest.approx(best)


def test_elastic_buyer_takes_what_is_worth_more_than_the_reserve() -> None:
    # θ' = 10 - z / 10 meets 4 at 60 MB: a triangle of 60 MB by 6.
    assert most_gains([Parabolic(100, 10)], [90], [4], complete(1, 1)) == pytest.approx(180.0)
    assert gains_bound([Parabolic(100, 10)], [90], [4], complete(1, 1), [0.0]) == pytest.approx(180.0)


def test_nobody_in_reach_gains_nothing() -> None:
    none = np.zeros(0, np.intp)
    assert most_gains([Flat(5, 3)], [10], [1], (none, none)) == pytest.approx(0.0)
    assert gains_bound([Flat(5, 3)], [10], [1], (none, none), [1.0]) == 0.0
