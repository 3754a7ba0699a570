"""Whether and when a market came to rest, folded from its trace; the same in every world."""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, ClassVar

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.psp.influence import reach
from node.mechanism.welfare import Edges
from node.protocol.psp.trace import (
    AuctionClosed,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Cleared,
    Reopened,
    SaleSettled,
)
from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.trace.psp.metrics import messages_told

_Shares = dict[str, float]
"""How a buyer's quantity is split: seller to share; empty where it has and bids for nothing."""


@dataclass(frozen=True, slots=True)
class Cycling:
    """When a buyer counts as cycling among its sellers.

    A *move* is all that a buyer bids and withdraws at one time. Its *split* after a move is the shares of its sellers
    in what it bids for and has bought. Two splits differ by ½ Σ_j |a_j - b_j|, the share of its quantity that has gone
    elsewhere, from 0 to 1. A move is a *return* if its split differs by at most ``near`` from that after one of the
    ``memory - 1`` moves before it, and by at least ``far`` from one in between. A buyer cycles when at least
    ``returns`` of its last ``memory`` moves were returns.

    A buyer that swings between two splits returns with every move, and is found ``returns + 2`` moves after it began;
    one that comes ever closer to its end hardly ever does. Prices play no part; with one seller there is no cycling.
    The defaults come from traces of 50 buyers with 3 sellers each: 26 to 29 plain best repliers cycle; no adaptive one
    in six markets that rested within 7 s, and 3 to 26 in seven that took 20 to 37 s and some 130 moves a buyer.

    Attributes
    ----------
    near, far
        Shares, ``0 <= near < far <= 1``.
    memory, returns
        Moves, ``1 <= returns <= memory``.
    """

    near: float = 0.1
    far: float = 0.3
    memory: int = 16
    returns: int = 10


@dataclass(frozen=True, slots=True)
class Oscillation:
    """A buyer found cycling.

    Attributes
    ----------
    returns
        The most returns among so many successive moves as ``Cycling.memory`` says.
    first_s, last_s
        The first and the last move at which it cycled, seconds.
    is_last
        Whether it still cycled at its last move.
    """

    buyer: str
    returns: int
    first_s: float
    last_s: float
    is_last: bool


@dataclass(frozen=True, slots=True)
class Quiescence:
    """What it took until nobody moved any more; all 0 where nobody ever did.

    Attributes
    ----------
    time_s
        The last move, seconds.
    bids, moves
        Of all buyers; withdrawals are bids.
    median_bids, most_bids, median_moves, most_moves
        Per buyer, of those who moved at all.
    messages
        Bids, withdrawals, and the profiles that answered them, up to the last move.
    """

    time_s: float
    bids: int
    moves: int
    median_bids: float
    most_bids: int
    median_moves: float
    most_moves: int
    messages: int = 0


def split_difference(one: _Shares, other: _Shares) -> float:
    """The share of a buyer's quantity that is with other sellers: 0 if none, 1 if all, or if just one has any."""
    if not one or not other:
        return float(bool(one) != bool(other))
    return 0.5 * sum(abs(one.get(seller, 0.0) - other.get(seller, 0.0)) for seller in one | other)


@dataclass(slots=True)
class _BuyerCourse:
    """One buyer so far; the move at ``moved_s`` may still go on while ``is_moving``."""

    standing: dict[str, float] = field(default_factory=dict)
    bought: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    splits: deque[_Shares] = field(default_factory=deque)
    returned: deque[bool] = field(default_factory=deque)
    bids: int = 0
    moves: int = 0
    late_moves: int = 0
    moved_s: float = -math.inf
    is_moving: bool = False
    found: Oscillation | None = None

    def split(self) -> _Shares:
        quantity = {
            seller: amount
            for seller in self.standing | self.bought
            if (amount := self.standing.get(seller, 0.0) + self.bought.get(seller, 0.0)) > 0.0
        }
        total = sum(quantity.values())
        return {seller: amount / total for seller, amount in quantity.items()}


class ConvergenceMetrics:
    """Moves to quiescence and oscillation, one record at a time, in order of time.

    It remembers ``Cycling.memory`` splits of each buyer, however long the run. Buyers and sellers go by their node
    names, which are unique in a market. Moves from ``late_s`` seconds on are late.
    """

    def __init__(self, cycling: Cycling | None = None, late_s: float = math.inf) -> None:
        self._cycling = cycling or Cycling()
        self._late_s = late_s
        self._courses: defaultdict[str, _BuyerCourse] = defaultdict(_BuyerCourse)
        self._bidders: defaultdict[str, set[str]] = defaultdict(set)
        self._messages = self._messages_to_rest = 0

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        what = record.what
        self._messages += messages_told(what)
        read = self._READERS.get(type(what))
        if read:
            read(self, record.time_s, node_of(record.node), what)

    def _on_bid(self, time_s: float, buyer: str, bid: BidPlaced) -> None:
        seller = node_of(bid.seller)
        self._moved(time_s, buyer).standing[seller] = bid.quantity_mb
        self._bidders[seller].add(buyer)

    def _on_withdrawal(self, time_s: float, buyer: str, withdrawn: BidWithdrawn) -> None:
        seller = node_of(withdrawn.seller)
        self._moved(time_s, buyer).standing.pop(seller, None)
        self._bidders[seller].discard(buyer)

    def _moved(self, time_s: float, buyer: str) -> _BuyerCourse:
        course = self._at(buyer, time_s)
        course.bids += 1
        self._messages_to_rest = self._messages
        course.moves += not course.is_moving
        course.late_moves += not course.is_moving and time_s >= self._late_s
        course.is_moving, course.moved_s = True, time_s
        return course

    def _on_sale(self, time_s: float, seller: str, sale: SaleSettled) -> None:
        self._strike_out(time_s, node_of(sale.buyer), seller).bought[seller] += sale.quantity_mb

    def _on_voiding(self, time_s: float, seller: str, voided: BidVoided) -> None:
        self._strike_out(time_s, node_of(voided.buyer), seller)

    def _on_closing(self, time_s: float, seller: str, _: AuctionClosed) -> None:
        for buyer in list(self._bidders[seller]):
            self._strike_out(time_s, buyer, seller)

    def _strike_out(self, time_s: float, buyer: str, seller: str) -> _BuyerCourse:
        course = self._at(buyer, time_s)
        course.standing.pop(seller, None)
        self._bidders[seller].discard(buyer)
        return course

    def _at(self, buyer: str, time_s: float) -> _BuyerCourse:
        """The course of a buyer, whose move is closed if it began earlier than ``time_s``."""
        course = self._courses[buyer]
        if course.is_moving and time_s > course.moved_s:
            split = course.split()
            course.found = self._found(buyer, course, split)
            course.returned.append(self._returns(course.splits, split))
            course.splits.append(split)
            course.is_moving = False
            if len(course.splits) >= self._cycling.memory:
                course.splits.popleft()
                course.returned.popleft()
        return course

    def _returns(self, earlier: deque[_Shares], split: _Shares) -> bool:
        """Whether a move to this split comes back from far away."""
        was_far = False
        for before in reversed(earlier):
            difference = split_difference(before, split)
            if was_far and difference <= self._cycling.near:
                return True
            was_far = was_far or difference >= self._cycling.far
        return False

    def _found(self, buyer: str, course: _BuyerCourse, split: _Shares) -> Oscillation | None:
        """The oscillation of a buyer after its last move, which led to this split, if it cycles."""
        returns, found = sum(course.returned) + self._returns(course.splits, split), course.found
        if returns < self._cycling.returns:
            return replace(found, is_last=False) if found else None
        if not found:
            return Oscillation(buyer, returns, course.moved_s, course.moved_s, is_last=True)
        return replace(found, returns=max(found.returns, returns), last_s=course.moved_s, is_last=True)

    @property
    def quiescence(self) -> Quiescence:
        """Time, bids and moves so far."""
        courses = [course for course in self._courses.values() if course.moves]
        bids, moves = [course.bids for course in courses] or [0], [course.moves for course in courses] or [0]
        last_s = max((course.moved_s for course in courses), default=0.0)
        per_buyer = float(median(bids)), max(bids), float(median(moves)), max(moves)
        return Quiescence(last_s, sum(bids), sum(moves), *per_buyer, self._messages_to_rest)

    @property
    def late_moves(self) -> dict[str, int]:
        """How often each buyer that moved late did so, by name."""
        return {buyer: course.late_moves for buyer, course in self._courses.items() if course.late_moves}

    @property
    def oscillations(self) -> list[Oscillation]:
        """The buyers that cycled at any time so far, by name."""
        found = (
            self._found(buyer, course, course.split()) if course.is_moving else course.found
            for buyer, course in sorted(self._courses.items())
        )
        return [oscillation for oscillation in found if oscillation]

    _READERS: ClassVar[dict[type[Trace], Callable[["ConvergenceMetrics", float, str, Any], None]]] = {
        BidPlaced: _on_bid,
        BidWithdrawn: _on_withdrawal,
        SaleSettled: _on_sale,
        BidVoided: _on_voiding,
        AuctionClosed: _on_closing,
    }


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a market shift spread; arrays of shape (m,), by seller.

    Attributes
    ----------
    hops
        From the nearest auction that shifted (``influence.reach``): 0 there, 1 in the rest of its Λ; -1 out of reach.
    before, after
        Market prices at the shift and at the end, price per MB; NaN where the auction had not cleared yet.
    excursion
        The furthest that the price was from ``before`` in between, the end included, price per MB;
        0 where that is NaN.
    changed
        Indices of the auctions whose price is more than ε from what it was, ascending.
    """

    hops: IntArray
    before: FloatArray
    after: FloatArray
    excursion: FloatArray
    changed: IntArray

    @property
    def outside(self) -> IntArray:
        """Those of ``changed`` that are not in the influence set Λ of an auction that shifted."""
        hops = self.hops[self.changed]
        return self.changed[(hops < 0) | (hops > 1)]

    @property
    def farthest(self) -> int:
        """The most hops of any auction that changed and is within reach; -1 if there is none."""
        return int(self.hops[self.changed].max(initial=-1))


class PriceCourse:
    """Market prices at a market shift and since, one record at a time, in order of time.

    A price is that of a clearing in an open auction: while it is awarded and when it is closed, what a newcomer must
    beat says nothing about the market. Sellers are node names in the order of their indices, and others are ignored; a
    clearing at the very time of the shift, ``shift_s`` seconds, is still before it.
    """

    def __init__(self, sellers: Iterable[str], shift_s: float) -> None:
        self._index = {seller: j for j, seller in enumerate(sellers)}
        self._shift_s = shift_s
        self._before, self._after = np.full((2, len(self._index)), math.nan)
        self._excursion = np.zeros(len(self._index))
        self._awarding: set[str] = set()

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        what = record.what
        if type(what) is Cleared:
            j = self._index.get(node_of(record.node))
            if j is not None and record.node not in self._awarding:
                self._cleared(j, record.time_s, what.price_per_mb)
        elif type(what) is Awarding:
            self._awarding.add(record.node)
        elif type(what) is Reopened:
            self._awarding.discard(record.node)

    def _cleared(self, j: int, time_s: float, price_per_mb: float) -> None:
        self._after[j] = price_per_mb
        if time_s <= self._shift_s:
            self._before[j] = price_per_mb
        else:
            self._excursion[j] = np.fmax(self._excursion[j], abs(price_per_mb - self._before[j]))

    def spread(self, edges: Edges, shifted: Iterable[str], epsilon: float) -> Spread:
        """How far the shift has spread until now.

        Parameters
        ----------
        edges
            Who can buy from whom; sellers by the index of their name.
        shifted
            The sellers where it began: for a buyer that comes, goes or changes its mind, those of its pool.
        epsilon
            The change of price that counts, price per MB.
        """
        hops = reach(edges, [self._index[seller] for seller in shifted], len(self._index))
        changed = np.flatnonzero(np.abs(self._after - self._before) > epsilon)  # NaN, no price yet, is no change
        return Spread(hops, self._before.copy(), self._after.copy(), self._excursion.copy(), changed)
