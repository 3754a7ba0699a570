"""Multi-bid auctions (Maillé & Tuffin, 2004): several bids of each buyer at once, cleared once, as in a PSP."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Bundle, Outcome, Reports
from node.mechanism.psp import unchecked_staircase
from node.mechanism.psp.rationing import rationed
from node.mechanism.valuation import Valuation

Bid = tuple[float, float]
"""MB on top of those of the dearer bids, and price per MB."""

_Book = list[tuple[int, Bid]]
"""The bids at one seller, each with the edge that it comes along."""


@dataclass(frozen=True, slots=True)
class MultiBid(DirectMechanism):
    """Each buyer sends ``bids`` bids to each seller of its pool, once; each seller clears them once.

    A buyer cannot know where it will be served, so it wants of every seller the share of its demand that the seller has
    of the supply of its pool. That is ours: Maillé and Tuffin have one seller, where nothing is split.

    Attributes
    ----------
    bids
        Of one buyer at one seller, at most.
    """

    bids: int = 10

    def outcome(self, reports: Reports) -> Outcome:
        """What each seller gives and charges by the bids that it got.

        Examples
        --------
        >>> from node.mechanism.valuation import Flat
        >>> reports = Reports.of([Flat(60, 4), Flat(60, 2)], [100], ([0, 1], [0, 0]))
        >>> MultiBid().outcome(reports).charge.tolist()
        [40.0, 0.0]
        """
        quantity, charge = np.zeros(reports.buyer.size), np.zeros(reports.buyer.size)
        sellers = zip(reports.supply.tolist(), reports.reserve.tolist(), strict=True)
        for book, (supply, reserve) in zip(self._books(reports, range(reports.supply.size)), sellers, strict=True):
            for edge in dict.fromkeys(edge for edge, _ in book):
                quantity[edge], charge[edge] = _cleared(book, edge, supply, reserve)
        return Outcome(quantity, charge)

    def bundle(self, reports: Reports, buyer: int) -> Bundle:
        """Without the other sellers, and the charges of the other buyers."""
        pool = reports.pool(buyer).tolist()
        sellers = reports.seller[pool].tolist()
        bought = [
            _cleared(book, edge, float(reports.supply[seller]), float(reports.reserve[seller]))
            for edge, seller, book in zip(pool, sellers, self._books(reports, sellers), strict=True)
        ]
        return sum(amount for amount, _ in bought), sum(money for _, money in bought)

    def _books(self, reports: Reports, sellers: Iterable[int]) -> Iterator[_Book]:
        """What these sellers are sent."""
        theta = reports.payable
        reachable = np.bincount(
            reports.buyer, weights=reports.supply[reports.seller], minlength=len(reports.valuations)
        ).tolist()
        for j in sellers:
            supply, reserve, book = float(reports.supply[j]), float(reports.reserve[j]), _Book()
            for edge in np.flatnonzero(reports.seller == j).tolist():
                i = int(reports.buyer[edge])
                share = supply / reachable[i] if supply > 0.0 else 0.0
                book += [(edge, bid) for bid in truthful_bids(theta[i], share, reserve, self.bids)]
            yield book


def truthful_bids(theta: Valuation, share: float, reserve: float, bids: int) -> Iterator[Bid]:
    """The bids for a ``share`` of the demand at prices that are evenly spread from the reserve to θ'(0).

    Each asks for what is wanted at its price, and bids what the last MB of that is worth.
    """
    highest = theta.marginal(0.0)
    levels = [reserve + (highest - reserve) * k / bids for k in range(bids)] if highest > reserve else []
    wanted = [0.0, *(theta.demand(level) for level in reversed(levels))]
    for dearer, amount in pairwise(wanted):
        if amount > dearer and share > 0.0:
            yield share * (amount - dearer), theta.marginal(amount)


def _cleared(book: _Book, bidder: int, supply: float, reserve: float) -> tuple[float, float]:
    """What one bidder gets, MB, and what the bids of the others that it excludes would have paid."""
    owner = np.array([edge for edge, _ in book])
    others = owner != bidder
    if others.all():
        return 0.0, 0.0
    quantity, price = np.array([bid for _, bid in book]).T
    got = float(rationed(quantity, price, supply, reserve).allocation[~others].sum())
    steps = unchecked_staircase(quantity[others].tolist(), price[others].tolist(), supply, reserve)
    return got, steps.cost(got)
