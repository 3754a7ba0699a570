import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.dmp import (
    Beta,
    CommonEquilibrium,
    NoEquilibriumError,
    PrivateEquilibrium,
    Uniform,
    best_reply_gain,
    compound_bid,
    first_price_bid,
)
from tests.oracles import dmp as oracle

GRID = np.linspace(0.0, 1.0, 33)


def test_table_i_bids() -> None:
    assert first_price_bid([0.2548, 0.2728, 0.4084], 3).round(4).tolist() == [0.5032, 0.5152, 0.6056]


@pytest.mark.parametrize("bidders", [2, 3, 10])
@pytest.mark.parametrize("costs", [Uniform(), Beta(2, 3), Beta(0.7, 4), Beta(5, 1)])
def test_proposition_2_first_price_bids_are_the_integral(costs: Any, bidders: int) -> None:
    def survival(x: float) -> float:
        return float(costs.survival(x))

    def density(x: float) -> float:
        return float(costs.density(x))

    for cost in (0.01, 0.3, 0.77):
        expected = oracle.first_price_bid(cost, bidders, survival, density)
        assert float(first_price_bid(cost, bidders, costs)) == pytest.approx(expected, abs=5e-8)


def test_first_price_bids_of_any_support() -> None:
    assert first_price_bid([2.0, 3.0, 4.0], 4, Uniform(2.0, 4.0)).tolist() == [2.5, 3.25, 4.0]
    shifted = first_price_bid(2.0 + 3.0 * GRID, 4, Beta(2, 3, 2.0, 5.0))
    assert shifted == pytest.approx(2.0 + 3.0 * first_price_bid(GRID, 4, Beta(2, 3)))


def test_no_survival_left_is_no_trouble() -> None:
    bids = first_price_bid(GRID, 1000, Beta(2, 60))
    assert np.isfinite(bids).all()
    assert (bids >= GRID).all()


@pytest.mark.parametrize(("w", "price"), [(0.25, 1.2135), (0.5, 0.6753), (0.75, 0.5252), (0.9, 0.5033)])
def test_mean_winning_price_and_compound_bid(w: float, price: float) -> None:
    random, runs = np.random.default_rng(11), 200_000
    cost, reputation = random.random((2, runs, 3))
    bids = PrivateEquilibrium(w, 3).bid(cost, reputation)
    compound = compound_bid(bids, reputation, w)
    won = bids[np.arange(runs), compound.argmin(axis=1)]
    assert won.mean() == pytest.approx(price, abs=5 * won.std() / math.sqrt(runs) + 5e-5)
    lowest = compound.min(axis=1)
    assert lowest.mean() == pytest.approx(0.5, abs=5 * lowest.std() / math.sqrt(runs))


@settings(max_examples=25)
@given(st.floats(0.01, 0.999), st.integers(2, 12))
def test_closed_form_and_quadrature_agree(w: float, bidders: int) -> None:
    closed = PrivateEquilibrium(w, bidders)
    numeric = PrivateEquilibrium(w, bidders, Beta(1, 1), Beta(1, 1))
    t = np.linspace(-0.1, 1.1, 41)
    assert numeric.survival(t) == pytest.approx(closed.survival(t), abs=1e-9)
    assert numeric.compound(GRID) == pytest.approx(closed.compound(GRID), abs=1e-7)


@pytest.mark.parametrize("w", [0.3, 0.8])
def test_pseudo_types_are_the_double_integral(w: float) -> None:
    cost, reputation = Beta(2, 3), Beta(2, 5)
    equilibrium = PrivateEquilibrium(w, 3, cost, reputation)
    for t in (0.2, 0.5):
        expected = oracle.pseudo_type_survival(
            t, w, lambda c: float(cost.density(c)), lambda r: float(reputation.density(r))
        )
        assert float(equilibrium.survival(t)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "types", [(Uniform(), Uniform()), (Beta(2, 3), Beta(0.6, 2)), (Uniform(1, 3), Beta(2, 2, 0.2, 0.4))]
)
def test_compound_bids_are_the_mean_of_the_lowest_rival_above(types: Any) -> None:
    equilibrium = PrivateEquilibrium(0.6, 4, *types)
    random = np.random.default_rng(2)
    rivals = equilibrium.pseudo_type(types[0].sample(random, (400_000, 3)), types[1].sample(random, (400_000, 3)))
    lowest = rivals.min(axis=1)
    for share in (0.1, 0.5):
        t = float(np.quantile(lowest, share))
        above = lowest[lowest > t]
        slack = 5 * above.std() / math.sqrt(above.size)
        assert float(equilibrium.compound(t)) == pytest.approx(above.mean(), abs=slack)


@pytest.mark.parametrize("costs", [Uniform(), Beta(2, 3)])
def test_at_full_price_weight_the_reputation_is_nothing(costs: Any) -> None:
    equilibrium = PrivateEquilibrium(1.0, 3, costs, Beta(2, 2))
    expected = first_price_bid(GRID, 3, costs)
    for reputation in (0.0, 0.4, 1.0):
        assert equilibrium.bid(GRID, reputation) == pytest.approx(expected, abs=1e-15)
    nearly = PrivateEquilibrium(1.0 - 1e-6, 3, costs)
    assert nearly.bid(GRID, 0.5) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=40)
@given(st.floats(0.01, 1.0), st.integers(2, 40))
def test_bids_rise_with_the_cost_and_leave_a_margin(w: float, bidders: int) -> None:
    equilibrium = PrivateEquilibrium(w, bidders)
    bids = equilibrium.bid(GRID[:, None], GRID[None, :])
    assert (bids >= GRID[:, None]).all()
    assert (np.diff(bids, axis=0) > 0.0).all()
    assert (np.diff(bids, axis=1) <= 1e-9).all()  # a better reputation is worth a higher price
    compound = compound_bid(bids, GRID[None, :], w)
    assert equilibrium.compound(equilibrium.pseudo_type(GRID[:, None], GRID[None, :])) == pytest.approx(compound)


@pytest.mark.parametrize("types", [(Uniform(), Uniform()), (Beta(2, 3), Beta(2, 5))])
@pytest.mark.parametrize("left", [0.0, 1e-12, 1e-8, 1e-4, 1e-2])
def test_next_to_the_upper_end_the_margin_tends_to_its_limit(types: Any, left: float) -> None:
    equilibrium = PrivateEquilibrium(0.5, 3, *types)
    order = 2 if types[0] == Uniform() else 8  # the survival of T is left to this power: 3 and 5, the powers of both
    margin = float(equilibrium.compound(equilibrium.high - left)) - (equilibrium.high - left)
    assert margin == pytest.approx(left / (2 * order + 1), rel=0.02, abs=1e-15)


@pytest.mark.parametrize(
    ("types", "w", "bidders"),
    [
        ((Uniform(), Uniform()), 0.1, 2),
        ((Uniform(), Uniform()), 0.9, 10),
        ((Beta(2, 3), Beta(2, 5)), 0.5, 3),
        ((Beta(2, 3), Beta(2, 5)), 1.0, 5),
    ],
)
def test_nobody_gains_by_leaving_the_equilibrium(types: Any, w: float, bidders: int) -> None:
    audit = best_reply_gain(PrivateEquilibrium(w, bidders, *types).bid, w, bidders, *types)
    assert audit.gain <= 1e-5


@pytest.mark.parametrize(("w", "gain"), [(0.5, 0.2346), (0.9, 0.0452)])
def test_conjecture_3_the_first_price_bid_is_no_equilibrium_below_full_price_weight(w: float, gain: float) -> None:
    audit = best_reply_gain(lambda c, r: first_price_bid(c, 3) + 0.0 * r, w, 3)
    assert audit.gain == pytest.approx(gain, abs=1e-3)
    assert (audit.cost, audit.reputation) == (0.0, 0.0)
    assert audit.better_bid > audit.bid == pytest.approx(1 / 3)


def test_an_audit_by_simulation() -> None:
    audit = best_reply_gain(lambda c, r: first_price_bid(c, 3) + 0.0 * r, 0.5, 3)
    random = np.random.default_rng(4)
    cost, reputation = random.random((2, 400_000, 2))
    rivals = compound_bid(first_price_bid(cost, 3), reputation, 0.5).min(axis=1)
    utility = [(b - audit.cost) * (rivals > 0.5 * b + 0.5 * audit.reputation) for b in (audit.bid, audit.better_bid)]
    gain = utility[1] - utility[0]
    assert audit.gain == pytest.approx(gain.mean(), abs=5 * gain.std() / math.sqrt(gain.size))


def test_an_audit_knows_that_one_need_not_take_part() -> None:
    audit = best_reply_gain(lambda c, r: 0.5 * c + 0.0 * r, 0.9, 2)  # below cost
    assert audit.gain > 0.1
    assert audit.bid < audit.cost


@pytest.mark.parametrize("bid", [lambda c, r: 1.0 - c + 0.0 * r, lambda c, r: c / 0.0 * r])
def test_an_audit_needs_a_bid_that_rises(bid: Any) -> None:
    with pytest.raises(ValueError, match="non-decreasing"), np.errstate(all="ignore"):
        best_reply_gain(bid, 0.5, 2)


def test_proposition_1_without_a_price_weight_there_is_no_equilibrium() -> None:
    with pytest.raises(NoEquilibriumError, match="w must be above 0"):
        PrivateEquilibrium(0.0, 3)
    with pytest.raises(NoEquilibriumError, match="bidders must be at least 2"):
        PrivateEquilibrium(0.5, 1)
    with pytest.raises(NoEquilibriumError, match="bidders must be at least 2"):
        first_price_bid(0.5, 1)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((math.nan, 3), "w must"),
        ((-0.1, 3), "w must"),
        ((0.5, 0), "bidders"),
        ((0.5, 2.0), "bidders"),
        ((0.5, 2, Uniform(), Uniform(0, 2)), "reputation"),
    ],
)
def test_what_is_no_market_is_rejected(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        PrivateEquilibrium(*arguments)


def test_what_is_no_type_is_rejected() -> None:
    equilibrium = PrivateEquilibrium(0.5, 3)
    with pytest.raises(ValueError, match="c must be in"):
        equilibrium.bid(1.5, 0.5)
    with pytest.raises(ValueError, match="r must be in"):
        equilibrium.bid(0.5, [0.1, math.nan])
    with pytest.raises(ValueError, match="t must be in"):
        equilibrium.compound(1.1)
    with pytest.raises(ValueError, match="t must be in"):
        equilibrium.survival(math.nan)
    with pytest.raises(ValueError, match="cost must be in"):
        first_price_bid(-0.1, 3)


def test_uniform_draws_need_no_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert PrivateEquilibrium(0.5, 3).bid(0.2, [0.0, 1.0]).round(4).tolist() == [0.7928, 0.36]
    assert CommonEquilibrium(0.55, (0.25, 0.5, 0.75)).upper == pytest.approx(0.71, abs=1e-4)


def test_densities_that_are_infinite_at_an_end_do_no_harm() -> None:
    cost, reputation = Beta(0.5, 0.5), Beta(0.7, 2.0)
    equilibrium = PrivateEquilibrium(0.5, 3, cost, reputation)
    grid = np.linspace(0.0, 1.0, 21)
    bids = equilibrium.bid(grid[:, None], grid)
    assert np.all(bids >= grid[:, None])
    assert np.all(np.diff(bids, axis=0) > 0.0)
    assert best_reply_gain(equilibrium.bid, 0.5, 3, cost, reputation).gain < 5e-4
