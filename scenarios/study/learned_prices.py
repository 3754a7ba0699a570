"""Whether operators that learn reach the private equilibrium of the Digital Marketplace."""

from typing import NamedTuple

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import PrivateEquilibrium
from node.runtime.streams import stream
from node.strategy.dmp import Call, NoRegret
from scenarios.study.replies import REPLIES, Rivals

OPERATORS = 3
WEIGHTS = (1.0, 0.75, 0.5)

TYPES = 10
"""Parts of the pseudo-types that an operator tells apart which knows its own."""

ASKED = 2_000
"""Bids whose best replies are worked out in each window."""


class Job(NamedTuple):
    """One play at this price weight; whether operators learn apart for each tenth of their own pseudo-types."""

    w: float
    knows_type: bool
    calls: int
    seed: int


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What a play came to, window by window, each as long as all before it.

    Attributes
    ----------
    w, knows_type, seed
        As in ``Job``.
    calls
        The last call of each window.
    distance
        The mean distance of the bids from the private equilibrium's, money.
    gain
        What the best reply to the others' bids would earn more, on average, money per call.
    profit
        What an operator earned per call, money.
    equilibrium_profit
        What it would have earned in equilibrium.
    """

    w: float
    knows_type: bool
    seed: int
    calls: list[int]
    distance: list[float]
    gain: list[float]
    profit: list[float]
    equilibrium_profit: float


def priced(job: Job) -> Prices:
    """One play."""
    equilibrium = PrivateEquilibrium(job.w, OPERATORS)
    drawn = stream(job.seed, "calls", "costs")
    cost, reputation = drawn.random((2, job.calls, OPERATORS))
    types = equilibrium.pseudo_type(cost, reputation)
    bids = equilibrium.bid(cost, reputation)
    price = _learned(job, cost, reputation, types, float(bids.max()))
    compound = job.w * price + (1.0 - job.w) * reputation
    ends = [job.calls >> k for k in range(7, -1, -1)]
    windows = [slice(first, last) for first, last in zip([0, *ends], ends, strict=False)]
    margin = np.where(compound == compound.min(axis=1, keepdims=True), price - cost, 0.0)
    fair = np.where(types == types.min(axis=1, keepdims=True), bids - cost, 0.0)
    return Prices(
        w=job.w,
        knows_type=job.knows_type,
        seed=job.seed,
        calls=ends,
        distance=[float(np.abs(price - bids)[part].mean()) for part in windows],
        gain=[_gain(equilibrium, types[part], compound[part]) for part in windows],
        profit=[float(margin[part].mean()) for part in windows],
        equilibrium_profit=float(fair.mean()),
    )


def _learned(job: Job, cost: FloatArray, reputation: FloatArray, types: FloatArray, ceiling: float) -> FloatArray:
    """The prices of all calls, shape (calls, operators), when nobody asks for more than the ceiling."""
    parts = TYPES if job.knows_type else 1
    part = np.minimum((types * parts).astype(int), parts - 1).tolist()
    learners = [
        [NoRegret(stream(job.seed, f"operator-{k}", f"type-{one}"), ceiling) for one in range(parts)]
        for k in range(OPERATORS)
    ]
    costs, reputations = cost.tolist(), reputation.tolist()
    prices = []
    for own, asked, which in zip(costs, reputations, part, strict=True):
        bidding = [learners[k][which[k]] for k in range(OPERATORS)]
        price = [one.price(Call(job.w, own[k], asked[k], None, OPERATORS)) for k, one in enumerate(bidding)]
        compound = [job.w * bid + (1.0 - job.w) * r for bid, r in zip(price, asked, strict=True)]
        won = compound.index(min(compound))
        for k, one in enumerate(bidding):
            one.learned(price[k] - own[k] if k == won else None)
        prices.append(price)
    return np.array(prices)


def _gain(equilibrium: PrivateEquilibrium, types: FloatArray, compound: FloatArray) -> float:
    """What the best reply to such bids would earn more than these did, on average."""
    placed = np.sort(compound.ravel())
    grid = np.linspace(placed[0], placed[-1], REPLIES)
    rivals = Rivals(grid, 1.0 - np.searchsorted(placed, grid, side="right") / placed.size)
    return float(rivals.gain(equilibrium, types.ravel()[-ASKED:], compound.ravel()[-ASKED:]).mean())
