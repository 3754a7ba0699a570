import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.valuation import Flat, Parabolic
from node.strategy.psp.offer import HOLD, Decision, Need, Offer, prospect
from node.strategy.psp.quantised import Quantised
from tests.strategy.psp.offers import Scripted, flat_need, need_of, offer, prices, quantities

STEEP = Need(Parabolic(100.0, 10.0), 1e9)


def decided(strategy: Quantised, need: Need, *offers: Offer) -> Decision:
    return strategy.decide(0.0, need, offers)


@pytest.mark.parametrize(
    ("rivals", "level"),
    [
        pytest.param([], 1, id="the lowest level where nobody is"),
        pytest.param([(60, 1.5)], 2, id="above a rival who is displaced"),
        pytest.param([(60, 7.0)], 6, id="where a dearer rival leaves what is wanted"),
        pytest.param([(60, 5.0)], 6, id="a rival at a level is not displaced by that level"),
    ],
)
def test_takes_the_lowest_level_that_serves_it(rivals: list[tuple[float, float]], level: int) -> None:
    targets = decided(Quantised(1.0), STEEP, offer(100.0 if rivals else 90.0, *rivals)).targets
    assert targets is not None
    assert prices(targets) == [float(level)]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 12)), max_size=5), st.sampled_from([0.25, 1.0, 3.0]))
def test_asks_for_what_it_wants_at_a_level_of_the_grid(rivals: list[tuple[float, float]], step: float) -> None:
    targets = decided(Quantised(step), STEEP, offer(80.0, *rivals)).targets
    if targets is None:
        return
    (target,) = targets
    assert target.price / step == round(target.price / step)
    assert target.quantity <= STEEP.valuation.demand(target.price) * (1.0 + 1e-9)


def test_served_buyer_holds() -> None:
    first = decided(Quantised(1.0), STEEP, offer(100.0)).targets
    assert first is not None
    assert decided(Quantised(1.0), STEEP, offer(100.0, (10, 5.0), standing=(first[0].quantity, first[0].price))) == HOLD


def test_levels_never_fall() -> None:
    strategy = Quantised(1.0)
    climbed = decided(strategy, STEEP, offer(100.0, (60, 6.5))).targets
    assert climbed is not None
    fled = decided(strategy, STEEP, offer(100.0, (95, 8.5), standing=(climbed[0].quantity, climbed[0].price))).targets
    assert fled is not None
    assert prices(fled)[0] >= prices(climbed)[0]


def test_takes_from_the_cheapest_seller_and_stays_present_at_the_other() -> None:
    targets = decided(Quantised(1.0), flat_need(50, 5.0), offer(100.0, (100, 3.0)), offer(100.0)).targets
    assert targets is not None
    assert quantities(targets) == pytest.approx([0.05, 49.95])
    assert prices(targets) == [1.0, 1.0]


def test_bids_nothing_where_no_level_is_below_its_worth() -> None:
    decision = decided(Quantised(10.0), flat_need(50, 5.0), offer(100.0))
    assert decision == HOLD


def test_stays_present_where_no_level_serves_it() -> None:
    targets = decided(Quantised(1.0), flat_need(50, 5.0), offer(100.0, (100, 9.0))).targets
    assert targets is not None
    assert (quantities(targets), prices(targets)) == ([0.05], [4.0])


def test_budget_bounds_what_it_pays() -> None:
    need = need_of(Flat(50.0, 9.0), budget=20.0)
    market = offer(50.0, (50, 2.5))
    targets = decided(Quantised(1.0), need, market).targets
    assert targets is not None
    assert prospect([market], targets).cost <= 20.0


def test_think_time_grows_with_the_crowd() -> None:
    strategy, draw = Quantised(1.0), Scripted(1.0)
    assert strategy.think_time(100, 0.01, draw) > strategy.think_time(2, 0.01, Scripted(1.0)) > 0.0
