import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.dmp import CommonEquilibrium, Uniform
from node.strategy.dmp import Call, CommonEquilibriumBid, FirstPrice, PrivateEquilibriumBid
from node.strategy.dmp.common_equilibrium import CACHED, solved
from tests.strategy.dmp.calls import at_cost, call, calls

unlimited = CommonEquilibriumBid(ceiling=10.0)
shares = st.floats(0.0, 1.0)


def known_to_all(price_weight: float, cost: float, own: float, *rivals: float) -> Call:
    return call(price_weight, cost, own, rivals, bidders=len(rivals) + 1)


@pytest.mark.parametrize(
    ("price_weight", "reputations"),
    [
        (0.5, (0.26, 0.76)),
        (0.5, (0.76, 0.26)),
        (0.5, (0.0, 1.0)),
        (0.25, (0.3, 0.3)),
        (0.2, (0.1, 0.9)),
        (0.5, (0.24, 0.5, 0.76)),
        (0.5, (0.76, 0.24, 0.5)),
        (1.0, (0.2, 0.4, 0.9)),
    ],
)
def test_is_the_bid_of_the_mechanism(price_weight: float, reputations: tuple[float, ...]) -> None:
    equilibrium = CommonEquilibrium(price_weight, reputations)
    for cost in (0.0, 0.2, 0.6, 0.99):
        for operator, own in enumerate(reputations):
            rivals = reputations[:operator] + reputations[operator + 1 :]
            bid = unlimited.price(known_to_all(price_weight, cost, own, *rivals))
            assert bid == pytest.approx(float(equilibrium.bid(operator, cost)), abs=2e-5)


@pytest.mark.parametrize("cost", [0.1, 0.5, 0.9])
def test_rounding_of_handicaps_moves_a_bid_little(cost: float) -> None:
    reputations = (0.213, 0.456, 0.817)
    equilibrium = CommonEquilibrium(0.6, reputations)
    bid = unlimited.price(known_to_all(0.6, cost, *reputations))
    assert bid == pytest.approx(float(equilibrium.bid(0, cost)), abs=0.01)


def test_scales_with_the_costs_believed() -> None:
    scaled = CommonEquilibriumBid(Uniform(0.0, 2.0), ceiling=20.0)
    # A handicap of 1 among costs up to 2 is one of 0.5 among costs up to 1.
    bid, half = scaled.price(known_to_all(0.5, 0.6, 0.0, 1.0)), unlimited.price(known_to_all(0.5, 0.3, 0.0, 0.5))
    assert bid == pytest.approx(2 * half, abs=1e-5)


def test_order_of_rivals_does_not_count() -> None:
    one, other = (unlimited.price(known_to_all(0.5, 0.3, 0.4, *rivals)) for rivals in ((0.1, 0.7), (0.7, 0.1)))
    assert one == other


def test_is_first_price_where_only_the_price_counts() -> None:
    known = known_to_all(1.0, 0.3, 0.4, 0.1, 0.7)
    assert unlimited.price(known) == pytest.approx(FirstPrice().price(known), abs=1e-5)


@pytest.mark.parametrize("price_weight", [0.15, 0.1])
def test_reputation_far_ahead_asks_all_that_rivals_can_never_undercut(price_weight: float) -> None:
    ahead = (1 - price_weight) / price_weight * 0.5
    assert unlimited.price(known_to_all(price_weight, 0.3, 0.2, 0.7)) == pytest.approx(ahead, abs=0.01)


def test_reputation_far_behind_asks_its_cost() -> None:
    assert unlimited.price(known_to_all(0.15, 0.3, 0.7, 0.2)) == pytest.approx(0.3)


@pytest.mark.parametrize("price_weight", [1e-320, 1e-9, 0.01])
def test_small_weights_are_cut_at_the_ceiling(price_weight: float) -> None:
    assert unlimited.price(known_to_all(price_weight, 0.3, 0.2, 0.7, 0.9)) == 10.0
    assert unlimited.price(known_to_all(price_weight, 0.3, 0.7, 0.2, 0.9)) == pytest.approx(0.3)


@pytest.mark.parametrize("known", [known_to_all(0.5, 0.3, 0.4), known_to_all(0.0, 0.3, 0.4, 0.1)])
def test_asks_ceiling_where_there_is_no_equilibrium(known: Call) -> None:
    assert CommonEquilibriumBid(ceiling=4.0).price(known) == 4.0


@given(calls())
def test_bids_private_equilibrium_where_rivals_are_not_known(known: Call) -> None:
    if known.rivals is None:
        beliefs = (Uniform(0.0, 2.0), Uniform(0.1, 0.9), 3.0)
        assert CommonEquilibriumBid(*beliefs).price(known) == PrivateEquilibriumBid(*beliefs).price(known)


two_or_three = st.lists(st.sampled_from([0.0, 0.2, 0.4, 1.0]), min_size=1, max_size=2)


@settings(max_examples=50)
@given(st.sampled_from([0.2, 0.5, 0.9]), st.floats(0.0, 2.0), st.floats(0.0, 1.0), two_or_three)
def test_is_never_below_cost_and_rises_with_it(
    price_weight: float, cost: float, more: float, rivals: list[float]
) -> None:
    known = known_to_all(price_weight, cost, 0.4, *rivals)
    assert cost <= unlimited.price(known) <= unlimited.price(at_cost(known, cost + more)) + 1e-9


def test_unexpected_cost_is_not_bid_below() -> None:
    assert unlimited.price(known_to_all(0.5, 1.7, 0.4, 0.1)) == 1.7


def test_weights_that_make_the_same_handicaps_share_an_equilibrium() -> None:
    solved.cache_clear()
    for price_weight, rival in [(0.5, 0.9), (1 / 3, 0.65)]:
        for cost in (0.1, 0.8):
            unlimited.price(known_to_all(price_weight, cost, 0.4, rival))
            unlimited.price(known_to_all(price_weight, cost, rival, 0.4))
    assert (solved.cache_info().misses, solved.cache_info().hits) == (1, 7)


def test_equilibria_kept_are_bounded() -> None:
    assert solved.cache_info().maxsize == CACHED


def test_rejects_ceiling_below_the_highest_cost() -> None:
    with pytest.raises(ValueError, match=re.escape("ceiling must be at least the highest cost believed, 1.0, got 0.5")):
        CommonEquilibriumBid(ceiling=0.5)


def test_learns_nothing() -> None:
    known = known_to_all(0.5, 0.3, 0.4, 0.1)
    before = unlimited.price(known)
    unlimited.learned(0.3)
    assert unlimited.price(known) == before
