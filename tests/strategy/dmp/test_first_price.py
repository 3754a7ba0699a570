import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.dmp import Beta, Uniform, first_price_bid
from node.strategy.dmp import Call, FirstPrice
from tests.strategy.dmp.calls import at_cost, call, calls

DISTRIBUTIONS = [Uniform(), Uniform(0.5, 2.0), Beta(2.0, 3.0)]


@pytest.mark.parametrize(("cost", "bid"), [(0.2548, 0.5032), (0.2728, 0.5152), (0.4084, 0.6056)])
def test_table_i_bids_of_the_strategy(cost: float, bid: float) -> None:
    assert FirstPrice().price(call(cost=cost, bidders=3)) == pytest.approx(bid, abs=5e-5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_is_the_bid_of_the_mechanism_whatever_the_weight(distribution: Uniform | Beta) -> None:
    strategy = FirstPrice(distribution)
    for price_weight, cost, bidders in [(0.0, 0.5, 2), (0.3, 0.7, 3), (1.0, 0.95, 5)]:
        bid = strategy.price(call(price_weight, cost, bidders=bidders))
        assert bid == float(first_price_bid(cost, bidders, distribution))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_sole_bidder_asks_highest_cost(distribution: Uniform | Beta) -> None:
    assert FirstPrice(distribution).price(call(cost=0.1, bidders=1)) == distribution.high


@pytest.mark.parametrize("bidders", [1, 3])
def test_unexpected_cost_is_not_bid_below(bidders: int) -> None:
    assert FirstPrice().price(call(cost=1.7, bidders=bidders)) == 1.7


def test_cost_below_belief_bids_as_the_lowest_believed() -> None:
    strategy = FirstPrice(Uniform(0.5, 1.0))
    assert strategy.price(call(cost=0.1)) == strategy.price(call(cost=0.5))


@given(calls(), st.floats(0.0, 2.0))
def test_is_never_below_cost_and_rises_with_it(known: Call, more: float) -> None:
    strategy = FirstPrice()
    assert known.cost <= strategy.price(known) <= strategy.price(at_cost(known, known.cost + more)) + 1e-12


def test_reputation_does_not_count() -> None:
    prices = {FirstPrice().price(call(reputation=reputation)) for reputation in (0.0, 0.5, 1.0)}
    assert len(prices) == 1


def test_learns_nothing() -> None:
    strategy = FirstPrice()
    before = strategy.price(call())
    strategy.learned(-3.0)
    assert strategy.price(call()) == before
