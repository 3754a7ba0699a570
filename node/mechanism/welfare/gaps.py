from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray, non_negative_array
from node.mechanism.psp import Staircase, best_reply, clear, merged_staircase, staircase
from node.mechanism.valuation import Valuation
from node.mechanism.welfare.flow import Edges


@dataclass(frozen=True, slots=True)
class Profile:
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

    def at(self, seller: int) -> "Profile":
        """The book of one seller."""
        here = self.seller == seller
        return Profile(self.buyer[here], self.seller[here], self.quantity[here], self.price[here])


def epsilon_gaps(
    valuations: Sequence[Valuation],
    budgets: Any,  # noqa: ANN401 - whatever numpy takes for an array
    supply: Any,  # noqa: ANN401
    reserve: Any,  # noqa: ANN401
    profile: Profile,
    pool: Edges,
) -> FloatArray:
    """ε-Nash gaps: by how much each buyer's utility would rise at best if it alone bid otherwise, truthfully.

    The best deviation is its ε-best reply with ε = 0 to the others' bids at the sellers of its pool, within its budget.
    A profile is an ε-Nash equilibrium (of truthful replies) for every ε that is no less than all gaps.

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
    now = _utilities(valuations, books, supply, reserve)
    reachable: list[list[int]] = [[] for _ in valuations]
    for buyer, seller in zip(*pool, strict=True):
        reachable[buyer].append(seller)
    gaps = np.zeros(len(valuations))
    for buyer, theta in enumerate(valuations):
        market = merged_staircase([_without(books[j], buyer, supply[j], reserve[j]) for j in reachable[buyer]])
        gaps[buyer] = best_reply(theta, market, budget=float(budgets[buyer])).utility - now[buyer]
    return np.maximum(gaps, 0.0)


def _utilities(
    valuations: Sequence[Valuation], books: Sequence[Profile], supply: FloatArray, reserve: FloatArray
) -> FloatArray:
    """What each buyer has of the profile: θ of its allocations less its charges, shape (n,), money."""
    allocation, charge = np.zeros(len(valuations)), np.zeros(len(valuations))
    for seller, book in enumerate(books):
        outcome = clear(book.quantity, book.price, supply[seller], reserve[seller])
        np.add.at(allocation, book.buyer, outcome.allocation)
        np.add.at(charge, book.buyer, outcome.charge)
    worth = [theta.value(amount) for theta, amount in zip(valuations, allocation.tolist(), strict=True)]
    return np.array(worth) - charge


def _without(book: Profile, buyer: int, supply: float, reserve: float) -> Staircase:
    """What the other bids of a book leave to a buyer."""
    others = book.buyer != buyer
    return staircase(book.quantity[others], book.price[others], supply, reserve)
