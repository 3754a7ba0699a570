import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node.mechanism.valuation import Flat, Valuation
from node.mechanism.welfare import envies, jain_index
from tests.mechanism.valuation.valuations import valuations

SHARES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6).map(np.array)


@given(SHARES)
@example(np.array([4e-161, 4e-161]))
def test_jain_index_is_between_an_nth_and_1(shares: np.ndarray) -> None:
    assert 1.0 / shares.size * (1.0 - 1e-9) <= jain_index(shares) <= 1.0 + 1e-9


# Where a float has few digits left, another unit is other shares.
@given(SHARES.map(lambda shares: np.where(shares < 1e-300, 0.0, shares)), st.floats(0.1, 10.0))
def test_jain_index_does_not_depend_on_the_unit(shares: np.ndarray, unit: float) -> None:
    assert jain_index(unit * shares) == pytest.approx(jain_index(shares))


@given(st.lists(st.tuples(valuations(), st.floats(0.0, 90.0), st.floats(0.0, 90.0), st.floats(0.0, 90.0)), max_size=6))
def test_envy_is_the_best_of_all_exchanges(users: list[tuple[Valuation, float, float, float]]) -> None:
    expected = [
        max(
            0.0,
            *(
                theta.value(amount) - charge - (theta.value(own) - paid)
                for _, _, amount, charge in users
                if charge <= budget
            ),
            0.0,
        )
        for theta, budget, own, paid in users
    ]
    thetas, budgets = [one[0] for one in users], [one[1] for one in users]
    amounts, charges = (np.array([one[k] for one in users]) for k in (2, 3))
    assert envies(thetas, budgets, amounts, charges).tolist() == pytest.approx(expected, abs=1e-6)


def test_nobody_envies_at_one_price_for_all() -> None:
    thetas = [Flat(50.0, 3.0), Flat(20.0, 2.0), Flat(30.0, 0.5)]
    amounts = np.array([50.0, 20.0, 0.0])
    assert envies(thetas, [np.inf] * 3, amounts, 1.0 * amounts).tolist() == [0.0, 0.0, 0.0]
