import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.valuation import Flat, Parabolic
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    Allocated,
    AuctionClosed,
    AwardDeclined,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Cleared,
    DoubtClearedUp,
    Lie,
    Reopened,
    SaleRecalled,
    SaleSettled,
    SellerExposed,
    SupplyRevised,
    ValuationRevised,
)
from node.protocol.trace import Joined, Leaving, Record, Resumed, Trace
from node.trace.psp.metrics import MOST_TRANCHES, MarketMetrics, Tranche
from node.trace.psp.sales import SaleId
from tests.kinds import example

THETA = {"A": Flat(50, 2.0), "B": Parabolic(100, 20.0)}


def record(what: Trace, node: str, time_s: float = 0.0) -> Record[Trace]:
    return Record(time_s, f"host/{node}", what)


def folded(*records: Record[Trace]) -> MarketMetrics:
    metrics = MarketMetrics(THETA, ["1", "2"])
    for one in records:
        metrics.add(one)
    return metrics


def bid(buyer: str, seller: str, quantity: float, price: float, time_s: float = 0.0) -> Record[Trace]:
    return record(BidPlaced(f"other/{seller}", 0, 0, quantity, price), buyer, time_s)


def allocated(seller: str, buyer: str, quantity: float, charge: float) -> Record[Trace]:
    return record(Allocated(f"other/{buyer}", 0, quantity, charge), seller)


SOLD = SaleId("host/1", "other/A", 0)


def settled(seller: str, buyer: str, quantity: float, charge: float, round_: int = 0) -> Record[Trace]:
    return record(SaleSettled(f"other/{buyer}", round_, quantity, charge), seller)


def test_market_begins_with_nothing() -> None:
    metrics = folded()
    assert (metrics.bids, metrics.welfare, metrics.closed, metrics.in_doubt) == (0, 0.0, 0, 0)
    assert math.isnan(metrics.auctions["1"].price)


UNEVEN = """
from node.mechanism.valuation import Flat
from tests.trace.psp.test_metrics import AuctionClosed, MarketMetrics, allocated, record
buyers = [f"buyer-{k}" for k in range(20)]
metrics = MarketMetrics({buyer: Flat(50, 0.1 + 0.7 * k) for k, buyer in enumerate(buyers)}, ["1"])
for k, buyer in enumerate(buyers):
    metrics.add(allocated("1", buyer, 0.3 + 1.1 * k, 0.0))
metrics.add(record(AuctionClosed(0, 0.0, 0.0), "1"))
print(repr(metrics.welfare))
"""


def test_sums_are_the_same_in_every_process() -> None:
    """Whatever order its sets are in."""
    sums = set()
    for seed in range(4):
        done = subprocess.run(
            [sys.executable, "-c", UNEVEN],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        )
        sums.add(done.stdout)
    assert len(sums) == 1


def test_bids_and_withdrawals_are_counted_by_buyer() -> None:
    metrics = folded(bid("A", "1", 5, 1), bid("B", "1", 5, 1), record(BidWithdrawn("other/1", 0, 0), "A"))
    assert (metrics.bids, dict(metrics.bids_of)) == (3, {"A": 2, "B": 1})


def test_records_that_come_late_do_not_turn_time_back() -> None:
    assert folded(bid("A", "1", 5, 1, time_s=2.0), bid("B", "1", 5, 1, time_s=1.0)).time_s == 2.0


def test_clearing_sets_price_and_sales_of_its_auction() -> None:
    metrics = folded(record(Cleared(1, 2, sold_mb=60.0, price_per_mb=3.0, revenue_money=120.0), "1"))
    auction = metrics.auctions["1"]
    assert (auction.price, auction.sold, auction.revenue) == (3.0, 60.0, 120.0)
    assert metrics.auctions["2"].sold == 0.0


def test_what_a_buyer_from_elsewhere_gets_is_known_but_not_what_it_is_worth() -> None:
    metrics = folded(bid("X", "1", 5, 1), allocated("1", "X", 5, 2.5), settled("1", "X", 5, 2.5))
    assert (metrics.welfare, metrics.positions["1", "X"].total) == (0.0, 5.0)


def test_tentative_allocation_counts_as_welfare() -> None:
    metrics = folded(allocated("1", "A", 30, 12))
    position = metrics.positions["1", "A"]
    assert (position.quantity, position.total, position.total_charge, position.settled_quantity) == (30, 30, 12, 0)
    assert metrics.welfare == 60.0


def test_reallocation_replaces_the_former() -> None:
    metrics = folded(allocated("1", "A", 30, 12), allocated("1", "A", 20, 8))
    assert (metrics.positions["1", "A"].total, metrics.welfare) == (20, 40.0)


def test_allocations_of_several_sellers_add_up_before_they_are_valued() -> None:
    metrics = folded(allocated("1", "B", 30, 0), allocated("2", "B", 40, 0))
    assert metrics.welfare == pytest.approx(THETA["B"].value(70))


def test_settlement_turns_tentative_into_bought() -> None:
    metrics = folded(allocated("1", "A", 30, 12), settled("1", "A", 30, 12))
    position = metrics.positions["1", "A"]
    assert (position.quantity, position.charge, position.settled_quantity, position.settled_charge) == (0, 0, 30, 12)
    assert metrics.welfare == 60.0


def test_second_settlement_adds_to_the_first() -> None:
    metrics = folded(settled("1", "A", 30, 12), allocated("1", "A", 10, 6), settled("1", "A", 10, 6, 1))
    assert (metrics.positions["1", "A"].settled_quantity, metrics.positions["1", "A"].settled_charge) == (40, 18)


def test_closing_drops_what_stayed_tentative() -> None:
    metrics = folded(allocated("1", "A", 30, 12), allocated("2", "B", 9, 1), record(AuctionClosed(0, 0.0, 0.0), "1"))
    assert (metrics.positions["1", "A"].total, metrics.positions["2", "B"].total) == (0, 9)
    assert metrics.welfare == pytest.approx(THETA["B"].value(9))


def test_closing_settles_sales_of_its_auction() -> None:
    metrics = folded(record(AuctionClosed(0, 55.0, 70.0), "1"))
    auction = metrics.auctions["1"]
    assert (auction.state, auction.sold, auction.revenue, metrics.closed) == ("closed", 55.0, 70.0, 1)


def test_auction_is_awarding_then_open_when_reopened() -> None:
    states = [
        folded(*records).auctions["1"].state for records in ([], AWARDING, [*AWARDING, record(Reopened(0, 0.0), "1")])
    ]
    assert states == ["open", "awarding", "open"]


AWARDING = [record(Awarding(0), "1")]


def test_doubtful_acceptances_are_counted() -> None:
    assert (
        folded(
            record(example(AcceptanceInDoubt, seller="other/1"), "A"),
            record(example(AcceptanceInDoubt, seller="other/1"), "B"),
        ).in_doubt
        == 2
    )


def test_doubt_that_is_cleared_up_is_none() -> None:
    doubt, cleared = (
        record(example(AcceptanceInDoubt, seller="other/1"), "A"),
        record(example(DoubtClearedUp, seller="other/1"), "A"),
    )
    assert [folded(doubt, doubt).in_doubt, folded(doubt, cleared).in_doubt] == [1, 0]


def test_sale_that_is_said_again_counts_once() -> None:
    again = record(SaleRecalled("other/A", 0, 5.0, 1.0), "1")
    assert folded(settled("1", "A", 5, 1), again).positions["1", "A"].total == 5.0
    assert folded(again).positions["1", "A"].total == 5.0


def test_seller_that_was_started_anew_has_promised_nothing() -> None:
    metrics = folded(allocated("1", "A", 5.0, 1.0), bid("A", "1", 5, 1), record(Resumed(1), "1"))
    assert (metrics.positions["1", "A"].total, metrics.welfare, metrics.tranches("1")) == (0.0, 0.0, [Tranche({})])


def test_buyer_that_was_started_anew_has_no_bids() -> None:
    assert folded(bid("A", "1", 5, 1), record(Resumed(1), "A")).tranches("1") == [Tranche({})]


def test_seller_is_exposed_by_all_who_notice_for_all_that_they_noticed() -> None:
    told: list[tuple[str, Lie]] = [("A", "two books"), ("B", "passed over"), ("A", "two books")]
    noticed = [record(SellerExposed("other/1", 0, lie), buyer) for buyer, lie in told]
    elsewhere = record(SellerExposed("other/X", 0, "two books"), "A")
    assert folded(*noticed, elsewhere).exposed == {"1": set(told)}


def test_who_was_struck_out_is_named_by_address_since_anybody_may_call_its_node_so() -> None:
    told = [BidVoided("host/A", 1, "silent"), BidVoided("mallory/A", 1, "declined"), BidVoided("host/B", 1, "gone")]
    metrics = folded(*(record(one, "1") for one in told))
    assert metrics.struck_out == {"host/A": {"silent"}, "mallory/A": {"declined"}}


def test_unknown_kinds_of_records_change_nothing_else() -> None:
    metrics = folded(record(AwardDeclined("other/A", 0, 5.0), "1", 4.0), record(BidVoided("other/A", 0, "gone"), "1"))
    assert (metrics.bids, metrics.welfare, metrics.time_s) == (0, 0.0, 4.0)


def test_bids_of_an_open_auction_are_those_that_stand() -> None:
    metrics = folded(
        bid("A", "1", 5, 1), bid("B", "1", 6, 2), bid("A", "1", 7, 3), record(BidWithdrawn("other/1", 0, 0), "B")
    )
    assert metrics.tranches("1") == [Tranche({"A": (7, 3)})]


def test_bids_of_a_closed_auction_are_those_it_was_awarded_on() -> None:
    metrics = folded(
        *(bid("A", "1", 5, 1), bid("B", "1", 6, 2), record(Awarding(0), "1")),
        *(settled("1", "A", 5, 1), record(BidWithdrawn("other/1", 0, 0), "B"), record(AuctionClosed(0, 5.0, 0.0), "1")),
    )
    assert metrics.tranches("1") == [Tranche({"A": (5, 1), "B": (6, 2)}, sold=5, sales=[SOLD])]


def test_auction_that_opened_again_was_awarded_in_tranches() -> None:
    metrics = folded(
        *(bid("A", "1", 5, 1), bid("B", "1", 6, 2), record(Awarding(0), "1"), settled("1", "A", 5, 1)),
        *(
            record(BidWithdrawn("other/1", 0, 0), "B"),
            record(Reopened(0, 0.0), "1"),
            bid("B", "1", 4, 2),
            record(Awarding(0), "1"),
        ),
    )
    assert metrics.tranches("1") == [Tranche({"A": (5, 1), "B": (6, 2)}, sold=5, sales=[SOLD]), Tranche({"B": (4, 2)})]


def test_who_was_to_buy_and_did_not_is_not_of_the_tranche() -> None:
    metrics = folded(
        *(bid("A", "1", 5, 1), bid("B", "1", 4, 2), allocated("1", "A", 5, 1), record(Awarding(0), "1")),
        *(
            record(AwardDeclined("other/A", 0, 5.0), "1"),
            record(BidWithdrawn("other/1", 0, 0), "A"),
            record(Reopened(0, 0.0), "1"),
        ),
    )
    assert metrics.tranches("1") == [Tranche({"B": (4, 2)}), Tranche({"B": (4, 2)})]


steps = st.lists(
    st.tuples(st.sampled_from("12"), st.sampled_from("AB"), st.floats(0, 60), st.sampled_from([allocated, settled])),
    max_size=30,
)


@given(steps, st.sets(st.sampled_from("12")))
def test_welfare_is_the_sum_of_values_of_what_buyers_have(
    history: list[tuple[str, str, float, Callable[..., Record[Trace]]]], over: set[str]
) -> None:
    records = [say(seller, buyer, amount, 0.0) for seller, buyer, amount, say in history]
    metrics = folded(*records, *(record(AuctionClosed(0, 0.0, 0.0), seller) for seller in over))
    held = {buyer: sum(p.total for (_, of), p in metrics.positions.items() if of == buyer) for buyer in THETA}
    assert metrics.welfare == pytest.approx(sum(THETA[buyer].value(amount) for buyer, amount in held.items()), abs=1e-6)


def test_nodes_are_told_apart_by_name_whatever_their_host() -> None:
    moved = Record(0.0, "elsewhere/A", BidPlaced("far/1", 0, 2, 7.0, 3.0))
    metrics = folded(bid("A", "1", 5, 1), moved)
    assert metrics.tranches("1") == [Tranche({"A": (7.0, 3.0)})]


def test_who_comes_and_goes_is_noted() -> None:
    metrics = folded(record(Joined(), "A"), record(Leaving(), "1"))
    assert (metrics.joined, metrics.left) == ({"A"}, {"1"})


def test_last_supply_counts() -> None:
    assert folded(record(SupplyRevised(5.0), "1"), record(SupplyRevised(7.0), "1")).supply == {"1": 7.0}


def test_welfare_follows_a_valuation() -> None:
    metrics = folded(allocated("1", "A", 10, 5), record(ValuationRevised(3.0), "A"))
    assert metrics.welfare == pytest.approx(60.0)
    metrics.add(allocated("1", "A", 20, 5))
    assert metrics.welfare == pytest.approx(120.0)
    metrics.add(record(ValuationRevised(1.0), "A"))
    assert metrics.welfare == pytest.approx(40.0)
    assert metrics.valuation("A").value(50) == 100.0


def test_a_valuation_that_no_bid_can_say_is_ignored() -> None:
    metrics = folded(record(ValuationRevised(1e9), "A"), record(ValuationRevised(0.5), "X"))
    assert (metrics.valuation("A"), metrics.factor) == (THETA["A"], {"A": 1.0, "B": 1.0})


def test_an_auction_that_was_never_awarded_opens_again_as_it_was() -> None:
    metrics = folded(record(Reopened(1, 5.0), "1"), bid("A", "1", 5, 1))
    assert (metrics.auctions["1"].state, len(metrics.tranches("1"))) == ("open", 1)


def test_an_auction_that_is_awarded_ever_anew_keeps_the_last_tranches() -> None:
    again = [bid("A", "1", 5, 1), record(Awarding(1), "1"), record(Reopened(1, 5.0), "1")]
    metrics = folded(*[bid("B", "1", 7, 1), record(Awarding(1), "1")], *(MOST_TRANCHES * again))
    assert len(metrics.auctions["1"].awarded) == MOST_TRANCHES
    assert metrics.auctions["1"].awarded[-1].bids == {"B": (7, 1), "A": (5, 1)}


@pytest.mark.parametrize("what", [Cleared(1, 2, 60.0, 3.0, 120.0), Awarding(1), AuctionClosed(1, 5.0, 1.0)])
def test_what_a_seller_tells_that_the_market_does_not_have_is_ignored(what: Trace) -> None:
    metrics = folded(record(what, "X"), record(what, "A"))
    assert metrics.auctions.keys() == {"1", "2"}
    assert (metrics.messages, metrics.closed, metrics.auctions["1"].state) == (0, 0, "open")


def test_bids_of_sellers_are_none() -> None:
    assert folded(bid("1", "2", 5, 1)).bids == 0
