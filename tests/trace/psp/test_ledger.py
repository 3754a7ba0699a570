"""What the journals of a market say together."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.journal import Entry, JournalEntry
from node.protocol.psp.journal import Accepted, Agreement, Bought, Freed, Lapsed, Offered, Sold, Wanted
from node.trace.psp.ledger import Amounts, Ledger, SaleKey, total

S, A, B = "s/s", "a/a", "b/b"
SHOWN = 600.0
"""What the seller has advertised to its buyers, MB."""


def line(node: str, entry: Entry) -> JournalEntry:
    return JournalEntry(0.0, node, entry)


def offered(supply: float) -> JournalEntry:
    return line(S, Offered(0, supply))


def wanted(buyer: str, demand: float, budget: float | None = None) -> JournalEntry:
    return line(buyer, Wanted(demand, budget))


def sold(buyer: str, quantity: float, charge: float, round_: int = 1) -> JournalEntry:
    return line(S, Sold(buyer, 0, round_, 1, quantity, charge))


def agreed(kind: Agreement, buyer: str, quantity: float, charge: float, round_: int = 1) -> JournalEntry:
    shown = (SHOWN,) if kind is Accepted else ()
    return line(buyer, kind(S, 0, round_, 1, quantity, charge, *shown))


def trade(buyer: str, quantity: float, charge: float, round_: int = 1) -> list[JournalEntry]:
    return [
        agreed(Accepted, buyer, quantity, charge, round_),
        sold(buyer, quantity, charge, round_),
        agreed(Bought, buyer, quantity, charge, round_),
    ]


def rules(*entries: JournalEntry) -> list[str]:
    return [breach.rule for breach in Ledger(entries).breaches]


def doubts(*entries: JournalEntry) -> list[str]:
    return [doubt.why for doubt in Ledger(entries).doubts]


HONEST = [offered(50), wanted(A, 30), wanted(B, 30), *trade(A, 30, 12), *trade(B, 20, 9)]


def test_honest_market_has_neither_breaches_nor_doubts() -> None:
    ledger = Ledger(HONEST)
    assert (ledger.breaches, ledger.doubts, ledger.auctions, ledger.nodes) == ([], [], 1, {S, A, B})
    assert total(ledger.sales.values()) == total(ledger.purchases.values()) == Amounts(50, 21)


def test_buyer_may_be_freed_and_buy_again() -> None:
    again = [agreed(Accepted, A, 30, 12), agreed(Freed, A, 30, 12), *trade(A, 30, 10, round_=2)]
    assert rules(offered(50), wanted(A, 30), *again) == []


def test_auction_that_sold_more_than_its_supply() -> None:
    assert rules(offered(40), *HONEST[1:]) == ["supply"]


def test_seller_that_sold_its_supply_twice_is_found_out_by_the_journals_of_its_buyers() -> None:
    accepted, _, bought = trade(A, 400, 12)
    others, _, bought_too = trade(B, 300, 12)
    ledger = Ledger([wanted(A, 400), wanted(B, 300), accepted, others, bought, bought_too])
    assert [(breach.rule, breach.node) for breach in ledger.breaches] == [("oversold", S)]


def test_later_supply_counts() -> None:
    assert rules(offered(40), *HONEST[1:], offered(50)) == []


def test_buyer_that_is_bound_beyond_its_demand() -> None:
    assert rules(offered(50), wanted(A, 20), *trade(A, 30, 12)) == ["demand"]


def test_buyer_that_is_bound_beyond_its_budget() -> None:
    assert rules(offered(50), wanted(A, 30, budget=11), *trade(A, 30, 12)) == ["budget"]


def test_sale_that_was_never_accepted() -> None:
    assert rules(offered(50), wanted(A, 30), sold(A, 30, 12)) == ["twin"]


def test_sale_whose_buyer_was_freed() -> None:
    freed = [agreed(Accepted, A, 30, 12), agreed(Freed, A, 30, 12), sold(A, 30, 12)]
    assert rules(offered(50), wanted(A, 30), *freed) == ["twin"]


@pytest.mark.parametrize(("quantity", "charge"), [(29, 12), (30, 13)])
def test_sale_of_other_amounts_than_accepted(quantity: float, charge: float) -> None:
    accepted = agreed(Accepted, A, 30, 12)
    assert rules(offered(50), wanted(A, 30), accepted, sold(A, quantity, charge)) == ["twin"]


def test_receipt_that_its_seller_never_gave() -> None:
    accepted, _, bought = trade(A, 30, 12)
    assert rules(offered(50), wanted(A, 30), accepted, bought) == ["twin"]


def test_receipt_of_other_amounts_than_accepted() -> None:
    accepted, sale, _ = trade(A, 30, 12)
    assert rules(offered(50), wanted(A, 30), accepted, sale, agreed(Bought, A, 30, 11)) == ["twin"]


@pytest.mark.parametrize(("quantity", "charge"), [(29, 12), (30, 13)])
def test_receipt_of_other_mb_or_more_money_than_accepted(quantity: float, charge: float) -> None:
    accepted = agreed(Accepted, A, 30, 12)
    assert rules(offered(50), wanted(A, 30), accepted, agreed(Bought, A, quantity, charge))[0] == "order"


def test_receipt_may_be_charged_less_than_was_accepted() -> None:
    accepted = agreed(Accepted, A, 30, 12)
    ledger = Ledger([offered(50), wanted(A, 30), accepted, sold(A, 30, 11), agreed(Bought, A, 30, 11)])
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert total(ledger.purchases.values()) == Amounts(30, 11)


def test_receipt_on_its_way_may_be_charged_less() -> None:
    assert rules(offered(50), wanted(A, 30), agreed(Accepted, A, 30, 12), sold(A, 30, 11)) == []


LAPSED = [agreed(Accepted, A, 30, 12), agreed(Lapsed, A, 30, 12)]


@pytest.mark.parametrize("late", [[], [sold(A, 30, 12)], [sold(A, 30, 11)]])
def test_acceptance_without_receipt_in_time_stays_in_doubt_whatever_the_seller_says(late: list[JournalEntry]) -> None:
    entries = [offered(50), wanted(A, 30), *LAPSED, *late]
    assert (rules(*entries), doubts(*entries)) == ([], ["no receipt in time"])


def test_what_has_lapsed_binds_nobody() -> None:
    assert rules(offered(50), wanted(A, 30), *LAPSED, *trade(A, 30, 10, round_=2)) == []


def test_receipt_for_what_has_lapsed() -> None:
    assert rules(offered(50), wanted(A, 30), *LAPSED, agreed(Bought, A, 30, 12)) == ["order"]


def test_receipt_for_what_was_never_accepted() -> None:
    assert rules(offered(50), wanted(A, 30), agreed(Bought, A, 30, 12)) == ["order"]


@pytest.mark.parametrize("twice", [0, 1, 2])
def test_line_that_is_there_twice(twice: int) -> None:
    lines = trade(A, 15, 6)
    assert rules(offered(50), wanted(A, 30), *lines, lines[twice]) == ["once"]


def test_receipt_on_its_way_is_in_doubt() -> None:
    accepted, sale, _ = trade(A, 30, 12)
    assert doubts(offered(50), wanted(A, 30), accepted, sale) == ["receipt on its way"]


def test_acceptance_without_answer_is_in_doubt() -> None:
    assert doubts(offered(50), wanted(A, 30), trade(A, 30, 12)[0]) == ["seller never confirmed"]


def test_side_without_journal_is_in_doubt() -> None:
    accepted, sale, bought = trade(A, 30, 12)
    assert doubts(wanted(A, 30), accepted, bought) == ["seller's journal missing"]
    assert doubts(offered(50), sale) == ["buyer's journal missing"]


@st.composite
def markets(draw: st.DrawFn) -> list[JournalEntry]:
    """Honest books of three buyers at one seller."""
    quantities = draw(st.lists(st.floats(0.1, 100.0), min_size=1, max_size=6))
    lines = [offered(sum(quantities)), *(wanted(buyer, 600.0) for buyer in (A, B))]
    for round_, quantity in enumerate(quantities):
        lines += trade(draw(st.sampled_from([A, B])), quantity, draw(st.floats(0.0, 50.0)), round_)
    return lines


@given(markets())
def test_honest_books_hold_whatever_is_cut_off_at_the_end(lines: Sequence[JournalEntry]) -> None:
    for end in range(3, len(lines) + 1):  # once everybody has said what it has and wants
        assert Ledger(lines[:end]).breaches == []


@given(markets(), st.data())
def test_no_amount_can_be_altered_unnoticed(lines: list[JournalEntry], data: st.DataObject) -> None:
    at = data.draw(st.integers(3, len(lines) - 1))
    old = lines[at]
    assert isinstance(old.entry, Sold | Accepted | Bought)
    altered = line(old.node, msgspec.structs.replace(old.entry, quantity_mb=old.entry.quantity_mb + 1.0))
    assert Ledger([*lines[:at], altered, *lines[at + 1 :]]).breaches


def test_sales_are_keyed_by_who_sold_to_whom_in_which_round() -> None:
    assert set(Ledger(HONEST).sales) == {SaleKey(S, 0, 1, A), SaleKey(S, 0, 1, B)}
