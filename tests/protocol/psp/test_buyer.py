import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from node.mechanism.valuation import Parabolic
from node.protocol.machine import Effect, Message, PeerOffline, Reconnected, Send, SetTimer, Started
from node.protocol.psp.journal import Bought, Lapsed
from node.protocol.psp.messages import Accept, Award, Bid, Closed, Decline, Hold, Settled, Void, Withdraw, Withdrawn
from node.protocol.psp.timing import BUYERS_PATIENCE
from node.protocol.psp.trace import PurchaseReceived, SellerExposed
from node.protocol.retry import PATIENCE
from node.strategy.psp.offer import Target
from node.strategy.random import Random
from tests.protocol.psp.bench import (
    TIMING,
    BuyerBench,
    S,
    T,
    Told,
    advert,
    award,
    bidding_buyer,
    bound_buyer,
    dropped,
    entries,
    profile,
    sent,
    sent_as,
    traced,
)

IGNORED, REJECTED = "ignored", "rejected"
STRANGER = "x/seller"


def unopened() -> BuyerBench:
    return BuyerBench(Told([(30, 2), (20, 2)]))


def opened() -> BuyerBench:
    return unopened().opened(s=100, t=100)


def waiting() -> BuyerBench:
    """Its two bids are not yet reflected."""
    bench = opened()
    bench.thinks()
    return bench


def settled() -> BuyerBench:
    bench = bound_buyer()
    bench.hears(S, Settled(0, 1, 30, 30))
    return bench


def over() -> BuyerBench:
    bench = bidding_buyer()
    bench.hears(S, Closed(0))
    bench.hears(T, Closed(0))
    return bench


PHASES: list[Callable[[], BuyerBench]] = [unopened, opened, waiting, bidding_buyer, bound_buyer, settled, over]


# What changes nothing


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "message",
    [Bid(0, 0, 5, 5, 9), Withdraw(0, 0, 9), Hold(0, 1, 1, undecided=False), Accept(0, 1, 1), Decline(0, 1, 1)],
    ids=lambda message: type(message).__name__,
)
def test_rejects_what_only_a_buyer_says(phase: Callable[[], BuyerBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(S, message)
    assert dropped(effects) == [(REJECTED, "not for a buyer")]
    assert (bench.state, len(effects)) == (before, 1)


FROM_SELLERS: list[Message] = [
    profile(1, 1, (30, 2)),
    Withdrawn(0, 1),
    award(30, 30),
    Settled(0, 1, 30, 30),
    Void(0, 1),
    Closed(0),
]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("message", [*FROM_SELLERS, advert(5)], ids=lambda message: type(message).__name__)
def test_rejects_foreign_sender(phase: Callable[[], BuyerBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(STRANGER, message)
    assert dropped(effects) == [(REJECTED, "foreign sender")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "message",
    [Withdrawn(3, 1), Award(3, 1, 1, 30, 30), Settled(3, 1, 30, 30), Void(3, 1), Closed(3)],
    ids=lambda message: type(message).__name__,
)
def test_ignores_word_of_another_auction(phase: Callable[[], BuyerBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(S, message)
    assert dropped(effects) == [(IGNORED, "other auction")]
    assert (bench.state, len(effects)) == (before, 1)


def impossible_profiles() -> dict[str, Message]:
    right = profile(2, 1, (30, 2), (5, 1))
    replace = {
        "row beyond the book": {"your_row": 2},
        "more quantities than prices": {"prices": [2.0]},
        "bid never made": {"your_seq": 9},
        "other quantity": {"quantities": [29.0, 5.0]},
        "other price": {"prices": [2.5, 1.0]},
        "allocation above the bid": {"allocation": 30.5},
    }
    fields = {field: getattr(right, field) for field in right.__struct_fields__}
    return {what: type(right)(**{**fields, **change}) for what, change in replace.items()}


@pytest.mark.parametrize("what", impossible_profiles())
def test_rejects_impossible_profile(what: str) -> None:
    bench = bidding_buyer()
    before = bench.state
    effects = bench.hears(S, impossible_profiles()[what])
    assert [verdict for verdict, _ in dropped(effects)] == [REJECTED]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize(
    ("phase", "message", "drop"),
    [
        pytest.param(bidding_buyer, advert(9, seq=1), (IGNORED, "overtaken advert"), id="repeated advert"),
        pytest.param(bidding_buyer, advert(9, seq=0), (IGNORED, "overtaken advert"), id="older advert"),
        pytest.param(opened, profile(0, 0, (1, 1)), (IGNORED, "profile without bid"), id="profile without bid"),
        pytest.param(bidding_buyer, profile(0, 1, (30, 2)), (IGNORED, "overtaken profile"), id="older round"),
        pytest.param(bidding_buyer, profile(2, 0, (9, 9)), (IGNORED, "profile without bid"), id="older bid"),
        pytest.param(over, profile(2, 1, (30, 2)), (IGNORED, "profile without bid"), id="profile after the end"),
        pytest.param(bidding_buyer, Withdrawn(0, 9), (REJECTED, "never withdrawn"), id="never withdrawn"),
        pytest.param(bidding_buyer, Withdrawn(0, 1), (IGNORED, "repeated confirmation"), id="bid not withdrawn"),
        pytest.param(bidding_buyer, award(30, 30, seq=9), (REJECTED, "award for no bid"), id="award for no bid"),
        pytest.param(bidding_buyer, award(30.1, 30), (REJECTED, "award exceeds the bid"), id="award too large"),
        pytest.param(bidding_buyer, award(30, 60.1), (REJECTED, "award exceeds the bid"), id="award too dear"),
        pytest.param(bidding_buyer, Settled(0, 1, 30, 30), (REJECTED, "receipt for no award"), id="receipt unasked"),
        pytest.param(bound_buyer, Settled(0, 1, 30, 31), (REJECTED, "receipt for no award"), id="dearer receipt"),
        pytest.param(bound_buyer, Settled(0, 1, 29, 30), (REJECTED, "receipt for no award"), id="smaller receipt"),
        pytest.param(bound_buyer, Settled(0, 2, 30, 30), (REJECTED, "receipt for no award"), id="other round"),
        pytest.param(settled, Settled(0, 1, 30, 30), (IGNORED, "repeated receipt"), id="repeated receipt"),
        pytest.param(bidding_buyer, Void(0, 1), (IGNORED, "no such award"), id="void without award"),
        pytest.param(bound_buyer, Void(0, 2), (IGNORED, "no such award"), id="void of another round"),
        pytest.param(settled, Void(0, 1), (IGNORED, "no such award"), id="void after the receipt"),
    ],
)
def test_drops_without_change(phase: Callable[[], BuyerBench], message: Message, drop: tuple[str, str]) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(S, message)
    assert dropped(effects) == [drop]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", [bound_buyer, settled])
def test_repeated_award_is_accepted_again_without_change(phase: Callable[[], BuyerBench]) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(S, award(30, 30))
    assert sent(effects) == [(S, Accept(0, 1, 1))]
    assert dropped(effects) == [(IGNORED, "repeated award")]
    assert bench.state == before


def test_repeated_profile_is_confirmed_without_change() -> None:
    bench = bidding_buyer()
    before = bench.state
    effects = bench.is_shown(S, 1, 1, (30, 2))
    assert sent(effects) == [(S, Hold(0, 1, 1, undecided=False))]
    assert dropped(effects) == [(IGNORED, "repeated profile")]
    assert bench.state == before


def test_who_still_thinks_is_undecided_and_says_so_when_it_has_decided() -> None:
    bench = bidding_buyer(None)
    bench.hears(T, advert(99, seq=2))  # news: it thinks again
    assert sent(bench.is_shown(S, 1, 1, (30, 2))) == [(S, Hold(0, 1, 1, undecided=True))]
    assert sent(bench.thinks()) == [(S, Hold(0, 1, 1, undecided=False))]
    bench.hears(T, advert(98, seq=3))
    assert sent(bench.thinks()) == []


def test_who_decides_to_move_does_not_hold() -> None:
    bench = bidding_buyer([(31, 2), (19, 2)])
    bench.hears(T, advert(99, seq=2))
    bench.is_shown(S, 1, 1, (30, 2))
    assert not any(isinstance(message, Hold) for _, message in sent(bench.thinks()))


# Thinking


def test_adverts_before_the_opening_do_not_make_it_think() -> None:
    assert unopened().hears(S, advert(100)) == []


def test_starting_says_nothing() -> None:
    assert sent(unopened().step(Started())) == []


def test_opening_makes_it_think() -> None:
    assert opened().timers == {"think": 0.5}


def test_watches_sellers_of_its_pool() -> None:
    assert unopened().machine.watches == {S, T}


def test_news_while_thinking_does_not_put_it_off() -> None:
    assert opened().hears(S, advert(50, seq=2)) == []


def test_bids_what_its_strategy_says() -> None:
    effects = opened().thinks()
    assert sent(effects) == [(S, Bid(0, 0, 30, 2, 1)), (T, Bid(0, 0, 20, 2, 1))]
    assert traced(effects) == ["bid", "bid"]


def test_knows_only_adverts_of_auctions_it_has_not_bid_in() -> None:
    bench = BuyerBench(Told(None)).opened(s=70, t=40)
    bench.thinks()
    assert [(offer.supply, offer.reserve, len(offer.bids[0])) for offer in bench.strategy.offers[0]] == [
        (70, 1, 0),
        (40, 1, 0),
    ]


def test_knows_opponents_where_it_has_bid() -> None:
    bench = bidding_buyer(None)
    bench.is_shown(S, 2, 1, (30, 2), (80, 5))
    bench.thinks()
    seen = bench.strategy.offers[-1][0]
    assert (*seen.bids, seen.supply) == ((80.0,), (5.0,), 100.0)


def test_unadvertised_and_closed_auctions_are_not_offered() -> None:
    bench = BuyerBench(Told(None), pool=(S, T, "u/seller")).opened(s=70)
    bench.hears("u/seller", advert(0, state="closed"))
    bench.thinks()
    assert len(bench.strategy.offers[0]) == 1


def test_auction_that_is_awarding_is_open_only_to_its_bidders() -> None:
    bench = bidding_buyer(None, None)
    bench.hears(S, advert(0, seq=2, state="awarding"))
    bench.thinks()
    assert len(bench.strategy.offers[-1]) == 2
    newcomer = BuyerBench(Told(None)).opened(s=70)
    newcomer.hears(T, advert(0, state="awarding"))
    newcomer.thinks()
    assert len(newcomer.strategy.offers[-1]) == 1


def test_waits_for_its_outstanding_bids() -> None:
    bench = waiting()
    bench.is_shown(S, 1, 1, (30, 2))
    assert bench.thinks() == []
    assert len(bench.strategy.offers) == 1


def test_thinks_again_when_the_last_bid_is_reflected() -> None:
    bench = waiting()
    bench.is_shown(S, 1, 1, (30, 2))
    bench.thinks()
    bench.is_shown(T, 1, 1, (20, 2))
    bench.thinks()
    assert len(bench.strategy.offers) == 2


def test_outstanding_withdrawal_is_waited_for_too() -> None:
    bench = bidding_buyer([(0, 0), (50, 2)], None)
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    assert sent_as(Withdraw, bench.thinks()) == {S: Withdraw(0, 2, 2)}
    bench.is_shown(T, 2, 2, (50, 2))
    bench.thinks()
    assert len(bench.strategy.offers) == 3
    bench.hears(S, Withdrawn(0, 2))
    bench.thinks()
    assert len(bench.strategy.offers) == 4


def test_crowd_is_that_of_its_busiest_auction() -> None:
    bench = bidding_buyer(None)
    bench.is_shown(S, 2, 1, (30, 2), (1, 1), (1, 1), (1, 1))
    assert bench.strategy.crowds[-1] == 4


def test_strategy_that_asks_to_reconsider_thinks_again_without_news() -> None:
    bench = BuyerBench(Told(None, reconsider=True)).opened(s=70)
    assert bench.thinks() == [SetTimer("think", 1.0)]


def test_strategy_that_thinks_in_no_time_does_not_reconsider_at_once_for_ever() -> None:
    class Rash(Told):
        def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
            return 0.0 * super().think_time(participants, round_trip_s, random)

    bench = BuyerBench(Rash(None, reconsider=True)).opened(s=70)
    assert bench.thinks() == [SetTimer("think", bench.now + TIMING.clearing_interval_s)]


def test_unchanged_target_is_not_sent_again() -> None:
    bench = bidding_buyer([(30, 2), (15, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    assert sent_as(Bid, bench.thinks()) == {T: Bid(0, 1, 15, 2, 2)}


def test_bid_names_the_round_it_answers() -> None:
    bench = bidding_buyer([(25, 3), (20, 2)])
    bench.is_shown(S, 7, 1, (30, 2), (9, 9))
    assert sent_as(Bid, bench.thinks()) == {S: Bid(0, 7, 25, 3, 2)}


def test_never_bids_above_demand() -> None:
    bench = BuyerBench(Told([(60, 2), (40, 2)])).opened(s=100, t=100)
    bids = sent_as(Bid, bench.thinks())
    assert (bids[S].quantity, bids[T].quantity) == (30, 20)


def test_sliver_of_a_bid_is_none() -> None:
    bench = BuyerBench(Told([(30, 2), (1e-9, 2)])).opened(s=100, t=100)
    assert set(sent_as(Bid, bench.thinks())) == {S}


def test_withdraws_where_target_is_nothing() -> None:
    bench = bidding_buyer([(0, 0), (20, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    effects = bench.thinks()
    assert sent(effects) == [(S, Withdraw(0, 2, 2))]
    assert traced(effects) == ["withdraw"]


def test_profile_without_bid_any_more_is_ignored() -> None:
    bench = bidding_buyer([(0, 0), (20, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    assert dropped(bench.is_shown(S, 3, 1, (30, 2))) == [(IGNORED, "profile without bid")]


def test_same_round_may_reflect_a_newer_bid() -> None:
    bench = bidding_buyer([(25, 2), (20, 2)], None)
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    assert dropped(bench.is_shown(S, 2, 2, (25, 2), (9, 9))) == []
    bench.thinks()
    assert bench.strategy.offers[-1][0].standing.quantity == 25.0


def test_strategy_is_told_how_long_bids_take_to_be_reflected() -> None:
    bench = waiting()
    assert bench.strategy.round_trips == [1.0]
    bench.now += 5.0
    bench.is_shown(S, 1, 1, (30, 2))
    assert bench.strategy.round_trips == [1.0, 2.0]


def test_round_trip_of_a_repeated_bid_counts_four_times_the_mean_at_most() -> None:
    bench = BuyerBench(Told([(30, 2), (20, 2)])).opened(s=100, t=100)
    bench.thinks()
    bench.now += 5.0
    bench.fires("retry")
    bench.now += 1000.0
    bench.is_shown(S, 1, 1, (30, 2))
    assert bench.machine._round_trip.mean_s == 1.0 + 0.25 * (4.0 - 1.0)  # type: ignore[attr-defined]


def test_round_trip_of_a_clock_that_was_set_back_counts_nothing() -> None:
    bench = BuyerBench(Told([(30, 2), (20, 2)])).opened(s=100, t=100)
    bench.thinks()
    bench.now -= 30.0
    bench.is_shown(S, 1, 1, (30, 2))
    assert bench.machine._round_trip.mean_s == 1.0 + 0.25 * (0.0 - 1.0)  # type: ignore[attr-defined]


def test_profile_that_reflects_no_new_bid_is_no_round_trip() -> None:
    bench = bidding_buyer()
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    told = bench.strategy.round_trips[-1]
    bench.thinks()
    bench.now += 50.0
    bench.is_shown(S, 3, 1, (30, 2), (9, 8))
    assert bench.strategy.round_trips[-1] == told


# Settlement


def test_accepts_award_for_standing_bid() -> None:
    assert sent_as(Accept, bidding_buyer().is_awarded(S, award(30, 30))) == {S: Accept(0, 1, 1)}


def test_wants_less_by_what_it_is_bound_to_buy() -> None:
    bench = bound_buyer(None)
    bench.thinks()
    assert bench.strategy.needs[-1].valuation.demand_mb == 20.0


def test_budget_shrinks_by_what_it_is_bound_to_pay() -> None:
    bench = bidding_buyer(None, budget=100)
    bench.is_awarded(S, award(30, 30))
    bench.thinks()
    assert bench.strategy.needs[-1].budget == 70.0


def test_auction_it_is_bound_in_is_not_offered() -> None:
    bench = bound_buyer(None)
    bench.thinks()
    assert [offer.standing.quantity for offer in bench.strategy.offers[-1]] == [20.0]


def test_acceptance_trims_other_bids_to_what_is_still_wanted() -> None:
    bench = BuyerBench(Told([(30, 2), (20, 2)], [(30, 2), (20, 2)]), Parabolic(40, 10)).opened(s=100, t=100)
    bench.thinks()
    bench.is_shown(S, 1, 1, (24, 2))
    bench.is_shown(T, 1, 1, (16, 2))
    effects = bench.is_awarded(S, award(24, 24))
    assert sent(effects) == [(S, Accept(0, 1, 1))]


def three_bids() -> BuyerBench:
    """20@2 at S, 20@2 at T and 10@2 at U, all reflected; then it holds on to 20 MB of S and 18 of U after all."""
    pool = (S, T, "u/seller")
    bench = BuyerBench(Told([(20, 2), (20, 2), (10, 2)], None), pool=pool).opened(s=100, t=100, u=100)
    bench.thinks()
    for seller, quantity in zip(pool, (20, 20, 10), strict=True):
        bench.is_shown(seller, 1, 1, (quantity, 2))
    bench.thinks()
    return bench


def test_acceptance_lowers_smallest_other_bid_first() -> None:
    bench = three_bids()
    bench.machine._purchases.held = 6.0  # type: ignore[attr-defined]
    effects = bench.is_awarded(S, award(20, 20))
    assert sent(effects) == [(S, Accept(0, 1, 1)), ("u/seller", Bid(0, 1, 4, 2, 2))]


def test_acceptance_withdraws_bids_that_are_wholly_too_much() -> None:
    bench = three_bids()
    bench.machine._purchases.held = 15.0  # type: ignore[attr-defined]
    effects = bench.is_awarded(S, award(20, 20))
    assert sent(effects) == [(S, Accept(0, 1, 1)), ("u/seller", Withdraw(0, 1, 2)), (T, Bid(0, 1, 15, 2, 2))]


def test_partly_served_bid_leaves_the_rest_wanted() -> None:
    bench = bidding_buyer([(30, 2)])
    bench.is_awarded(S, award(12, 12))
    assert sent_as(Bid, bench.thinks()) == {T: Bid(0, 1, 30, 2, 2)}


def test_declines_award_for_overtaken_bid() -> None:
    bench = bidding_buyer([(25, 3), (20, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    effects = bench.is_awarded(S, award(30, 30, round_=2))
    assert sent(effects) == [(S, Decline(0, 2, 1))]


def test_declining_for_overtaken_bid_keeps_the_newer_one() -> None:
    bench = bidding_buyer([(25, 3), (20, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    bench.is_awarded(S, award(30, 30, round_=2))
    bench.is_shown(S, 3, 2, (25, 3), (9, 9))
    assert sent_as(Accept, bench.is_awarded(S, award(25, 25, round_=3, seq=2))) == {S: Accept(0, 3, 2)}


def test_declines_award_above_what_is_left_of_demand() -> None:
    bench = bidding_buyer()
    bench.machine._purchases.held = 30.0  # type: ignore[attr-defined]
    assert sent(bench.is_awarded(S, award(30, 30))) == [(S, Decline(0, 1, 1))]


def test_declines_award_above_what_is_left_of_budget() -> None:
    bench = bidding_buyer(budget=45)
    bench.is_awarded(S, award(30, 30))
    assert sent(bench.is_awarded(T, award(20, 20))) == [(T, Decline(0, 1, 1))]


def test_declined_bid_is_struck_out_and_thought_about_again() -> None:
    bench = bidding_buyer(None, budget=20)
    bench.is_awarded(S, award(30, 30))
    bench.hears(S, advert(100, seq=3))
    bench.thinks()
    assert bench.strategy.offers[-1][0].standing.quantity == 0.0


def test_awarded_bid_that_was_withdrawn_is_declined() -> None:
    bench = bidding_buyer([(0, 0), (20, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    assert sent(bench.is_awarded(S, award(30, 30))) == [(S, Decline(0, 1, 1))]


def test_does_not_think_about_more_when_served_in_full() -> None:
    bench = bound_buyer()
    bench.is_awarded(T, award(20, 20))
    bench.thinks()
    assert len(bench.strategy.offers) == 2


def test_void_frees_demand_and_money() -> None:
    bench = bidding_buyer(None, None, budget=100)
    bench.is_awarded(S, award(30, 30))
    bench.hears(S, Void(0, 1))
    bench.thinks()
    assert (bench.strategy.needs[-1].valuation.demand_mb, bench.strategy.needs[-1].budget) == (50.0, 100.0)


def test_auction_can_be_bid_in_again_after_receipt() -> None:
    bench = bidding_buyer([(15, 2), (5, 2)])
    bench.is_shown(S, 2, 1, (30, 2), (80, 9))
    bench.is_awarded(S, award(20, 20, round_=2))
    bench.hears(S, Settled(0, 2, 20, 20))
    bench.hears(S, advert(80, seq=3))
    assert sent_as(Bid, bench.thinks())[S] == Bid(0, 0, 15, 2, 2)


def test_receipt_of_closed_auction_ends_it() -> None:
    bench = bound_buyer(None)
    bench.hears(S, advert(0, seq=2, state="closed"))
    bench.hears(S, Settled(0, 1, 30, 30))
    bench.thinks()
    assert [offer.standing.quantity for offer in bench.strategy.offers[-1]] == [20.0]


def test_acceptance_outlives_the_end_of_its_auction() -> None:
    bench = bound_buyer()
    bench.hears(S, Closed(0))
    assert not bench.machine.finished
    bench.hears(S, Settled(0, 1, 30, 30))
    bench.hears(T, Closed(0))
    assert bench.machine.finished


@pytest.mark.parametrize("ending", [Closed(0), advert(0, seq=2, state="closed")], ids=["message", "advert"])
def test_closed_auction_frees_its_bid(ending: Message) -> None:
    bench = bidding_buyer([(50, 2)])
    bench.hears(S, ending)
    assert sent_as(Bid, bench.thinks()) == {T: Bid(0, 1, 50, 2, 2)}


@pytest.mark.parametrize(
    ("phase", "finished"),
    [(unopened, True), (opened, True), (waiting, False), (bidding_buyer, True), (bound_buyer, False), (settled, True)],
)
def test_finished_unless_an_answer_is_due(phase: Callable[[], BuyerBench], finished: bool) -> None:
    assert phase().machine.finished == finished


# What is unanswered is said again


def repetitions(bench: BuyerBench) -> list[tuple[float, list[tuple[str, Message]]]]:
    """(time, messages) while the bench has a retry timer, but for no longer than the patience; empty ones left out."""
    found = []
    until = bench.now + 1.5 * TIMING.patience_s
    while bench.timers.get("retry", until) < until:
        messages = sent(bench.fires("retry"))
        if messages:
            found.append((bench.now, messages))
    return found


def test_unanswered_bids_are_repeated_as_they_were() -> None:
    bench = waiting()
    assert sent(bench.fires("retry")) == [(S, Bid(0, 0, 30, 2, 1)), (T, Bid(0, 0, 20, 2, 1))]


def test_answered_bid_is_not_repeated() -> None:
    bench = waiting()
    bench.is_shown(S, 1, 1, (30, 2))
    assert sent(bench.fires("retry")) == [(T, Bid(0, 0, 20, 2, 1))]


def test_retry_ends_when_all_is_answered() -> None:
    bench = bidding_buyer()
    assert bench.fires("retry") == []
    assert "retry" not in bench.timers


def test_bid_just_made_is_not_repeated_yet() -> None:
    bench = bidding_buyer([(25, 3), (20, 2)])
    bench.now = 4.0
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    assert [effect for effect in bench.fires("retry") if isinstance(effect, Send)] == []
    assert "retry" in bench.timers


def test_unanswered_withdrawal_is_repeated() -> None:
    bench = bidding_buyer([(0, 0), (20, 2)])
    bench.fires("retry")
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    assert sent(bench.fires("retry")) == [(S, Withdraw(0, 2, 2))]


def test_unanswered_acceptance_is_repeated() -> None:
    bench = bidding_buyer()
    bench.fires("retry")
    bench.is_awarded(S, award(30, 30))
    assert sent(bench.fires("retry")) == [(S, Accept(0, 1, 1))]


def test_repetitions_come_ever_more_slowly_and_end_with_patience() -> None:
    times = [at for at, _ in repetitions(waiting())]
    pauses = [after - before for before, after in pairwise(times)]
    assert len(times) == PATIENCE
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1] <= 40.0


def test_slow_answers_make_it_repeat_later() -> None:
    bench = bidding_buyer([(25, 3), (20, 2)])
    bench.fires("retry")
    bench.machine._round_trip.mean_s = 5.0  # type: ignore[attr-defined]
    bench.is_shown(S, 2, 1, (30, 2), (9, 9))
    bench.thinks()
    assert bench.timers["retry"] - bench.now == 15.0


def test_seller_that_never_answers_a_bid_is_given_up() -> None:
    bench = waiting()
    repetitions(bench)
    assert bench.machine.finished
    assert "think" in bench.timers
    bench.thinks()
    assert len(bench.strategy.offers) == 1


def test_bid_given_up_with_its_seller_is_taken_back_if_that_has_it() -> None:
    bench = waiting()
    repetitions(bench)
    for _ in range(2):
        effects = bench.is_shown(S, 1, 1, (30, 2))
        assert sent(effects) == [(S, Withdraw(0, 1, 2))]
        assert dropped(effects) == [("ignored", "profile without bid")]


def test_bid_is_not_given_up_while_its_seller_asks_its_winners() -> None:
    bench = waiting()
    bench.hears(S, advert(0, seq=2, state="awarding"))
    for _ in range(3 * PATIENCE):
        assert sent_as(Bid, bench.fires("retry")).keys() <= {S, T}
    assert sent_as(Bid, bench.fires("retry")).keys() == {S}


def test_seller_given_up_is_offered_again_when_it_adverts() -> None:
    bench = waiting()
    repetitions(bench)
    bench.hears(S, advert(100, seq=2))
    bench.thinks()
    assert len(bench.strategy.offers[-1]) == 1


def in_doubt() -> BuyerBench:
    bench = bidding_buyer()
    bench.fires("retry")
    bench.is_awarded(S, award(30, 30))
    return bench


def test_acceptance_never_answered_is_reported_in_doubt() -> None:
    bench = in_doubt()
    reported: list[str] = []
    while "in-doubt" not in reported:
        reported += traced(bench.fires("retry"))
    assert (S, Accept(0, 1, 1)) in [message for _, messages in repetitions(bench) for message in messages]
    assert not bench.machine.finished


def test_what_is_in_doubt_is_not_bought_again() -> None:
    bench = in_doubt()
    repetitions(bench)
    bench.thinks()
    assert bench.strategy.needs[-1].valuation.demand_mb == 20.0


def test_late_receipt_settles_what_was_in_doubt() -> None:
    bench = in_doubt()
    repetitions(bench)
    assert dropped(bench.hears(S, Settled(0, 1, 30, 30))) == []


# What lasts too long


def loses_patience(bench: BuyerBench) -> list[Effect]:
    """Let time pass until the buyer gives something up."""
    effects: list[Effect] = []
    while not traced(effects):
        effects = bench.fires("patience")
    return effects


def owed_a_receipt() -> BuyerBench:
    """The buyer of ``in_doubt``, once T has closed."""
    bench = in_doubt()
    bench.hears(T, Closed(0))
    return bench


def test_what_no_receipt_comes_for_in_time_binds_no_more() -> None:
    bench = owed_a_receipt()
    accepted_s = bench.now
    effects = loses_patience(bench)
    assert bench.now == accepted_s + BUYERS_PATIENCE * TIMING.patience_s
    assert entries(effects) == [Lapsed(S, 0, 1, 1, 30.0, 30.0)]
    assert traced(effects) == ["in-doubt", "cleared-up", "exposed"]
    bench.thinks()
    assert bench.strategy.needs[-1].valuation.demand_mb == 50.0


def test_receipt_that_comes_too_late_counts_no_more() -> None:
    bench = owed_a_receipt()
    loses_patience(bench)
    before = bench.state
    effects = bench.hears(S, Settled(0, 1, 30, 30))
    assert (dropped(effects), bench.state) == ([("ignored", "receipt too late")], before)


def test_seller_that_is_gone_is_not_exposed_when_what_it_owes_lapses() -> None:
    bench = owed_a_receipt()
    bench.step(PeerOffline("s"))
    assert traced(loses_patience(bench)) == ["cleared-up"]


def test_bid_at_an_auction_that_does_not_end_is_taken_back() -> None:
    bench = bidding_buyer()
    bench.is_shown(S, 2, 1, (30, 2), (5, 1))
    bench.is_shown(T, 2, 1, (20, 2), (5, 1))
    changed_s = bench.now
    effects = loses_patience(bench)
    assert bench.now == changed_s + BUYERS_PATIENCE * TIMING.patience_s
    assert sent(effects) == [(S, Withdraw(0, 2, 2)), (T, Withdraw(0, 2, 2))]
    exposed = {(one.seller, one.lie) for one in effects if isinstance(one, SellerExposed)}
    assert exposed == {(S, "no end"), (T, "no end")}
    assert "patience" not in bench.timers


def test_auction_whose_book_changes_is_waited_for() -> None:
    bench = bidding_buyer()
    for round_ in range(2, 20):
        bench.is_shown(S, round_, 1, (30, 2), (5, 1 + round_ / 1e3))
        bench.is_shown(T, round_, 1, (20, 2), (5, 1 + round_ / 1e3))
        assert not sent(bench.fires("patience"))
    assert bench.machine.tentative.keys() == {S, T}


def test_receipt_may_charge_less_than_was_accepted() -> None:
    bench = bound_buyer()
    effects = bench.hears(S, Settled(0, 1, 30, 12))
    assert entries(effects) == [Bought(S, 0, 1, 1, 30.0, 12.0)]
    assert [one.charge_money for one in effects if isinstance(one, PurchaseReceived)] == [12.0]


@pytest.mark.parametrize(("quantity", "charge"), [(30, 30.1), (29, 29), (31, 30)])
def test_receipt_of_other_mb_or_more_money_is_none(quantity: float, charge: float) -> None:
    bench = bound_buyer()
    before = bench.state
    assert dropped(bench.hears(S, Settled(0, 1, quantity, charge))) == [("rejected", "receipt for no award")]
    assert bench.state == before


def test_offline_seller_frees_its_bid() -> None:
    bench = bidding_buyer([(50, 2)])
    bench.step(PeerOffline("s"))
    assert sent_as(Bid, bench.thinks()) == {T: Bid(0, 1, 50, 2, 2)}


def test_offline_seller_is_not_waited_for() -> None:
    bench = waiting()
    bench.step(PeerOffline("s"))
    bench.step(PeerOffline("t"))
    assert bench.machine.finished


def test_unknown_host_offline_changes_nothing() -> None:
    bench = bidding_buyer()
    before = bench.state
    assert bench.step(PeerOffline("x")) == []
    assert bench.state == before


def test_offline_seller_leaves_acceptance_in_doubt() -> None:
    bench = bound_buyer()
    assert traced(bench.step(PeerOffline("s"))) == ["in-doubt"]


def test_seller_offline_for_long_is_reported_once() -> None:
    bench = bound_buyer()
    bench.step(PeerOffline("s"))
    assert traced(bench.step(PeerOffline("s"))) == []


def test_acceptance_is_said_again_as_soon_as_the_seller_is_back() -> None:
    """It may be back only to answer, and not for long."""
    bench = bound_buyer()
    bench.step(PeerOffline("s"))
    repetitions(bench)
    assert sent(bench.hears(S, advert(100, seq=3))) == [(S, Accept(0, 1, 1))]
    assert (S, Accept(0, 1, 1)) in [message for _, messages in repetitions(bench) for message in messages]


def test_seller_back_too_late_is_asked_with_new_patience() -> None:
    bench = in_doubt()
    bench.step(PeerOffline("s"))
    assert repetitions(bench) == []
    bench.hears(S, advert(100, seq=3))
    assert len(repetitions(bench)) >= PATIENCE


def test_reconnected_buyer_bids_anew() -> None:
    effects = bidding_buyer().step(Reconnected())
    assert sent(effects) == [(S, Bid(0, 1, 30, 2, 2)), (T, Bid(0, 1, 20, 2, 2))]


def test_reconnected_buyer_without_bids_says_nothing() -> None:
    assert over().step(Reconnected()) == []


def test_think_time_of_a_buyer_without_sellers_is_asked_for_nobody() -> None:
    bench = BuyerBench(Told(), pool=("z/seller",)).opened()
    assert bench.strategy.crowds == [0]


def test_infinite_budget_stays_infinite() -> None:
    bench = bound_buyer(None)
    bench.thinks()
    assert bench.strategy.needs[-1].budget == math.inf


# What its device asks


def test_a_buyer_is_done_when_all_auctions_are_closed() -> None:
    bench = bidding_buyer()
    assert not bench.machine.is_done
    bench.hears(S, Closed(0))
    assert not bench.machine.is_done
    bench.hears(T, advert(0, 2, "closed"))
    assert bench.machine.is_done


def test_a_buyer_that_waits_for_a_receipt_is_not_done() -> None:
    bench = bound_buyer()
    bench.hears(T, Closed(0))
    bench.hears(S, advert(0, 9, "closed"))
    assert not bench.machine.is_done
    bench.hears(S, Settled(0, 1, 30, 30))
    assert bench.machine.is_done


def test_what_a_buyer_would_get_is_what_it_was_shown_for_its_standing_bid() -> None:
    bench = BuyerBench(Told([(30, 2), (20, 2)], [(0, 0), (20, 2)])).opened(s=100, t=100)
    bench.thinks()
    bench.hears(S, profile(1, 1, (30, 2), allocation=25.0))
    assert bench.machine.tentative == {S: (25.0, 0.0), T: (0.0, 0.0)}
    bench.is_shown(T, 1, 1, (20, 2))
    bench.thinks()
    assert bench.machine.tentative[S] == (0.0, 0.0)


def test_utility_is_of_what_is_bought_and_of_what_bids_would_get() -> None:
    bench = bound_buyer()  # 30 MB at 2 per MB each, of 50
    bench.hears(S, Settled(0, 1, 30, 12))
    assert bench.machine.utility == 30 * 2.0 - 12.0
    bench.hears(T, profile(2, 1, (20, 2), (5, 1.5), allocation=15.0))
    assert bench.machine.utility == 45 * 2.0 - 12.0


def test_what_a_buyer_sees_is_what_its_strategy_would_decide_on() -> None:
    bench = bidding_buyer()
    need, offers = bench.machine.sees
    assert (need, offers) == (bench.strategy.needs[-1], bench.strategy.offers[-1])
    assert [(offer.seller, offer.standing) for offer in offers] == [(S, Target(30, 2)), (T, Target(20, 2))]
