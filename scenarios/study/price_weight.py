"""How long the cheapest bidder of the Digital Marketplace keeps winning as price counts for less (section III.C)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from node.mechanism.checks import FloatArray
from scenarios.errors import ScenarioError
from scenarios.study.draws import blocks, uniform_bid
from scenarios.study.intersections import Intersections
from scenarios.study.threshold import cheapest_wins, intersection

WEIGHTS = (0.25, 0.75)
"""The price weights at which the paper verifies eq. (15)."""

MOST_BIDDERS, MOST_RUNS = 1_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """One drawn auction (Table I): cost, reputation and bid b*(c) of each bidder, each of shape (bidders,)."""

    cost: FloatArray
    reputation: FloatArray
    bid: FloatArray

    @property
    def intersection(self) -> float:
        """The price weight down to which the cheapest bidder wins with these bids; 0 if with any."""
        return float(intersection(self.bid[:, None], self.reputation[:, None])[0])


PAPERS_TABLE = Table(
    np.array([0.2548, 0.2728, 0.4084]), np.array([0.3889, 0.5528, 0.2031]), np.array([0.5032, 0.5152, 0.6056])
)
"""Table I as the paper prints it."""


@dataclass(frozen=True, slots=True)
class PriceWeightStudy:
    """The intersections of the same draws under two ways of bidding.

    ``fixed`` has the paper's bids b*(c), which do not depend on w; ``private`` those of the private-reputation
    equilibrium. ``table`` is the first draw that has an intersection. ``is_complete`` is false if the study was stopped
    before it had as many intersections as it was asked for.
    """

    bidders: int
    seed: int
    fixed: Intersections
    private: Intersections
    table: Table
    is_complete: bool

    @property
    def runs(self) -> int:
        """Draws that have an intersection."""
        return len(self.fixed.weights)

    @property
    def draws(self) -> int:
        """All draws, until the last that counts."""
        return self.fixed.draws


def price_weight_study(
    bidders: int = 3,
    runs: int = 10_000,
    seed: int = 0,
    *,
    block: int | None = None,
    watch: Callable[[int], bool] | None = None,
) -> PriceWeightStudy:
    """Draw auctions until ``runs`` of them have an intersection, under the paper's bids and in equilibrium.

    Costs and reputations are uniform on [0, 1]. The same number of further draws, from streams of their own, counts
    how often the cheapest bidder wins at the ``WEIGHTS``: the check of eq. (15).

    Parameters
    ----------
    bidders
        From 2 to 1,000.
    runs
        From 1 to 10,000,000; each keeps 16 bytes, the draws themselves are not kept.
    seed
        Root of all randomness, at least 0.
    block
        Auctions drawn at a time. It changes the speed, not the result.
    watch
        Told the runs so far, block by block; if it returns false the study ends there.

    Raises
    ------
    ScenarioError
        If a number is out of its range; the text names the option of the command, the value and the range.
    KeyboardInterrupt
        If ``watch`` ended the study before the first intersection.

    Examples
    --------
    >>> study = price_weight_study(bidders=3, runs=10_000, seed=0)
    >>> abs(study.fixed.p_intersection - 2 / 3) < 4 * study.fixed.standard_errors()["p_intersection"]
    True
    """
    _check("--bidders", bidders, 2, MOST_BIDDERS)
    _check("--runs", runs, 1, MOST_RUNS)
    _check("--seed", seed, 0, None)
    found = _Found(bidders, runs)
    drawn = zip(blocks(seed, bidders, "study", block), blocks(seed, bidders, "simulation", block), strict=True)
    for auctions, further in drawn:
        found.add(auctions, further)
        wanted = watch is None or watch(found.runs)
        if found.runs == runs or not wanted:
            break
    return found.study(seed)


class _Found:
    """What the blocks so far hold."""

    def __init__(self, bidders: int, runs: int) -> None:
        self.runs = self.draws = 0
        self._bidders = bidders
        self._weights = np.empty((2, runs))
        self._wins = np.zeros((2, len(WEIGHTS)), dtype=np.intp)
        self._table: Table | None = None

    def add(self, auctions: tuple[FloatArray, FloatArray], further: tuple[FloatArray, FloatArray]) -> None:
        """Take in one block of draws, and as many of the simulation, up to the last draw that is wanted."""
        cost, reputation = auctions
        bid = uniform_bid(cost, self._bidders)
        weights = intersection(bid, reputation)
        hits = np.flatnonzero(weights)[: self._weights.shape[1] - self.runs]
        if self._table is None and hits.size:
            self._table = Table(*(numbers[:, hits[0]].copy() for numbers in (cost, reputation, bid)))
        kept = slice(self.runs, self.runs + hits.size)
        np.take(weights, hits, out=self._weights[0, kept])
        np.take(intersection(cost, reputation), hits, out=self._weights[1, kept])
        self.runs += hits.size
        is_last = self.runs == self._weights.shape[1]
        counted = int(hits[-1]) + 1 if is_last else weights.size
        self.draws += counted
        self._simulate(further[0][:, :counted], further[1][:, :counted])

    def _simulate(self, cost: FloatArray, reputation: FloatArray) -> None:
        # In equilibrium the lowest pseudo-type wins, which is the compound bid of the cost itself.
        for k, price in enumerate((uniform_bid(cost, self._bidders), cost)):
            self._wins[k] += cheapest_wins(price, reputation, WEIGHTS)

    def study(self, seed: int) -> PriceWeightStudy:
        """The study of these blocks."""
        if self._table is None:
            raise KeyboardInterrupt
        fixed, private = (
            Intersections(weights[: self.runs], self.draws, dict(zip(WEIGHTS, map(int, wins), strict=True)))
            for weights, wins in zip(self._weights, self._wins, strict=True)
        )
        is_complete = self.runs == self._weights.shape[1]
        return PriceWeightStudy(self._bidders, seed, fixed, private, self._table, is_complete)


def _check(option: str, value: int, least: int, most: int | None) -> None:
    if value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most:,}"
        raise ScenarioError(f"{option}: {value} is out of range; give a whole number {allowed}")
