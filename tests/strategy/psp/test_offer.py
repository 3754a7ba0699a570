import math

import pytest

from node.mechanism.psp import ProgressiveSecondPrice, Staircase
from node.mechanism.valuation import Flat
from node.strategy.psp.offer import NOTHING, Offer, Target, affordable, prospect
from tests.strategy.psp.offers import need_of, offer


def test_offer_available_counts_dearer_opponents_only() -> None:
    assert offer(100, (30, 2), (50, 1)).available(1.0) == 70.0


def test_offer_available_is_nothing_below_reserve() -> None:
    assert offer(100, reserve=3.0).available(2.9) == 0.0


def test_offer_allocation_shares_own_price_pro_rata() -> None:
    assert offer(60, (60, 4), reserve=1.0).allocation(Target(30, 4)) == 20.0


def test_offer_of_advert_alone_is_all_for_the_reserve() -> None:
    assert Offer(40, 2.0).staircase.cost(30) == 60.0


def test_offer_staircase_leaves_out_own_standing_bid() -> None:
    steps = offer(100, (30, 2), standing=(90, 5)).staircase
    assert (steps.price, steps.quantity) == ([0.0, 2.0], [70.0, 30.0])


def test_prospect_adds_up_over_sellers() -> None:
    assert prospect([offer(10), offer(20, (15, 9))], [Target(8, 1), Target(8, 1)]).total == 13.0


def test_utility_is_value_less_what_opponents_would_have_paid() -> None:
    need = need_of(Flat(50, 3))
    assert prospect([offer(40, (30, 2))], [Target(20, 3)]).utility(need) == 20 * 3 - 10 * 2


def test_utility_of_no_bid_is_nothing() -> None:
    assert prospect([offer(40, (30, 2))], [NOTHING]).utility(need_of(Flat(50, 3))) == 0.0


@pytest.mark.parametrize(("budget", "utility"), [(20.0, 40.0), (19.9, -math.inf)])
def test_utility_is_minus_infinity_where_budget_bursts(budget: float, utility: float) -> None:
    assert prospect([offer(40, (30, 2))], [Target(20, 3)]).utility(need_of(Flat(50, 3), budget)) == utility


def test_affordable_leaves_alone_what_the_budget_allows() -> None:
    targets = [Target(20, 3), Target(5, 3)]
    assert affordable(need_of(Flat(50, 3), 20.0), [offer(40, (30, 2)), offer(9)], targets).targets == targets


def test_affordable_lowers_what_gets_something_in_proportion() -> None:
    need, offers = need_of(Flat(50, 3), 10.0), [offer(40, (30, 2)), offer(40, reserve=4)]
    assert affordable(need, offers, [Target(20, 3), Target(5, 3)]).targets == [Target(10, 3), Target(5, 3)]


def test_what_the_standing_bid_would_get_is_worked_out_once() -> None:
    charged = list[float]()

    class Counting(ProgressiveSecondPrice):
        def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
            charged.append(amount)
            return super().charge(steps, quantity, price, amount)

    here = offer(40, (30, 2), standing=(20, 3), mechanism=Counting())
    prospects = [prospect([here], [target]) for target in (here.standing, here.standing, Target(20, 3))]
    assert charged == [20.0, 20.0]
    assert [(one.amounts, one.cost) for one in prospects] == [([20.0], 20.0)] * 3
