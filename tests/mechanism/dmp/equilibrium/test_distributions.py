import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.dmp import Beta, Distribution, Uniform, order_statistic_cdf, order_statistic_density
from tests.oracles import dmp as oracle

DISTRIBUTIONS = [Uniform(), Uniform(-1.0, 3.0), Beta(2, 3), Beta(2, 5, 1.0, 4.0), Beta(0.5, 0.5)]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_density_cdf_and_survival_belong_together(distribution: Distribution) -> None:
    low, high = distribution.low, distribution.high
    x = low + (high - low) * np.linspace(0.0, 1.0, 20002)[1:-1]
    assert distribution.cdf(x) + distribution.survival(x) == pytest.approx(1.0)
    assert distribution.cdf([low - 1, low, high, high + 1]).tolist() == [0, 0, 1, 1]
    assert distribution.survival([low - 1, low, high, high + 1]).tolist() == [1, 1, 0, 0]
    assert distribution.density([low - 1, high + 1]).tolist() == [0, 0]
    middle = distribution.density(0.5 * (x[1:] + x[:-1])) * np.diff(x)
    assert np.cumsum(middle) == pytest.approx(distribution.cdf(x[1:]) - distribution.cdf(x[0]), abs=1e-4)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_samples_are_of_the_distribution(distribution: Distribution) -> None:
    drawn = np.sort(distribution.sample(np.random.default_rng(5), 20000))
    gap = np.abs(distribution.cdf(drawn) - np.arange(20000) / 20000).max()
    assert gap < 2.0 / math.sqrt(20000)  # Kolmogorov and Smirnov: less than one in a thousand
    assert distribution.sample(np.random.default_rng(5), (2, 3)).shape == (2, 3)


def test_survival_keeps_its_digits_next_to_the_upper_end() -> None:
    assert float(Beta(2, 5).survival(1 - 2**-40)) == pytest.approx(6 * 2.0**-200, rel=1e-6)
    assert float(Uniform().survival(1 - 2**-50)) == 2.0**-50


@pytest.mark.parametrize(
    ("make", "arguments", "named"),
    [
        (Uniform, (1.0, 1.0), "high"),
        (Uniform, (math.nan, 1.0), "low"),
        (Uniform, (0.0, math.inf), "high"),
        (Uniform, (-1e308, 1e308), "high - low"),
        (Uniform, ("none", 1.0), "low"),
        (Beta, (0.0, 1.0), "a must"),
        (Beta, (1.0, math.inf), "b must"),
        (Beta, (1.0, 1.0, 2.0, 1.0), "high"),
    ],
)
def test_what_is_no_distribution_is_rejected(make: Any, arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make(*arguments)


def test_beta_says_that_it_needs_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ModuleNotFoundError, match=r"bidswarm\[launcher\]"):
        Beta(2, 3).cdf(0.5)


@given(st.floats(0.0, 1.0), st.integers(1, 7), st.data())
def test_eq_1_order_statistics_are_those_of_all_outcomes(probability: float, n: int, data: st.DataObject) -> None:
    i = data.draw(st.integers(1, n))
    found = float(order_statistic_cdf(probability, i, n))
    assert found == pytest.approx(oracle.order_statistic_cdf(probability, i, n), abs=1e-12)


@pytest.mark.parametrize(("i", "n"), [(1, 1), (1, 4), (3, 4), (4, 4)])
def test_the_density_is_the_slope_of_the_distribution(i: int, n: int) -> None:
    x, costs = np.linspace(0.05, 0.95, 31), Beta(2, 3)
    slope = (order_statistic_cdf(costs.cdf(x + 1e-5), i, n) - order_statistic_cdf(costs.cdf(x - 1e-5), i, n)) / 2e-5
    assert order_statistic_density(costs.cdf(x), costs.density(x), i, n) == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("value", "i", "n"), [(0.5, 0, 3), (0.5, 4, 3), (0.5, 1, 0), (0.5, 1.5, 3), (1.1, 1, 3)])
def test_what_is_no_order_statistic_is_rejected(value: float, i: Any, n: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        order_statistic_cdf(value, i, n)
    with pytest.raises(ValueError, match="must be"):
        order_statistic_density(value, 1.0, i, n)


def test_a_density_is_not_negative() -> None:
    with pytest.raises(ValueError, match="density_values"):
        order_statistic_density(0.5, -1.0, 1, 2)
