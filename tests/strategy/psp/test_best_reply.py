import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.valuation import Parabolic
from node.strategy.psp.best_reply import BestReply
from node.strategy.psp.offer import HOLD, Offer, prospect
from tests.strategy.psp.offers import ELASTIC, Scripted, need_of, offer, prices, quantities


def test_bids_best_reply_at_price_of_its_total() -> None:
    decision = BestReply(0.0, 0.0).decide(0.0, need_of(ELASTIC), [offer(30, reserve=5), offer(200, reserve=8)])
    assert quantities(decision.targets) == [30.0, 30.0]
    assert prices(decision.targets) == [8.0, 8.0]


def test_step_retreats_from_market_price() -> None:
    decision = BestReply(epsilon_step=40.0, epsilon_fee=0.0).decide(0.0, need_of(ELASTIC), [offer(200, reserve=5)])
    assert quantities(decision.targets) == [75.0 - 40.0 / 20.0]


def test_keeps_within_budget() -> None:
    decision = BestReply(0.0, 0.0).decide(0.0, need_of(ELASTIC, budget=50.0), [offer(200, reserve=5)])
    assert quantities(decision.targets) == [10.0]


@pytest.mark.parametrize(("fee", "moves"), [(562.4, True), (562.5, False)])
def test_moves_only_for_more_than_fee(fee: float, moves: bool) -> None:
    decision = BestReply(0.0, epsilon_fee=fee).decide(0.0, need_of(ELASTIC), [offer(200, reserve=5)])
    assert (decision.targets is not None) == moves


def test_takes_auction_it_may_not_see_for_empty() -> None:
    sold_out = Offer(0.0, 5.0, whole=200.0)
    assert quantities(BestReply(0.0, 0.0).decide(0.0, need_of(ELASTIC), [sold_out]).targets) == [75.0]


def test_does_not_take_auction_it_sees_for_empty() -> None:
    full = offer(200, (200, 30), reserve=5, standing=(10, 30))
    assert quantities(BestReply(0.0, -1.0).decide(0.0, need_of(ELASTIC), [full]).targets) == [0.0]


def test_holds_where_standing_bid_is_best() -> None:
    assert BestReply(0.0, 0.1).decide(0.0, need_of(ELASTIC), [offer(200, reserve=5, standing=(75, 5))]) == HOLD


def test_withdraws_from_bid_that_bursts_budget() -> None:
    burst = offer(100, (50, 10), standing=(80, 12))
    decision = BestReply(0.0, 1e9).decide(0.0, need_of(ELASTIC, budget=100.0), [burst])
    assert quantities(decision.targets) == pytest.approx([50.0])


def test_never_asks_to_reconsider() -> None:
    assert not BestReply(0.0, 0.0).decide(0.0, need_of(ELASTIC), [offer(200)]).reconsider


def test_thinks_between_shortest_and_longest_time() -> None:
    random = Scripted(0.5)
    assert BestReply(0.0, 0.0, think_s=(0.2, 0.6)).think_time(9, 0.1, random) == pytest.approx(0.4)
    assert random.asked == [(0.2, 0.6)]


amount, price = st.floats(0.5, 100.0), st.floats(0.01, 20.0)


@given(st.builds(Parabolic, amount, amount), st.lists(st.tuples(amount, price, price), min_size=1, max_size=4))
def test_every_move_gains_more_than_fee(valuation: Parabolic, auctions: list[tuple[float, float, float]]) -> None:
    offers = [offer(supply, (0.5 * supply, rival), reserve=reserve) for supply, rival, reserve in auctions]
    fee, need = 1.0, need_of(valuation)
    decision = BestReply(0.0, fee).decide(0.0, need, offers)
    if decision.targets is not None:
        # At ε 0 the reply may tie with a rival's price; a hair more beats it.
        targets = [type(target)(target.quantity, target.price * (1 + 1e-9)) for target in decision.targets]
        assert prospect(offers, targets).utility(need) > fee - 1e-6 * valuation.value(math.inf)
