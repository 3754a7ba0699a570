import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from node.mechanism.psp import SLIVER, clear, market_price
from node.mechanism.valuation import Parabolic
from node.mechanism.welfare import StandingBids, epsilon_gaps, optimum
from node.rounds.books import Books
from node.rounds.market import ArrayMarket, ArrayOutcome
from tests.oracles import psp as oracle
from tests.oracles.welfare import water_filling

SIZES = [(10, 1, 1), (50, 10, 3), (200, 20, 4)]


def market(buyers: int, sellers: int, each: int, seed: int) -> ArrayMarket:
    rng = np.random.default_rng(seed)
    demand, choke = rng.uniform(20, 100, buyers), rng.uniform(5, 20, buyers)
    weight = rng.uniform(0.5, 1.5, sellers)
    pools = rng.random((buyers, sellers)).argsort(axis=1)[:, :each]
    edges = np.repeat(np.arange(buyers), each), pools.ravel()
    return ArrayMarket(demand, choke, weight * 0.5 * demand.sum() / weight.sum(), np.full(sellers, 0.01), edges)


def settled(one: ArrayMarket, seed: int = 1) -> ArrayOutcome:
    return one.run(40.0, 0.6, np.random.default_rng(seed))


def valuations(one: ArrayMarket) -> list[Parabolic]:
    return [Parabolic(d, c) for d, c in zip(one.demand_mb.tolist(), one.choke_price.tolist(), strict=True)]


def random_books(seed: int) -> tuple[Books, Any, Any, Any]:
    """Books with prices of which many tie, some at the reserve and some below it."""
    rng = np.random.default_rng(seed)
    seller = rng.integers(0, 12, 90)
    supply, reserve = rng.choice([0.0, 10.0, 30.0, 500.0], 12), rng.integers(0, 3, 12).astype(float)
    quantity, price = rng.integers(0, 9, 90).astype(float), rng.integers(0, 6, 90).astype(float)
    books = Books(supply, reserve, seller)
    books.write(books.place, seller, quantity, price)
    books.clear(np.ones(12, np.bool_))
    return books, seller, quantity, price


@pytest.fixture(params=[4096, 0], ids=["at once", "by size"])
def shelves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books are sorted all at once, as in a small market, or those of like size together, as in a large one."""
    monkeypatch.setattr("node.rounds.books._FEW", request.param)


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize("seed", range(40))
def test_books_cleared_together_are_each_cleared_like_one_auction(seed: int) -> None:
    books, seller, quantity, price = random_books(seed)
    together = books.allocation(books.quantity[books.place], books.bid_price[books.place], seller)
    for one in range(12):
        here = seller == one
        alone = clear(quantity[here], price[here], books.supply[one], books.reserve[one])
        assert together[here] == pytest.approx(alone.allocation, abs=1e-9)


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize("seed", range(20))
def test_price_of_each_book_is_the_market_price_of_a_sliver(seed: int) -> None:
    books, seller, quantity, price = random_books(seed)
    prices = books.market_price()
    for one in np.flatnonzero(books.supply):
        here, supply = seller == one, books.supply[one]
        expected = market_price([SLIVER * supply], quantity[here], price[here], supply, books.reserve[one])
        assert prices[one] == pytest.approx(expected[0], rel=1e-9)


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize("seed", range(10))
def test_books_cleared_together_agree_with_the_definition(seed: int) -> None:
    books, seller, quantity, price = random_books(seed)
    together = books.allocation(books.quantity[books.place], books.bid_price[books.place], seller)
    for one in range(12):
        here = seller == one
        book = oracle.book_of(quantity[here], price[here])
        exact = oracle.allocations(book, Fraction(books.supply[one]), Fraction(books.reserve[one]))
        assert together[here] == pytest.approx([float(amount) for amount in exact], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_how_books_are_sorted_changes_no_outcome(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one = market(60, 12, 3, seed)
    monkeypatch.setattr("node.rounds.books._FEW", 0)
    by_size = settled(one)
    monkeypatch.setattr("node.rounds.books._FEW", 4096)
    at_once = settled(one)
    for field in dataclasses.fields(ArrayOutcome):
        assert np.array_equal(getattr(by_size, field.name), getattr(at_once, field.name))


@pytest.mark.parametrize(("buyers", "sellers", "each"), SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_settled_market_is_next_to_its_optimum(buyers: int, sellers: int, each: int, seed: int) -> None:
    one = market(buyers, sellers, each, seed)
    outcome = settled(one)
    best = optimum(valuations(one), one.supply, one.edges)
    assert outcome.quiescent
    assert outcome.welfare >= 0.999 * best.welfare
    assert outcome.welfare <= best.bound * (1 + 1e-9)
    assert best.welfare * (1 - 1e-9) <= outcome.bound <= best.welfare * (1 + 2e-4)


@pytest.mark.parametrize("seed", range(2))
def test_large_market_settles_and_no_longer_cycles(seed: int) -> None:
    outcome = settled(market(4_000, 400, 4, seed), seed)
    assert outcome.quiescent
    assert outcome.gap.max() <= 3 * 0.6
    assert outcome.welfare >= 0.999 * outcome.bound
    assert np.median(outcome.bids) <= 10


def test_single_auction_settles_next_to_water_filling() -> None:
    one = market(10, 1, 1, 4)
    best = water_filling(one.demand_mb, one.choke_price, float(one.supply[0]))
    assert settled(one).allocation == pytest.approx(best, abs=0.05 * float(one.supply[0]))


@pytest.mark.parametrize(("buyers", "sellers", "each"), SIZES[:2])
def test_gaps_are_those_of_the_mechanism(buyers: int, sellers: int, each: int) -> None:
    one = market(buyers, sellers, each, 7)
    outcome = one.run(40.0, 0.6, np.random.default_rng(3), most_rounds=60)
    profile = StandingBids(*one.edges, outcome.quantity, outcome.price)
    budgets = np.full(buyers, np.inf)
    gaps = epsilon_gaps(valuations(one), budgets, one.supply, one.reserve, profile, one.edges)
    assert outcome.gap == pytest.approx(gaps, abs=1e-6)


@pytest.mark.parametrize("most_rounds", [0, 1, 10, 100, 100_000])
def test_nobody_gets_more_than_its_bid_and_nothing_is_oversold(most_rounds: int) -> None:
    one = market(50, 10, 3, 2)
    outcome = one.run(40.0, 0.6, np.random.default_rng(2), most_rounds=most_rounds)
    sold = np.bincount(one.edges[1], weights=outcome.allocation, minlength=one.supply.size)
    assert (sold <= one.supply * (1 + 1e-12)).all()
    assert (outcome.allocation <= outcome.quantity).all()
    assert outcome.welfare <= outcome.bound


def test_same_seed_gives_the_same_arrays() -> None:
    first, second = (settled(market(50, 10, 3, 5), seed=9) for _ in range(2))
    for name in ("quantity", "price", "allocation", "bids", "gap"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert (first.rounds, first.welfare, first.bound) == (second.rounds, second.welfare, second.bound)


def test_pools_may_differ_in_size_and_be_empty() -> None:
    one = ArrayMarket([50, 50, 50], [10, 8, 5], [30, 20], [1, 2], ([0, 0, 1], [0, 1, 1]))
    outcome = settled(one)
    assert outcome.quiescent
    assert outcome.allocation.sum() == pytest.approx(50.0, rel=0.02)


def test_seller_dearer_than_everyone_s_first_mb_sells_nothing() -> None:
    outcome = settled(ArrayMarket([50], [10], [30, 30], [1, 11], ([0, 0], [0, 1])))
    assert outcome.allocation.tolist() == [pytest.approx(30.0, rel=0.02), 0.0]


@pytest.mark.parametrize("seed", range(4))
def test_identical_buyers_settle_though_prices_tie_up_to_rounding(seed: int) -> None:
    edges = np.repeat(np.arange(20), 2), np.tile([0, 1], 20)
    outcome = settled(ArrayMarket(np.full(20, 50.0), np.full(20, 10.0), [200, 300], [0, 0], edges), seed)
    assert outcome.quiescent
    assert outcome.welfare >= 0.998 * outcome.bound


def test_market_without_buyers_is_quiescent() -> None:
    outcome = settled(ArrayMarket([], [], [10], [1], ([], [])))
    assert (outcome.quiescent, outcome.welfare) == (True, 0.0)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"demand_mb": [0.0, 1.0]}, "demand_mb must be above 0"),
        ({"choke_price": [1.0]}, "choke_price must have as many elements"),
        ({"supply": [-1.0]}, "supply must be finite and at least 0"),
        ({"edges": ([0, 2], [0, 0])}, "edges must name each buyer"),
        ({"edges": ([0, 0], [0, 0])}, "twice"),
    ],
)
def test_numbers_out_of_range_are_refused(changed: dict[str, Any], text: str) -> None:
    numbers: dict[str, Any] = {
        "demand_mb": [1.0, 1.0],
        "choke_price": [1.0, 1.0],
        "supply": [1.0],
        "reserve": [0.0],
        "edges": ([0, 1], [0, 0]),
    }
    with pytest.raises(ValueError, match=text):
        ArrayMarket(**(numbers | changed))


def test_one_epsilon_for_all_buyers_is_the_same_as_one_for_each() -> None:
    one = market(50, 10, 3, 1)
    first, second, third = (
        one.run(start, end, np.random.default_rng(1))
        for start, end in ((40.0, 0.6), (np.full(50, 40.0), [0.6] * 50), (np.float64(40.0), np.array(0.6)))
    )
    assert np.array_equal(first.quantity, second.quantity)
    assert np.array_equal(first.quantity, third.quantity)


def test_each_buyer_rests_within_its_own_epsilon() -> None:
    one = market(200, 20, 4, 0)
    last = np.where(np.arange(200) % 2, 0.1, 2.0)
    outcome = one.run(40.0, last, np.random.default_rng(1))
    assert outcome.quiescent
    assert (outcome.gap <= 3.0 * last).all()
    assert outcome.gap[last == 2.0].max() > 3.0 * 0.1


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (0.1, 1.0, "epsilon_end = 1 must not exceed epsilon_start = 0.1"),
        ([1.0] * 10, [0.1] * 9 + [2.0], "epsilon_end = 2 must not exceed epsilon_start = 1"),
        (1.0, 0.0, "epsilon_end must be above 0"),
        (1.0, [0.1] * 9 + [0.0], "epsilon_end must be above 0, got 0.0 at index 9"),
        (float("nan"), 0.1, "epsilon_start must be finite and at least 0"),
        (-1.0, 0.1, "epsilon_start must be finite and at least 0"),
        ("much", 0.1, "epsilon_start must be an array of numbers"),
        (None, 0.1, "epsilon_start must be finite"),
        (1.0, [0.1], "epsilon_end must be one number or one for each of 10 buyers, got 1 of them"),
        ([1.0] * 11, 0.1, "epsilon_start must be one number or one for each of 10 buyers, got 11 of them"),
        (1.0, [[0.1] * 10], r"epsilon_end must have shape \(n,\)"),
        ([[1.0], [1.0, 2.0]], 0.1, "epsilon_start must be an array of numbers"),
    ],
)
def test_epsilon_that_makes_no_sense_is_refused(start: Any, end: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        market(10, 1, 1, 0).run(start, end, np.random.default_rng(0))
