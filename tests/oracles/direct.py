"""Mechanisms that work everything out at once, straight from their definitions: whole MB, every possibility, slow."""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from tests.oracles import psp

Users = list[tuple[int, int]]
"""MB that are wanted or for sale, and what each is worth or has to bring at least."""


def most_gains(buyers: Users, sellers: Users, pools: list[set[int]]) -> int:
    """The best of all ways to give every MB to a buyer who reaches it, or to nobody."""
    units = [j for j, (supply, _) in enumerate(sellers) for _ in range(supply)]
    takers = [[None, *(i for i in range(len(buyers)) if j in pools[i])] for j in units]
    return max(_gains(buyers, sellers, units, owners) for owners in product(*takers))


def _gains(buyers: Users, sellers: Users, units: list[int], owners: tuple[int | None, ...]) -> int:
    got = [owners.count(i) for i in range(len(buyers))]
    kept = sum(sellers[j][1] for j, owner in zip(units, owners, strict=True) if owner is not None)
    return sum(value * min(demand, amount) for (demand, value), amount in zip(buyers, got, strict=True)) - kept


def marginal_product(buyer: int, buyers: Users, sellers: Users, pools: list[set[int]]) -> int:
    """What the market gains by one buyer's presence: its utility under VCG."""
    absent = [pool if i != buyer else set() for i, pool in enumerate(pools)]
    return most_gains(buyers, sellers, pools) - most_gains(buyers, sellers, absent)


def multi_bid(books: list[list[tuple[float, float]]], supply: float, reserve: float) -> list[tuple[float, float]]:
    """One auction in which each bidder has several bids, exact: by bidder, MB and money (Maillé & Tuffin, 2004)."""
    lot = Fraction(supply), Fraction(reserve)
    exact = [psp.book_of([d for d, _ in book], [p for _, p in book]) for book in books]
    allocations = iter(psp.allocations([bid for book in exact for bid in book], *lot))
    outcome = []
    for i, book in enumerate(exact):
        got = sum((next(allocations) for _ in book), Fraction(0))
        others = [bid for k, other in enumerate(exact) if k != i for bid in other]
        outcome.append((float(got), float(psp.cost(got, psp.steps_of(others, *lot)))))
    return outcome


def proportional_share(thetas: Any, supply: float, rounds: int = 400) -> np.ndarray:
    """MB at the equilibrium of one seller, who asks nothing: the optimum of Johari & Tsitsiklis' modified valuations.

    Their derivatives are θ'(d)·(1 - d/D): the price at which these demands meet the supply is halved in on.
    """
    low, high = 0.0, max(theta.marginal(0.0) for theta in thetas)
    for _ in range(rounds):
        price = 0.5 * (low + high)
        wanted = np.array([_modified_demand(theta, supply, price) for theta in thetas])
        low, high = (price, high) if wanted.sum() > supply else (low, price)
    return wanted


def _modified_demand(theta: Any, supply: float, price: float) -> float:
    low, high = 0.0, min(supply, theta.demand_mb)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if theta.marginal(middle) * (1.0 - middle / supply) > price else (low, middle)
    return low
