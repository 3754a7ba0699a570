import math
from collections.abc import Iterator

import numpy as np
import pytest

from node.mechanism.psp import SLIVER, best_reply, merged_staircase, staircase
from node.mechanism.psp.moving_reserve import Stage, best_utility
from node.mechanism.valuation import Flat, Parabolic, Valuation
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve, ReserveRule
from tests.oracles import deviation

Auction = tuple[deviation.Book, float]


def stages(book: deviation.Book, supply: float, rule: ReserveRule) -> list[Stage]:
    quantity, price = np.array(book, float).reshape(-1, 2).T
    return [
        Stage.of(staircase(quantity, price, supply, level.reserve), level.reach)
        for level in rule.levels(quantity, price, supply)
    ]


def drawn(rng: np.random.Generator, sellers: int) -> tuple[Valuation, list[Auction]]:
    theta: Valuation = Parabolic(float(rng.uniform(20, 100)), float(rng.uniform(3, 15)))
    if rng.random() < 0.3:
        theta = Flat(float(rng.uniform(20, 100)), float(rng.uniform(3, 12)))
    books = []
    for _ in range(sellers):
        supply = float(rng.uniform(20, 80))
        book = [
            (drawn_quantity(rng, supply), float(rng.choice([rng.uniform(0, 10), rng.integers(1, 10)])))
            for _ in range(rng.integers(0, 5))
        ]
        books.append((book, supply))
    return theta, books


def drawn_quantity(rng: np.random.Generator, supply: float) -> float:
    """MB; one in four about as small as a sliver, on either side of it."""
    return float(rng.uniform(1, 40) if rng.random() < 0.75 else 2.0 * SLIVER * supply * rng.random())


def drawn_market(batch: int, sellers: int) -> Iterator[tuple[Valuation, list[Auction], float, float, float]]:
    """θ, the books and supplies, a budget, and the floor and step of all reserves."""
    for number in range(10):
        rng = np.random.default_rng([batch, number, sellers])
        budget = math.inf if rng.random() < 0.6 else float(rng.uniform(20, 200))
        floor, step = float(rng.choice([0, 0.5, 2])), float(rng.choice([0.01, 0.5, 3]))
        yield *drawn(rng, sellers), budget, floor, step


batches = pytest.mark.parametrize("batch", range(5))
one_seller_or_two = pytest.mark.parametrize("sellers", [1, 2])


@one_seller_or_two
@batches
def test_ls_proposition_1_no_bids_tried_beat_the_truthful_reply_to_fixed_reserves(batch: int, sellers: int) -> None:
    """Not even bids of different prices at different sellers, or of none."""
    for theta, books, budget, floor, _ in drawn_market(batch, sellers):
        tried = deviation.best_utility(theta, [(*one, deviation.fixed(floor)) for one in books], budget)
        auctions = [staircase(*np.array(book, float).reshape(-1, 2).T, supply, floor) for book, supply in books]
        assert best_reply(theta, merged_staircase(auctions), budget=budget).utility == pytest.approx(tried, abs=1e-6)


@one_seller_or_two
@batches
def test_best_deviation_is_that_of_bids_tried_where_reserves_follow_them(batch: int, sellers: int) -> None:
    for theta, books, budget, floor, step in drawn_market(batch, sellers):
        tried = deviation.best_utility(theta, [(*one, deviation.highest_losing(floor, step)) for one in books], budget)
        auctions = [stages(*one, HighestLosingReserve(floor, step)) for one in books]
        assert best_utility(theta, auctions, budget) == pytest.approx(tried, abs=1e-6)


def test_buyer_that_leaves_a_rival_a_sliver_keeps_it_from_losing() -> None:
    levels = HighestLosingReserve(0.0, 0.01).levels(np.array([5.0]), np.array([1.0]), 10.0)
    assert levels == [(10.0, 0.0)]
    # 10 MB at 5 less 5 MB that the rival would have had at 1; had it lost, all 10 MB would have cost 1.01.
    book = [(5.0, 1.0)]
    assert best_utility(Flat(10, 5), [stages(book, 10.0, HighestLosingReserve(0.0, 0.01))]) == pytest.approx(45.0)


def test_level_for_each_price_that_can_be_displaced() -> None:
    rule = HighestLosingReserve(0.5, 0.1)
    quantity, price = np.array([40.0, 30.0, 30.0, 20.0, 0.0]), np.array([4.0, 3.0, 2.0, 0.4, 2.5])
    # The bid below the floor counts for nothing, and so does that for nothing.
    assert rule.levels(quantity, price, 100.0) == [(30.0, 0.5), (60.0, 2.1), (100.0, 3.1)]
    assert HighestLosingReserve(0.5, 2.0).levels(quantity, price, 100.0) == [(30.0, 0.5), (60.0, 3.0), (100.0, 4.0)]
    assert rule.levels(quantity, price, 50.0) == [(10.0, 2.1), (50.0, 3.1)]
    assert rule.levels(np.zeros(0), np.zeros(0), 100.0) == [(100.0, 0.5)]


def test_sliver_that_is_displaced_raises_no_level() -> None:
    rule = HighestLosingReserve(0.5, 0.1)
    quantity, price = np.array([40.0, 0.1, 30.0, 0.1, 0.1, 30.0]), np.array([4.0, 3.5, 3.0, 2.5, 2.5, 2.0])
    # Of two bids of 0.1 at one price each counts by itself, and so none of them.
    levels = [(pytest.approx(reach), reserve) for reach, reserve in rule.levels(quantity, price, 100.0)]
    assert levels == [(29.7, 0.5), (29.9, 2.1), (59.9, 2.1), (60.0, 3.1), (100.0, 3.1)]
    more = np.array([40.0, 0.1001, 30.0, 0.1, 0.1, 30.0])
    assert rule.levels(more, price, 100.0)[-1] == (100.0, 3.6)


@pytest.mark.parametrize("seed", range(5))
def test_one_stage_per_auction_is_the_best_reply(seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta, books = drawn(rng, 6)
    auctions = [staircase(*np.array(book, float).reshape(-1, 2).T, supply, 0.5) for book, supply in books]
    expected = best_reply(theta, merged_staircase(auctions), budget=100.0).utility
    levels = [stages(*one, FixedReserve(0.5)) for one in books]
    assert best_utility(theta, levels, 100.0) == pytest.approx(expected, rel=1e-12)


def test_search_cut_short_is_no_less_than_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    theta = Parabolic(300.0, 12.0)
    books = [([(float(rng.uniform(5, 20)), float(rng.uniform(0, 9))) for _ in range(8)], 60.0) for _ in range(5)]
    auctions = [stages(*one, HighestLosingReserve(0.0, 0.01)) for one in books]
    exact = best_utility(theta, auctions)
    monkeypatch.setattr("node.mechanism.psp.moving_reserve.MOST_PARTS", 2)
    assert best_utility(theta, auctions) > exact * 1.0001


@pytest.mark.parametrize("sellers", [1, 3, 10])
def test_few_parts_are_enough_for_random_books_of_20_bids(sellers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(5):
        rng = np.random.default_rng([seed, sellers])
        theta = Parabolic(float(rng.uniform(20, 100)), float(rng.uniform(5, 20)))
        books = [list(zip(rng.uniform(2, 20, 20), rng.uniform(2, 12, 20), strict=True)) for _ in range(sellers)]
        auctions = [stages(book, 100.0, HighestLosingReserve(0.01, 0.01)) for book in books]
        exact = best_utility(theta, auctions)
        with monkeypatch.context() as few:
            few.setattr("node.mechanism.psp.moving_reserve.MOST_PARTS", 10)
            assert best_utility(theta, auctions) == exact
