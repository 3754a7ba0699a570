"""The world ``array``: adaptive best replies of very many buyers, in numpy on one core, without messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, non_negative_array
from node.mechanism.welfare import Edges
from node.rounds.outcome import ArrayCourse, ArrayOutcome, outcome_of
from node.rounds.play import ROUNDS_PER_SURVEY, Play


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: rounds so far, bids so far, and the share of buyers with something left to think about."""

    rounds: int
    bids: int
    pending: float


Watch = Callable[[Progress], None]
"""Told every few rounds."""


class ArrayMarket:
    """A market of n buyers with parabolic valuations and m sellers.

    Memory and time grow with n times the largest pool, so pools should be of like size.

    Parameters
    ----------
    demand_mb, choke_price
        Shape (n,), above 0: θ'(z) = choke_price · (1 - z/demand_mb), MB and price per MB.
    supply, reserve
        Shape (m,), MB and price per MB.
    edges
        Who can trade with whom: buyers and sellers by index, both of shape (e,), no pair twice.

    Raises
    ------
    ValueError
        If a number is NaN, infinite or out of its range, or an edge names nobody or stands twice; the text names it.

    Examples
    --------
    >>> market = ArrayMarket([50, 50], [10, 10], supply=[60], reserve=[1], edges=([0, 1], [0, 0]))
    >>> outcome = market.run(epsilon_start=10, epsilon_end=0.01, rng=np.random.default_rng(1))
    >>> outcome.quiescent, outcome.allocation.round(0).tolist()
    (True, [30.0, 30.0])
    """

    def __init__(self, demand_mb: Any, choke_price: Any, supply: Any, reserve: Any, edges: Any) -> None:  # noqa: ANN401
        self.demand_mb = _positive_array("demand_mb", demand_mb)
        self.choke_price = _positive_array("choke_price", choke_price)
        self.supply, self.reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
        for one, other in (("choke_price", "demand_mb"), ("reserve", "supply")):
            if getattr(self, one).shape != getattr(self, other).shape:
                raise ValueError(f"{one} must have as many elements as {other}")
        self.edges = _checked(edges, self.demand_mb.size, self.supply.size)

    def run(
        self,
        epsilon_start: Any,  # noqa: ANN401 - whatever numpy takes for an array
        epsilon_end: Any,  # noqa: ANN401
        rng: np.random.Generator,
        most_rounds: int = 100_000,
        watch: Watch | None = None,
        *,
        presence: float = 0.005,
        damping: float = 0.5,
        synchronous: bool = False,
        course: ArrayCourse | None = None,
    ) -> ArrayOutcome:
        """Play rounds until no move would gain more than ``epsilon_end``, or ``most_rounds`` of them, or Ctrl-C.

        In a round some buyers, a few per auction, look at the books and move if that gains them more than their ε;
        then all books that changed are cleared. Each buyer follows ``AdaptiveBestReply``.

        Parameters
        ----------
        epsilon_start, epsilon_end
            First and smallest ε, money: one for all buyers, or of each, shape (n,).
        rng
            Draws who moves; the same state gives the same arrays.
        presence, damping
            As in ``AdaptiveBestReply``.
        synchronous
            Whether all who have something to think about look in every round. They chase each other, so a large market
            seldom comes to rest.
        course
            Taken down as the rounds go by, if given.

        Raises
        ------
        ValueError
            If an ε is not above 0 or the last exceeds the first, or there are not as many as buyers; the text names it.
        """
        last = _of_each_buyer("epsilon_end", epsilon_end, self.demand_mb.size)
        first = _of_each_buyer("epsilon_start", epsilon_start, self.demand_mb.size)
        if (last > first).any():
            at = int((last > first).argmax())
            raise ValueError(f"epsilon_end = {last[at]:g} must not exceed epsilon_start = {first[at]:g}")
        numbers = self.demand_mb, self.choke_price, self.supply, self.reserve
        play = Play(*numbers, self.edges, first, last, presence, damping, synchronous)
        try:
            _play_on(play, rng, most_rounds, watch or _unwatched, course)
        except KeyboardInterrupt:
            play.mend()
            return outcome_of(play, course, is_interrupted=True)
        return outcome_of(play, course)


def _play_on(play: Play, rng: np.random.Generator, most_rounds: int, watch: Watch, course: ArrayCourse | None) -> None:
    pending = play.survey()
    if course is not None:
        course.follow(play)
    while pending and play.rounds < most_rounds:
        play.round(rng)
        if play.rounds % ROUNDS_PER_SURVEY == 0:
            pending = play.survey()
            watch(Progress(play.rounds, int(play.bids.sum()), pending))
        if course is not None:
            course.follow(play)


def _unwatched(progress: Progress) -> None:
    del progress


def _positive_array(name: str, values: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
    array = non_negative_array(name, values)
    if array.size and not array.min() > 0.0:
        raise ValueError(f"{name} must be above 0, got {array.min()} at index {array.argmin()}")
    return array


def _of_each_buyer(name: str, values: Any, buyers: int) -> FloatArray:  # noqa: ANN401
    """Shape (n,): the values themselves, or one value so many times."""
    is_one = np.asarray(values, dtype=object).ndim == 0
    array = _positive_array(name, [values] if is_one else values)
    if is_one:
        return np.repeat(array, buyers)
    if array.size != buyers:
        raise ValueError(f"{name} must be one number or one for each of {buyers} buyers, got {array.size} of them")
    return array


def _checked(edges: Any, buyers: int, sellers: int) -> Edges:  # noqa: ANN401
    buyer, seller = (np.asarray(side, dtype=np.intp) for side in edges)
    if buyer.ndim != 1 or buyer.shape != seller.shape:
        raise ValueError(f"edges must be two arrays of shape (e,), got {buyer.shape} and {seller.shape}")
    for name, side, count in (("buyer", buyer, buyers), ("seller", seller, sellers)):
        if side.size and not 0 <= side.min() <= side.max() < count:
            raise ValueError(f"edges must name each {name} by an index below {count}")
    if np.unique(buyer * sellers + seller).size < buyer.size:
        raise ValueError("edges must not name a pair of buyer and seller twice")
    return buyer, seller
