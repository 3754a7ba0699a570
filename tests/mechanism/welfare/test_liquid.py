"""Welfare as far as buyers could pay for it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from node.mechanism.valuation import Flat, Parabolic, Valuation
from node.mechanism.welfare import Edges, gains_bound, liquid, most_gains, optimum, welfare
from tests.mechanism.welfare.test_welfare import markets

budgets_of = st.one_of(st.just(math.inf), st.just(0.0), st.floats(0.01, 1.2))
"""As shares of what all of it is worth."""


def by_tangents(
    valuations: list[Valuation], budgets: list[float], supply: list[float], edges: Edges, pieces: int
) -> float:
    """A linear program over x and t: the most Σ t with t_i ≤ b_i and no t_i above a tangent of θ_i, money.

    No liquid welfare exceeds it; where θ is piecewise linear between the points at which tangents touch, it is exact.
    """
    n, e = len(valuations), edges[0].size
    rows, limits = [], []
    for i, theta in enumerate(valuations):
        for z in np.linspace(0.0, theta.demand_mb, pieces + 1).tolist():
            slope = theta.marginal(z)
            rows.append(np.concatenate([np.where(edges[0] == i, -slope, 0.0), np.eye(n)[i]]))
            limits.append(theta.value(z) - slope * z)
        rows.append(np.concatenate([np.zeros(e), np.eye(n)[i]]))
        limits.append(min(budgets[i], theta.value(theta.demand_mb)))
    for j, most in enumerate(supply):
        rows.append(np.concatenate([np.where(edges[1] == j, 1.0, 0.0), np.zeros(n)]))
        limits.append(most)
    result = linprog(-np.concatenate([np.zeros(e), np.ones(n)]), A_ub=np.array(rows), b_ub=limits)
    return float(-result.fun)


def with_budgets(data: st.DataObject, valuations: list[Valuation]) -> list[float]:
    shares = data.draw(st.lists(budgets_of, min_size=len(valuations), max_size=len(valuations)))
    return [
        share * theta.value(theta.demand_mb) if share else 0.0 for share, theta in zip(shares, valuations, strict=True)
    ]


@settings(deadline=None, max_examples=40)
@given(markets(), st.data())
def test_most_liquid_welfare_is_between_what_tangents_allow_and_what_is_tried(
    market: tuple[list[Valuation], list[float], Edges], data: st.DataObject
) -> None:
    buyers, supply, edges = market
    budgets = with_budgets(data, buyers)
    capped = liquid(buyers, budgets)
    best = optimum(capped, supply, edges)
    worth = [theta.value(theta.demand_mb) for theta in buyers]
    assert best.welfare <= by_tangents(buyers, budgets, supply, edges, 8) * (1 + 1e-7) + 1e-7 * max(worth)
    assert best.welfare <= min(optimum(buyers, supply, edges).bound, sum(map(min, budgets, worth))) * (1 + 1e-9)
    left, got = list(supply), np.zeros(len(buyers))
    for i, j in zip(*edges, strict=True):
        amount = min(left[j], buyers[i].demand_mb * data.draw(st.floats(0, 1)))
        left[j] -= amount
        got[i] += amount
    tried = sum(
        min(theta.value(amount), budget) for theta, amount, budget in zip(buyers, got.tolist(), budgets, strict=True)
    )
    assert welfare(capped, got) == pytest.approx(tried)
    assert tried <= best.bound * (1 + 1e-9)
    price = data.draw(st.lists(st.floats(0, 12), min_size=len(supply), max_size=len(supply)))
    assert gains_bound(capped, supply, np.zeros(len(supply)), edges, price) >= best.welfare * (1 - 1e-9)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 40)), min_size=1, max_size=4),
    st.lists(st.integers(0, 9), min_size=1, max_size=3),
)
def test_most_liquid_welfare_of_flat_buyers_is_that_of_a_linear_program(
    parameters: list[tuple[int, int, int]], supply: list[int]
) -> None:
    buyers: list[Valuation] = [Flat(demand, price) for demand, price, _ in parameters]
    budgets = [float(budget) for _, _, budget in parameters]
    edges = np.repeat(np.arange(len(buyers)), len(supply)), np.tile(np.arange(len(supply)), len(buyers))
    best = optimum(liquid(buyers, budgets), supply, edges)
    assert best.welfare == pytest.approx(by_tangents(buyers, budgets, list(map(float, supply)), edges, 1), abs=1e-6)


def test_rich_buyer_with_little_money_leaves_the_rest_to_the_poor_one() -> None:
    buyers: list[Valuation] = [Flat(50, 10), Flat(50, 1)]
    edges = np.array([0, 1]), np.array([0, 0])
    # 2 MB of 10 are worth the budget of the first; welfare would give it all 50 MB.
    best = optimum(liquid(buyers, [20, math.inf]), [50], edges)
    assert (best.welfare, best.quantity.tolist()) == (pytest.approx(68), pytest.approx([2, 48]))
    assert optimum(buyers, [50], edges).quantity == pytest.approx([50, 0])
    # Net of a reserve of 0.5 on each of the 50 MB.
    assert most_gains(liquid(buyers, [20, math.inf]), [50], [0.5], edges) == pytest.approx(68 - 25)


def test_elastic_buyer_counts_up_to_its_budget() -> None:
    # θ(20) = 180 of at most 500.
    best = optimum(liquid([Parabolic(100, 10)], [180]), [90], (np.array([0]), np.array([0])))
    assert best.welfare == pytest.approx(180)
    assert welfare(liquid([Parabolic(100, 10)], [180]), [90]) == 180


def test_budgets_must_be_as_many_as_buyers() -> None:
    with pytest.raises(ValueError, match="zip"):
        liquid([Flat(5, 2)], [])
    with pytest.raises(ValueError, match=r"^limit must be finite and at least 0"):
        liquid([Flat(5, 2)], [-1.0])
