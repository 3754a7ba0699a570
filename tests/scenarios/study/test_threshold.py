"""The closed form against price weights tried one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import PrivateEquilibrium, compound_bid, first_price_bid
from scenarios.study.draws import blocks, uniform_bid
from scenarios.study.price_weight import PAPERS_TABLE
from scenarios.study.threshold import cheapest_wins, intersection

STEPS = 2_000


def drawn(bidders: int, auctions: int) -> tuple[FloatArray, FloatArray]:
    return next(blocks(5, bidders, "test", auctions))


def stepped(price: FloatArray, reputation: FloatArray) -> float:
    """The paper's way: lower w from 1 until another bidder wins; 0 if none ever does."""
    weights = np.linspace(1.0, 0.0, STEPS + 1)
    cheapest = np.argmin(price)
    for w in weights[:-1]:
        if np.argmin(w * price + (1.0 - w) * reputation) != cheapest:
            return float(w)
    return 0.0


@pytest.mark.parametrize("bidders", [2, 3, 8])
def test_intersection_is_where_lowering_the_weight_step_by_step_ends(bidders: int) -> None:
    cost, reputation = drawn(bidders, 100)
    bid = uniform_bid(cost, bidders)
    closed = intersection(bid, reputation)

    tried = [stepped(bid[:, k], reputation[:, k]) for k in range(100)]
    assert np.abs(closed - tried).max() <= 1.0 / STEPS


def test_in_equilibrium_the_winner_changes_at_the_crossing_of_the_pseudo_types() -> None:
    cost, reputation = drawn(3, 12)
    for k, w in enumerate(intersection(cost, reputation)):
        for at in (w - 1e-3, w + 1e-3):
            if 0.0 < at < 1.0:
                bids = PrivateEquilibrium(at, 3).bid(cost[:, k], reputation[:, k])
                winner = np.argmin(compound_bid(bids, reputation[:, k], at))
                assert (winner == np.argmin(cost[:, k])) == (at > w)


@pytest.mark.parametrize("w", [0.25, 0.75])
def test_wins_are_those_of_the_bids_themselves(w: float) -> None:
    cost, reputation = drawn(4, 2_000)
    for price, bid in (
        (uniform_bid(cost, 4), first_price_bid(cost, 4)),
        (cost, PrivateEquilibrium(w, 4).bid(cost, reputation)),
    ):
        winners = np.argmin(compound_bid(bid, reputation, w), axis=0)
        assert cheapest_wins(price, reputation, [w]) == [np.count_nonzero(winners == np.argmin(cost, axis=0))]


def test_table_i_bids_cross_where_figure_2_has_it() -> None:
    assert PAPERS_TABLE.intersection == pytest.approx(0.65, abs=0.006)
    assert uniform_bid(PAPERS_TABLE.cost, 3) == pytest.approx(PAPERS_TABLE.bid, abs=6e-5)


def test_bid_of_uniform_costs_is_that_of_any_distribution() -> None:
    cost, _ = drawn(5, 1_000)
    assert uniform_bid(cost, 5) == pytest.approx(first_price_bid(cost, 5), rel=1e-13)


unit = st.floats(0.0, 1.0, allow_subnormal=False)


@given(st.lists(st.tuples(unit, unit), min_size=2, max_size=5))
def test_intersection_is_a_price_weight_and_zero_if_the_cheapest_is_also_the_best(
    auction: list[tuple[float, float]],
) -> None:
    price, reputation = (np.array(column)[:, None] for column in zip(*auction, strict=True))
    (w,) = intersection(price, reputation)

    assert 0.0 <= w <= 1.0
    assert (w == 0.0) == (reputation[np.argmin(price[:, 0]), 0] <= reputation.min())
