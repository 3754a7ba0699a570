import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.dmp import compound_bid, winner
from tests.oracles import dmp as oracle

unit = st.floats(0.0, 1.0)
price = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0.0, 10.0))
books = st.lists(st.tuples(price, st.one_of(st.sampled_from([0.0, 0.5, 1.0]), unit)), max_size=6)
limits = st.one_of(st.just(math.inf), st.floats(0.0, 5.0))


def chosen(prices: Any, reputations: Any, w: float, seed: int = 1, **limit: float) -> int | None:
    return winner(prices, reputations, w, np.random.default_rng(seed), **limit)


@given(books, unit, limits, limits)
def test_eq_5_the_winner_is_one_of_the_lowest_compound_bids(
    book: list[tuple[float, float]], w: float, reserve: float, budget: float
) -> None:
    prices, reputations = [b for b, _ in book], [r for _, r in book]
    best = oracle.winners(prices, reputations, w, reserve, budget)
    found = chosen(prices, reputations, w, reserve=reserve, budget=budget)
    assert found in best if best else found is None


@given(books, unit, st.randoms(use_true_random=False))
def test_the_winner_does_not_depend_on_the_order(book: list[tuple[float, float]], w: float, random: Any) -> None:
    compound = [w * b + (1 - w) * r for b, r in book if not math.isnan(b)]
    if len(set(compound)) < len(compound):
        return  # who wins a tie is the draw's to say
    order = list(range(len(book)))
    random.shuffle(order)
    found = chosen([b for b, _ in book], [r for _, r in book], w)
    moved = chosen([book[i][0] for i in order], [book[i][1] for i in order], w)
    assert found == (None if moved is None else order[moved])


@given(
    st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0)), min_size=1, max_size=6), unit, st.integers(-4, 0)
)
def test_the_winner_does_not_depend_on_the_unit(book: list[tuple[float, float]], w: float, exponent: int) -> None:
    prices, reputations = np.array(book).T
    scale = 2.0**exponent  # exact, so that no tie arises or goes
    assert chosen(prices, reputations, w) == chosen(scale * prices, scale * reputations, w)


def test_section_iii_b_ties_are_drawn_fairly() -> None:
    random = np.random.default_rng(7)
    counts = np.zeros(5)
    for _ in range(6000):
        counts[winner([1, 0.5, 0.5, 0.75, 0.5], [0.25, 0.75, 0.75, 0.5, 0.75], 0.5, random)] += 1
    tied = [0, 1, 2, 3, 4]
    expected = 6000 / len(tied)
    assert ((counts[tied] - expected) ** 2 / expected).sum() < 18.5  # chi-square, 4 degrees: one in a thousand


def test_randomness_is_used_for_ties_alone() -> None:
    random = np.random.default_rng(3)
    before = random.bit_generator.state
    assert winner([0.5, 0.6], [0.2, 0.2], 0.5, random) == 0
    assert random.bit_generator.state == before
    winner([0.5, 0.5], [0.2, 0.2], 0.5, random)
    assert random.bit_generator.state != before


def test_reserve_and_budget() -> None:
    assert chosen([0.5, 0.9], [0.5, 0.0], 0.5, reserve=0.45) == 1
    assert chosen([0.5, 0.9], [0.5, 0.0], 0.5, reserve=0.4) is None
    assert chosen([0.5, 0.9], [0.5, 0.0], 0.5, budget=0.8) == 0
    assert chosen([0.5, 0.9], [0.5, 0.0], 0.5, budget=0.4) is None
    assert chosen([math.nan, 3.0], [0.0, 1.0], 0.0) == 1
    assert chosen([], [], 0.5) is None


def test_compound_bids_broadcast() -> None:
    assert compound_bid([[1.0], [2.0]], [0.0, 0.5], 0.5).tolist() == [[0.5, 0.75], [1.0, 1.25]]


@pytest.mark.parametrize(
    ("prices", "reputations", "w", "limit", "named"),
    [
        ([-1.0], [0.0], 0.5, {}, "price"),
        ([math.inf], [0.0], 0.5, {}, "price"),
        ([1.0], [1.5], 0.5, {}, "reputation"),
        ([1.0], [math.nan], 0.5, {}, "reputation"),
        ([1.0], ["good"], 0.5, {}, "reputation"),
        ([1.0], [0.0], math.nan, {}, "w must"),
        ([1.0], [0.0], 1.1, {}, "w must"),
        ([1.0], [0.0], "half", {}, "w must"),
        ([1.0], [0.0], 0.5, {"reserve": math.nan}, "reserve"),
        ([1.0], [0.0], 0.5, {"budget": -1.0}, "budget"),
        ([[1.0]], [[0.0]], 0.5, {}, "shape"),
        ([1.0], [0.0, 0.5], 0.5, {}, "shape"),
    ],
)
def test_what_is_no_book_is_rejected(
    prices: Any, reputations: Any, w: Any, limit: dict[str, float], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        chosen(prices, reputations, w, **limit)
