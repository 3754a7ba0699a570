import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.valuation import Flat, Parabolic, Remainder
from node.strategy.psp.offer import HOLD, NOTHING, Need, Offer, Target
from node.strategy.psp.policy import LEVELS, PolicyBuyer, Sight, Slots, Units, checked, observation, size_of, targets
from tests.strategy.psp.offers import ELASTIC, Scripted, need_of, offer

NEED = need_of(ELASTIC, budget=500.0)
"""100 MB wanted, the first at 20 per MB."""


def at(seller: str, made: Offer) -> Offer:
    return Offer(
        made.supply, made.reserve, made.opponents, made.standing, made.whole, made.mechanism, made.asked, seller
    )


ONE = at("one", offer(60.0, (20.0, 12.0), (30.0, 4.0), reserve=1.0, standing=(25.0, 10.0)))
TWO = at("two", offer(400.0, reserve=2.0))


def sight(*offers: Offer, need: Need = NEED, slots: int = 2) -> Sight:
    return Sight.of(observation(need, offers, Slots(slots)))


def test_shares_are_those_of_demand_first_price_and_both() -> None:
    assert (Units.of(ELASTIC).demand_mb, Units.of(ELASTIC).price, Units.of(ELASTIC).money) == (100.0, 20.0, 2000.0)


def test_buyer_sees_its_money_and_what_it_wants_at_each_price() -> None:
    seen = sight(ONE, need=Need(Remainder(ELASTIC, 30.0), 500.0, ELASTIC))
    assert (seen.budget, seen.wanted) == (0.25, 0.7)
    assert seen.demand == pytest.approx([max(0.0, 1.0 - k / LEVELS - 0.3) for k in range(1, LEVELS + 1)])


def test_buyer_sees_its_bid_and_what_it_gets_for_how_much() -> None:
    # The others leave 10 MB at the reserve of 1, and 30 at 4: the bid of 25 MB at 10 gets all it asks for.
    slot = sight(ONE).slot[0]
    assert slot == pytest.approx([1.0, 0.6, 1.0 / 20.0, 0.25, 0.5, 0.25, (10.0 + 15.0 * 4.0) / 2000.0])


def test_buyer_sees_what_the_others_leave_at_each_price_and_what_that_costs() -> None:
    seen = sight(ONE)
    prices = [20.0 * k / LEVELS for k in range(1, LEVELS + 1)]
    left = [60.0 if price >= 12.0 else 40.0 if price >= 4.0 else 10.0 for price in prices]
    cost = {10.0: 10.0, 40.0: 130.0, 60.0: 370.0}
    assert 100.0 * seen.available[0] == pytest.approx(left)
    assert 2000.0 * seen.cost[0] == pytest.approx([cost[amount] for amount in left])


def test_more_than_all_that_it_wants_is_as_much_as_all() -> None:
    seen = sight(ONE, TWO, need=need_of(ELASTIC))
    assert (seen.budget, seen.slot[1, 1], seen.available[1, -1]) == (1.0, 1.0, 1.0)
    assert 2000.0 * seen.cost[1, -1] == pytest.approx(200.0)  # 100 MB at the reserve


def test_slots_stay_those_of_their_sellers() -> None:
    slots = Slots(2)
    assert slots.of([ONE, TWO]) == [0, 1]
    assert slots.of([TWO, at("three", TWO)]) == [1, None]
    alone = Sight.of(observation(NEED, [TWO], slots))
    assert alone.slot[0].tolist() == [0.0] * 7
    assert alone.slot[1, 0] == 1.0


def test_action_is_bids_in_units_of_the_buyer() -> None:
    action = np.array([[0.3, 0.5], [0.0, 0.9]])
    assert targets(action, NEED, [TWO, ONE], Slots(2)) == [Target(30.0, 10.0), NOTHING]
    assert targets(action, NEED, [ONE, TWO, at("three", TWO)], Slots(2)) == [Target(30.0, 10.0), NOTHING, NOTHING]


def test_bids_that_cost_more_than_is_left_are_lowered() -> None:
    (bid,) = targets(np.array([[1.0, 1.0]]), need_of(ELASTIC, budget=100.0), [TWO], Slots(1))
    assert (bid.quantity, bid.price) == (pytest.approx(50.0), 20.0)


def test_bids_for_more_than_is_still_wanted_are_lowered_alike() -> None:
    need = Need(Remainder(ELASTIC, 40.0), math.inf, ELASTIC)
    bids = targets(np.array([[0.8, 0.5], [0.4, 0.5]]), need, [TWO, ONE], Slots(2))
    assert [bid.quantity for bid in bids] == pytest.approx([40.0, 20.0])
    assert sum(bid.quantity for bid in bids) < 60.0  # a part that is sold leaves the other as it is


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (np.zeros(4), "action has shape (4,); give (2, 2)"),
        (np.array([[0.0, math.nan], [0.0, 0.0]]), "action has a number that is infinite or none"),
    ],
)
def test_rejects_what_is_no_action(action: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        checked(action, 2)


def test_shares_out_of_bounds_are_put_there() -> None:
    assert checked(np.array([[-1.0, 2.0]]), 1).tolist() == [[0.0, 1.0]]


books = st.lists(st.tuples(st.floats(0.0, 300.0), st.floats(0.0, 40.0)), max_size=6)


@given(books, st.floats(0.0, 300.0), st.floats(0.0, 40.0), st.floats(0.0, 1e4), st.booleans())
def test_every_number_is_a_share(
    bids: list[tuple[float, float]], supply: float, reserve: float, budget: float, is_flat: bool
) -> None:
    theta = Flat(50.0, 3.0) if is_flat else Parabolic(100.0, 20.0)
    seen = observation(Need(theta, budget), [at("one", offer(supply, *bids, reserve=reserve))], Slots(3))
    assert seen.shape == (size_of(3),)
    assert (seen >= 0.0).all()
    assert (seen <= 1.0).all()


def test_policy_bids_step_by_step_and_then_stands_by_its_bids() -> None:
    asked = list[np.ndarray]()

    def act(seen: np.ndarray) -> np.ndarray:
        asked.append(seen)
        return np.array([[0.1 * len(asked), 0.5]])

    buyer, random = PolicyBuyer(act, Slots(1), step_s=0.2, steps=2), Scripted(0.5)
    assert buyer.think_time(5, 0.01, random) == 0.0
    first = buyer.decide(0.0, NEED, [ONE])
    assert (first.targets, first.reconsider) == ([Target(10.0, 10.0)], True)
    assert buyer.think_time(5, 0.01, random) == 0.2
    last = buyer.decide(0.2, NEED, [ONE])
    assert (last.targets, last.reconsider) == ([Target(20.0, 10.0)], False)
    assert buyer.decide(0.4, NEED, [ONE]) is HOLD
    assert len(asked) == 2
    assert random.asked == []
