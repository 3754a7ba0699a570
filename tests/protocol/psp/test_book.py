from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp import MECHANISMS, SLIVER, clear, market_price
from node.protocol.psp.book import Book
from node.protocol.psp.messages import Bid
from node.strategy.psp.reserve import FixedReserve
from tests.oracles import psp as oracle
from tests.protocol.psp.bench import A, B, C, address_of

FREE = FixedReserve(0.0)
Bids = dict[str, tuple[float, float]]


def book_of(bids: Bids) -> Book:
    book = Book()
    for buyer, (quantity, price) in bids.items():
        book.put(buyer, Bid(0, 0, float(quantity), float(price), 1))
    return book


def columns(book: Book) -> tuple[list[float], list[float]]:
    quantities, prices = (msgspec.msgpack.decode(column) for column in book.encoded)
    return quantities, prices


PAPER: Bids = {"w/b": (60, 4), "x/b": (70, 4), "y/b": (40, 2), "z/b": (10, 1)}

bids_ = st.dictionaries(
    st.sampled_from([f"{host}/b" for host in "abcdefgh"]),
    st.tuples(st.sampled_from([1.0, 10.0, 0.1, 60.0, 70.0]), st.sampled_from([0.0, 1.0, 2.0, 2.5, 4.0])),
)


def test_clears_the_papers_fixture() -> None:
    book = book_of(PAPER)
    book.clear(FREE, 100.0)
    outcome = {buyer: (entry.allocation, entry.charge) for buyer, entry in book.items()}
    assert outcome["w/b"] == pytest.approx((46.1538, 124.6154), abs=1e-4)
    assert outcome["x/b"] == pytest.approx((53.8462, 135.3846), abs=1e-4)
    assert outcome["y/b"] == outcome["z/b"] == (0.0, 0.0)


@pytest.mark.parametrize(("name", "charge"), [("psp", 120.0), ("uniform-price", 180.0), ("pay-as-bid", 240.0)])
def test_clears_by_the_mechanism_it_is_given(name: str, charge: float) -> None:
    book = book_of({"w/b": (60, 4), "x/b": (40, 3), "y/b": (30, 3), "z/b": (30, 1)})
    book.clear(FREE, 100.0, MECHANISMS[name])
    outcome = {buyer: (entry.allocation, entry.charge) for buyer, entry in book.items()}
    assert outcome["w/b"] == pytest.approx((60, charge))
    assert book.revenue == pytest.approx(sum(paid for _, paid in outcome.values()))
    assert book.market_price == 3.0


@given(bids_, st.sampled_from([0.5, 25.0, 100.0]), st.sampled_from([0.0, 1.0, 2.2]))
def test_clears_as_the_mechanism_whatever_the_order_of_arrival(bids: Bids, supply: float, reserve: float) -> None:
    book = book_of(bids)
    book.clear(FixedReserve(reserve), supply)
    outcome = clear([d for d, _ in bids.values()], [p for _, p in bids.values()], supply, reserve)
    for k, (_, entry) in enumerate(book.items()):
        assert entry.allocation == pytest.approx(outcome.allocation[k], abs=1e-9)
        assert entry.charge == pytest.approx(outcome.charge[k], abs=1e-9)


@given(bids_, st.sampled_from([0.5, 25.0, 100.0]))
def test_clears_as_the_definitions_say(bids: Bids, supply: float) -> None:
    book = book_of(bids)
    book.clear(FREE, supply)
    exact = oracle.book_of([d for d, _ in bids.values()], [p for _, p in bids.values()])
    amounts = oracle.allocations(exact, Fraction(supply), Fraction(0))
    assert [entry.allocation for _, entry in book.items()] == pytest.approx([float(a) for a in amounts], abs=1e-9)


@given(bids_)
def test_rows_fall_in_price(bids: Bids) -> None:
    book = book_of(bids)
    book.clear(FREE, 100.0)
    _, prices = columns(book)
    assert prices == sorted(prices, reverse=True)


@given(bids_)
def test_every_bidder_finds_its_bid_in_its_row(bids: Bids) -> None:
    book = book_of(bids)
    book.clear(FREE, 100.0)
    quantities, prices = columns(book)
    rows = [entry.row for _, entry in book.items()]
    assert sorted(row for row in rows if row is not None) == list(range(len(bids)))
    for (quantity, price), row in zip(bids.values(), rows, strict=True):
        assert row is not None
        assert (quantities[row], prices[row]) == (quantity, price)


@given(bids_, bids_)
def test_what_a_clearing_moves_is_what_it_gives_and_charges_otherwise(former: Bids, bids: Bids) -> None:
    book = book_of(former)
    book.clear(FREE, 100.0)
    before, price = {buyer: (entry.allocation, entry.charge) for buyer, entry in book.items()}, book.market_price
    for buyer in former.keys() - bids.keys():
        book.remove(buyer)
    for buyer, (quantity, per_mb) in bids.items():
        if bids[buyer] != former.get(buyer):
            book.put(buyer, Bid(0, 1, float(quantity), float(per_mb), 2))
    book.clear(FREE, 100.0)
    after = {buyer: (entry.allocation, entry.charge) for buyer, entry in book.items()}
    rows = [(*before.get(buyer, (0.0, 0.0)), *after.get(buyer, (0.0, 0.0))) for buyer in {*before, *after}]
    dearest = max(price, book.market_price)
    money = sum(abs(new - old) for _, old, _, new in rows)
    moved = sum(abs(new - old) for old, _, new, _ in rows) + (money / dearest if dearest else 0.0)
    assert book.moved_mb == pytest.approx(moved, abs=1e-9)


def test_book_is_encoded_once() -> None:
    book = book_of(PAPER)
    book.clear(FREE, 100.0)
    assert [address_of(column) for column in book.encoded] == [address_of(column) for column in book.encoded]


def test_book_never_cleared_shows_no_rows() -> None:
    assert columns(book_of(PAPER)) == ([], [])


def told(book: Book, round_: int) -> set[str]:
    news = book.with_news()
    for _, entry in news:
        entry.told(round_)
    return {buyer for buyer, _ in news}


def test_everybody_has_news_of_the_first_clearing() -> None:
    book = book_of(PAPER)
    book.clear(FREE, 100.0)
    assert told(book, 1) == set(PAPER)


def test_clearing_an_unchanged_book_is_no_news() -> None:
    book = book_of(PAPER)
    book.clear(FREE, 100.0)
    told(book, 1)
    assert book.clear(FREE, 100.0) == []
    assert told(book, 2) == set()


@pytest.mark.parametrize(
    ("rule", "supply"), [(FixedReserve(0.5), 100.0), (FREE, 90.0)], ids=["other reserve", "other supply"]
)
def test_other_terms_are_news_to_all(rule: FixedReserve, supply: float) -> None:
    book = book_of(PAPER)
    book.clear(FREE, 100.0)
    told(book, 1)
    book.clear(rule, supply)
    assert told(book, 2) == set(PAPER)


def test_same_bid_again_is_news_to_its_bidder_only() -> None:
    book = book_of(PAPER)
    book.clear(FREE, 100.0)
    told(book, 1)
    book.put("y/b", Bid(0, 1, 40.0, 2.0, 2))
    book.clear(FREE, 100.0)
    assert told(book, 2) == {"y/b"}


def test_replaced_bid_keeps_what_its_bidder_had_until_cleared() -> None:
    book = book_of({A: (60, 4)})
    book.clear(FREE, 100.0)
    book.put(A, Bid(0, 1, 50.0, 4.0, 2))
    entry = book.get(A)
    assert entry is not None
    assert (entry.allocation, entry.row) == (60.0, None)


def test_clearing_reports_changed_allocations_only() -> None:
    book = book_of({A: (60, 4), B: (70, 3)})
    book.clear(FREE, 100.0)
    book.put(C, Bid(0, 0, 10.0, 3.5, 1))
    assert {buyer: entry.allocation for buyer, entry in book.clear(FREE, 100.0)} == {A: 60.0, B: 30.0, C: 10.0}


def test_departed_winner_is_reported_once_with_nothing() -> None:
    book = book_of({A: (60, 4), B: (70, 0)})
    book.clear(FREE, 60.0)
    assert book.remove(A)
    assert (A, 0.0, 0.0) in [(buyer, entry.allocation, entry.charge) for buyer, entry in book.clear(FREE, 60.0)]
    assert book.clear(FREE, 60.0) == []


def test_departed_winner_that_bids_again_is_no_departed() -> None:
    book = book_of({A: (60, 4)})
    book.clear(FREE, 60.0)
    book.remove(A)
    book.put(A, Bid(0, 1, 60.0, 4.0, 2))
    assert book.clear(FREE, 60.0) == []


def test_departed_loser_is_not_reported() -> None:
    book = book_of({A: (60, 4), B: (70, 3)})
    book.clear(FREE, 60.0)
    book.remove(B)
    assert B not in dict(book.clear(FREE, 60.0))


def test_removing_a_stranger_removes_nothing() -> None:
    book = book_of({A: (60, 4)})
    assert (book.remove(C), len(book), list(book)) == (False, 1, [A])


@pytest.mark.parametrize(
    ("bids", "sold", "revenue", "market_price"),
    [
        pytest.param({}, 0.0, 0.0, 1.0, id="empty: the reserve"),
        pytest.param({A: (60, 4)}, 60.0, 60.0, 1.0, id="supply left: the reserve"),
        pytest.param({A: (60, 4), B: (70, 3)}, 100.0, 160.0, 3.0, id="sold out: the lowest winner"),
        pytest.param({A: (60, 4), B: (39.95, 3)}, 99.95, 99.95, 3.0, id="a sliver left: the lowest winner"),
        pytest.param({A: (99.95, 4), B: (70, 3)}, 100.0, 239.9, 4.0, id="the lowest wins a sliver: the next"),
        pytest.param({A: (60, 0.5)}, 0.0, 0.0, 1.0, id="all below reserve: the reserve"),
    ],
)
def test_market_figures_of_a_clearing(bids: Bids, sold: float, revenue: float, market_price: float) -> None:
    book = book_of(bids)
    book.clear(FixedReserve(1.0), 100.0)
    assert (book.sold, book.revenue, book.market_price) == pytest.approx((sold, revenue, market_price))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), max_size=8), st.integers(1, 200))
def test_price_is_the_market_price_of_a_sliver(bids: list[tuple[int, int]], supply: int) -> None:
    book = book_of({f"b{k}/buyer": bid for k, bid in enumerate(bids)})
    book.clear(FixedReserve(1.0), supply)
    quantity, price = [q for q, _ in bids], [p for _, p in bids]
    assert book.market_price == market_price([SLIVER * supply], quantity, price, supply, 1.0)


def test_unseen_are_those_told_later_than_they_saw() -> None:
    book = book_of({A: (60, 4), B: (70, 3)})
    book.clear(FREE, 100.0)
    told(book, 1)
    entry = book.get(A)
    assert entry is not None
    entry.seen_round = 1
    assert [buyer for buyer, _ in book.unseen()] == [B]
