"""What nodes write down before they say it, and how they go on from that in another life."""

import numpy as np
import pytest

from node.protocol.errors import ProtocolUsageError
from node.protocol.host import Host
from node.protocol.journal import Entry, JournalEntry, MarketOpened
from node.protocol.machine import (
    Effect,
    Left,
    Opened,
    Persist,
    Restored,
    Send,
    Started,
    TimerFired,
)
from node.protocol.numbers import NUMBERS_PER_LIFE
from node.protocol.planned import Planned
from node.protocol.psp.events import SupplyChanged
from node.protocol.psp.journal import Accepted, Bought, Ended, Freed, Offered, Sold, Wanted
from node.protocol.psp.messages import Accept, Award, Bid, Decline, Settled, Void, Withdraw
from node.protocol.psp.seller import Seller
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve, ReserveRule
from tests.protocol.codecs import EXCHANGE
from tests.protocol.lives import lives
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
    dropped,
    entries,
    posted,
    sent,
    traced,
)

SECOND_LIFE = NUMBERS_PER_LIFE


def written(effects: list[Effect]) -> list[Persist]:
    return [effect for effect in effects if isinstance(effect, Persist)]


def restored(*entries: Entry, node: str = "b/buyer", at: float = 0.0) -> Restored:
    """A node that has lived once and wrote these entries."""
    return Restored(1, tuple(JournalEntry(at, node, entry) for entry in entries))


ACCEPTED = Accepted(S, 0, 1, 1, 30.0, 30.0, 100.0)
BOUGHT = Bought(S, 0, 1, 1, 30.0, 30.0)
FREED = Freed(S, 0, 1, 1, 30.0, 30.0)
SOLD_TO_A = Sold(A, 0, 1, 1, 60.0, 120.0)


# Written before it is said


def test_buyer_writes_down_what_it_wants() -> None:
    assert entries(BuyerBench(Told(), budget=70.0).step(Started())) == [Wanted(50.0, 70.0)]
    assert entries(BuyerBench(Told()).step(Started())) == [Wanted(50.0, None)]


def test_acceptance_is_written_before_it_is_sent() -> None:
    effects = bidding_buyer().is_awarded(S, award(30, 30))
    assert effects.index(Persist(ACCEPTED)) < effects.index(Send(S, Accept(0, 1, 1)))


def test_repeated_acceptance_is_written_once() -> None:
    assert written(bound_buyer().hears(S, award(30, 30))) == []


def test_declined_award_is_not_written() -> None:
    effects = bidding_buyer().hears(S, award(30, 30, seq=0))
    assert [message for _, message in sent(effects)] == [Decline(0, 1, 0)]
    assert written(effects) == []


def test_receipt_is_written_when_it_comes() -> None:
    assert entries(bound_buyer().hears(S, Settled(0, 1, 30, 30))) == [BOUGHT]


def test_freedom_from_an_award_is_written() -> None:
    assert entries(bound_buyer().hears(S, Void(0, 1))) == [FREED]


def test_sale_is_written_before_its_receipt_is_sent() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    effects = bench.hears(B, Accept(0, 1, 1))
    sold = Sold(A, 0, 1, 1, 60.0, 120.0)
    assert entries(effects)[0] == sold
    assert effects.index(Persist(sold)) < effects.index(Send(A, Settled(0, 1, sold.quantity_mb, sold.charge_money)))


def test_supply_and_its_changes_are_written() -> None:
    bench = SellerBench()
    assert entries(bench.step(Started())) == [Offered(0, 100.0)]
    bench.step(Opened())
    assert entries(bench.step(SupplyChanged(40.0))) == [Offered(0, 40.0)]


def test_end_of_an_auction_is_written() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    assert entries(bench.hears(B, Accept(0, 1, 1)))[-1] == Ended(0, 1)


def test_seller_that_leaves_offered_no_more_than_it_sold() -> None:
    assert entries(SellerBench().opened().step(Left())) == [Offered(0, 0.0), Ended(0, 0)]


# Buyers in another life


def second_life(
    *entries: Entry, budget: float = float("inf"), decide: list[tuple[float, float]] | None = None
) -> BuyerBench:
    bench = BuyerBench(Told(decide), budget=budget)
    bench.step(restored(*entries))
    return bench.opened(s=100, t=100)


def test_bids_of_another_life_have_higher_numbers() -> None:
    bench = second_life(decide=[(10, 2), (10, 2)])
    bids = [message for _, message in sent(bench.thinks())]
    assert [bid.seq for bid in bids if isinstance(bid, Bid)] == [SECOND_LIFE + 1, SECOND_LIFE + 1]


def test_award_on_a_bid_of_an_earlier_life_is_declined() -> None:
    effects = second_life().hears(S, award(30, 30))
    assert sent(effects) == [(S, Decline(0, 1, 1))]


def test_acceptance_of_an_earlier_life_is_repeated() -> None:
    bench = second_life(ACCEPTED)
    bench.now += 1.0
    assert (S, Accept(0, 1, 1)) in sent(bench.fires("retry"))


def test_repeated_award_is_accepted_again_in_another_life() -> None:
    effects = second_life(ACCEPTED).hears(S, award(30, 30))
    assert sent(effects) == [(S, Accept(0, 1, 1))]
    assert dropped(effects) == [("ignored", "repeated award")]


def test_receipt_for_an_acceptance_of_an_earlier_life_is_taken() -> None:
    assert entries(second_life(ACCEPTED).hears(S, Settled(0, 1, 30, 30))) == [BOUGHT]


def test_what_was_bought_is_neither_needed_nor_paid_again() -> None:
    bench = second_life(ACCEPTED, BOUGHT, budget=70.0, decide=[(0, 0), (10, 2)])
    bench.thinks()
    need = bench.strategy.needs[0]
    assert (need.valuation.demand_mb, need.budget) == (20.0, 40.0)


def test_what_a_buyer_was_freed_of_is_needed_again() -> None:
    bench = second_life(ACCEPTED, FREED, decide=[(0, 0), (10, 2)])
    bench.thinks()
    assert bench.strategy.needs[0].valuation.demand_mb == 50.0


def test_receipt_of_an_earlier_life_is_old_news() -> None:
    effects = second_life(ACCEPTED, BOUGHT).hears(S, Settled(0, 1, 30, 30))
    assert dropped(effects) == [("ignored", "repeated receipt")]


def test_purchase_from_a_seller_outside_the_pool_is_remembered() -> None:
    bench = BuyerBench(Told([(0, 2)]), pool=(T,))
    bench.step(restored(ACCEPTED, BOUGHT))
    bench.opened(t=100).thinks()
    assert bench.strategy.needs[0].valuation.demand_mb == 20.0


def test_journal_that_makes_no_sense_is_a_bug_of_ours() -> None:
    with pytest.raises(ProtocolUsageError, match="does not follow"):
        BuyerBench(Told()).step(restored(BOUGHT))


def test_bid_is_struck_out_when_the_seller_begins_another_life() -> None:
    bench = bidding_buyer([(30, 2), (20, 2)])
    bench.hears(S, advert(100.0, seq=SECOND_LIFE + 1))
    assert [to for to, message in sent(bench.thinks()) if isinstance(message, Bid)] == [S]


# Sellers in another life


def reborn(*entries: Entry) -> SellerBench:
    bench = SellerBench()
    bench.step(restored(Offered(0, 100.0), *entries, node="s/seller"))
    return bench


def test_sold_supply_is_not_offered_again() -> None:
    (shown,) = posted(reborn(SOLD_TO_A).step(Started()))
    assert (shown.seq, shown.supply, shown.left, shown.state) == (SECOND_LIFE + 1, 100.0, 40.0, "open")


@pytest.mark.parametrize("rule", [FixedReserve(1.5), HighestLosingReserve(1.5, 0.1)])
def test_reserve_price_before_the_first_clearing_is_the_same_in_every_life(rule: ReserveRule) -> None:
    first = Bench(Seller(100.0, rule, TIMING))
    second = Bench(Seller(100.0, rule, TIMING))
    second.step(restored(Offered(0, 100.0), SOLD_TO_A, node="s/seller"))
    (at_first,), (again,) = posted(first.step(Started())), posted(second.step(Started()))
    assert again.reserve == at_first.reserve == rule.reserve(np.array([]), np.array([]), 100.0)


def test_buyer_that_asks_again_gets_the_receipt_of_an_earlier_life() -> None:
    effects = reborn(SOLD_TO_A).opened().hears(A, Accept(0, 1, 1))
    assert sent(effects) == [(A, Settled(0, 1, 60.0, 120.0))]


def test_award_that_was_not_settled_is_void_in_another_life() -> None:
    assert sent(reborn().opened().hears(A, Accept(0, 1, 1))) == [(A, Void(0, 1))]


def test_rounds_of_another_life_are_later() -> None:
    bench = reborn().opened()
    bench.bids(A, 60, 4, seq=SECOND_LIFE + 1)
    (profile,) = (message for _, message in sent(bench.fires("clear")))
    assert profile.round == SECOND_LIFE + 1  # type: ignore[union-attr]


def test_an_auction_to_which_nobody_comes_back_closes() -> None:
    bench = reborn(SOLD_TO_A).opened()
    shown = posted(bench.rests())[-1]
    assert (shown.state, shown.left, bench.machine.finished) == ("closed", 0.0, True)


def test_closed_auction_stays_closed() -> None:
    bench = reborn(SOLD_TO_A, Ended(0, 1))
    (shown,) = posted(bench.step(Started()))
    assert (shown.state, shown.left, bench.machine.finished) == ("closed", 0.0, True)


def test_changed_supply_is_remembered() -> None:
    (shown,) = posted(reborn(Offered(0, 40.0)).step(Started()))
    assert shown.supply == 40.0


def test_buyers_and_observers_are_told_again_what_was_sold() -> None:
    """The receipt may have been lost with the life that wrote it down, and the next may be too short to be asked."""
    effects = SellerBench().step(restored(SOLD_TO_A, Ended(0, 1), node="s/seller"))
    assert traced(effects) == ["resumed", "recalled", "closed"]
    assert sent(effects) == [(A, Settled(0, 1, 60.0, 120.0))]


def test_award_of_earlier_round_is_answered_by_its_own_life_only() -> None:
    bench = awarding_seller()
    assert dropped(bench.hears(A, Accept(0, SECOND_LIFE, 1))) == [("rejected", "round to come")]


# Plans and hosts


def test_plan_goes_on_from_the_opening_in_an_earlier_life() -> None:
    machine = Planned(Seller(100.0, FixedReserve(1.0), TIMING), [(5.0, SupplyChanged(40.0)), (50.0, Left())])
    bench = Bench(machine)
    bench.now = 20.0
    bench.step(restored(MarketOpened(), node="s/seller", at=2.0))
    bench.step(Opened())
    assert (bench.timers["planned-0"], bench.timers["planned-1"]) == (7.0, 52.0)
    assert entries(bench.step(TimerFired("planned-0"))) == [Offered(0, 40.0)]


def test_opening_is_written_once() -> None:
    machine = Planned(Seller(100.0, FixedReserve(1.0), TIMING), [(5.0, Left())])
    bench = Bench(machine)
    assert MarketOpened() in entries(bench.step(Opened()))
    assert MarketOpened() not in entries(bench.step(Opened()))


def seller_host() -> Host:
    return Host("s", {"seller": Seller(100.0, FixedReserve(1.0), TIMING)}, EXCHANGE)


def test_host_notes_each_life_of_its_nodes() -> None:
    host = seller_host()
    host.start(3.0, lives("s"))
    assert [(entry.time_s, entry.node, entry.kind) for entry in host.entries()] == [
        (3.0, S, "started"),
        (3.0, S, "offered"),
    ]
    assert host.entries() == []


def test_host_restores_a_node_before_it_starts() -> None:
    host = seller_host()
    host.start(3.0, lives("s"), {S: restored(Offered(0, 40.0), node=S)})
    assert [line.entry for line in host.entries() if line.kind == "offered"] == [Offered(0, 40.0)]


def test_award_number_keeps_its_meaning_across_lives() -> None:
    bench = second_life(decide=[(30, 2), (20, 2)])
    bench.thinks()
    first = SECOND_LIFE + 1
    bench.is_shown(S, 7, first, (30, 2))
    assert (S, Accept(0, 7, first)) in sent(bench.is_awarded(S, Award(0, 7, first, 30.0, 30.0)))


def test_profile_of_a_bid_of_an_earlier_life_is_answered_with_a_withdrawal() -> None:
    bench = second_life()
    assert sent(bench.is_shown(S, 7, 1, (30, 2))) == [(S, Withdraw(0, 0, SECOND_LIFE + 1))]


def test_profile_of_an_earlier_bid_is_old_news_once_a_new_one_is_on_its_way() -> None:
    bench = second_life(decide=[(30, 2), (20, 2)])
    bench.thinks()
    assert dropped(bench.is_shown(S, 7, 1, (30, 2))) == [("ignored", "profile without bid")]
