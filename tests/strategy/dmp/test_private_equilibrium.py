import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.dmp import Beta, PrivateEquilibrium, Uniform
from node.strategy.dmp import Call, FirstPrice, PrivateEquilibriumBid
from node.strategy.dmp.private_equilibrium import CACHED, solved
from tests.strategy.dmp.calls import at_cost, call, calls

weights = st.floats(0.05, 1.0)
shares = st.floats(0.0, 1.0)
unlimited = PrivateEquilibriumBid(ceiling=1e9)


@given(weights, shares, shares, st.integers(2, 6))
def test_is_the_bid_of_the_mechanism(price_weight: float, cost: float, reputation: float, bidders: int) -> None:
    bid = unlimited.price(call(price_weight, cost, reputation, bidders=bidders))
    assert bid == max(cost, float(PrivateEquilibrium(price_weight, bidders).bid(cost, reputation)))


def test_believes_the_distributions_it_is_given() -> None:
    cost, reputation = Beta(2.0, 3.0), Beta(2.0, 5.0)
    bid = PrivateEquilibriumBid(cost, reputation).price(call(0.5, 0.3, 0.4))
    assert bid == float(PrivateEquilibrium(0.5, 3, cost, reputation).bid(0.3, 0.4))


@given(shares, shares, st.integers(2, 6))
def test_is_first_price_where_only_the_price_counts(cost: float, reputation: float, bidders: int) -> None:
    known = call(1.0, cost, reputation, bidders=bidders)
    assert unlimited.price(known) == pytest.approx(FirstPrice().price(known))


@given(calls(), st.floats(0.0, 2.0))
def test_is_never_below_cost_and_rises_with_it(known: Call, more: float) -> None:
    strategy = PrivateEquilibriumBid()
    dearer = strategy.price(at_cost(known, known.cost + more))
    assert known.cost <= strategy.price(known) <= dearer * (1 + 1e-9)


@given(calls())
def test_is_at_most_the_ceiling_unless_the_call_costs_more(known: Call) -> None:
    assert PrivateEquilibriumBid(ceiling=1.0).price(known) <= max(1.0, known.cost)


@pytest.mark.parametrize("known", [call(price_weight=0.0), call(bidders=1), call(price_weight=0.0, bidders=1)])
def test_proposition_1_asks_ceiling_where_there_is_no_equilibrium(known: Call) -> None:
    assert PrivateEquilibriumBid(ceiling=4.0).price(known) == 4.0


def test_sole_bidder_with_a_cost_above_its_ceiling_asks_the_cost() -> None:
    assert PrivateEquilibriumBid(ceiling=4.0).price(call(cost=5.0, bidders=1)) == 5.0


def test_price_does_not_jump_where_the_weight_comes_to_nothing() -> None:
    prices = [PrivateEquilibriumBid(ceiling=4.0).price(call(weight)) for weight in (5e-324, 1e-300, 1e-9, 1e-3, 0.01)]
    assert prices == [4.0] * 5


@pytest.mark.parametrize(("cost", "reputation"), [(0.1, 0.3), (0.5, 0.3), (0.7, 0.05), (0.7, 0.9)])
def test_unexpected_type_is_taken_for_the_nearest_expected(cost: float, reputation: float) -> None:
    strategy = PrivateEquilibriumBid(Uniform(0.5, 1.0), Uniform(0.2, 0.6))
    nearest = call(cost=max(0.5, cost), reputation=min(0.6, max(0.2, reputation)))
    assert strategy.price(call(cost=cost, reputation=reputation)) == strategy.price(nearest)


def test_better_reputation_asks_more() -> None:
    assert unlimited.price(call(reputation=0.1)) > unlimited.price(call(reputation=0.6))


def test_equilibria_are_kept_and_bounded() -> None:
    solved.cache_clear()
    for step in range(CACHED + 50):
        unlimited.price(call(price_weight=0.1 + step / 10_000))
    assert solved.cache_info().currsize == CACHED
    unlimited.price(call(price_weight=0.1 + (CACHED + 49) / 10_000, cost=0.9, reputation=0.0))
    assert solved.cache_info().hits == 1


@pytest.mark.parametrize(
    ("ceiling", "text"),
    [
        (0.9, "ceiling must be at least the highest cost believed, 1.0, got 0.9: raise it"),
        (math.inf, "ceiling must be finite and at least 0, got inf"),
    ],
)
def test_rejects_ceiling_that_is_no_price_for_every_call(ceiling: float, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        PrivateEquilibriumBid(ceiling=ceiling)


def test_learns_nothing() -> None:
    before = unlimited.price(call())
    unlimited.learned(None)
    assert unlimited.price(call()) == before
