"""What every mechanism keeps that works everything out at once (docs/baselines.md)."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.direct import DIRECT, DirectMechanism, Reports
from node.mechanism.valuation import Flat
from node.mechanism.welfare import most_gains
from tests.mechanism.direct.reported import bought, gain_of_lying, gains, markets, paid, reports_of

TOLERANCE = 1e-7
every = pytest.mark.parametrize("mechanism", DIRECT.values(), ids=DIRECT)


@every
@settings(max_examples=30)
@given(markets())
def test_nobody_sells_more_than_it_has_nor_below_its_reserve(mechanism: DirectMechanism, reports: Reports) -> None:
    outcome = mechanism.outcome(reports)
    sold = np.bincount(reports.seller, weights=outcome.quantity, minlength=reports.supply.size)
    assert np.all(outcome.quantity >= 0.0)
    assert np.all(sold <= reports.supply * (1.0 + TOLERANCE))
    got = np.bincount(reports.buyer, weights=outcome.quantity, minlength=len(reports.valuations))
    least = np.bincount(
        reports.buyer, weights=reports.reserve[reports.seller] * outcome.quantity, minlength=len(reports.valuations)
    )
    assert np.all(np.array(paid(reports, outcome)) >= least - TOLERANCE * (1.0 + got))


@every
@settings(max_examples=30)
@given(markets())
def test_nobody_pays_more_than_its_worth_or_its_budget(mechanism: DirectMechanism, reports: Reports) -> None:
    outcome = mechanism.outcome(reports)
    for theta, budget, amount, money in zip(
        reports.valuations, reports.budgets, bought(reports, outcome), paid(reports, outcome), strict=True
    ):
        assert money <= theta.value(amount) + TOLERANCE
        assert money <= budget + TOLERANCE


@every
@settings(max_examples=15)
@given(markets(with_budgets=False))
def test_no_outcome_gains_more_than_the_most_gains(mechanism: DirectMechanism, reports: Reports) -> None:
    most = most_gains(reports.valuations, reports.supply, reports.reserve, reports.edges)
    assert gains(reports, mechanism.outcome(reports)) <= most * (1.0 + TOLERANCE) + TOLERANCE


@every
@settings(max_examples=15)
@given(markets(), st.data())
def test_what_one_buyer_gets_is_its_part_of_the_outcome(
    mechanism: DirectMechanism, reports: Reports, data: st.DataObject
) -> None:
    buyer = data.draw(st.integers(0, len(reports.valuations) - 1))
    outcome = mechanism.outcome(reports)
    expected = bought(reports, outcome)[buyer], paid(reports, outcome)[buyer]
    assert mechanism.bundle(reports, buyer) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@every
def test_market_without_trades_sells_nothing(mechanism: DirectMechanism) -> None:
    too_dear = reports_of([Flat(10.0, 1.0)], [(5.0, 2.0)], [{0}])
    assert mechanism.outcome(too_dear).quantity.tolist() == [0.0]
    out_of_reach = reports_of([Flat(10.0, 1.0), Flat(10.0, 3.0)], [(5.0, 0.0)], [set(), {0}])
    assert mechanism.outcome(out_of_reach).quantity.tolist() == pytest.approx([5.0], rel=1e-2)
    assert gain_of_lying(mechanism, out_of_reach, 0) == 0.0


@pytest.mark.parametrize("field", ["supply", "reserve"])
def test_a_number_that_is_none_is_named(field: str) -> None:
    numbers = {"supply": [1.0], "reserve": [0.0], field: [math.nan]}
    with pytest.raises(ValueError, match=f"{field} must be finite and at least 0, got nan"):
        Reports.of([Flat(1.0, 1.0)], numbers["supply"], ([0], [0]), numbers["reserve"])
