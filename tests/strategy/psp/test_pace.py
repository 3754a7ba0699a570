"""How much a buyer with a budget dares to bid in all."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Flat, Paced, Valuation
from node.strategy.psp.adaptive import AdaptiveBestReply
from node.strategy.psp.offer import Need, Offer, Prospect, Target, prospect
from node.strategy.psp.pace import BURSTS, CAUTION, FALLEN, RISE, ROOM, SPENT, Pace
from tests.mechanism.valuation.valuations import valuations
from tests.strategy.psp.offers import need_of, offer

NEED = need_of(Flat(demand_mb=100.0, price=2.0), budget=20.0)
"""Its bids for z MB come to 2 z: to 3 budgets at 30 MB."""


def got(amount: float, cost: float) -> Prospect:
    return Prospect([Target(amount, 2.0)], [amount], cost)


def slowed(times: int, pace: Pace | None = None, amount: float = 30.0, cost: float = 25.0) -> Pace:
    pace = pace or Pace()
    for _ in range(times):
        pace.slow_down(NEED, got(amount, cost))
    return pace


def test_without_bursts_nothing_is_limited() -> None:
    assert Pace().need(NEED) is NEED
    assert not Pace().may_rise(NEED, got(1.0, 1.0))


def test_a_few_bursts_limit_nothing() -> None:
    assert slowed(BURSTS).limit == math.inf


def test_limit_falls_after_more_bursts_to_where_bids_would_have_cost_the_budget() -> None:
    assert slowed(BURSTS + 1).limit == pytest.approx(3.0 * SPENT * 20 / 25)


def test_limit_falls_by_some_however_little_too_much_bids_cost() -> None:
    assert slowed(BURSTS + 1, cost=20.1).limit == pytest.approx(3.0 * CAUTION)


def test_limit_falls_further_with_each_burst() -> None:
    pace = slowed(BURSTS + 1)
    before = pace.limit
    assert slowed(1, pace).limit == pytest.approx(before * SPENT * 20 / 25)


bursts = st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(20.1, 1e6)), max_size=30)


@given(bursts)
def test_limit_never_rises_by_a_burst_and_is_never_below_the_budget(course: list[tuple[float, float]]) -> None:
    pace = Pace()
    for amount, cost in course:
        before = pace.limit
        slowed(1, pace, amount, cost)
        assert 1.0 <= pace.limit <= before


def test_who_has_no_money_is_limited_to_none() -> None:
    pace, broke = Pace(), need_of(NEED.valuation, budget=0.0)
    for _ in range(BURSTS + 1):
        pace.slow_down(broke, got(30.0, 25.0))
    assert pace.limit == 1.0
    assert pace.need(broke).valuation.value(30.0) == 0.0


def test_limited_need_is_paced_with_the_same_money_and_made_once() -> None:
    pace, whole = Pace(limit=1.5), Flat(200.0, 2.0)
    need = Need(NEED.valuation, NEED.budget, whole)
    assert pace.need(need) == Need(Paced(need.valuation, 30.0), 20.0, whole)
    assert pace.need(need) is pace.need(need)
    assert pace.need(need_of(need.valuation, 10.0)).valuation == Paced(need.valuation, 15.0)


@pytest.mark.parametrize(
    ("limit", "amount", "cost", "may"),
    [
        pytest.param(1.5, 20.0, 10.0, True, id="limited with money left"),
        pytest.param(math.inf, 20.0, 10.0, False, id="no limit"),
        pytest.param(1.5, 15.0, 10.0, False, id="the limit does not bind"),
        pytest.param(1.5, 20.0, ROOM * 20.0, False, id="no money left"),
    ],
)
def test_limit_may_rise_where_it_keeps_the_buyer_from_more_though_money_is_left(
    limit: float, amount: float, cost: float, may: bool
) -> None:
    assert Pace(limit=limit).may_rise(NEED, got(amount, cost)) == may


@pytest.mark.parametrize(("cost", "factor"), [(0.0, 1.0 + RISE), (10.0, 1.0 + RISE), (16.0, 20 / 16)])
def test_limit_rises_by_what_the_money_allows_and_a_share_at_most(cost: float, factor: float) -> None:
    pace = Pace(limit=2.0)
    pace.rise(NEED, got(20.0, cost))
    assert pace.limit == pytest.approx(2.0 * factor)


def test_failed_rise_restores_the_limit_and_the_next_waits_until_bids_cost_half_of_before() -> None:
    pace, before = Pace(limit=2.0), got(30.0, 10.0)
    pace.rise(NEED, before)
    assert pace.limit == 3.0
    slowed(1, pace)
    assert pace.limit == 2.0
    assert not pace.may_rise(NEED, before)
    assert not pace.may_rise(NEED, got(30.0, FALLEN * 10.0))
    assert pace.may_rise(NEED, got(30.0, FALLEN * 10.0 - 0.01))


def test_rise_that_does_not_fail_may_be_followed_by_another() -> None:
    pace = Pace(limit=2.0)
    pace.rise(NEED, got(30.0, 10.0))
    assert pace.may_rise(NEED, got(40.0, 12.0))


books = st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.0, 50.0)), max_size=4)
asks = st.tuples(st.floats(1, 200), books, st.floats(0.0, 10.0), st.floats(0.0, 60.0), st.floats(0.0, 30.0))


@given(valuations(), st.floats(0.05, 2.0), st.lists(asks, min_size=1, max_size=4), st.data())
def test_at_a_limit_of_the_budget_bids_never_cost_more_whatever_the_others_bid(
    theta: Valuation,
    money: float,
    sellers: list[tuple[float, list[tuple[float, float]], float, float, float]],
    data: st.DataObject,
) -> None:
    strategy = AdaptiveBestReply(0.001 * theta.value(theta.demand_mb), 0.0)
    strategy._pace.limit = 1.0
    need = need_of(theta, budget=money * theta.value(theta.demand_mb))
    seen = [
        offer(supply, *rivals, reserve=reserve, standing=(mb, price)) for supply, rivals, reserve, mb, price in sellers
    ]
    decision = strategy.decide(0.0, need, seen)
    if decision.targets is None:
        return
    then = data.draw(st.lists(books, min_size=len(seen), max_size=len(seen)))
    later = [Offer(one.supply, one.reserve, offer(1.0, *book).opponents) for one, book in zip(seen, then, strict=True)]
    assert prospect(later, decision.targets).cost <= need.budget * (1.0 + ROUNDING)
    assert sum(target.quantity * target.price for target in decision.targets) <= need.budget * (1.0 + ROUNDING)
