"""The outcome of a run of the world ``array``, and the figures of its market over time."""

from dataclasses import dataclass, field

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.rounds.bound import dual_bound
from node.rounds.play import Play

_STRIDE = 0.05
"""Share of the rounds so far that lies between two rows of a course: early rounds change more."""

_SCARCE = 0.99
"""Share of a supply above which it is taken for sold out: rounding and moves in progress leave a little."""


@dataclass(frozen=True, slots=True)
class ArrayOutcome:
    """Where a market ended, e edges, n buyers and m sellers, in the order of the market's.

    Attributes
    ----------
    quantity, price, allocation, charge
        Shape (e,): the standing bids, MB and price per MB; what they get, MB; and what they pay for all of it, money.
    bids
        Shape (n,), moves of each buyer; a move bids at every seller of its pool.
    moved_at
        Shape (n,), the round of each buyer's last move, from 1; 0 if it never moved.
    gap
        Shape (n,), money: what its best unilateral reply to the final books would gain each buyer.
    market_price
        Shape (m,), price per MB that a newcomer must beat for a sliver of the supply: the lowest winning one where all
        is sold, else the reserve.
    rounds
        Rounds played.
    quiescent, interrupted
        Nobody would move with the last ε; Ctrl-C ended the run.
    welfare, bound
        Money: what the allocations are worth, and what no allocation exceeds.
    """

    quantity: FloatArray
    price: FloatArray
    allocation: FloatArray
    charge: FloatArray
    bids: IntArray
    moved_at: IntArray
    gap: FloatArray
    market_price: FloatArray
    rounds: int
    quiescent: bool
    interrupted: bool
    welfare: float
    bound: float


@dataclass(slots=True)
class ArrayCourse:
    """The market at its opening, after some rounds, ever fewer of them, and after the last.

    Attributes
    ----------
    sellers
        Of how many, the first ones, prices and sales are taken down.
    rounds, welfare
        Rounds played, and money; one element per row.
    price, sold
        Price per MB as ``ArrayOutcome.market_price``, and MB: arrays of shape (sellers,), one per row.
    """

    sellers: int
    rounds: list[int] = field(default_factory=list)
    welfare: list[float] = field(default_factory=list)
    price: list[FloatArray] = field(default_factory=list)
    sold: list[FloatArray] = field(default_factory=list)

    def follow(self, play: Play) -> None:
        """Add a row if enough rounds have been played since the last."""
        if not self.rounds or play.rounds >= (1.0 + _STRIDE) * self.rounds[-1]:
            self.note(play)

    def note(self, play: Play) -> None:
        """Add a row with the market as it is, at most one for each round."""
        if self.rounds and self.rounds[-1] == play.rounds:
            return
        allocation = _allocation(play)
        self.rounds.append(play.rounds)
        self.welfare.append(_welfare(play, allocation))
        self.price.append(play.books.market_price()[: self.sellers])
        self.sold.append(_sold(play, allocation)[: self.sellers])


def outcome_of(play: Play, course: ArrayCourse | None = None, *, is_interrupted: bool = False) -> ArrayOutcome:
    """The outcome of a run as it stands; the course gets its last row."""
    books, buyers, standing = play.books, play.buyers, play.standing()
    if course is not None:
        course.note(play)
    allocation, gap = _allocation(play), np.maximum(standing.gap, 0.0)
    welfare = _welfare(play, allocation)
    charge = np.zeros(books.key.size)
    charge[buyers.place] = standing.charge
    return ArrayOutcome(
        quantity=books.quantity[play.place],
        price=books.bid_price[play.place],
        allocation=allocation,
        charge=charge[play.place],
        bids=play.bids,
        moved_at=play.moved_at,
        gap=gap,
        market_price=books.market_price()[: play.supply.size],
        rounds=play.rounds,
        quiescent=bool((standing.gain <= play.last_epsilon).all()),
        interrupted=is_interrupted,
        welfare=welfare,
        bound=dual_bound(buyers, books.supply, np.append(_shadow_price(play, allocation), 0.0), welfare),
    )


def _allocation(play: Play) -> FloatArray:
    """What every edge carries, shape (e,), MB."""
    books = play.books
    return books.allocation(books.quantity[play.place], books.bid_price[play.place], play.edges[1])


def _welfare(play: Play, allocation: FloatArray) -> float:
    amount = np.bincount(play.edges[0], weights=allocation, minlength=play.bids.size).astype(np.float64)
    return float(play.buyers.value(amount).sum())


def _sold(play: Play, allocation: FloatArray) -> FloatArray:
    return np.bincount(play.edges[1], weights=allocation, minlength=play.supply.size).astype(np.float64)


def _shadow_price(play: Play, allocation: FloatArray) -> FloatArray:
    """What another MB of each seller is worth to those it serves, on average; the reserve where much is left."""
    buyer, seller = play.edges
    amount = np.bincount(buyer, weights=allocation, minlength=play.bids.size)
    marginal = play.choke_price * np.maximum(1.0 - amount / play.demand_mb, 0.0)
    worth = np.bincount(seller, weights=allocation * marginal[buyer], minlength=play.supply.size)
    sold = _sold(play, allocation)
    mean = np.divide(worth, sold, out=np.zeros_like(sold), where=sold > 0.0)
    return np.where(sold > _SCARCE * play.supply, mean, play.reserve)
