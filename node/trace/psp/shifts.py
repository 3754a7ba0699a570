"""How far every market shift of a run spread, folded from the trace (paper, eq. 17 and Prop. IV.1)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.welfare import Edges
from node.protocol.psp.trace import Allocated, Awarding, BidPlaced, BidVoided, BidWithdrawn
from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.trace.psp.convergence import PriceCourse, Spread

INSTANT_S = 1e-6
"""Times this close are the same."""

_Bid = tuple[str, str]
"""(buyer, seller)."""


@dataclass(frozen=True, slots=True)
class PriceChange:
    """An auction whose price a shift changed.

    Attributes
    ----------
    hops
        From the nearest auction that the shift touched: 0 there, 1 in the rest of its Λ; -1 out of reach.
    before, after
        Market prices, price per MB.
    worth
        The change times the most that one buyer was buying there, money.
    """

    seller: str
    hops: int
    before: float
    after: float
    worth: float


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """What a shift did until the next one, or until the first auction was awarded.

    Attributes
    ----------
    time_s
        When it was due.
    touched
        The auctions of the sellers to whom it happened, and those where the buyers to whom it happened really bid.
    sellers, buyers
        Sizes of the influence sets Λ and λ of these auctions together, the touched ones included.
    changed
        Auctions whose price at the end was more than ε from that at the shift (ε in price per MB), or whose change of
        price was worth more than ε (money) to a buyer, by hops.
    beyond_epsilon, worth_epsilon
        How many of them are there for the one and for the other reason.
    outside, worth_outside
        Those of each that are not in Λ.
    swung
        Auctions whose price was more than ε away at any time.
    bids, rest_s
        Bids and withdrawals since; seconds after it at which the last of them came.
    """

    time_s: float
    touched: list[str]
    sellers: int
    buyers: int
    epsilon: float
    changed: list[PriceChange]
    beyond_epsilon: int
    worth_epsilon: int
    outside: list[str]
    worth_outside: list[str]
    swung: int
    bids: int
    rest_s: float


@dataclass(slots=True)
class _ShiftCourse:
    """One shift so far."""

    nodes: frozenset[str]
    prices: PriceCourse
    real: frozenset[_Bid] = frozenset()
    most: FloatArray = field(default_factory=lambda: np.zeros(0))
    bids: int = 0
    moved_s: float = 0.0


class ShiftMetrics:
    """The spread of each shift, one record at a time, in order of time; strangers influence nobody.

    Who influences whom goes by real bids, those above a presence bid: by the ones that stand at the shift, and the ones
    that stand at the end of its course, since whom a shift makes bid somewhere carries it there.

    Parameters
    ----------
    sellers
        Node names, in the order of their indices.
    presence
        By buyer, the largest bid that only keeps it informed, MB.
    shifts
        By time (seconds), the nodes to which something happens then.
    """

    def __init__(
        self, sellers: Iterable[str], presence: Mapping[str, float], shifts: Mapping[float, frozenset[str]]
    ) -> None:
        self._sellers = {seller: j for j, seller in enumerate(sellers)}
        self._buyers = {buyer: i for i, buyer in enumerate(presence)}
        self._presence = presence
        self._times = sorted(shifts)
        self._courses = [_ShiftCourse(shifts[at], PriceCourse(self._sellers, at)) for at in self._times]
        self._begun = 0
        self._real: set[_Bid] = set()
        self._allocated: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._is_settling = False

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        if not self._times:
            return
        # What happens to a buyer may show in a bid of the same instant: the shift has begun by then.
        while self._begun < len(self._times) and record.time_s >= self._times[self._begun] - INSTANT_S:
            self._begin(self._courses[self._begun])
            self._begun += 1
        for course in self._courses[max(0, self._begun - 1) :]:
            course.prices.add(record)
        if type(record.what) is Awarding:
            self._is_settling = True
        elif not self._is_settling and (read := self._READERS.get(type(record.what))):
            read(self, record.time_s, node_of(record.node), record.what)

    def _begin(self, course: _ShiftCourse) -> None:
        course.real = frozenset(self._real)
        course.most = self._largest_purchases()

    def _largest_purchases(self) -> FloatArray:
        return np.array([max(self._allocated[seller].values(), default=0.0) for seller in self._sellers])

    def _on_bid(self, time_s: float, buyer: str, bid: BidPlaced) -> None:
        if buyer not in self._presence or node_of(bid.seller) not in self._sellers:
            return
        is_real = bid.quantity_mb > self._presence[buyer]
        (self._real.add if is_real else self._real.discard)((buyer, node_of(bid.seller)))
        self._moved(time_s)

    def _on_withdrawal(self, time_s: float, buyer: str, withdrawn: BidWithdrawn) -> None:
        self._real.discard((buyer, node_of(withdrawn.seller)))
        self._moved(time_s)

    def _moved(self, time_s: float) -> None:
        if self._begun:
            course = self._courses[self._begun - 1]
            course.bids, course.moved_s = course.bids + 1, time_s

    def _on_allocation(self, _time_s: float, seller: str, allocated: Allocated) -> None:
        self._allocated[seller][node_of(allocated.buyer)] = allocated.quantity_mb

    def _on_voiding(self, _time_s: float, seller: str, voided: BidVoided) -> None:
        self._real.discard((node_of(voided.buyer), seller))

    def reports(self, epsilon: float) -> list[ShiftReport]:
        """What every shift that has begun has come to until now, by a change of more than ``epsilon``."""
        ends = [*(course.real for course in self._courses[1 : self._begun]), frozenset(self._real)]
        begun = zip(self._times[: self._begun], self._courses, ends, strict=False)
        return [self._report(at, course, course.real | end, epsilon) for at, course, end in begun]

    def _report(self, at: float, course: _ShiftCourse, bids: frozenset[_Bid], epsilon: float) -> ShiftReport:
        edges = self._edges(bids)
        touched = sorted(
            (course.nodes & self._sellers.keys()) | {seller for buyer, seller in bids if buyer in course.nodes}
        )
        spread = course.prices.spread(edges, touched, epsilon)
        worth = np.nan_to_num(np.abs(spread.after - spread.before)) * course.most
        within = (spread.hops == 0) | (spread.hops == 1)
        felt = np.flatnonzero(worth > epsilon)
        return ShiftReport(
            time_s=at,
            touched=touched,
            sellers=int(within.sum()),
            buyers=int(np.unique(edges[0][within[edges[1]]]).size),
            epsilon=epsilon,
            changed=self._changes(spread, worth, np.union1d(spread.changed, felt)),
            beyond_epsilon=spread.changed.size,
            worth_epsilon=felt.size,
            outside=self._named(spread.outside),
            worth_outside=self._named(felt[~within[felt]]),
            swung=int((spread.excursion > epsilon).sum()),
            bids=course.bids,
            rest_s=max(0.0, course.moved_s - at),
        )

    def _edges(self, bids: frozenset[_Bid]) -> Edges:
        pairs = np.array(
            [(self._buyers[buyer], self._sellers[seller]) for buyer, seller in sorted(bids)], dtype=np.intp
        )
        buyers, sellers = pairs.reshape(-1, 2).T
        return buyers, sellers

    def _named(self, indices: IntArray) -> list[str]:
        names = list(self._sellers)
        return [names[j] for j in indices]

    def _changes(self, spread: Spread, worth: FloatArray, which: IntArray) -> list[PriceChange]:
        columns = (spread.hops, spread.before, spread.after, worth)
        rows = zip(self._named(which), *(column[which].tolist() for column in columns), strict=True)
        return sorted((PriceChange(*row) for row in rows), key=lambda change: (change.hops, -change.worth))

    _READERS: ClassVar[dict[type[Trace], Callable[["ShiftMetrics", float, str, Any], None]]] = {
        BidPlaced: _on_bid,
        BidWithdrawn: _on_withdrawal,
        Allocated: _on_allocation,
        BidVoided: _on_voiding,
    }
