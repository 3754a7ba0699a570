"""How the market agent auctions one call after the other, and whom it tells what."""

import pytest

from node.protocol.dmp.auctioneer import EARLY_S, Rules
from node.protocol.dmp.messages import (
    Blocked,
    Contract,
    Invite,
)
from tests.protocol.dmp.bench import (
    TIMING,
    M,
    MarketBench,
    N,
    P,
    T,
    carrying_market,
    wanted,
)
from tests.protocol.psp.bench import dropped, sent, sent_as, traced

IGNORED, REJECTED = "ignored", "rejected"


def inviting(**request: object) -> MarketBench:
    return MarketBench().opened().called(**request)


# Invitations


def test_request_waits_until_those_before_it_have_arrived() -> None:
    bench = MarketBench().opened()
    assert traced(bench.asks(spec=wanted(30))) == []
    assert bench.timers["gather"] == 30 / TIMING.speed + TIMING.gather_s


def test_auctions_are_held_in_the_order_of_calls_not_of_requests() -> None:
    bench = MarketBench().opened()
    bench.asks(2, wanted(30))
    bench.asks(1, wanted(15))
    assert bench.timers["gather"] == 1.5 + TIMING.gather_s
    effects = bench.fires("gather")
    assert sent_as(Invite, effects)[N].wanted.at_s == 15.0


def test_repeated_request_sets_no_timer_again() -> None:
    bench = MarketBench().opened()
    bench.asks(1, wanted(10))
    before = bench.state
    effects = bench.asks(1, wanted(10))
    assert dropped(effects) == [(IGNORED, "repeated request")]
    assert (bench.state, len(effects)) == (before, 1)


def test_call_from_the_future_is_moved_into_the_present() -> None:
    bench = MarketBench().opened()
    bench.now = 7.0
    bench.asks(spec=wanted(1e9), early=True)
    assert bench.timers["gather"] == 7.0 + EARLY_S + TIMING.gather_s
    at_s = sent_as(Invite, bench.fires("gather"))[N].wanted.at_s
    assert at_s == pytest.approx((7.0 + EARLY_S) * TIMING.speed)


def test_late_call_is_moved_behind_the_last_one() -> None:
    bench = carrying_market(spec=wanted(20))
    effects = bench.asks(2, wanted(10))
    assert sent_as(Invite, effects)[N].wanted.at_s == 20.0


def test_networks_are_told_their_own_reputation_alone() -> None:
    bench = MarketBench().opened()
    bench.asks()
    assert sent_as(Invite, bench.fires("gather")) == {one: Invite(1, wanted(), 0.5, 0.0, 2, None) for one in (N, M)}


def test_reputations_of_rivals_are_told_where_they_are_public() -> None:
    bench = MarketBench(rules=Rules(public_reputations=True)).opened()
    bench.asks(price_weight=0.25)
    assert sent_as(Invite, bench.fires("gather"))[N] == Invite(1, wanted(), 0.25, 0.0, 2, [0.0])


def test_next_call_waits_for_the_present_auction() -> None:
    bench = inviting()
    assert sent(bench.asks(2)) == []
    bench.bids(N, None)
    effects = bench.bids(M, None)
    assert sent_as(Blocked, effects) == {T: Blocked(1)}
    assert sent_as(Invite, effects)[N].auction == 2


def test_unheard_networks_alone_are_asked_again() -> None:
    bench = inviting()
    bench.bids(N, 3.0)
    assert set(sent_as(Invite, bench.fires("bids"))) == {M}


def test_five_hundred_calls_without_any_network_are_blocked_one_by_one() -> None:
    """They once were as many nested calls of the program."""
    bench = MarketBench(networks=()).opened()
    for call in range(1, 501):
        bench.asks(call)
    effects = bench.fires("gather")
    assert traced(effects) == ["called", "blocked"] * 500


# Bids


def test_auction_is_decided_when_all_have_bid() -> None:
    bench = inviting()
    assert sent(bench.bids(N, 3.0)) == []
    effects = bench.bids(M, 4.0)
    assert sent(effects) == [(N, Contract(1, T, wanted(), 3.0))]
    assert traced(effects) == ["contracted"]
    assert "bids" not in bench.timers


def test_lowest_compound_bid_wins_not_the_lowest_price() -> None:
    bench = inviting(price_weight=0.5)
    for served in (False, False):
        bench.entry(N).reputation = bench.entry(N).reputation.after(served)
    bench.bids(N, 3.0)
    assert set(sent_as(Contract, bench.bids(M, 3.5))) == {M}


@pytest.mark.parametrize(
    ("prices", "rules", "budget"),
    [
        pytest.param((None, None), Rules(), None, id="nobody offers"),
        pytest.param((3.0, 4.0), Rules(), 2.5, id="all above the budget"),
        pytest.param((3.0, 4.0), Rules(reserve=1.0), None, id="all above the reserve"),
    ],
)
def test_call_is_blocked(prices: tuple[float | None, float | None], rules: Rules, budget: float | None) -> None:
    bench = MarketBench(rules=rules).opened().called(budget=budget)
    bench.bids(N, prices[0])
    effects = bench.bids(M, prices[1])
    assert sent(effects) == [(T, Blocked(1))]
    assert traced(effects) == ["blocked"]


def test_bid_at_the_budget_and_the_reserve_wins() -> None:
    bench = MarketBench(rules=Rules(reserve=1.5)).opened().called(budget=3.0)
    bench.bids(N, 3.0)
    assert set(sent_as(Contract, bench.bids(M, 4.0))) == {N}


@pytest.mark.parametrize(
    ("sender", "price", "verdict", "reason"),
    [
        pytest.param(N, 3.0, IGNORED, "repeated bid", id="repeated"),
        pytest.param(N, 2.0, REJECTED, "changed bid", id="changed"),
        pytest.param(N, None, REJECTED, "changed bid", id="taken back"),
        pytest.param(P, 1.0, REJECTED, "not invited", id="of a stranger"),
        pytest.param(T, 1.0, REJECTED, "not invited", id="of the customer"),
    ],
)
@pytest.mark.parametrize("is_decided", [False, True])
def test_bid_changes_nothing(is_decided: bool, sender: str, price: float | None, verdict: str, reason: str) -> None:
    bench = inviting()
    bench.bids(N, 3.0)
    if is_decided:
        bench.bids(M, 4.0)
    before = bench.state
    effects = bench.bids(sender, price)
    assert dropped(effects) == [(verdict, reason)]
    assert (bench.state, len(effects)) == (before, 1)


def test_network_that_comes_during_an_auction_is_invited_to_the_next() -> None:
    bench = inviting()
    bench.registers(P)
    assert dropped(bench.bids(P, 1.0)) == [(REJECTED, "not invited")]
    bench.asks(2)
    bench.bids(N, None)
    assert set(sent_as(Invite, bench.bids(M, None))) == {N, M, P}


def test_network_silent_until_the_window_closes_takes_no_part() -> None:
    bench = inviting()
    bench.bids(N, 3.0)
    assert set(sent_as(Contract, bench.misses())) == {N}
    assert dropped(bench.bids(M, 1.0)) == [(IGNORED, "late bid")]


def test_time_in_which_the_market_stood_still_is_no_time_to_bid_in() -> None:
    """Offers may lie unread when it goes on."""
    bench = inviting()
    bench.now += 1000.0
    assert set(sent_as(Invite, bench.fires("bids"))) == {N, M}
    assert bench.timers["bids"] == bench.now + TIMING.retry_s
    bench.bids(N, 3.0)
    assert set(sent_as(Contract, bench.bids(M, 1.0))) == {M}


def test_nobody_heard_of_blocks_the_call() -> None:
    bench = inviting()
    assert sent(bench.misses()) == [(T, Blocked(1))]
