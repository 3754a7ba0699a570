"""Market shifts: users come and go, supplies and valuations change while the market runs."""

import pytest

from node.protocol.machine import Effect, Event, Left, Opened, Reconnected, Started, TimerFired
from node.protocol.planned import Planned
from node.protocol.psp.events import SupplyChanged, ValuationChanged
from node.protocol.psp.messages import Accept, Bid, Closed, Decline, Profile, Settled, Void, Withdraw, Withdrawn
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.psp.bench import (
    TIMING,
    A,
    B,
    Bench,
    BuyerBench,
    S,
    SellerBench,
    T,
    Told,
    advert,
    award,
    awarding_seller,
    bidding_buyer,
    bound_buyer,
    cleared_seller,
    dropped,
    posted,
    sent,
    sent_as,
    traced,
)

# A seller's supply


def test_more_supply_is_cleared_and_advertised() -> None:
    bench = cleared_seller()
    effects = bench.step(SupplyChanged(150.0))
    assert traced(effects) == ["supply"]
    effects = bench.clears()
    profiles = sent_as(Profile, effects)
    assert (profiles[A].supply, profiles[B].allocation) == (150.0, 70.0)
    assert [(post.supply, post.left) for post in posted(effects)] == [(150.0, 20.0)]


def test_less_supply_takes_allocations_back() -> None:
    bench = cleared_seller()
    bench.step(SupplyChanged(50.0))
    profiles = sent_as(Profile, bench.clears())
    assert (profiles[A].allocation, profiles[B].allocation) == (50.0, 0.0)


def test_supply_that_changes_ends_the_quiet() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1, b=1)
    bench.now = 8.0
    bench.step(SupplyChanged(150.0))
    bench.clears()
    assert bench.timers["quiet"] == 11.5


def test_promised_supply_is_not_taken_back() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    bench.step(SupplyChanged(10.0))
    effects = bench.hears(B, Accept(0, 1, 1))
    assert sent_as(Settled, effects)[B].quantity == 40.0
    assert traced(effects) == ["settled", "settled", "closed"]


def test_supply_that_comes_while_awarding_opens_the_auction_again() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    bench.step(SupplyChanged(130.0))
    assert traced(bench.hears(B, Accept(0, 1, 1))) == ["settled", "settled", "reopened"]
    assert [post.left for post in posted(bench.clears())] == [30.0]


def test_closed_auction_stays_closed_whatever_its_supply() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    bench.hears(B, Accept(0, 1, 1))
    before = bench.state
    assert (bench.step(SupplyChanged(500.0)), bench.state) == ([], before)
    assert (bench.step(Left()), bench.state) == ([], before)


# A seller that leaves


def test_seller_that_leaves_tells_its_bidders_and_the_board() -> None:
    bench = cleared_seller()
    effects = bench.step(Left())
    assert sent(effects) == [(A, Closed(0)), (B, Closed(0))]
    assert [(post.supply, post.left, post.state) for post in posted(effects)] == [(0.0, 0.0, "closed")]
    assert traced(effects) == ["left", "supply", "closed"]
    assert bench.machine.finished
    assert bench.timers == {}


def test_bid_for_a_seller_that_has_left_is_answered() -> None:
    bench = cleared_seller()
    bench.step(Left())
    effects = bench.bids(A, 10, 9, seq=2)
    assert sent(effects) == [(A, Closed(0))]
    assert dropped(effects) == [("ignored", "auction closed")]


def test_seller_keeps_its_promises_before_it_leaves() -> None:
    bench = awarding_seller()
    assert traced(bench.step(Left())) == ["left"]
    assert not bench.machine.finished
    bench.hears(A, Accept(0, 1, 1))
    effects = bench.hears(B, Decline(0, 1, 1))
    assert traced(effects) == ["declined", "settled", "supply", "closed"]
    assert [(post.supply, post.left) for post in posted(effects)] == [(60.0, 0.0)]
    assert sent_as(Void, bench.hears(B, Accept(0, 1, 1))) == {B: Void(0, 1)}


# A seller that joins late


def late_seller() -> SellerBench:
    bench = SellerBench()
    bench.machine = Seller(100.0, FixedReserve(1.0), TIMING, opens_late=True)
    return bench


def test_seller_that_opens_late_is_announced_and_takes_no_bid_before() -> None:
    bench = late_seller()
    assert [post.state for post in posted(bench.step(Started()))] == ["upcoming"]
    before = bench.state
    assert dropped(bench.bids(A, 60, 4)) == [("rejected", "auction to come")]
    assert bench.state == before
    assert [post.state for post in posted(bench.step(Opened()))] == ["open"]
    assert dropped(bench.bids(A, 60, 4)) == []


def test_supply_of_a_seller_to_come_is_advertised_at_once() -> None:
    bench = late_seller()
    bench.step(Started())
    assert [(post.supply, post.state) for post in posted(bench.step(SupplyChanged(70.0)))] == [(70.0, "upcoming")]


def test_seller_that_never_opened_can_leave() -> None:
    bench = late_seller()
    bench.step(Started())
    assert [post.state for post in posted(bench.step(Left()))] == ["closed"]


def test_buyer_does_not_bid_at_a_seller_to_come() -> None:
    bench = BuyerBench(Told([(30, 2)]), pool=(S,))
    bench.hears(S, advert(100, state="upcoming"))
    bench.step(Opened())
    assert bench.thinks() == []
    bench.hears(S, advert(100, seq=2))
    assert sent_as(Bid, bench.thinks())[S].quantity == 30


# Open long enough


def test_auction_is_not_awarded_before_it_must_be_open() -> None:
    bench = SellerBench()
    bench.machine = Seller(100.0, FixedReserve(1.0), Timing(1.0, 10.0, 4.0, open_at_least_s=60.0))
    bench.opened()
    bench.bids(A, 60, 4)
    bench.clears()
    bench.all_hold(a=1)
    assert traced(bench.rests()) == []
    assert bench.now < 60.0
    assert traced(bench.fires("quiet")) == ["awarding"]
    assert bench.now == 60.0


# A buyer that leaves


def test_buyer_that_leaves_withdraws_every_bid_until_that_is_confirmed() -> None:
    bench = bidding_buyer()
    effects = bench.step(Left())
    assert sent_as(Withdraw, effects).keys() == {S, T}
    assert traced(effects) == ["left", "withdraw", "withdraw"]
    assert not bench.machine.finished
    bench.fires("retry")  # of the bids before
    assert sent_as(Withdraw, bench.fires("retry")).keys() == {S, T}
    bench.hears(S, Withdrawn(0, 2))
    bench.hears(T, Withdrawn(0, 2))
    assert bench.machine.finished


def test_buyer_that_has_left_bids_no_more() -> None:
    bench = bidding_buyer([(30, 2), (20, 2)])
    bench.hears(S, advert(50, seq=2))
    bench.step(Left())
    assert bench.thinks() == []
    bench.hears(S, advert(90, seq=3))
    bench.step(Reconnected())
    assert "think" not in bench.timers


def test_buyer_that_has_left_declines_an_award() -> None:
    bench = bidding_buyer()
    bench.step(Left())
    assert sent(bench.is_awarded(S, award(30, 30))) == [(S, Decline(0, 1, 1))]


def test_buyer_that_leaves_keeps_what_it_has_accepted() -> None:
    bench = bound_buyer()
    assert sent_as(Withdraw, bench.step(Left())).keys() == {T}
    bench.hears(T, Withdrawn(0, 2))
    assert not bench.machine.finished
    bench.hears(S, Settled(0, 1, 30, 30))
    assert bench.machine.finished


def test_buyer_that_leaves_without_a_bid_is_done() -> None:
    bench = BuyerBench(Told()).opened(s=100)
    assert traced(bench.step(Left())) == ["left"]
    assert bench.machine.finished


# A buyer that changes its mind


def test_buyer_whose_valuation_rises_thinks_again() -> None:
    bench = bidding_buyer([(30, 4), (20, 4)])
    effects = bench.step(ValuationChanged(2.0))
    assert traced(effects) == ["valuation"]
    assert sent_as(Bid, bench.thinks())[S].price == 4
    assert bench.strategy.needs[-1].valuation.marginal(10.0) == 4.0


def test_factors_of_a_valuation_do_not_multiply() -> None:
    bench = bidding_buyer(None, None)
    bench.step(ValuationChanged(2.0))
    bench.thinks()
    bench.step(ValuationChanged(3.0))
    bench.thinks()
    assert bench.strategy.needs[-1].valuation.marginal(10.0) == 6.0


# Plans


class Diary:
    """A machine that notes what happens to it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.finished = True
        self.watches = frozenset({"x/y"})

    def step(self, now: float, event: Event) -> list[Effect]:
        del now
        self.events.append(event)
        return []


def planned(*plan: tuple[float, Event]) -> tuple[Bench, Diary]:
    diary = Diary()
    bench = Bench(Planned(diary, plan))
    bench.now = 100.0
    return bench, diary


def test_plan_is_carried_out_in_time() -> None:
    bench, diary = planned((2.0, SupplyChanged(5.0)), (3.0, Left()))
    bench.step(Started())
    bench.step(Opened())
    assert bench.timers == {"planned-0": 102.0, "planned-1": 103.0}
    bench.fires("planned-0")
    assert not bench.machine.finished
    bench.fires("planned-1")
    assert diary.events == [Started(), Opened(), SupplyChanged(5.0), Left()]
    assert bench.machine.finished


def test_latecomer_does_not_hear_the_market_open() -> None:
    bench, diary = planned((2.0, Opened()))
    bench.step(Opened())
    assert diary.events == []
    assert traced(bench.fires("planned-0")) == ["joined"]
    assert diary.events == [Opened()]


@pytest.mark.parametrize("event", [TimerFired("clear"), TimerFired("planned-0"), Started(), Reconnected()])
def test_what_is_not_planned_goes_through(event: Event) -> None:
    bench, diary = planned()
    bench.step(event)
    assert diary.events == [event]
    assert bench.machine.watches == {"x/y"}
    assert bench.machine.finished
