from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from node.protocol.machine import (
    CancelTimer,
    Effect,
    Left,
    Message,
    Opened,
    PeerOffline,
    PostOnBoard,
    Reconnected,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from node.protocol.psp.book import MAX_BIDS, Book
from node.protocol.psp.digest import digest, packed
from node.protocol.psp.messages import (
    Accept,
    Award,
    Bid,
    Closed,
    Decline,
    Hold,
    Profile,
    Settled,
    Void,
    Withdraw,
    Withdrawn,
)
from node.protocol.psp.patience import MOST_DECLINES, MOST_SILENCES
from node.protocol.psp.quiet import TICKS
from node.protocol.psp.timing import PATIENT_QUIET_PERIODS
from node.protocol.psp.trace import Allocated, BidVoided
from node.protocol.retry import LONGEST_BACKOFF, PATIENCE
from node.protocol.wire.frames import MAX_FRAME_BYTES, encode_message
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.psp.bench import (
    PATIENT,
    TIMING,
    A,
    B,
    C,
    SellerBench,
    address_of,
    advert,
    awarding_seller,
    cleared_seller,
    dropped,
    posted,
    profile,
    sent,
    sent_as,
    traced,
)

IGNORED, REJECTED = "ignored", "rejected"

D = "d/buyer"


def fresh() -> SellerBench:
    return SellerBench().opened()


def bid_but_not_cleared() -> SellerBench:
    bench = fresh()
    bench.bids(A, 60, 4)
    return bench


def reopened() -> SellerBench:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    bench.hears(B, Decline(0, 1, 1))
    return bench


def closed() -> SellerBench:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    bench.hears(B, Accept(0, 1, 1))
    return bench


PHASES: list[Callable[[], SellerBench]] = [
    fresh,
    bid_but_not_cleared,
    cleared_seller,
    awarding_seller,
    reopened,
    closed,
]


# What changes nothing


NOT_FOR_A_SELLER: list[Message] = [
    advert(5),
    Withdrawn(0, 1),
    profile(1, 1, (60, 4)),
    Award(0, 1, 1, 60, 60),
    Settled(0, 1, 60, 60),
    Void(0, 1),
    Closed(0),
]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("message", NOT_FOR_A_SELLER, ids=lambda message: type(message).__name__)
def test_rejects_what_only_a_seller_says(phase: Callable[[], SellerBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(A, message)
    assert dropped(effects) == [(REJECTED, "not for a seller")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "message",
    [Bid(1, 0, 5, 5, 9), Withdraw(1, 0, 9), Hold(1, 1, 1, undecided=False), Accept(1, 1, 1), Decline(1, 1, 1)],
    ids=lambda message: type(message).__name__,
)
def test_ignores_word_of_another_auction(phase: Callable[[], SellerBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(A, message)
    assert dropped(effects) == [(IGNORED, "other auction")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "message", [Bid(0, 9, 5, 5, 9), Withdraw(0, 9, 9), Accept(0, 9, 1)], ids=lambda message: type(message).__name__
)
def test_rejects_round_to_come(phase: Callable[[], SellerBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(A, message)
    assert dropped(effects) == [(REJECTED, "round to come")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize(
    ("phase", "sender", "message", "reason"),
    [
        pytest.param(cleared_seller, A, Bid(0, 0, 5, 9, 0), "repeated bid", id="stale bid"),
        pytest.param(cleared_seller, A, Withdraw(0, 0, 0), "repeated bid", id="stale withdrawal"),
        pytest.param(bid_but_not_cleared, A, Bid(0, 0, 60, 4, 1), "repeated bid", id="repeated before clearing"),
        pytest.param(fresh, C, Bid(0, 0, 5, 9, 0), "repeated bid", id="bid numbered 0"),
        pytest.param(fresh, C, Withdraw(0, 0, 0), "repeated bid", id="withdrawal numbered 0"),
        pytest.param(
            cleared_seller, A, Hold(0, 0, 1, undecided=False), "overtaken hold", id="hold of an earlier round"
        ),
        pytest.param(cleared_seller, A, Hold(0, 7, 1, undecided=False), "overtaken hold", id="hold of a round to come"),
        pytest.param(cleared_seller, A, Hold(0, 1, 2, undecided=False), "overtaken hold", id="hold of another bid"),
        pytest.param(cleared_seller, C, Hold(0, 1, 1, undecided=False), "overtaken hold", id="hold of a stranger"),
        pytest.param(cleared_seller, A, Decline(0, 1, 1), "no such award", id="decline without award"),
        pytest.param(awarding_seller, A, Decline(0, 0, 1), "no such award", id="decline of an earlier round"),
        pytest.param(awarding_seller, A, Decline(0, 1, 2), "no such award", id="decline of another bid"),
        pytest.param(awarding_seller, C, Decline(0, 1, 1), "no such award", id="decline of a stranger"),
        pytest.param(closed, A, Decline(0, 1, 1), "no such award", id="decline after the receipt"),
        pytest.param(closed, A, Hold(0, 1, 1, undecided=False), "overtaken hold", id="hold after the end"),
    ],
)
def test_ignores_in_silence(phase: Callable[[], SellerBench], sender: str, message: Message, reason: str) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(sender, message)
    assert dropped(effects) == [(IGNORED, reason)]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize(
    ("phase", "sender", "message", "answer", "reason"),
    [
        pytest.param(closed, A, Bid(0, 1, 5, 5, 9), Closed(0), "auction closed", id="bid after the end"),
        pytest.param(closed, A, Withdraw(0, 1, 9), Closed(0), "auction closed", id="withdrawal after the end"),
        pytest.param(closed, A, Accept(0, 1, 1), Settled(0, 1, 60, 120), "repeated accept", id="accept after the end"),
        pytest.param(reopened, A, Accept(0, 1, 1), Settled(0, 1, 60, 60), "repeated accept", id="accept said again"),
        pytest.param(cleared_seller, A, Accept(0, 1, 1), Void(0, 1), "award void", id="accept without award"),
        pytest.param(awarding_seller, A, Accept(0, 1, 2), Void(0, 1), "award void", id="accept of another bid"),
        pytest.param(awarding_seller, A, Accept(0, 0, 1), Void(0, 0), "award void", id="accept of an earlier round"),
        pytest.param(awarding_seller, C, Accept(0, 1, 1), Void(0, 1), "award void", id="accept of a stranger"),
        pytest.param(reopened, B, Accept(0, 1, 1), Void(0, 1), "award void", id="accept after the decline"),
    ],
)
def test_answers_late_word_without_change(
    phase: Callable[[], SellerBench], sender: str, message: Message, answer: Message, reason: str
) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(sender, message)
    assert sent(effects) == [(sender, answer)]
    assert dropped(effects) == [(IGNORED, reason)]
    assert (bench.state, len(effects)) == (before, 2)


def test_repeated_bid_is_answered_by_its_profile() -> None:
    bench = cleared_seller()
    before = bench.state
    effects = bench.hears(A, Bid(0, 0, 60, 4, 1))
    assert sent_as(Profile, effects)[A].your_seq == 1
    assert dropped(effects) == [(IGNORED, "repeated bid")]
    assert bench.state == before


def test_repeated_withdrawal_is_confirmed_again() -> None:
    bench = cleared_seller()
    bench.hears(A, Withdraw(0, 1, 2))
    before = bench.state
    effects = bench.hears(A, Withdraw(0, 1, 2))
    assert sent(effects) == [(A, Withdrawn(0, 2))]
    assert dropped(effects) == [(IGNORED, "repeated bid")]
    assert bench.state == before


# Opening


def test_started_seller_adverts_supply_at_floor() -> None:
    effects = SellerBench().step(Started())
    assert effects[1:] == [PostOnBoard(advert(100))]


def test_auction_without_bids_closes_after_quiet_period() -> None:
    bench = fresh()
    assert bench.timers == {"quiet": 2.5}
    effects = bench.rests()
    assert posted(effects)[-1] == advert(0, seq=posted(effects)[-1].seq, state="closed")
    assert bench.machine.finished


def test_bid_before_opening_counts() -> None:
    bench = SellerBench()
    bench.step(Started())
    bench.bids(A, 60, 4)
    assert bench.step(Opened()) == []
    assert bench.timers == {"clear": 1.0}


def test_opening_late_does_not_shorten_quiet_period() -> None:
    bench = SellerBench()
    bench.bids(A, 60, 4)
    bench.clears()
    assert bench.step(Opened()) == []


def test_seller_watches_nobody() -> None:
    assert SellerBench().machine.watches == frozenset()


# Clearing


def test_bid_asks_for_clearing_after_interval() -> None:
    bench = fresh()
    bench.now = 5.0
    effects = bench.bids(A, 60, 4)
    assert effects == [SetTimer("clear", 6.0), CancelTimer("refresh")]


def test_many_bids_make_one_clearing() -> None:
    bench = fresh()
    effects = [effect for k in range(50) for effect in bench.bids(f"h{k}/buyer", 10, 2)]
    assert [effect for effect in effects if isinstance(effect, SetTimer)] == [SetTimer("clear", 1.0)]
    assert len(sent_as(Profile, bench.clears())) == 50


def test_profile_shows_book_and_own_row() -> None:
    bench = fresh()
    bench.bids(A, 60, 4)
    bench.bids(B, 70, 5, seq=3)
    profiles = sent_as(Profile, bench.clears())
    assert (profiles[A].your_row, profiles[B].your_row) == (1, 0)
    assert (profiles[A].your_seq, profiles[B].your_seq) == (1, 3)
    assert [profiles[B].round, profiles[B].supply, profiles[B].reserve] == [1, 100, 1]
    assert (profiles[A].allocation, profiles[A].charge) == (30.0, 30.0)
    assert (profiles[B].allocation, profiles[B].charge) == (70.0, 40.0 * 1 + 30.0 * 4)


def test_eq_15_clearing_adverts_what_is_left() -> None:
    bench = fresh()
    bench.bids(A, 60, 4)
    assert posted(bench.clears()) == [advert(40, seq=2, round_=1, digest=digest(packed(0, 100.0, 1.0, [60.0], [4.0])))]


def test_clearing_that_leaves_advert_as_it_was_posts_nothing() -> None:
    bench = cleared_seller()
    bench.bids(A, 60, 4.5, seq=2)
    assert posted(bench.clears()) == []


def test_clearing_traces_market_and_every_changed_allocation() -> None:
    bench = fresh()
    bench.bids(A, 60, 4)
    bench.bids(B, 70, 3)
    assert traced(bench.clears()) == ["allocated", "allocated", "cleared"]


def test_only_changed_allocations_are_traced() -> None:
    bench = cleared_seller()
    bench.bids(C, 10, 0.5)
    assert traced(bench.clears()) == ["cleared"]


def test_profiles_go_to_participants_only() -> None:
    bench = cleared_seller()
    bench.hears(A, Withdraw(0, 1, 2))
    assert set(sent_as(Profile, bench.clears())) == {B}


def test_unchanged_book_is_news_to_the_new_bid_only() -> None:
    bench = cleared_seller()
    bench.bids(A, 60, 4, seq=2)
    assert set(sent_as(Profile, bench.clears())) == {A}


def test_changed_book_is_news_to_all() -> None:
    bench = cleared_seller()
    bench.bids(C, 5, 0.1)
    assert set(sent_as(Profile, bench.clears())) == {A, B, C}


def test_profiles_of_a_clearing_embed_the_same_bytes() -> None:
    bench = fresh()
    bench.bids(A, 60, 4)
    bench.bids(B, 70, 3)
    profiles = sent_as(Profile, bench.clears())
    assert address_of(profiles[A].quantities) == address_of(profiles[B].quantities)
    assert address_of(profiles[A].prices) == address_of(profiles[B].prices)


def test_bid_replaces_the_buyers_former_one() -> None:
    bench = cleared_seller()
    bench.bids(A, 10, 2, seq=2)
    profiles = sent_as(Profile, bench.clears())
    assert (profiles[A].allocation, profiles[B].allocation) == (10.0, 70.0)


def test_withdrawal_is_confirmed_and_frees_supply() -> None:
    bench = cleared_seller()
    effects = bench.hears(A, Withdraw(0, 1, 2))
    assert sent(effects) == [(A, Withdrawn(0, 2))]
    assert sent_as(Profile, bench.clears())[B].allocation == 70.0


def test_withdrawal_of_no_bid_is_confirmed_without_clearing() -> None:
    assert fresh().hears(A, Withdraw(0, 0, 1)) == [Send(A, Withdrawn(0, 1))]


def test_allocation_of_who_withdrew_is_traced_as_nothing() -> None:
    bench = cleared_seller()
    bench.hears(A, Withdraw(0, 1, 2))
    gone = [effect for effect in bench.clears() if isinstance(effect, Allocated) and effect.buyer == A]
    assert gone == [Allocated(A, 2, 0.0, 0.0)]


# Quiet, hold and refresh


def test_new_bid_starts_quiet_period_anew() -> None:
    bench = cleared_seller()
    assert bench.timers["quiet"] == 3.5
    bench.now = 8.0
    bench.bids(A, 61, 4, seq=2)
    bench.clears()
    assert bench.timers["quiet"] == 11.5


def test_no_auction_is_awarded_between_a_bid_and_its_clearing() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1, b=1)
    for _ in range(TICKS - 1):
        bench.fires("quiet")
    bench.bids(A, 61, 4, seq=2)
    bench.timers["clear"] = bench.timers["quiet"] + 1.0
    assert sent_as(Award, bench.fires("quiet")) == {}


def test_bid_that_alters_nothing_breaks_no_quiet() -> None:
    """C gets nothing, and nobody pays for what C would have paid."""
    bench = cleared_seller()
    bench.now = 8.0
    bench.bids(C, 0.001, 0)
    assert set(sent_as(Profile, bench.clears())) == {A, B, C}
    assert bench.timers["quiet"] == 3.5


def test_bid_that_alters_nothing_holds_up_a_quiet_auction_until_it_is_told() -> None:
    bench = cleared_seller()
    bench.rests()
    bench.bids(C, 0.001, 0)
    assert sent_as(Award, bench.all_hold(a=1, b=1)) == {}
    bench.clears()
    bench.all_hold(a=1, b=1)
    assert set(sent_as(Award, bench.all_hold(c=1))) == {A, B}


def test_bidder_that_alters_nothing_for_ever_is_struck_out() -> None:
    bench = cleared_seller()
    bench.rests()
    effects: list[Effect] = []
    seq, began_at = 0, bench.now
    while "voided" not in traced(effects):
        seq += 1
        bench.now += 0.4 * TIMING.quiet_period_s
        bench.bids(C, 0.001, 0.01 * seq, seq=seq)
        effects = bench.clears()
    assert BidVoided(C, bench.rounds, "restless") in effects
    assert bench.now <= began_at + 1.5 * TIMING.patience_s
    bench.clears()
    assert set(sent_as(Award, bench.all_hold(a=1, b=1))) == {A, B}


def test_bidder_that_changes_its_bid_at_once_after_every_clearing_is_struck_out() -> None:
    bench = cleared_seller()
    effects: list[Effect] = []
    changes = 0
    while "voided" not in traced(effects):
        changes += 1
        bench.bids(A, 60 + changes % 2, 4, seq=1 + changes)
        effects = bench.clears()
    assert bench.now <= TIMING.patience_s + 2.0 * TIMING.clearing_interval_s


def test_bidder_that_swings_is_struck_out_and_not_those_who_answer_it() -> None:
    bench = cleared_seller()
    effects: list[Effect] = []
    swings = 0
    while "voided" not in traced(effects):
        swings += 1
        bench.now += 0.7 * TIMING.quiet_period_s
        bench.bids(C, 100, 1e6 if swings % 2 else 0.001, seq=swings)
        effects = bench.clears()
        for buyer, price in ((A, 4.0), (B, 3.0)):
            bench.bids(buyer, 50, price + 0.1 * (swings % 3), seq=1 + swings)
            effects += bench.clears()
    assert [(one.buyer, one.cause) for one in effects if isinstance(one, BidVoided)] == [(C, "restless")]
    assert bench.now <= TIMING.patience_s + 3.0 * TIMING.quiet_period_s


def test_bidder_whose_account_is_used_up_while_it_has_no_bid_is_named_once() -> None:
    bench = cleared_seller()
    bench.rests()
    named: list[Effect] = []
    for seq in range(1, 500, 2):
        named += [effect for effect in bench.bids(C, 200, 9, seq=seq) if isinstance(effect, BidVoided)]
        if "clear" in bench.timers:
            bench.hears(C, Withdraw(0, 0, seq + 1))
            bench.clears()
    assert named == [BidVoided(C, bench.rounds, "restless")]


def test_bidder_that_breaks_the_quiet_for_ever_is_struck_out() -> None:
    bench = cleared_seller()
    effects: list[Effect] = []
    changes = 0
    while "voided" not in traced(effects):
        changes += 1
        bench.now = bench.timers["quiet"] + 0.9 * TIMING.quiet_period_s
        bench.bids(A, 60 + changes, 4, seq=1 + changes)
        effects = bench.clears()
    assert bench.now <= (PATIENT_QUIET_PERIODS + 3.0) * TIMING.quiet_period_s * 1.3
    assert [effect for effect in effects if isinstance(effect, BidVoided)] == [BidVoided(A, bench.rounds, "restless")]
    assert sent_as(Closed, effects) == {A: Closed(0)}
    again = bench.bids(A, 60, 4, seq=99)
    assert (sent(again), dropped(again)) == ([(A, Closed(0))], [("ignored", "struck out")])
    bench.clears()
    bench.all_hold(b=1)
    assert set(sent_as(Award, bench.rests())) == {B}


def test_book_takes_no_more_bidders_than_a_profile_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.protocol.psp.book.MAX_BIDS", 2)
    bench = cleared_seller()
    assert dropped(bench.bids(C, 5, 9)) == [("rejected", "full book")]
    assert dropped(bench.bids(A, 50, 4, seq=2)) == []
    bench.hears(B, Withdraw(0, 1, 2))
    assert dropped(bench.bids(C, 5, 9)) == []


def test_profile_of_a_full_book_fits_into_a_frame() -> None:
    book = Book()
    for k in range(MAX_BIDS):
        book.put(f"host/{k}", Bid(0, 0, 1.1, 1.1, 1))
    assert not book.has_room_for("host/more")
    book.clear(FixedReserve(1.0), 10.0)
    entry = book.get("host/0")
    assert entry is not None
    size = len(encode_message(book.profile(entry)))
    assert size < MAX_FRAME_BYTES - 1_000


def test_quick_bidders_may_change_their_bids_very_often() -> None:
    bench = cleared_seller()
    for seq in range(2, 102):
        for buyer in (A, B):
            bench.bids(buyer, 60 + seq, 4, seq=seq)
        assert "voided" not in traced(bench.clears())


def test_bidder_that_declines_again_and_again_is_struck_out() -> None:
    bench = cleared_seller()
    for seq in range(1, MOST_DECLINES + 1):
        bench.all_hold(a=1, b=seq)
        bench.rests()
        effects = bench.hears(B, Decline(0, bench.rounds, seq))
        if seq < MOST_DECLINES:
            assert "voided" not in traced(effects)
            bench.bids(B, 70, 3, seq=seq + 1)
            bench.hears(A, Withdraw(0, bench.rounds, 90 + seq))
            bench.bids(A, 60, 4, seq=seq + 200)
            bench.clears()
            bench.hears(A, Hold(0, bench.rounds, seq + 200, undecided=False))
            bench.hears(B, Hold(0, bench.rounds, seq + 1, undecided=False))
    assert BidVoided(B, bench.rounds, "declined") in effects


def test_refresh_repeats_profile_to_those_who_have_not_shown_that_they_saw_it() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    assert set(sent_as(Profile, bench.fires("refresh"))) == {B}
    assert "refresh" in bench.timers


def test_refreshes_of_a_round_come_ever_more_slowly() -> None:
    bench = cleared_seller(PATIENT)
    times = [bench.timers["refresh"]]
    for _ in range(PATIENCE):
        bench.fires("refresh")
        times.append(bench.timers["refresh"])
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == sorted(pauses)
    assert (pauses[0] >= 4.0, pauses[-1]) == (True, 4.0 * LONGEST_BACKOFF)


def test_refreshes_of_the_next_round_start_fast_again() -> None:
    bench = cleared_seller()
    for _ in range(3):
        bench.fires("refresh")
    bench.bids(A, 61, 4, seq=2)
    bench.clears()
    assert bench.timers["refresh"] == bench.now + 10.0


def test_refresh_ends_when_all_have_seen() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1, b=1)
    assert bench.fires("refresh") == []


def test_repeated_profile_names_the_round_it_is_of() -> None:
    bench = cleared_seller()
    bench.bids(A, 60, 4, seq=2)
    bench.clears()
    assert {to: shown.round for to, shown in sent_as(Profile, bench.fires("refresh")).items()} == {A: 2, B: 1}


def undecided(buyer: str, bench: SellerBench) -> None:
    bench.hears(buyer, Hold(0, bench.rounds, 1, undecided=True))


def test_waits_for_the_undecided() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    undecided(B, bench)
    assert sent(bench.rests()) == []
    assert set(sent_as(Profile, bench.fires("refresh"))) == {B}
    assert set(sent_as(Award, bench.all_hold(b=1))) == {A, B}


def test_waits_for_the_undecided_for_ten_quiet_periods_at_most() -> None:
    bench = cleared_seller()
    patient_until = bench.now + PATIENT_QUIET_PERIODS * 10.0
    bench.all_hold(a=1)
    bench.rests()
    effects: list[Any] = []
    while bench.now < patient_until:
        assert not sent_as(Award, effects)
        undecided(B, bench)
        effects = bench.fires("refresh")
    assert set(sent_as(Award, effects)) == {A, B}


def test_who_answers_is_not_silent_though_undecided() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    for _ in range(PATIENCE + 3):
        undecided(B, bench)
        assert "voided" not in traced(bench.fires("refresh"))


def refreshes_until_voided(bench: SellerBench) -> list[list[Effect]]:
    effects = [bench.fires("refresh")]
    while "voided" not in traced(effects[-1]):
        effects.append(bench.fires("refresh"))
    return effects


def test_silent_bidder_is_struck_out_and_may_come_back() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    asked_at = bench.timers["refresh"]
    *repeated, last = refreshes_until_voided(bench)
    assert [set(sent_as(Profile, effects)) for effects in repeated] == [{B}] * len(repeated)
    assert bench.now >= asked_at + TIMING.patience_s / MOST_SILENCES
    assert sent(last) == []
    assert [effect for effect in last if isinstance(effect, BidVoided)] == [BidVoided(B, 1, "silent")]
    bench.bids(B, 70, 3, seq=2)
    assert B in sent_as(Profile, bench.clears())


def test_bidder_that_is_silent_again_may_not_come_back() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    refreshes_until_voided(bench)
    bench.bids(B, 70, 3, seq=2)
    bench.clears()
    bench.all_hold(a=1)
    *_, last = refreshes_until_voided(bench)
    assert sent(last) == [(B, Closed(0))]
    assert dropped(bench.bids(B, 70, 3, seq=3)) == [("ignored", "struck out")]


def test_bidder_that_answers_profiles_by_the_same_bid_is_silent_all_the_same() -> None:
    bench = cleared_seller()
    began_s = bench.now
    effects: list[Effect] = []
    seq = 1
    while bench.now < 3.0 * TIMING.patience_s and not any(isinstance(one, BidVoided) for one in effects):
        bench.all_hold(a=1)
        effects = bench.fires("refresh")
        bench.now += 4.0 * TIMING.quiet_period_s
        seq += 1
        effects += bench.bids(B, 70, 3, seq=seq)
        effects += bench.clears() if "clear" in bench.timers else []
    assert bench.now - began_s <= 1.5 * TIMING.patience_s


def test_new_profile_starts_patience_anew() -> None:
    bench = cleared_seller()
    bench.fires("refresh")
    bench.now += TIMING.patience_s / MOST_SILENCES
    bench.bids(C, 5, 9)
    bench.clears()
    assert set(sent_as(Profile, bench.fires("refresh"))) == {A, B, C}


def test_giving_up_the_last_silent_bidder_ends_refreshing() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    refreshes_until_voided(bench)
    assert bench.timers == {"quiet": bench.timers["quiet"], "clear": bench.now + 1.0}


def test_quiet_auction_waits_for_the_last_to_see_its_profile() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    assert sent(bench.rests()) == []
    assert set(sent_as(Award, bench.all_hold(b=1))) == {A, B}


def test_pause_in_which_the_seller_stood_still_is_no_quiet() -> None:
    """Bids may have come meanwhile, and the seller has not read them yet."""
    bench = cleared_seller()
    bench.all_hold(a=1, b=1)
    bench.now += 1000.0
    assert sent(bench.fires("quiet")) == []
    assert bench.timers["quiet"] == bench.now + 2.5
    assert [set(sent_as(Award, bench.fires("quiet"))) for _ in range(3)] == [set(), set(), {A, B}]


def slow_seller(answered_after_s: float) -> SellerBench:
    """Its bidders confirm their repeated profiles only after so long; quiet are its bids for the configured period."""
    bench = cleared_seller()
    bench.rests()
    bench.now = bench.timers.pop("refresh")
    bench.step(TimerFired("refresh"))
    bench.now += answered_after_s
    return bench


def test_where_answers_took_long_the_next_quiet_lasts_five_of_their_mean() -> None:
    bench = slow_seller(answered_after_s=10.0)
    bench.all_hold(a=1, b=1)
    mean = 1.0 + 0.25 * (10.0 - 1.0)
    mean += 0.25 * (10.0 - mean)
    bench.bids(A, 61, 5, seq=2)
    bench.clears()
    assert bench.timers["quiet"] == bench.now + 5.0 * mean / TICKS


def test_after_a_late_answer_quiet_lasts_as_long_again() -> None:
    """What others sent meanwhile may come as late."""
    bench = slow_seller(answered_after_s=6.0)
    assert sent(bench.all_hold(a=1, b=1)) == []
    answered_at = bench.now
    assert bench.timers["quiet"] == answered_at + 6.0
    assert set(sent_as(Award, bench.fires("quiet"))) == {A, B}


def test_late_answer_counts_as_one_quiet_period_at_most() -> None:
    bench = slow_seller(answered_after_s=80.0)
    assert sent(bench.all_hold(a=1, b=1)) == []
    answered_at = bench.now
    assert set(sent_as(Award, bench.fires("quiet"))) == {A, B}
    assert bench.now == answered_at + 10.0


def test_nobody_keeps_an_auction_open_by_answering_late() -> None:
    bench = slow_seller(answered_after_s=PATIENT_QUIET_PERIODS * 10.0 * 5.0)
    assert set(sent_as(Award, bench.all_hold(a=1, b=1))) == {A, B}


def test_where_answers_come_soon_quiet_lasts_as_configured() -> None:
    bench = slow_seller(answered_after_s=0.0)
    assert set(sent_as(Award, bench.all_hold(a=1, b=1))) == {A, B}


def test_slow_answers_make_it_repeat_later() -> None:
    bench = slow_seller(answered_after_s=7.0)
    bench.all_hold(a=1, b=1)
    mean = 1.0 + 0.25 * (7.0 - 1.0)
    mean += 0.25 * (7.0 - mean)
    bench.fires("quiet")
    assert bench.timers["award"] == bench.now + 3.0 * mean


def test_seen_auction_waits_for_quiet_period() -> None:
    bench = cleared_seller()
    assert bench.all_hold(a=1, b=1) == []
    assert set(sent_as(Award, bench.rests())) == {A, B}


def test_hold_after_a_new_bid_does_not_end_the_auction() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1)
    bench.rests()
    bench.bids(C, 5, 9)
    assert bench.all_hold(b=1) == []


# Awarding


def test_award_names_bid_quantity_and_charge() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1, b=1)
    awards = sent_as(Award, bench.rests())
    assert awards == {A: Award(0, 1, 1, 60, 30 * 3 + 30 * 1), B: Award(0, 1, 1, 40, 40)}


def test_awarding_is_shown_on_the_board() -> None:
    bench = cleared_seller()
    bench.all_hold(a=1, b=1)
    assert [shown.state for shown in posted(bench.rests())] == ["awarding"]


def test_loser_gets_no_award() -> None:
    bench = cleared_seller()
    bench.bids(C, 5, 2)
    bench.clears()
    bench.hears(A, Hold(0, 2, 1, undecided=False))
    bench.hears(B, Hold(0, 2, 1, undecided=False))
    bench.hears(C, Hold(0, 2, 1, undecided=False))
    assert set(sent_as(Award, bench.rests())) == {A, B}


def test_receipts_are_given_when_all_have_answered() -> None:
    bench = awarding_seller()
    assert bench.hears(A, Accept(0, 1, 1)) == []
    effects = bench.hears(B, Accept(0, 1, 1))
    assert sent(effects) == [(A, Settled(0, 1, 60, 120)), (B, Settled(0, 1, 40, 40))]


def test_last_acceptance_closes_the_auction() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    assert not bench.machine.finished
    effects = bench.hears(B, Accept(0, 1, 1))
    assert traced(effects) == ["settled", "settled", "closed"]
    assert posted(effects)[-1].state == "closed"
    assert posted(effects)[-1].left == 0.0
    assert bench.machine.finished
    assert "award" not in bench.timers


def test_closing_tells_who_got_nothing() -> None:
    bench = cleared_seller()
    bench.bids(C, 5, 2)
    bench.clears()
    for buyer in (A, B, C):
        bench.hears(buyer, Hold(0, 2, 1, undecided=False))
    bench.rests()
    bench.hears(A, Accept(0, 2, 1))
    effects = bench.hears(B, Accept(0, 2, 1))
    assert sent_as(Closed, effects) == {C: Closed(0)}


def test_unanswered_award_is_repeated() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    effects = bench.fires("award")
    assert sent(effects) == [(B, Award(0, 1, 1, 40, 40))]


def test_awards_are_repeated_ever_more_slowly() -> None:
    bench = awarding_seller(PATIENT)
    times = [bench.timers["award"]]
    for _ in range(PATIENCE):
        bench.fires("award")
        times.append(bench.timers["award"])
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == sorted(pauses)
    assert (pauses[0] >= 4.0, pauses[-1]) == (True, TIMING.quiet_period_s)


def test_silent_winner_is_given_up_after_patience() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    asked_at, effects = bench.now, bench.fires("award")
    while "voided" not in traced(effects):
        assert set(sent_as(Award, effects)) == {B}
        effects = bench.fires("award")
    assert bench.now >= asked_at + TIMING.patience_s / MOST_SILENCES
    assert traced(effects) == ["voided", "settled", "reopened"]
    assert sent(effects) == [(A, Settled(0, 1, 60, 60))]


def test_decline_reopens_with_what_came_free() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    effects = bench.hears(B, Decline(0, 1, 1))
    assert traced(effects) == ["declined", "settled", "reopened"]
    assert posted(bench.clears()) == [advert(40, seq=4, round_=2, digest=digest(packed(0, 40.0, 1.0, [], [])))]


def test_reopened_auction_offers_only_what_is_unsold() -> None:
    bench = reopened()
    bench.bids(C, 70, 5)
    shown = sent_as(Profile, bench.clears())[C]
    assert (shown.supply, shown.allocation) == (40.0, 40.0)


def crowded_seller() -> SellerBench:
    """A has accepted its 60 of 100 MB, B is asked for 40; C, 30 MB at 2, and D, 80 MB at 1.5, would get nothing."""
    bench = SellerBench().opened()
    for buyer, quantity, price in ((A, 60, 4), (B, 70, 3), (C, 30, 2), (D, 80, 1.5)):
        bench.bids(buyer, quantity, price)
    bench.clears()
    bench.all_hold(a=1, b=1, c=1, d=1)
    bench.rests()
    bench.hears(A, Accept(0, 1, 1))
    return bench


def test_bid_that_does_not_stand_when_it_is_asked_sets_no_price() -> None:
    bench = crowded_seller()
    effects = bench.hears(B, Decline(0, 1, 1))
    # With B, A would have paid 30 * 3 and 30 * 2; without it D would have 60 MB more at 1.5.
    assert sent_as(Settled, effects) == {A: Settled(0, 1, 60, 90)}
    assert traced(effects) == ["declined", "settled", "reopened"]


def test_newer_bid_counts_for_the_charges_of_others() -> None:
    bench = crowded_seller()
    bench.bids(D, 80, 1.75, seq=2)
    assert sent_as(Settled, bench.hears(B, Decline(0, 1, 1)))[A].charge == 60 * 1.75


def test_newer_bid_of_who_did_not_stand_by_its_former_one_counts_for_no_charge() -> None:
    bench = crowded_seller()
    effects = bench.bids(B, 70, 3, seq=2)
    assert sent_as(Settled, effects) == {A: Settled(0, 1, 60, 90)}


def test_newer_bid_raises_no_charge() -> None:
    bench = crowded_seller()
    bench.bids(D, 80, 3.5, seq=2)
    assert sent_as(Settled, bench.hears(B, Decline(0, 1, 1)))[A].charge == 150.0


def test_false_bidders_that_decline_set_no_price() -> None:
    """Two hundred bid just below A for what is left beside it and as much again: all are asked, and all decline."""
    bench = SellerBench().opened()
    bench.bids(A, 60, 4)
    false = {f"f{k}/buyer" for k in range(200)}
    for buyer in sorted(false):
        bench.bids(buyer, 0.4, 3.99)
    tentative = sent_as(Profile, bench.clears())[A].charge
    bench.all_hold(a=1, **{f"f{k}": 1 for k in range(200)})
    asked = sent_as(Award, bench.rests()).keys() & false
    bench.hears(A, Accept(0, 1, 1))
    effects = [effect for buyer in sorted(asked) for effect in bench.hears(buyer, Decline(0, 1, 1))]
    assert (len(asked), tentative) == (200, pytest.approx(179.6))
    assert sent_as(Settled, effects)[A].charge == 60.0


def test_false_bidders_that_nobody_asks_set_the_price() -> None:
    """They bid for all of the supply, ten of them below the others: A has bought before these can be asked."""
    bench = SellerBench().opened()
    bench.bids(A, 60, 4)
    for k in range(20):
        bench.bids(f"f{k}/buyer", 40 if k < 10 else 100, 3.99 - k / 100)
    bench.clears()
    bench.all_hold(a=1, **{f"f{k}": 1 for k in range(20)})
    assert sent_as(Award, bench.rests()).keys() == {A, "f0/buyer"}
    bench.hears(A, Accept(0, 1, 1))
    assert sent_as(Settled, bench.hears("f0/buyer", Decline(0, 1, 1)))[A].charge > 200.0


def test_accepted_award_is_kept_though_its_bidder_goes() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    assert bench.step(PeerOffline("a")) == []
    effects = bench.hears(B, Accept(0, 1, 1))
    assert sent_as(Settled, effects)[A] == Settled(0, 1, 60, 120)
    assert traced(effects) == ["settled", "settled", "closed"]


@pytest.mark.parametrize("message", [Bid(0, 1, 5, 9, 2), Withdraw(0, 1, 2)])
def test_bidder_that_is_bound_has_nothing_to_bid(message: Message) -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    before = bench.state
    assert (dropped(bench.hears(A, message)), bench.state) == ([(REJECTED, "bound bidder")], before)


def test_accept_said_again_before_the_receipts_changes_nothing() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    before = bench.state
    effects = bench.hears(A, Accept(0, 1, 1))
    assert (dropped(effects), len(effects), bench.state) == ([(IGNORED, "repeated accept")], 1, before)


def test_receipts_wait_for_no_longer_than_half_of_the_patience() -> None:
    bench = crowded_seller()
    began_s = bench.now
    effects: list[Effect] = []
    while not sent_as(Settled, effects):
        effects = bench.fires("award")
    assert bench.now <= began_s + TIMING.patience_s / MOST_SILENCES + TIMING.quiet_period_s
    assert sent_as(Settled, effects) == {A: Settled(0, 1, 60, 90)}


def test_leaving_seller_charges_by_the_bids_that_stand() -> None:
    bench = crowded_seller()
    bench.step(Left())
    effects = bench.hears(B, Decline(0, 1, 1))
    assert traced(effects) == ["declined", "settled", "supply", "closed"]
    assert sent_as(Settled, effects) == {A: Settled(0, 1, 60, 90)}


def test_decline_waits_for_the_other_answers() -> None:
    bench = awarding_seller()
    assert traced(bench.hears(B, Decline(0, 1, 1))) == ["declined"]
    assert traced(bench.hears(A, Accept(0, 1, 1))) == ["settled", "reopened"]


def test_bid_while_awarding_reopens_only_if_supply_is_left() -> None:
    bench = awarding_seller()
    bench.bids(C, 10, 9)
    bench.hears(A, Accept(0, 1, 1))
    effects = bench.hears(B, Accept(0, 1, 1))
    assert traced(effects) == ["settled", "settled", "closed"]
    assert sent_as(Closed, effects) == {C: Closed(0)}


def test_bid_while_awarding_enters_no_clearing_yet() -> None:
    assert awarding_seller().bids(C, 10, 9) == []


def test_overtaking_bid_voids_own_award_and_reopens() -> None:
    bench = awarding_seller()
    bench.hears(B, Accept(0, 1, 1))
    effects = bench.hears(A, Bid(0, 1, 10, 4, 2))
    assert traced(effects) == ["settled", "reopened"]
    assert sent_as(Profile, bench.clears())[A].allocation == 10.0


def test_withdrawal_while_awarding_voids_own_award() -> None:
    bench = awarding_seller()
    effects = bench.hears(A, Withdraw(0, 1, 2))
    assert sent(effects) == [(A, Withdrawn(0, 2))]
    assert sent_as(Award, bench.fires("award")).keys() == {B}


def test_repeated_bid_while_awarding_keeps_award() -> None:
    bench = awarding_seller()
    bench.hears(A, Bid(0, 0, 60, 4, 1))
    assert sent_as(Award, bench.fires("award")).keys() == {A, B}


def test_hold_while_awarding_awards_nothing_again() -> None:
    bench = awarding_seller()
    assert bench.hears(A, Hold(0, 1, 1, undecided=False)) == []


def test_second_awarding_pays_for_its_own_round() -> None:
    bench = reopened()
    bench.bids(C, 40, 5)
    bench.clears()
    bench.hears(C, Hold(0, 2, 1, undecided=False))
    awards = sent_as(Award, bench.rests())
    assert awards == {C: Award(0, 2, 1, 40, 40)}
    assert traced(bench.hears(C, Accept(0, 2, 1))) == ["settled", "closed"]


def test_old_receipt_is_known_after_reopening() -> None:
    bench = reopened()
    bench.bids(A, 20, 2, seq=2)
    bench.clears()
    assert sent(bench.hears(A, Accept(0, 1, 1))) == [(A, Settled(0, 1, 60, 60))]


def test_nothing_is_sold_twice_over_all_receipts() -> None:
    bench = reopened()
    bench.bids(A, 90, 9, seq=2)
    bench.clears()
    bench.hears(A, Hold(0, 2, 2, undecided=False))
    bench.rests()
    receipt = sent_as(Settled, bench.hears(A, Accept(0, 2, 2)))[A]
    assert 60 + receipt.quantity == 100


# Peers that go


def test_offline_host_loses_its_bids() -> None:
    bench = cleared_seller()
    effects = bench.step(PeerOffline("a"))
    assert traced(effects) == ["voided"]
    assert set(sent_as(Profile, bench.clears())) == {B}


def test_offline_host_without_bids_changes_nothing() -> None:
    bench = cleared_seller()
    before = bench.state
    assert bench.step(PeerOffline("c")) == []
    assert bench.state == before


def test_offline_winner_frees_its_award() -> None:
    bench = awarding_seller()
    bench.hears(B, Accept(0, 1, 1))
    assert traced(bench.step(PeerOffline("a"))) == ["voided", "settled", "reopened"]
    bench.bids(C, 100, 5)
    assert sent_as(Profile, bench.clears())[C].allocation == 60.0


def test_late_acceptance_of_offline_winner_is_void() -> None:
    bench = awarding_seller()
    bench.step(PeerOffline("a"))
    assert sent(bench.hears(A, Accept(0, 1, 1))) == [(A, Void(0, 1))]


def test_offline_host_after_the_end_changes_nothing() -> None:
    bench = closed()
    before = bench.state
    assert bench.step(PeerOffline("a")) == []
    assert bench.state == before


def test_hosts_are_told_apart_by_their_whole_name() -> None:
    bench = cleared_seller()
    assert bench.step(PeerOffline("a/")) == []


def test_reconnected_seller_adverts_again() -> None:
    effects = cleared_seller().step(Reconnected())
    assert posted(effects) == [
        advert(0, seq=3, round_=1, digest=digest(packed(0, 100.0, 1.0, [60.0, 70.0], [4.0, 3.0])))
    ]


def test_unknown_timer_does_nothing() -> None:
    bench = cleared_seller()
    bench.timers["tea"] = 3.0
    before = bench.state
    assert (bench.fires("tea"), bench.state) == ([], before)
