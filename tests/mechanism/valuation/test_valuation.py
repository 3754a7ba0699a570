import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import (
    Capped,
    Flat,
    Isoelastic,
    Logarithmic,
    Paced,
    Parabolic,
    PiecewiseLinear,
    Remainder,
    Scaled,
    Valuation,
    curvature,
)
from tests.mechanism.valuation.valuations import paced, piecewise, valuations

shares = st.one_of(st.just(0.0), st.just(1.0), st.floats(0.0, 1.0))


def scale(theta: Valuation) -> float:
    return theta.marginal(0.0) * theta.demand_mb


@given(valuations())
def test_definition_iv_1_nothing_is_worth_nothing(theta: Valuation) -> None:
    assert theta.value(0.0) == 0.0


@given(valuations(), shares)
def test_lemma_iv_1_value_is_the_integral_of_the_marginal(theta: Valuation, share: float) -> None:
    amount = share * theta.demand_mb
    # Substituting a root spreads the knee of an isoelastic marginal valuation, close to 0, over the interval.
    integral = quad(
        lambda t: theta.marginal(t**3) * 3 * t * t, 0.0, amount ** (1 / 3), limit=400, epsabs=1e-7 * scale(theta)
    )[0]
    assert theta.value(amount) == pytest.approx(integral, rel=1e-5, abs=1e-6 * scale(theta))


def test_eq_10_values_the_first_mb_of_every_seller_as_the_first_of_all() -> None:
    """So that its sum over sellers is too much for a good that is the same everywhere."""
    theta = Parabolic(demand_mb=100, choke_price=20)
    assert (theta.value(50) + theta.value(50), theta.value(100)) == (1500.0, 1000.0)


@given(valuations(), shares, shares)
def test_definition_iv_1_value_does_not_fall_and_is_concave(theta: Valuation, one: float, other: float) -> None:
    low, high = sorted((one * theta.demand_mb, other * theta.demand_mb))
    slack = 1e-12 * scale(theta)
    middle = theta.value(0.5 * (low + high))
    assert theta.value(low) <= theta.value(high) + slack
    assert middle >= 0.5 * (theta.value(low) + theta.value(high)) - slack


@given(valuations(), shares, shares)
def test_definition_iv_1_marginal_does_not_rise(theta: Valuation, one: float, other: float) -> None:
    low, high = sorted((one * theta.demand_mb, other * theta.demand_mb))
    assert theta.marginal(low) >= theta.marginal(high) - 1e-12 * theta.marginal(0.0)
    assert theta.marginal(high) >= 0.0


@given(valuations(), st.floats(1.0, 9.0, exclude_min=True))
def test_more_than_the_demand_is_worth_no_more(theta: Valuation, factor: float) -> None:
    amount = factor * theta.demand_mb
    assert theta.value(amount) == pytest.approx(theta.value(theta.demand_mb), rel=1e-12)
    if amount > theta.demand_mb:
        assert theta.marginal(amount) == 0.0


@given(valuations())
def test_marginal_at_the_demand_is_its_limit_from_the_left(theta: Valuation) -> None:
    before = theta.marginal(theta.demand_mb * (1 - 1e-9))
    assert theta.marginal(theta.demand_mb) == pytest.approx(before, rel=1e-6, abs=1e-7 * theta.marginal(0.0))


@given(valuations(), shares)
def test_demand_is_where_the_marginal_falls_to_the_price(theta: Valuation, share: float) -> None:
    price = share * theta.marginal(0.0)
    wanted = theta.demand(price)
    hair = 1e-9 * theta.demand_mb
    slack = 1e-5 * theta.marginal(0.0)
    assert 0.0 <= wanted <= theta.demand_mb
    if wanted > hair:
        assert theta.marginal(wanted - hair) >= price - slack
    assert theta.marginal(wanted + hair) <= price + slack


@given(valuations(), shares)
def test_demand_inverts_the_marginal_where_that_falls(theta: Valuation, share: float) -> None:
    amount = share * theta.demand_mb
    price, hair = theta.marginal(amount), 1e-4 * theta.demand_mb
    drop = 1e-7 * theta.marginal(0.0)
    if hair < amount < theta.demand_mb - hair and theta.marginal(amount - hair) > price + drop:
        assert theta.demand(price) == pytest.approx(amount, rel=1e-6, abs=hair)


@given(valuations())
def test_nothing_is_wanted_at_the_choke_price_nor_above(theta: Valuation) -> None:
    assert theta.demand(theta.marginal(0.0)) == 0.0
    assert theta.demand(2 * theta.marginal(0.0)) == 0.0
    assert theta.demand(math.inf) == 0.0


def test_scaled_choke_price_is_too_dear_whatever_its_division_rounds_to() -> None:
    theta = Scaled(Logarithmic(demand_mb=1.0, choke_price=15.0, price_at_demand=7.5), 4.868192003485767)
    assert theta.marginal(0.0) / theta.factor < 15.0
    assert theta.demand(theta.marginal(0.0)) == 0.0


@given(valuations())
def test_everything_is_wanted_for_free(theta: Valuation) -> None:
    assert theta.demand(0.0) == theta.demand_mb


@given(piecewise())
def test_piecewise_agrees_with_interpolation_at_and_between_knots(theta: PiecewiseLinear) -> None:
    quantities, prices = zip(*theta.knots, strict=True)
    for amount in np.linspace(0, quantities[-1], 23):
        expected = np.interp(amount, quantities, prices)
        assert theta.marginal(float(amount)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    grid = np.union1d(np.linspace(0, quantities[-1], 23), quantities)
    area = np.trapezoid(np.interp(grid, quantities, prices), grid)
    assert theta.value(quantities[-1]) == pytest.approx(area, rel=1e-9)


@given(st.floats(0.2, 5.0), st.floats(-1e-7, 1e-7))
def test_isoelastic_value_is_smooth_around_unit_elasticity(ratio: float, distance: float) -> None:
    unit = Isoelastic(40, 2, 1, 2 + 10 * ratio)
    near = Isoelastic(40, 2, 1 + distance, 2 + 10 * ratio)
    assert near.value(40) == pytest.approx(unit.value(40), rel=1e-5)


def test_isoelastic_at_its_choke_price_throughout_is_flat() -> None:
    theta, flat = Isoelastic(40, 3, 2, 3), Flat(40, 3)
    for figure in (0, 2, 3, 4, 40, 41):
        assert theta.value(figure) == flat.value(figure)
        assert theta.marginal(figure) == flat.marginal(figure)
        assert theta.demand(figure) == flat.demand(figure)


def test_knots_may_be_lists_as_a_file_has_them() -> None:
    from_file: Any = [[0, 5], [10, 1]]
    assert PiecewiseLinear(from_file) == PiecewiseLinear(((0.0, 5.0), (10.0, 1.0)))


def test_valuations_are_values() -> None:
    assert {Parabolic(5, 2), Parabolic(5, 2), Logarithmic(5, 2, 1), Logarithmic(5, 2, 1)} == {
        Parabolic(5, 2),
        Logarithmic(5, 2, 1),
    }


@given(valuations(), shares, shares)
def test_remaining_is_the_rest_of_the_whole(theta: Valuation, held_share: float, share: float) -> None:
    held = held_share * theta.demand_mb
    rest = Remainder(theta, held)
    amount = share * rest.demand_mb
    slack = 1e-9 * scale(theta)
    assert rest.value(amount) == pytest.approx(theta.value(held + amount) - theta.value(held), abs=slack)
    assert rest.demand(0.0) == rest.demand_mb == pytest.approx(theta.demand_mb - held, abs=1e-9)
    price = share * theta.marginal(0.0)
    assert rest.demand(price) == pytest.approx(max(0.0, theta.demand(price) - held), abs=1e-9)


@settings(max_examples=300)
@given(st.floats(1.0, 100.0), st.floats(0.0, 1.0, exclude_max=True))
def test_rounding_does_not_take_the_price_from_the_last_mb(demand: float, share: float) -> None:
    rest = Remainder(Flat(demand, 2.0), share * demand)
    assert rest.marginal(rest.demand_mb) == 2.0
    assert rest.marginal(rest.demand_mb * 1.01) == 0.0


def test_nothing_remains_of_a_demand_that_was_exceeded() -> None:
    rest = Remainder(Flat(10, 2), 12)
    assert (rest.demand_mb, rest.demand(1), rest.marginal(0), rest.value(3)) == (0, 0, 0, 0)


@given(valuations(), shares, shares)
def test_capped_is_the_least_of_worth_and_limit(theta: Valuation, share: float, limit_share: float) -> None:
    limit = limit_share * theta.value(theta.demand_mb)
    capped, amount = Capped(theta, limit), share * theta.demand_mb
    assert capped.value(amount) == min(theta.value(amount), limit)
    assert capped.value(capped.demand_mb) == pytest.approx(limit, rel=1e-9, abs=1e-300)
    assert capped.value(capped.demand_mb * (1 - 1e-9)) <= limit
    assert capped.marginal(amount) == (theta.marginal(amount) if amount <= capped.demand_mb else 0.0)


def test_limit_beyond_what_all_is_worth_changes_nothing() -> None:
    theta = Capped(Parabolic(100, 20), 1e6)
    assert (theta.demand_mb, theta.value(70), theta.marginal(70), theta.demand(5)) == (
        100,
        Parabolic(100, 20).value(70),
        Parabolic(100, 20).marginal(70),
        75,
    )


def test_who_can_pay_nothing_counts_for_nothing() -> None:
    theta = Capped(Flat(10, 2), 0)
    assert (theta.demand_mb, theta.demand(1), theta.value(3)) == (0, 0, 0)


@given(paced(), shares)
def test_paced_bids_come_to_the_limit_at_most(theta: Paced, share: float) -> None:
    amount = share * theta.demand_mb
    assert theta.marginal(amount) * amount <= theta.limit * (1 + ROUNDING)
    price = share * theta.marginal(0.0)
    assert theta.demand(price) * price <= theta.limit * (1 + ROUNDING)


@given(paced(), shares)
def test_paced_is_the_whole_where_its_limit_does_not_bind(theta: Paced, share: float) -> None:
    whole, amount = theta.valuation, share * theta.demand_mb
    if whole.marginal(amount) * amount <= theta.limit:
        assert theta.marginal(amount) == whole.marginal(amount)
    else:
        assert theta.marginal(amount) == theta.limit / amount
    assert theta.value(amount) <= whole.value(amount) * (1 + ROUNDING)
    free = Paced(whole, whole.marginal(0.0) * whole.demand_mb)
    assert free.value(amount) == whole.value(amount)
    assert (free.marginal(amount), free.demand(share)) == (whole.marginal(amount), whole.demand(share))


def test_limit_on_bids_that_binds_in_the_middle_only_takes_nothing_from_the_rest() -> None:
    # z · θ'(z) = z · (8 - z) is 16 at most, and above 15 from 3 to 5 MB.
    theta = Parabolic(demand_mb=8.0, choke_price=8.0)
    paced = Paced(theta, limit=15.0)
    assert (paced.marginal(2.0), paced.marginal(4.0), paced.marginal(6.0)) == (6.0, 15 / 4, 2.0)
    assert paced.value(8.0) == pytest.approx(theta.value(3) + 15 * math.log(5 / 3) + theta.value(8) - theta.value(5))


def test_who_may_bid_nothing_finds_nothing_worth_anything() -> None:
    theta = Paced(Flat(10, 2), 0)
    assert (theta.value(3), theta.marginal(3), theta.demand(1)) == (0, 0, 0)


@given(valuations(), shares, shares)
def test_curvature_bounds_how_much_the_marginal_falls(theta: Valuation, one: float, other: float) -> None:
    low, high = sorted((one * theta.demand_mb, 1.5 * other * theta.demand_mb))
    fall = theta.marginal(low) - theta.marginal(high)
    assert fall <= curvature(theta) * (high - low) + 1e-9 * theta.marginal(0.0) or low == high


@pytest.mark.parametrize(
    ("theta", "steepest"),
    [
        (Parabolic(100, 20), (30, 40)),
        (Scaled(Parabolic(100, 20), 3.0), (30, 40)),
        (PiecewiseLinear(((0, 10), (20, 8), (30, 1), (50, 0))), (20, 30)),
    ],
)
def test_curvature_is_reached_where_the_marginal_is_steepest(theta: Valuation, steepest: tuple[float, float]) -> None:
    low, high = steepest
    assert (theta.marginal(low) - theta.marginal(high)) / (high - low) == pytest.approx(curvature(theta))


@pytest.mark.parametrize(
    "theta",
    [
        Flat(5, 2),
        Logarithmic(5, 2, 1),
        Isoelastic(5, 1, 2, 3),
        PiecewiseLinear(((0, 5), (10, 1))),
        Capped(Flat(5, 2), 4),
    ],
)
def test_curvature_is_infinite_where_the_marginal_jumps(theta: Valuation) -> None:
    assert theta.marginal(theta.demand_mb) > 0.0
    assert theta.marginal(theta.demand_mb * 1.001) == 0.0
    assert curvature(theta) == math.inf


GOOD: dict[type, dict[str, float]] = {
    Parabolic: {"demand_mb": 5.0, "choke_price": 3.0},
    Flat: {"demand_mb": 5.0, "price": 3.0},
    Logarithmic: {"demand_mb": 5.0, "choke_price": 3.0, "price_at_demand": 1.0},
    Isoelastic: {"demand_mb": 5.0, "price_at_demand": 1.0, "elasticity": 2.0, "choke_price": 3.0},
}


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, "much"])
@pytest.mark.parametrize(("family", "field"), [(family, field) for family in GOOD for field in GOOD[family]])
def test_rejects_a_field_by_name(family: Any, field: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{field} must be .* got {bad!r}"):
        family(**(GOOD[family] | {field: bad}))


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_rejects_a_limit_below_nothing(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^limit must be finite and at least 0"):
        Capped(Flat(5, 3), bad)
    with pytest.raises(ValueError, match=r"^limit must be finite and at least 0"):
        Paced(Flat(5, 3), bad)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_rejects_holding_less_than_nothing(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^held_mb must be finite and at least 0"):
        Remainder(Flat(5, 3), bad)


def test_logarithmic_must_fall() -> None:
    with pytest.raises(ValueError, match=r"^price_at_demand must be below choke_price, got 3"):
        Logarithmic(5, 3, 3)


def test_logarithmic_must_not_fall_too_steeply_for_a_float() -> None:
    with pytest.raises(ValueError, match="price_at_demand / choke_price must be finite and above 0"):
        Logarithmic(1e-200, 1e200, 1e-200)


def test_isoelastic_must_not_rise() -> None:
    with pytest.raises(ValueError, match=r"^choke_price must be at least price_at_demand, got 2"):
        Isoelastic(5, 3, 1, 2)


def test_isoelastic_must_leave_a_knee() -> None:
    with pytest.raises(ValueError, match=r"^elasticity must leave a quantity wanted at choke_price, got 2000"):
        Isoelastic(5, 3, 2000, 9)


@pytest.mark.parametrize(
    ("knots", "complaint"),
    [
        (((0, 1),), "two or more"),
        ((), "two or more"),
        (((1, 5), (2, 4)), "the first at quantity 0"),
        (((0, 0), (2, 0)), "above 0"),
        (((0, 5), (0, 4)), "ascending quantities"),
        (((0, 5), (3, 4), (2, 3)), "ascending quantities"),
        (((0, 5), (3, 6)), "non-increasing prices"),
        (((0, 5), (3, -1)), "at least 0"),
        (((0, 5), (3, math.nan)), "finite"),
        (((0, 5), 3), "pairs of quantity and price"),
        (3, "pairs of quantity and price"),
        (((0, 5), (1, 2, 3)), "pairs of quantity and price"),
    ],
)
def test_rejects_knots_that_make_no_marginal_valuation(knots: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=rf"knots.*{complaint}"):
        PiecewiseLinear(knots)
