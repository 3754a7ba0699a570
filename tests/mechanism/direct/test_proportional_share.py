"""The proportional share at its equilibrium."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.direct import ProportionalShare, Reports, proportional_share
from node.mechanism.direct.reports import utility
from node.mechanism.valuation import Flat, Valuation
from node.mechanism.welfare import optimum
from tests.mechanism.direct.reported import bought, elastic, gain_of_lying, gains, markets, reports_of
from tests.oracles import direct as oracle

ASK = 1e-4
"""Relative: the equilibrium of sellers who ask nothing is that of sellers who ask next to nothing."""


@settings(max_examples=30)
@given(st.floats(0.5, 9.0), st.floats(0.5, 9.0), st.floats(1.0, 60.0))
def test_two_linear_buyers_share_in_proportion_to_their_values(one: float, other: float, supply: float) -> None:
    """Each pays D·v²·u/(v + u)², v its own value and u the other's."""
    reports = reports_of([Flat(supply, one), Flat(supply, other)], [(supply, 0.0)], [{0}, {0}])
    outcome = ProportionalShare().outcome(reports)
    total = one + other
    assert outcome.quantity.tolist() == pytest.approx([supply * one / total, supply * other / total], abs=ASK * supply)
    payments = [supply * one**2 * other / total**2, supply * other**2 * one / total**2]
    assert outcome.charge.tolist() == pytest.approx(payments, abs=ASK * supply * max(one, other))


@given(st.integers(2, 8), st.floats(0.5, 9.0))
def test_equal_linear_buyers_pay_all_but_an_nth_of_the_value(count: int, value: float) -> None:
    reports = reports_of([Flat(90.0, value)] * count, [(90.0, 0.0)], [{0}] * count)
    outcome = ProportionalShare().outcome(reports)
    np.testing.assert_allclose(outcome.charge / outcome.quantity, value * (count - 1) / count, rtol=ASK)


@settings(max_examples=40)
@given(st.lists(elastic, min_size=2, max_size=5), st.integers(1, 60))
def test_one_seller_shares_by_the_optimum_of_modified_valuations(buyers: list[Valuation], supply: int) -> None:
    reports = reports_of(buyers, [(float(supply), 0.0)], [{0}] * len(buyers))
    got = bought(reports, ProportionalShare().outcome(reports))
    assert got == pytest.approx(oracle.proportional_share(buyers, float(supply)), abs=1e-3 * supply)


@settings(max_examples=40)
@given(st.lists(elastic, min_size=2, max_size=5), st.integers(1, 60))
def test_no_more_than_a_quarter_of_the_optimum_is_lost(buyers: list[Valuation], supply: int) -> None:
    """Johari and Tsitsiklis (2004), for buyers who anticipate prices."""
    reports = reports_of(buyers, [(float(supply), 0.0)], [{0}] * len(buyers))
    best = optimum(buyers, reports.supply, reports.edges).welfare
    assert gains(reports, ProportionalShare().outcome(reports)) >= 0.75 * best * (1.0 - ASK)


@settings(max_examples=40)
@given(markets(), st.data())
def test_no_other_payments_are_better_in_the_equilibrium(reports: Reports, data: st.DataObject) -> None:
    outcome = ProportionalShare().outcome(reports)
    buyer = data.draw(st.integers(0, len(reports.valuations) - 1))
    theta, budget, pool = reports.valuations[buyer], reports.budgets[buyer], reports.pool(buyer)
    own = outcome.charge[pool]
    factors = data.draw(st.lists(st.sampled_from([0.0, 0.5, 0.9, 1.0, 1.1, 2.0]), min_size=own.size, max_size=own.size))
    others = np.where(reports.buyer == buyer, 0.0, outcome.charge)
    dearest = max(one.marginal(0.0) for one in reports.valuations)
    asks = np.maximum(reports.reserve, proportional_share.LEAST_ASK * dearest) * reports.supply
    rivals = (asks + np.bincount(reports.seller, weights=others, minlength=reports.supply.size))[reports.seller[pool]]
    tried = own * factors
    amounts = np.divide(
        reports.supply[reports.seller[pool]] * tried, tried + rivals, where=tried > 0.0, out=tried * 0.0
    )
    best = utility(theta, budget, (float(outcome.quantity[pool].sum()), float(own.sum())))
    assert utility(theta, budget, (float(amounts.sum()), float(tried.sum()))) <= best + 1e-5


def test_anticipating_prices_gains_over_taking_them() -> None:
    reports = reports_of([Flat(90.0, 2.0), Flat(90.0, 1.0)], [(90.0, 0.0)], [{0}, {0}])
    # Against 20 of money it pays 40 for 60 MB; by taking the price of 2 for given it would pay 160 for 80 MB.
    assert gain_of_lying(ProportionalShare(), reports, 0) == pytest.approx(80.0, rel=ASK)


def test_prices_that_are_not_found_are_no_equilibrium(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proportional_share, "MOST_SWEEPS", 0)
    with pytest.raises(ArithmeticError, match="were not found in 0 sweeps"):
        ProportionalShare().outcome(reports_of([Flat(90.0, 2.0)], [(90.0, 0.0)], [{0}]))


def test_the_slope_of_a_price_asks_the_buyers_of_its_seller_only(monkeypatch: pytest.MonkeyPatch) -> None:
    replies, buyers, sellers, reply = 0, 60, 20, proportional_share._reply
    reports = reports_of(
        [Flat(20.0 + i % 7, 1.0 + (0.37 * i) % 2.0) for i in range(buyers)],
        [(40.0 + 3.0 * (j % 5), 0.01) for j in range(sellers)],
        [{i % sellers, (3 * i + 1) % sellers} for i in range(buyers)],
    )
    game = proportional_share._Game.of(reports)
    price = game._swept(game.ask)

    def counted(*of: Any) -> list[float]:
        nonlocal replies
        replies += 1
        return reply(*of)

    monkeypatch.setattr(proportional_share, "_reply", counted)
    game._near(price)
    assert 0 < replies < 4_000  # of all buyers for each seller they are 5,520
