from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Protocol

import numpy as np

from node.mechanism.checks import BoolArray, FloatArray, IntArray, non_negative_array
from node.mechanism.checks import bids as checked_bids
from node.mechanism.psp import PSP, AuctionMechanism, MergedStaircase, Reply, Staircase, unchecked_staircase
from node.mechanism.psp.moving_reserve import ReserveLevel, Stage, best_utility
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Valuation
from node.mechanism.welfare.flow import Edges


@dataclass(frozen=True, slots=True)
class StandingBids:
    """All standing bids of a market; one that does not stand is a zero bid.

    Attributes
    ----------
    buyer, seller
        Shape (b,), who bids where, by index.
    quantity, price
        Shape (b,), MB and price per MB.
    """

    buyer: IntArray
    seller: IntArray
    quantity: FloatArray
    price: FloatArray

    def at(self, seller: int) -> "StandingBids":
        """The book of one seller."""
        return self._only(self.seller == seller)

    def without(self, buyer: int) -> "StandingBids":
        """The bids of all others."""
        return self._only(self.buyer != buyer)

    def _only(self, here: BoolArray) -> "StandingBids":
        return StandingBids(self.buyer[here], self.seller[here], self.quantity[here], self.price[here])


class ReserveRule(Protocol):
    """How a seller sets its reserve price, as it depends on the bids."""

    def reserve(self, quantity: FloatArray, price: FloatArray, supply: float) -> float:
        """Price per MB below which nothing is sold, for bids of shape (n,) and ``supply`` MB."""
        ...

    def levels(self, quantity: FloatArray, price: FloatArray, supply: float) -> list[ReserveLevel]:
        """The reserve that one more bidder brings about, by the MB that it gets; of ascending reach and reserve."""
        ...


@dataclass(frozen=True, slots=True)
class _Book:
    """The bids at one seller, sorted once for all of its bidders, the dearest first."""

    bids: StandingBids
    buyer: list[int]
    quantity: list[float]
    price: list[float]

    @classmethod
    def of(cls, bids: StandingBids) -> "_Book":
        """The book of these bids."""
        quantity, price = checked_bids(bids.quantity, bids.price)
        order = np.lexsort((-quantity, -price))
        return cls(bids, bids.buyer[order].tolist(), quantity[order].tolist(), price[order].tolist())

    def steps_without(self, buyer: int, supply: float, reserve: float) -> Staircase:
        """What all but this buyer leave to it."""
        kept = [other != buyer for other in self.buyer]
        return unchecked_staircase([*compress(self.quantity, kept)], [*compress(self.price, kept)], supply, reserve)


@dataclass(frozen=True, slots=True)
class _Auction:
    """A book as it is without the bids of one buyer: its supply in MB, its reserve at present, and how it sets that."""

    book: _Book
    buyer: int
    supply: float
    reserve: float
    rule: ReserveRule | None

    @property
    def others(self) -> StandingBids:
        """The bids of the others, in the order in which they were given."""
        return self.book.bids.without(self.buyer)

    @property
    def steps(self) -> Staircase:
        """What the others leave at the present reserve."""
        return self._steps(self.reserve)

    @property
    def cheapest(self) -> Staircase:
        """What the others leave at the lowest reserve that the buyer can bring about."""
        return self.steps if self.rule is None else self._steps(self._levels(self.rule)[0].reserve)

    @property
    def stages(self) -> list[Stage]:
        """What the others leave at each reserve that the buyer can bring about."""
        if self.rule is None:
            return [Stage.of(self.steps, self.supply)]
        return [Stage.of(self._steps(level.reserve), level.reach) for level in self._levels(self.rule)]

    def _levels(self, rule: ReserveRule) -> list[ReserveLevel]:
        others = self.others
        return rule.levels(others.quantity, others.price, self.supply)

    def steps_with(self, quantity: float, price: float) -> Staircase:
        """What the others leave at the reserve that this bid brings about."""
        if self.rule is None:
            return self.steps
        others = self.others
        bids = np.append(others.quantity, quantity), np.append(others.price, price)
        return self._steps(self.rule.reserve(*bids, self.supply))

    def _steps(self, reserve: float) -> Staircase:
        return self.book.steps_without(self.buyer, self.supply, reserve)


def epsilon_gaps(
    valuations: Sequence[Valuation],
    budgets: Any,  # noqa: ANN401 - whatever numpy takes for an array
    supply: Any,  # noqa: ANN401
    reserve: Any,  # noqa: ANN401
    profile: StandingBids,
    pool: Edges,
    mechanism: AuctionMechanism = PSP,
    rules: Sequence[ReserveRule] | None = None,
) -> FloatArray:
    """ε-Nash gaps: by how much each buyer's utility would rise at best if it alone bid otherwise.

    It is free to ask for any quantities at any prices at the sellers of its pool, or for nothing, within its budget.
    With fixed reserves the best deviation is the mechanism's best reply with ε = 0 to the others' bids (PSP: Lazar &
    Semret, Prop. 1). Where the reserves follow the bids, the buyer is charged at those that its deviation brings
    about: exactly under PSP; under other mechanisms at the lowest, which is exact where a winner pays no less than
    the dearest bid that it displaces, and no less than the truth elsewhere. A profile is an ε-Nash equilibrium for
    every ε that is no less than all gaps.

    Parameters
    ----------
    valuations, budgets
        One per buyer; budgets of shape (n,), money, may be infinite.
    supply, reserve
        Shape (m,), MB and price per MB; the reserves are those at present.
    profile
        The standing bids.
    pool
        Which sellers a buyer can reach.
    mechanism
        That of all auctions.
    rules
        How each seller sets its reserve; None: all are fixed.

    Returns
    -------
    FloatArray
        Shape (n,), money, at least 0.

    Raises
    ------
    ValueError
        If a supply, reserve or bid is NaN, infinite or negative; the text names it.
    """
    supply, reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
    books = [profile.at(seller) for seller in range(supply.size)]
    now = _utilities(valuations, books, supply, reserve, mechanism)
    best = [
        _best(mechanism, theta, float(budget), auctions)
        for theta, budget, auctions in zip(
            valuations, budgets, _faced(len(valuations), books, supply, reserve, pool, rules), strict=True
        )
    ]
    return np.maximum(np.array(best) - now, 0.0)


def truthfulness_gaps(
    valuations: Sequence[Valuation],
    budgets: Any,  # noqa: ANN401 - whatever numpy takes for an array
    supply: Any,  # noqa: ANN401
    reserve: Any,  # noqa: ANN401
    profile: StandingBids,
    pool: Edges,
    mechanism: AuctionMechanism = PSP,
    rules: Sequence[ReserveRule] | None = None,
) -> FloatArray:
    """By how much each buyer's best reply to the others' bids exceeds its truthful one: what lying can gain.

    The truthful reply is Lazar & Semret's: all that is worth more than it costs to displace others for it, at the price
    of its last MB; less of it where the charge for that would exceed the budget. Under PSP with fixed reserves nothing
    is better (Prop. 1). It replies to the reserves at present, and is charged at those that it brings about.

    Parameters, result and errors are those of ``epsilon_gaps``; a gain that is rounding is 0.
    """
    supply, reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
    books = [profile.at(seller) for seller in range(supply.size)]
    faced = _faced(len(valuations), books, supply, reserve, pool, rules)
    gaps = []
    for theta, budget, auctions in zip(valuations, np.asarray(budgets, float).tolist(), faced, strict=True):
        best = _best(mechanism, theta, budget, auctions)
        truthful = PSP.best_reply(theta, [auction.steps for auction in auctions], budget=budget)
        brought_about = [
            auction.steps_with(quantity, truthful.price)
            for auction, quantity in zip(auctions, truthful.quantity, strict=True)
        ]
        gain = best - _utility(mechanism, theta, budget, brought_about, truthful)
        gaps.append(gain if gain > ROUNDING * best else 0.0)
    return np.array(gaps)


def switching_gains(
    buyers: int,
    supply: Any,  # noqa: ANN401 - whatever numpy takes for an array
    reserve: Any,  # noqa: ANN401
    profile: StandingBids,
    pool: Edges,
) -> FloatArray:
    """How much less the MB that each buyer has would cost it in a PSP, had it bought them at other sellers of its pool.

    It is the most that it can save by moving MB between sellers, its own bids aside: with P_j what the others leave at
    seller j, Σ_j ∫₀^{a_j} P_j less the cheapest split of Σ_j a_j over the pool. No more than its ``epsilon_gaps`` where
    reserves are fixed, since who has as much for less gains that much.

    Parameters, result and errors are those of ``epsilon_gaps``; a gain that is rounding is 0.
    """
    supply, reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
    books = [profile.at(seller) for seller in range(supply.size)]
    has: list[dict[int, float]] = [{} for _ in range(buyers)]
    for j, book in enumerate(books):
        allocation = PSP.clear(book.quantity, book.price, supply[j], reserve[j]).allocation
        for i, amount in zip(book.buyer.tolist(), allocation.tolist(), strict=True):
            has[i][j] = amount
    gains = np.zeros(buyers)
    faced = _faced(buyers, books, supply, reserve, pool, None)
    for i, (sellers, auctions) in enumerate(zip(_reachable(buyers, pool), faced, strict=True)):
        got = [has[i].get(j, 0.0) for j in sellers]
        if len(sellers) > 1 and any(got):
            steps = [auction.steps for auction in auctions]
            paid = sum(one.cost(amount) for one, amount in zip(steps, got, strict=True))
            gain = paid - MergedStaircase(steps).cost(sum(got))
            gains[i] = gain if gain > ROUNDING * paid else 0.0
    return gains


def _reachable(buyers: int, pool: Edges) -> list[list[int]]:
    """The sellers of each buyer's pool."""
    reachable: list[list[int]] = [[] for _ in range(buyers)]
    for buyer, seller in zip(*pool, strict=True):
        reachable[buyer].append(seller)
    return reachable


def _faced(
    buyers: int,
    books: Sequence[StandingBids],
    supply: FloatArray,
    reserve: FloatArray,
    pool: Edges,
    rules: Sequence[ReserveRule] | None,
) -> Iterator[list[_Auction]]:
    """By buyer, the sellers of its pool as the bids of the others leave them."""
    sorted_books = [_Book.of(book) for book in books]
    fixed = list(zip(supply.tolist(), reserve.tolist(), strict=True))
    for buyer, sellers in enumerate(_reachable(buyers, pool)):
        yield [_Auction(sorted_books[j], buyer, *fixed[j], rules[j] if rules else None) for j in sellers]


def _best(mechanism: AuctionMechanism, theta: Valuation, budget: float, auctions: Sequence[_Auction]) -> float:
    """The utility of the best deviation, money."""
    if mechanism == PSP and any(auction.rule is not None for auction in auctions):
        return best_utility(theta, [auction.stages for auction in auctions], budget)
    return mechanism.best_reply(theta, [auction.cheapest for auction in auctions], budget=budget).utility


def _utility(
    mechanism: AuctionMechanism, theta: Valuation, budget: float, auctions: Sequence[Staircase], reply: Reply
) -> float:
    """What the reply is worth if it is given all it asks for, lowered to what the buyer can pay."""

    def charged(share: float) -> float:
        return sum(
            mechanism.charge(steps, share * quantity, reply.price, share * quantity)
            for steps, quantity in zip(auctions, reply.quantity, strict=True)
            if quantity > 0.0
        )

    cost = charged(1.0)
    share = 1.0 if cost <= budget else budget / cost  # less of it costs no more per MB
    return theta.value(share * sum(reply.quantity)) - charged(share)


def _utilities(
    valuations: Sequence[Valuation],
    books: Sequence[StandingBids],
    supply: FloatArray,
    reserve: FloatArray,
    mechanism: AuctionMechanism,
) -> FloatArray:
    """What each buyer has of the profile: θ of its allocations less its charges, shape (n,), money."""
    allocation, charge = np.zeros(len(valuations)), np.zeros(len(valuations))
    for seller, book in enumerate(books):
        outcome = mechanism.clear(book.quantity, book.price, supply[seller], reserve[seller])
        np.add.at(allocation, book.buyer, outcome.allocation)
        np.add.at(charge, book.buyer, outcome.charge)
    worth = [theta.value(amount) for theta, amount in zip(valuations, allocation.tolist(), strict=True)]
    return np.array(worth) - charge
