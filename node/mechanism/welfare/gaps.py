from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray, non_negative_array
from node.mechanism.psp import PSP, AuctionMechanism, Reply, Staircase, staircase
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
        here = self.seller == seller
        return StandingBids(self.buyer[here], self.seller[here], self.quantity[here], self.price[here])


def epsilon_gaps(
    valuations: Sequence[Valuation],
    budgets: Any,  # noqa: ANN401 - whatever numpy takes for an array
    supply: Any,  # noqa: ANN401
    reserve: Any,  # noqa: ANN401
    profile: StandingBids,
    pool: Edges,
    mechanism: AuctionMechanism = PSP,
) -> FloatArray:
    """ε-Nash gaps: by how much each buyer's utility would rise at best if it alone bid otherwise.

    The best deviation is the mechanism's best reply with ε = 0 to the others' bids at the sellers of its pool, within
    its budget. A profile is an ε-Nash equilibrium for every ε that is no less than all gaps.

    Parameters
    ----------
    valuations, budgets
        One per buyer; budgets of shape (n,), money, may be infinite.
    supply, reserve
        Shape (m,), MB and price per MB.
    profile
        The standing bids.
    pool
        Which sellers a buyer can reach.
    mechanism
        That of all auctions.

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
        mechanism.best_reply(theta, auctions, budget=float(budget)).utility
        for theta, budget, auctions in zip(
            valuations, budgets, _faced(len(valuations), books, supply, reserve, pool), strict=True
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
) -> FloatArray:
    """By how much each buyer's best reply to the others' bids exceeds its truthful one: what lying can gain.

    The truthful reply is Lazar & Semret's: all that is worth more than it costs to displace others for it, at the price
    of its last MB; less of it where the charge for that would exceed the budget. Under PSP nothing is better (Prop. 1).

    Parameters, result and errors are those of ``epsilon_gaps``; a gain that is rounding is 0.
    """
    supply, reserve = non_negative_array("supply", supply), non_negative_array("reserve", reserve)
    books = [profile.at(seller) for seller in range(supply.size)]
    faced = _faced(len(valuations), books, supply, reserve, pool)
    gaps = []
    for theta, budget, auctions in zip(valuations, np.asarray(budgets, float).tolist(), faced, strict=True):
        best = mechanism.best_reply(theta, auctions, budget=budget).utility
        truthful = PSP.best_reply(theta, auctions, budget=budget)
        gain = best - _utility(mechanism, theta, budget, auctions, truthful)
        gaps.append(gain if gain > ROUNDING * best else 0.0)
    return np.array(gaps)


def _faced(
    buyers: int, books: Sequence[StandingBids], supply: FloatArray, reserve: FloatArray, pool: Edges
) -> Iterator[list[Staircase]]:
    """By buyer, what the bids of the others leave it at each seller of its pool."""
    reachable: list[list[int]] = [[] for _ in range(buyers)]
    for buyer, seller in zip(*pool, strict=True):
        reachable[buyer].append(seller)
    for buyer in range(buyers):
        yield [_without(books[j], buyer, supply[j], reserve[j]) for j in reachable[buyer]]


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


def _without(book: StandingBids, buyer: int, supply: float, reserve: float) -> Staircase:
    """What the other bids of a book leave to a buyer."""
    others = book.buyer != buyer
    return staircase(book.quantity[others], book.price[others], supply, reserve)
