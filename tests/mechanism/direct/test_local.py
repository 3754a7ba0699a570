"""What single sellers can do at once: post a price, and clear several bids of each buyer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.direct import MultiBid, PostedPrice, Reports
from node.mechanism.direct.multi_bid import truthful_bids
from node.mechanism.direct.reports import utility
from node.mechanism.valuation import Flat, Parabolic, Valuation
from tests.mechanism.direct.reported import bought, elastic, gain_of_lying, markets, reports_of
from tests.oracles import direct as oracle

# Posted prices


@given(markets(), st.data())
def test_nothing_else_that_is_left_is_better_than_what_a_buyer_takes_at_posted_prices(
    reports: Reports, data: st.DataObject
) -> None:
    """Truthful: no amounts within what earlier buyers have left, and within the budget, have more utility."""
    outcome = PostedPrice().outcome(reports)
    buyer = data.draw(st.integers(0, len(reports.valuations) - 1))
    pool, before = reports.pool(buyer), reports.buyer < buyer
    taken = np.bincount(reports.seller[before], weights=outcome.quantity[before], minlength=reports.supply.size)
    left = (reports.supply - taken)[reports.seller[pool]]
    tried = data.draw(st.lists(st.floats(0.0, 1.0), min_size=pool.size, max_size=pool.size)) * left
    price = reports.reserve[reports.seller[pool]]
    theta, budget = reports.valuations[buyer], reports.budgets[buyer]
    best = utility(theta, budget, PostedPrice().bundle(reports, buyer))
    assert utility(theta, budget, (float(tried.sum()), float(price @ tried))) <= best + 1e-6


@settings(max_examples=10)
@given(markets())
def test_an_optimiser_finds_no_lie_that_gains_at_posted_prices(reports: Reports) -> None:
    gains = [gain_of_lying(PostedPrice(), reports, i) for i in range(len(reports.valuations))]
    assert gains == [0.0] * len(gains)


def test_first_come_is_first_served_at_the_cheapest_seller() -> None:
    reports = reports_of([Flat(60.0, 4.0), Flat(60.0, 9.0)], [(50.0, 3.0), (50.0, 2.0)], [{0, 1}, {0, 1}])
    outcome = PostedPrice().outcome(reports)
    assert outcome.quantity.tolist() == [10.0, 50.0, 40.0, 0.0]
    assert outcome.charge.tolist() == [30.0, 100.0, 120.0, 0.0]


# Multi-bid


@given(st.lists(elastic, min_size=1, max_size=4), st.integers(0, 60), st.sampled_from([0.0, 1.5]), st.integers(1, 6))
def test_one_sellers_multi_bids_are_cleared_by_their_definition(
    buyers: list[Valuation], supply: int, reserve: float, bids: int
) -> None:
    reports = reports_of(buyers, [(float(supply), reserve)], [{0}] * len(buyers))
    outcome = MultiBid(bids).outcome(reports)
    books = [[*truthful_bids(theta, 1.0, reserve, bids)] for theta in buyers] if supply else [[] for _ in buyers]
    expected = oracle.multi_bid(books, supply, reserve)
    assert outcome.quantity.tolist() == pytest.approx([amount for amount, _ in expected], abs=1e-9)
    assert outcome.charge.tolist() == pytest.approx([money for _, money in expected], abs=1e-7)


@settings(max_examples=40)
@given(st.lists(elastic, min_size=2, max_size=4), st.integers(1, 60), st.integers(2, 12), st.data())
def test_lying_in_multi_bids_gains_no_more_than_their_coarseness(
    buyers: list[Valuation], supply: int, bids: int, data: st.DataObject
) -> None:
    """True bids lose at most the largest area that lies between two of them and θ' (Maillé & Tuffin, 2004)."""
    reports = reports_of(buyers, [(float(supply), 0.0)], [{0}] * len(buyers))
    theta, told = buyers[0], data.draw(elastic)
    steps = [*truthful_bids(theta, 1.0, 0.0, bids)]
    dearer = [theta.marginal(0.0), *(price for _, price in steps)]
    coarseness = max(width * (above - price) for (width, price), above in zip(steps, dearer, strict=False))
    honest = utility(theta, math.inf, MultiBid(bids).bundle(reports, 0))
    lying = utility(theta, math.inf, MultiBid(bids).bundle(reports.with_report(0, told), 0))
    assert lying <= honest + coarseness + 1e-7


def test_more_multi_bids_come_nearer_to_the_optimum() -> None:
    reports = reports_of([Parabolic(100.0, 10.0), Parabolic(100.0, 20.0)], [(90.0, 0.0)], [{0}, {0}])
    best = np.array([80.0 / 3.0, 190.0 / 3.0])
    few, many = (np.abs(np.array(bought(reports, MultiBid(bids).outcome(reports))) - best).max() for bids in (3, 1000))
    assert many < 0.2 < few


def test_demand_is_split_by_supplies() -> None:
    reports = reports_of([Flat(60.0, 4.0)], [(50.0, 0.0), (100.0, 0.0)], [{0, 1}])
    assert MultiBid().outcome(reports).quantity.tolist() == [20.0, 40.0]
