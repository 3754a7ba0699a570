"""What buyers see who are told what to bid, against the definitions of one auction at a time."""

from typing import Any

import numpy as np
import pytest

from node.mechanism.checks import FloatArray
from node.mechanism.psp import clear, staircase
from node.rounds.desks import Desks, View
from node.rounds.play import Play
from tests.rounds.test_market import market

LEVELS = 8


def desks(seed: int, told: int = 5) -> Desks:
    """Some rounds of scripted buyers among buyers who were told to bid something, at some of their sellers."""
    one = market(20, 4, 3, seed)
    epsilon = np.full(20, 40.0), np.full(20, 0.6)
    for some in epsilon:
        some[:told] = np.inf
    edges = one.edges[0][1:], one.edges[1][1:]  # buyer 0 reaches one seller less than the others
    play = Play(one.demand_mb, one.choke_price, one.supply, one.reserve, edges, *epsilon, 0.005, 0.5, False)
    levels = one.choke_price[:told, None] * np.arange(1, LEVELS + 1) / LEVELS
    made, rng = Desks(play, np.arange(told), levels), np.random.default_rng(seed)
    for _ in range(6):
        shape = made.seller.shape
        quantity = rng.choice([0.0, 0.3, 0.8], shape) * made.demand_mb[:, None]
        made.bid(quantity, rng.random(shape) * 12.0 * rng.choice([0.0, 1.0], shape, p=[0.1, 0.9]))
        play.survey()
        play.round(rng)
    return made


def others(made: Desks, buyer: int, seller: int) -> tuple[FloatArray, FloatArray]:
    """The bids of all others at that seller, from the edges of the market."""
    play = made.play
    here = (play.edges[1] == seller) & (play.edges[0] != buyer)
    return play.books.quantity[play.place[here]], play.books.bid_price[play.place[here]]


def seats(made: Desks) -> list[tuple[int, int, int]]:
    """Every buyer, its sellers, and their places in the view."""
    return [(i, k, int(j)) for i, row in enumerate(made.seller) for k, j in enumerate(row) if j < made.play.supply.size]


@pytest.mark.parametrize("seed", range(12))
def test_a_bidder_sees_what_the_others_leave_and_what_it_gets(seed: int) -> None:
    made = desks(seed)
    view: Any = made.view()
    for i, k, j in seats(made):
        supply, reserve, bid = made.play.supply[j], made.play.reserve[j], made.quantity[i, k]
        if not bid:
            continue
        steps = staircase(*others(made, i, j), supply, reserve)
        available = [min(steps.available(price), made.demand_mb[i]) for price in made.levels[i]]
        assert view.supply[i, k] == supply
        assert view.available[i, k] == pytest.approx(available, abs=1e-9)
        assert view.cost[i, k] == pytest.approx([steps.cost(amount) for amount in available], abs=1e-7)
        quantity, price = others(made, i, j)
        outcome = clear(np.append(quantity, bid), np.append(price, made.price[i, k]), supply, reserve)
        assert view.allocation[i, k] == pytest.approx(outcome.allocation[-1], abs=1e-9)
        assert view.charge[i, k] == pytest.approx(outcome.charge[-1], abs=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_who_has_no_bid_sees_the_advert_alone(seed: int) -> None:
    made = desks(seed)
    view = made.view()
    for i, k, j in seats(made):
        if made.quantity[i, k]:
            continue
        quantity, price = others(made, i, j)
        left = made.play.supply[j] - clear(quantity, price, made.play.supply[j], made.play.reserve[j]).allocation.sum()
        assert view.supply[i, k] == pytest.approx(left, abs=1e-9)
        assert view.available[i, k] == pytest.approx(
            np.where(made.levels[i] >= made.play.reserve[j], min(left, made.demand_mb[i]), 0.0), abs=1e-9
        )
        assert view.cost[i, k] == pytest.approx(made.play.reserve[j] * view.available[i, k], abs=1e-7)
        assert view.allocation[i, k] == view.charge[i, k] == 0.0


def test_a_short_pool_ends_in_nobody() -> None:
    made = desks(0)
    view = made.view()
    assert view.is_open[0].tolist() == [1.0, 1.0, 0.0]
    for part in (view.quantity, view.price, view.allocation, view.charge, view.supply, view.reserve):
        assert part[0, 2] == 0.0
    assert not view.available[0, 2].any()


def test_bids_for_more_than_is_wanted_are_lowered_alike() -> None:
    made = desks(1)
    made.bid(np.outer(made.demand_mb, [1.0, 0.5, 0.5]), np.full(made.seller.shape, 9.0))
    assert made.quantity[1] == pytest.approx(made.demand_mb[1] * np.array([0.5, 0.25, 0.25]))
    assert made.quantity[0] == pytest.approx(made.demand_mb[0] * np.array([0.5, 0.25, 0.0]))


def test_utility_is_worth_less_charges() -> None:
    made = desks(2)
    view: View = made.view()
    amount = view.allocation.sum(axis=1)
    theta = made.play.choke_price[:5] * amount * (1.0 - 0.5 * amount / made.demand_mb)
    assert made.utility(view) == pytest.approx(theta - view.charge.sum(axis=1))
    assert made.utility(view).any()


def test_who_is_told_what_to_bid_does_nothing_by_itself() -> None:
    made = desks(3)
    before = made.play.books.quantity[made.play.place[made.play.edges[0] < 5]].copy()
    moves = made.play.bids.copy()
    for _ in range(200):
        made.play.survey()
        made.play.round(np.random.default_rng(0))
    assert (made.play.books.quantity[made.play.place[made.play.edges[0] < 5]] == before).all()
    assert not made.play.bids[:5].any()
    assert (made.play.bids[5:] > moves[5:]).any()
