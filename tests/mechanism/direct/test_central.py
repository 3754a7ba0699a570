"""The benchmarks over all sellers at once: VCG, the double auction, and the operator's matching."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.direct import ClearingHouse, OperatorMatching, Reports, Vcg, clearing_price
from node.mechanism.direct.reports import utility
from node.mechanism.valuation import Capped, Flat, Parabolic, Scaled
from node.mechanism.welfare import most_gains, optimum
from tests.mechanism.direct.reported import (
    WholeMarket,
    bought,
    gain_of_lying,
    gains,
    markets,
    paid,
    reports_of,
    whole_markets,
)
from tests.oracles import direct as oracle
from tests.oracles.welfare import water_filling


@settings(max_examples=40)
@given(markets())
def test_vcg_is_the_exact_optimum(reports: Reports) -> None:
    most = most_gains(reports.payable, reports.supply, reports.reserve, reports.edges)
    assert gains(reports, Vcg().outcome(reports)) == pytest.approx(most, rel=1e-9, abs=1e-7)


def test_vcg_of_elastic_buyers_is_the_closed_form_of_their_optimum() -> None:
    demand, choke = [80.0, 60.0, 30.0], [10.0, 4.0, 7.0]
    buyers = [Parabolic(*one) for one in zip(demand, choke, strict=True)]
    outcome = Vcg().outcome(reports_of(buyers, [(70.0, 0.0)], [{0}] * 3))
    np.testing.assert_allclose(outcome.quantity, water_filling(demand, choke, 70.0), rtol=1e-6)


@settings(max_examples=40)
@given(whole_markets())
def test_vcg_leaves_each_buyer_what_the_market_gains_by_it(market: WholeMarket) -> None:
    reports = market.reports
    outcome = Vcg().outcome(reports)
    utilities = [
        theta.value(amount) - money
        for theta, amount, money in zip(
            reports.valuations, bought(reports, outcome), paid(reports, outcome), strict=True
        )
    ]
    expected = [
        oracle.marginal_product(i, market.buyers, market.sellers, market.pools) for i in range(len(market.buyers))
    ]
    assert utilities == pytest.approx(expected, abs=1e-6)


@settings(max_examples=50)
@given(markets(with_budgets=False), st.data())
def test_no_misreport_gains_under_vcg(reports: Reports, data: st.DataObject) -> None:
    buyer = data.draw(st.integers(0, len(reports.valuations) - 1))
    theta = reports.valuations[buyer]
    told = data.draw(
        st.one_of(
            st.builds(lambda factor: Scaled(theta, factor), st.floats(0.05, 20.0)),
            st.builds(lambda share: Capped(theta, share * theta.value(theta.demand_mb)), st.floats(0.01, 1.0)),
            st.builds(Flat, st.floats(0.1, 80.0), st.floats(0.1, 20.0)),
        )
    )
    honest = utility(theta, math.inf, Vcg().bundle(reports, buyer))
    assert utility(theta, math.inf, Vcg().bundle(reports.with_report(buyer, told), buyer)) <= honest + 1e-6


@settings(max_examples=5)
@given(markets(with_budgets=False), st.data())
def test_an_optimiser_finds_no_lie_that_gains_under_vcg(reports: Reports, data: st.DataObject) -> None:
    assert gain_of_lying(Vcg(), reports, data.draw(st.integers(0, len(reports.valuations) - 1))) == 0.0


def test_a_budget_is_worth_lying_about_under_vcg() -> None:
    """Data are cheap, and worth more to the buyer than it can pay: the truth counts only as far as that."""
    reports = reports_of([Flat(100.0, 2.0)], [(80.0, 0.0)], [{0}], [50.0])
    assert Vcg().outcome(reports).quantity.tolist() == pytest.approx([25.0])
    assert gain_of_lying(Vcg(), reports, 0) > 10.0


@settings(max_examples=40)
@given(markets(with_budgets=False))
def test_all_trades_of_a_clearing_house_have_its_price(reports: Reports) -> None:
    outcome, price = ClearingHouse().outcome(reports), clearing_price(reports)
    np.testing.assert_allclose(outcome.charge, price * outcome.quantity)
    assert not outcome.quantity[reports.reserve[reports.seller] > price].any()


@given(markets(most_sellers=1, with_budgets=False))
def test_clearing_house_of_one_seller_is_efficient(reports: Reports) -> None:
    """At the clearing price nobody who buys would rather not, and nobody who does not would rather buy."""
    everybody = reports_of(
        reports.valuations, [(float(reports.supply[0]), float(reports.reserve[0]))], [{0}] * len(reports.valuations)
    )
    most = most_gains(everybody.valuations, everybody.supply, everybody.reserve, everybody.edges)
    assert gains(everybody, ClearingHouse().outcome(everybody)) == pytest.approx(most, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("shortage", [0.3, 0.8])
def test_clearing_price_is_what_an_mb_is_worth_at_the_optimum(shortage: float) -> None:
    buyers = [Parabolic(80.0, 10.0), Parabolic(60.0, 4.0)]
    reports = reports_of(buyers, [(140.0 * shortage, 0.0)], [{0}, {0}])
    best = optimum(buyers, reports.supply, reports.edges)
    assert clearing_price(reports) == pytest.approx(best.price[0], rel=1e-6)


def test_who_asks_for_less_lowers_the_price_of_a_clearing_house() -> None:
    reports = reports_of([Parabolic(100.0, 10.0), Parabolic(100.0, 10.0)], [(100.0, 0.0)], [{0}, {0}])
    assert gain_of_lying(ClearingHouse(), reports, 0) > 1.0


@given(markets(with_budgets=False))
def test_operator_keeps_all_that_the_reports_say_is_gained(reports: Reports) -> None:
    outcome = OperatorMatching().outcome(reports)
    most = most_gains(reports.valuations, reports.supply, reports.reserve, reports.edges)
    asked = float(reports.reserve[reports.seller] @ outcome.quantity)
    assert sum(paid(reports, outcome)) - asked == pytest.approx(most, rel=1e-7, abs=1e-6)


def test_who_bids_less_keeps_it_from_the_operator() -> None:
    reports = reports_of([Flat(50.0, 4.0), Flat(50.0, 1.0)], [(50.0, 0.0)], [{0}, {0}])
    # It has to beat 1 per MB: the search comes near to the 150 of money that are left.
    assert 120.0 < gain_of_lying(OperatorMatching(), reports, 0) <= 150.0
