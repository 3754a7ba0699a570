"""The paper's example (Blocher & Harris, section IV.C): two sellers of 65 and 85 MB, five buyers who want 150 MB."""

from fractions import Fraction
from typing import Any

import pytest

from node.protocol.trace import Record
from tests.oracles import psp as oracle
from tests.simulation.world import FILL, HAZARDS, World, within, world

CHUNKS = [range(start, start + 50) for start in range(0, 100, 50)]

DEMAND = {"A": 50.0, "B": 40.0, "C": 26.0, "D": 20.0, "E": 14.0}

PAPERS_OUTCOME = {
    ("1", "A"): 25.0,
    ("2", "A"): 25.0,
    ("1", "B"): 40.0,
    ("2", "C"): 26.0,
    ("2", "D"): 20.0,
    ("2", "E"): 14.0,
}


def chunk_name(seeds: range) -> str:
    return f"seeds {seeds.start} to {seeds.stop - 1}"


@pytest.mark.parametrize("seeds", CHUNKS, ids=chunk_name)
def test_section_iv_c_bids_that_arrive_before_the_clearing_end_as_in_the_paper(seeds: range) -> None:
    for seed in seeds:
        market = world("two-sellers", seed, *within(0.5), "network.reordering=1.0")
        assert market.settles(), seed
        assert market.sold() == pytest.approx(PAPERS_OUTCOME, abs=1e-6), seed
        market.check_books()


@pytest.mark.parametrize("seeds", CHUNKS, ids=chunk_name)
def test_lemma_iv_2_everything_is_sold_in_any_order_where_the_largest_is_filled_first(seeds: range) -> None:
    for seed in seeds:
        market = world("two-sellers", seed, *within(10), *HAZARDS, *FILL)
        assert market.settles(), seed
        assert {buyer: market.bought(buyer) for buyer in DEMAND} == pytest.approx(DEMAND, abs=1e-6), seed
        market.check_books()


@pytest.mark.parametrize("seeds", CHUNKS, ids=chunk_name)
def test_equal_split_settles_in_any_order_and_serves_nobody_above_demand(seeds: range) -> None:
    for seed in seeds:
        market = world("two-sellers", seed, *within(10), *HAZARDS)
        assert market.settles(), seed
        market.check_books()
        sold = sum(market.sold().values())
        unsold = 150.0 - sum(record.what.sold_mb for record in market.records if record.kind == "closed")
        assert sold + unsold == pytest.approx(150.0, abs=1e-6), seed
        # Only A can be left with less: the others outbid it, and its two halves must be equal.
        assert all(market.bought(buyer) == pytest.approx(DEMAND[buyer]) for buyer in "BCDE"), seed


def test_a_seller_ends_with_the_price_of_its_lowest_winner_or_its_floor() -> None:
    market = world("two-sellers", 1, *within(0.5))
    market.settles()
    assert {name: auction.price for name, auction in market.metrics.auctions.items()} == {"1": 1.0, "2": 1.0}


def test_welfare_is_that_of_serving_everybody() -> None:
    market = world("two-sellers", 1, *within(0.5))
    market.settles()
    assert market.metrics.welfare == pytest.approx(50 * 1.0 + 40 * 1.2 + 26 * 1.5 + 20 * 2.0 + 14 * 2.2)


PRICES = {"A": 1.0, "B": 1.2, "C": 1.5, "D": 2.0, "E": 2.2}


def revenue_curve(sold: dict[str, float], amount: float) -> float:
    """Integral of eq. 9 from 0 to the amount: the highest price at which so much is wanted of one seller, money."""
    worth = 0.0
    for buyer in sorted(sold, key=PRICES.__getitem__, reverse=True):
        step = min(amount, sold[buyer])
        worth, amount = worth + step * PRICES[buyer], amount - step
    return worth


def test_eq_18_fails_buyers_and_sellers_value_the_outcome_differently() -> None:
    """Every user is in the influence set of both auctions; eq. 11 counts the dearest demand for each buyer again."""
    market = world("two-sellers", 1, *within(0.5))
    market.settles()
    of_buyers = sum(PRICES[buyer] * amount for (_, buyer), amount in market.sold().items())
    books = {seller: {b: amount for (s, b), amount in market.sold().items() if s == seller} for seller in "12"}
    of_sellers = sum(revenue_curve(book, amount) for book in books.values() for amount in book.values())
    assert (of_buyers, of_sellers) == pytest.approx((207.8, 259.2))


class Audited(World):
    """Every clearing of every seller is done again, straight from the definitions and in exact numbers."""

    audits = 0

    def note(self, records: list[Record[Any]]) -> None:  # type: ignore[override]
        super().note(records)
        for record in records:
            if record.kind == "cleared":
                self.audit(record.node.partition("/")[2])

    def audit(self, name: str) -> None:
        seller = self.sellers[name]
        entries = [entry for _, entry in seller._book.items()]
        bids = oracle.book_of([entry.quantity for entry in entries], [entry.price for entry in entries])
        supply, reserve = Fraction(seller._supply) - Fraction(seller._awards.sold), Fraction(seller._book.reserve)
        amounts = oracle.allocations(bids, supply, reserve)
        charges = oracle.charges_by_exclusion(bids, supply, reserve)
        assert [entry.allocation for entry in entries] == pytest.approx([float(a) for a in amounts], abs=1e-9)
        assert [entry.charge for entry in entries] == pytest.approx([float(c) for c in charges], abs=1e-9)
        self.audits += 1


@pytest.mark.parametrize("seed", range(20))
def test_eq_5_and_6_every_clearing_is_as_defined(seed: int) -> None:
    market = Audited(world("two-sellers", seed, *within(10), *HAZARDS).market)
    assert market.settles()
    assert market.audits >= 4
