import pytest

from node.protocol.psp.trace import Allocated, Awarding, BidPlaced, BidVoided, BidWithdrawn, Cleared
from node.protocol.trace import Record, Trace
from node.trace.psp.shifts import ShiftMetrics, ShiftReport

SELLERS = ["1", "2", "3", "4"]
PRESENCE = {"A": 0.5, "B": 0.5, "C": 0.5}
CHAIN = [("A", "1"), ("A", "2"), ("B", "2"), ("B", "3"), ("C", "4")]


def record(what: Trace, node: str, time_s: float = 0.0) -> Record[Trace]:
    return Record(time_s, f"host/{node}", what)


def bid(buyer: str, seller: str, time_s: float = 0.0, quantity: float = 10.0) -> Record[Trace]:
    return record(BidPlaced(f"other/{seller}", 0, 0, quantity, 0.0), buyer, time_s)


def cleared(seller: str, time_s: float, price: float) -> Record[Trace]:
    return record(Cleared(1, 0, 0.0, price, 0.0), seller, time_s)


def market() -> list[Record[Trace]]:
    """The chain 1 - 2 - 3, apart from 4, at rest at a price of 5; everybody buys 10 MB."""
    bought = [record(Allocated(f"other/{buyer}", 1, 10.0, 0.0), seller) for buyer, seller in CHAIN]
    return [*(bid(*pair) for pair in CHAIN), *bought, *(cleared(seller, 1.0, 5.0) for seller in SELLERS)]


def reports(*records: Record[Trace], epsilon: float = 0.6, **shifts: set[str]) -> list[ShiftReport]:
    """The reports of shifts, by second, of the market above and what happened then."""
    at = {float(name.removeprefix("at_")): frozenset(nodes) for name, nodes in shifts.items()}
    metrics = ShiftMetrics(SELLERS, PRESENCE, at)
    for one in [*market(), *records]:
        metrics.add(one)
    return metrics.reports(epsilon)


def test_shift_of_a_seller_touches_its_own_auction() -> None:
    (report,) = reports(cleared("1", 11.0, 4.0), cleared("2", 12.0, 4.9), at_10={"1"})
    assert (report.touched, report.sellers, report.buyers) == (["1"], 2, 2)
    assert [(change.seller, change.hops, change.before, change.after) for change in report.changed] == [
        ("1", 0, 5.0, 4.0),
        ("2", 1, 5.0, 4.9),
    ]
    assert (report.beyond_epsilon, report.worth_epsilon) == (1, 2)
    assert [change.worth for change in report.changed] == pytest.approx([10.0, 1.0])


def test_change_beyond_the_influence_set_is_named() -> None:
    (report,) = reports(cleared("3", 11.0, 4.0), cleared("4", 11.0, 4.9), at_10={"1"})
    assert report.outside == ["3"]
    assert report.worth_outside == ["3", "4"]
    assert [change.hops for change in report.changed] == [-1, 2]


def test_shift_of_a_buyer_touches_where_it_bids_before_or_after() -> None:
    (report,) = reports(
        record(BidWithdrawn("other/2", 0, 0), "A", 10.0),
        bid("A", "3", 11.0),
        bid("A", "4", 11.0, quantity=0.5),
        at_10={"A"},
    )
    assert report.touched == ["1", "2", "3"]


def test_shift_of_a_buyer_without_a_real_bid_touches_nothing() -> None:
    (report,) = reports(bid("C", "1", 11.0, quantity=0.5), at_10={"D"})
    assert (report.touched, report.sellers, report.changed) == ([], 0, [])


def test_shift_that_has_not_begun_has_no_report() -> None:
    assert reports(cleared("1", 9.0, 4.0), at_10={"1"}) == []


def test_each_shift_is_followed_to_the_next() -> None:
    first, second = reports(
        cleared("1", 11.0, 4.0),
        bid("A", "1", 12.0),
        cleared("4", 21.0, 3.0),
        bid("C", "4", 23.0),
        bid("C", "4", 24.0),
        at_10={"1"},
        at_20={"4"},
    )
    assert ([change.seller for change in first.changed], [change.seller for change in second.changed]) == (["1"], ["4"])
    assert (first.bids, first.rest_s, second.bids, second.rest_s) == (1, 2.0, 2, 4.0)


def test_swing_that_passes_is_counted_apart() -> None:
    (report,) = reports(cleared("4", 11.0, 0.0), cleared("4", 12.0, 5.0), at_10={"1"})
    assert (report.changed, report.swung) == ([], 1)


def test_bid_that_is_struck_out_carries_nothing() -> None:
    gone = record(BidVoided("other/A", 1, "gone"), "2", 5.0)
    (report,) = reports(gone, cleared("2", 11.0, 5.0), at_10={"2"})
    assert (report.sellers, report.buyers) == (2, 1)


def test_settlement_is_no_part_of_the_shift() -> None:
    (report,) = reports(record(Awarding(1), "4", 11.0), bid("B", "1", 12.0), at_10={"1"})
    assert (report.bids, report.sellers) == (0, 2)
