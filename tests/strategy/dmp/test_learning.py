"""Exp3 operators that know nothing of the auction play it; what they learn is held against the paper's b* (Prop. 2)."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import first_price_bid
from node.strategy.dmp import Call, NoRegret

AUCTIONS = 30_000
ARMS = 12


@dataclass(frozen=True)
class Play:
    """Costs and prices of all auctions, shape (auctions, operators)."""

    cost: FloatArray
    price: FloatArray

    def distance(self, part: slice) -> float:
        """Mean distance of the bids from b*(c) = c + (1 - c)/N."""
        cost, bidders = self.cost[part], self.cost.shape[1]
        return float(np.mean(np.abs(self.price[part] - cost - (1.0 - cost) / bidders)))

    def best(self, operator: int, auctions: int) -> float:
        """Profit per auction of the best fixed mark-up in hindsight."""
        cost = self.cost[:auctions, operator, None]
        rival = np.delete(self.price[:auctions], operator, axis=1).min(axis=1, keepdims=True)
        markups = np.arange(1, ARMS + 1) / ARMS * (1.0 - cost)
        return float(np.where(cost + markups < rival, markups, 0.0).mean(axis=0).max())

    def regret(self, operator: int, auctions: int) -> float:
        """Profit per auction that it would have added."""
        cost, price = self.cost[:auctions, operator], self.price[:auctions]
        won = price.argmin(axis=1) == operator
        return self.best(operator, auctions) - float(np.where(won, price[:, operator] - cost, 0.0).mean())

    def mean_regret(self, auctions: int) -> float:
        return float(np.mean([self.regret(operator, auctions) for operator in range(self.cost.shape[1])]))

    def markups(self, operator: int) -> list[int]:
        """Arms that its last quarter of bids were, most frequent first."""
        cost, price = (money[AUCTIONS * 3 // 4 :, operator] for money in (self.cost, self.price))
        arms = np.rint((price - cost) / (1.0 - cost) * ARMS).astype(int)
        return [arm for arm, _ in Counter(arms.tolist()).most_common()]


def asked(operator: NoRegret, cost: float, bidders: int) -> float:
    return operator.price(Call(1.0, cost, 0.0, None, bidders))


@cache
def played(bidders: int, seed: int) -> Play:
    """Learners among themselves."""
    streams = np.random.default_rng(seed).spawn(bidders + 1)
    operators = [NoRegret(stream, arms=ARMS) for stream in streams[1:]]
    cost = streams[0].random((AUCTIONS, bidders))
    price = np.empty_like(cost)
    for auction in range(AUCTIONS):
        own = cost[auction].tolist()
        price[auction] = [asked(operator, own[k], bidders) for k, operator in enumerate(operators)]
        won = int(price[auction].argmin())
        for k, operator in enumerate(operators):
            operator.learned(float(price[auction, k]) - own[k] if k == won else None)
    return Play(cost, price)


def played_alone(bidders: int, seed: int) -> Play:
    """One learner among operators that bid b*."""
    costs, stream = np.random.default_rng(seed).spawn(2)
    operator = NoRegret(stream, arms=ARMS)
    cost = costs.random((AUCTIONS, bidders))
    price = first_price_bid(cost, bidders)
    rival = price[:, 1:].min(axis=1).tolist()
    for auction, own in enumerate(cost[:, 0].tolist()):
        price[auction, 0] = bid = asked(operator, own, bidders)
        operator.learned(bid - own if bid < rival[auction] else None)
    return Play(cost, price)


@pytest.mark.parametrize("bidders", [2, 3])
def test_bids_move_from_uniform_to_within_an_arm_of_equilibrium(bidders: int) -> None:
    """The arms 1/N and 1/N + 1/12 are both equilibria of this grid: at most 0.042 away, and exploring adds 0.016.

    With seeds 0 to 19 it is 0.033 to 0.064.
    """
    play = played(bidders, seed=0)
    first, last = play.distance(slice(0, 1000)), play.distance(slice(AUCTIONS * 3 // 4, AUCTIONS))
    assert last < 0.08
    assert last < 0.6 * first


@pytest.mark.parametrize("bidders", [2, 3])
def test_regret_per_auction_falls(bidders: int) -> None:
    play = played(bidders, seed=0)
    early, middle, late = (play.mean_regret(auctions) for auctions in (AUCTIONS // 30, AUCTIONS // 4, AUCTIONS))
    assert 2 * late < 1.3 * middle < early


@pytest.mark.parametrize("bidders", [2, 3])
def test_regret_is_within_the_bound_of_the_theorem(bidders: int) -> None:
    """Auer et al. (2002), Theorem 3.1: (e - 1)·gamma·best + arms·ln(arms)/(gamma·auctions), an auction."""
    play, gamma = played(bidders, seed=0), 0.12
    for operator in range(bidders):
        bound = (math.e - 1.0) * gamma * play.best(operator, AUCTIONS) + ARMS * math.log(ARMS) / gamma / AUCTIONS
        assert play.regret(operator, AUCTIONS) < bound


@pytest.mark.parametrize("bidders", [2, 3, 4])
def test_learner_among_operators_that_bid_the_equilibrium_finds_it(bidders: int) -> None:
    """b* is the arm 1/N: the most frequent one of 28 out of 30 learners (seeds 0 to 9, N = 2 to 4), else the next."""
    assert played_alone(bidders, seed=0).markups(operator=0)[0] == ARMS // bidders
