"""How far one auction reaches into a market: influence sets, hops, and the price ladder (paper, Prop. IV.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.mechanism.checks import BoolArray, FloatArray, IntArray, non_negative_array
from node.mechanism.welfare.flow import Edges


@dataclass(frozen=True, slots=True)
class Influence:
    """The influence sets of one auction (eq. 17), ascending indices.

    Attributes
    ----------
    sellers
        Λ: all sellers of the auction's buyers, itself among them unless it has no buyer.
    buyers
        λ: all buyers of those sellers.
    """

    sellers: IntArray
    buyers: IntArray

    @property
    def size(self) -> int:
        """|Δ|, the users in Λ and λ together; no user is a buyer and a seller at once here."""
        return self.sellers.size + self.buyers.size


@dataclass(frozen=True, slots=True)
class _Rows:
    """A graph as neighbours by node: those of node v are ``values[start[v]:start[v + 1]]``."""

    start: IntArray
    values: IntArray

    @classmethod
    def of(cls, nodes: IntArray, neighbours: IntArray, count: int) -> "_Rows":
        start = np.zeros(count + 1, dtype=np.intp)
        np.cumsum(np.bincount(nodes, minlength=count), out=start[1:])
        return cls(start, neighbours[np.argsort(nodes, kind="stable")])

    def counts(self, nodes: IntArray) -> IntArray:
        return self.start[nodes + 1] - self.start[nodes]

    @property
    def owners(self) -> IntArray:
        """The node that each element of ``values`` is a neighbour of."""
        return np.repeat(np.arange(self.start.size - 1), np.diff(self.start))

    def joined(self, nodes: IntArray) -> IntArray:
        """The neighbours of these nodes, one after the other; common ones repeat."""
        counts = self.counts(nodes)
        skipped = self.start[nodes] - (np.cumsum(counts) - counts)
        joined: IntArray = self.values[np.arange(counts.sum()) + np.repeat(skipped, counts)]
        return joined


def influence(edges: Edges, seller: int) -> Influence:
    """The influence sets Λ and λ of one auction (eq. 17).

    Both are empty where nobody bids: the equation takes unions over the buyers of the auction.

    Parameters
    ----------
    edges
        Who bids at whom (or may), both shape (e,): the I_i and I^j of eq. 16.
    seller
        Whose auction.

    Raises
    ------
    ValueError
        If the edges are not two arrays of one shape (e,), or hold a negative index.

    Examples
    --------
    >>> import numpy as np
    >>> chain = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])  # buyer 0 at sellers 0 and 1, buyer 1 at 1 and 2
    >>> sets = influence(chain, 0)
    >>> sets.sellers.tolist(), sets.buyers.tolist(), sets.size
    ([0, 1], [0, 1], 4)
    """
    buyer, at = _checked(edges)
    first = np.isin(buyer, buyer[at == seller])
    second = np.isin(at, at[first])
    return Influence(np.unique(at[first]), np.unique(buyer[second]))


def influence_sizes(edges: Edges, sellers: int) -> tuple[IntArray, IntArray]:
    """|Λ^j| and |λ^j| of every auction (eq. 17), both shape (m,); |Δ^j| is their sum.

    The work is the edges walked from each auction: with k sellers a buyer and d buyers a seller, m·(d·k + |Λ|·d).

    Parameters
    ----------
    edges
        As in ``influence``, with the same errors.
    sellers
        How many auctions there are, m; ValueError if an edge names another.
    """
    buyer, at = _checked(edges, sellers)
    buyers = int(buyer.max(initial=-1)) + 1
    buyers_of, sellers_of = _Rows.of(at, buyer, sellers), _Rows.of(buyer, at, buyers)
    scratch_s, scratch_b = np.empty(sellers, np.intp), np.empty(buyers, np.intp)
    sizes = np.zeros((2, sellers), dtype=np.intp)
    for j in range(sellers):
        reached = _distinct(sellers_of.joined(buyers_of.joined(np.array([j]))), scratch_s)
        sizes[:, j] = reached.size, _distinct(buyers_of.joined(reached), scratch_b).size
    return sizes[0], sizes[1]


def _distinct(values: IntArray, scratch: IntArray) -> IntArray:
    """Each value once, in linear time: the one whose position its scratch cell ends up with."""
    position = np.arange(values.size)
    scratch[values] = position
    distinct: IntArray = values[scratch[values] == position]
    return distinct


def reach(edges: Edges, shifted: Any, sellers: int, steps: int | None = None) -> IntArray:  # noqa: ANN401
    """How many seller-buyer-seller hops each auction is from the nearest of those that shifted.

    0 for the shifted ones, 1 for the rest of their Λ (eq. 17), 2 for the Λ of those, and so on.

    Parameters
    ----------
    edges
        As in ``influence``.
    shifted
        Indices of the auctions where it began.
    sellers
        How many auctions there are, m.
    steps
        Hops to look at most; all if None.

    Returns
    -------
    IntArray
        Shape (m,); -1 where no path, or none so short, leads.

    Raises
    ------
    ValueError
        If the edges are not two arrays of one shape (e,), or an index is negative or no seller's.
    """
    buyer, at = _checked(edges, sellers)
    front = np.unique(np.asarray(shifted, dtype=np.intp))
    _check_below("shifted", front, sellers)
    buyers = int(buyer.max(initial=-1)) + 1
    buyers_of, sellers_of = _Rows.of(at, buyer, sellers), _Rows.of(buyer, at, buyers)
    hops, seen, hop = np.full(sellers, -1, dtype=np.intp), np.zeros(buyers, dtype=bool), 0
    hops[front] = hop
    while front.size and (steps is None or hop < steps):
        hop += 1
        met = np.unique(buyers_of.joined(front))
        met = met[~seen[met]]
        seen[met] = True
        front = np.unique(sellers_of.joined(met))
        front = front[hops[front] < 0]
        hops[front] = hop
    return hops


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far a market keeps to the price ladder of eq. 20.

    Attributes
    ----------
    checked, violated, examples
        Tuples (k, l, j, i) that meet the precondition; those that break the ladder; some of these, by l, j, k, i.
    broken
        How many tuples break each rung: p*^k ≤ p_l, p_l < p*^j, p*^j ≤ p_i; one may break several.
    """

    checked: int
    violated: int
    examples: tuple[tuple[int, int, int, int], ...]
    broken: tuple[int, int, int]

    @property
    def share(self) -> float:
        """The share that holds; NaN if there was nothing to check."""
        return 1.0 - self.violated / self.checked if self.checked else float("nan")


def price_ladder(
    pool: Edges,
    bids: Any,  # noqa: ANN401 - whatever numpy takes for an array
    market_price: Any,  # noqa: ANN401
    bid_price: Any,  # noqa: ANN401
    tolerance: float = 0.0,
    most_examples: int = 20,
) -> Ladder:
    """Where the price ladder of eq. 20 holds: p*^k ≤ p_l < p*^j ≤ p_i.

    The reading: for any two auctions k ≠ j, every buyer i in both I^k and I^j, and every buyer l in I^k that is not in
    I^j *although j is in its pool*, the three inequalities hold. That last condition is the precondition: the paper
    concludes p_l < p*^j from l's absence from j, which only follows where l could have bid there. (With every seller in
    every pool, any l of λ^j outside I^j is checked, as eq. 20 literally reads.) It further supposes an equilibrium, and
    coordinated bids: a buyer has one price. I^j are those who count as bidders of j; by eq. 19 its winners, so leave
    out losing and presence bids.

    Tuples are counted, not listed: the work is Σ_i |I_i|² + Σ_l |pool of l|·|I_l|.

    Parameters
    ----------
    pool
        Who can bid where, both shape (e,), no pair twice.
    bids
        Shape (e,), whether that buyer is in I^j.
    market_price
        Shape (m,), p*^j: what a newcomer must beat at j, price per MB.
    bid_price
        Shape (n,), p_i, price per MB; anything for those who bid nowhere.
    tolerance
        By how much (price per MB) each inequality may be missed: the middle one stays strict, p_l < p*^j + tolerance.
    most_examples
        Violations to name at most.

    Raises
    ------
    ValueError
        If shapes do not fit, or a price is NaN, infinite or negative.
    """
    price, own = non_negative_array("market_price", market_price), non_negative_array("bid_price", bid_price)
    buyer, at = _checked(pool, price.size)
    _check_below("buyers", buyer, own.size)
    inside = np.asarray(bids, dtype=bool)
    if inside.shape != buyer.shape:
        raise ValueError(f"bids must have the shape of the edges, {buyer.shape}, got {inside.shape}")
    winners = _Winners(_Rows.of(buyer[inside], at[inside], own.size), price, own, tolerance)
    lower, j, k = winners.rungs(buyer[~inside], at[~inside])
    first, second = price[k] <= own[lower] + tolerance, own[lower] < price[j] + tolerance
    below = first & second
    shared, above = winners.shared(k, j)
    violated = shared - np.where(below, above, 0)
    order = np.lexsort((k, j, lower))
    broken = order[violated[order] > 0][:most_examples]
    examples = [
        (int(k[x]), int(lower[x]), int(j[x]), i) for x in broken for i in winners.breaking(k[x], j[x], below=below[x])
    ]
    rungs = int(shared[~first].sum()), int(shared[~second].sum()), int((shared - above).sum())
    return Ladder(int(shared.sum()), int(violated.sum()), tuple(examples[:most_examples]), rungs)


@dataclass(frozen=True, slots=True)
class _Winners:
    """The buyers in I^j, by buyer, and their prices."""

    sellers_of: _Rows
    market_price: FloatArray
    bid_price: FloatArray
    tolerance: float

    def rungs(self, absent: IntArray, missed: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """All (l, j, k): l is absent from j, which it could reach, and in I^k."""
        counts = self.sellers_of.counts(absent)
        return np.repeat(absent, counts), np.repeat(missed, counts), self.sellers_of.joined(absent)

    def shared(self, k: IntArray, j: IntArray) -> tuple[IntArray, IntArray]:
        """How many buyers are in both I^k and I^j, and how many of them bid no less than the price of j."""
        m, buyer = self.market_price.size, self.sellers_of.owners
        counts = self.sellers_of.counts(buyer)
        one, other = np.repeat(self.sellers_of.values, counts), self.sellers_of.joined(buyer)
        meets = self._meets(np.repeat(buyer, counts), other)
        pairs, which = np.unique(one * m + other, return_inverse=True)
        wanted = k * m + j
        place = np.searchsorted(pairs, wanted)
        place[~np.isin(wanted, pairs)] = pairs.size  # where nobody is in both: the 0 at the end of the counts
        size = pairs.size + 1
        return np.bincount(which, minlength=size)[place], np.bincount(which[meets], minlength=size)[place]

    def _meets(self, buyer: IntArray, seller: IntArray) -> BoolArray:
        return self.market_price[seller] <= self.bid_price[buyer] + self.tolerance

    def breaking(self, k: int, j: int, *, below: bool) -> Iterator[int]:
        """The buyers in both I^k and I^j whose tuple breaks the ladder, given whether its other two rungs hold."""
        owners = self.sellers_of.owners
        both = np.intersect1d(owners[self.sellers_of.values == k], owners[self.sellers_of.values == j])
        yield from both[~self._meets(both, np.full(both.size, j))].tolist() if below else both.tolist()


def _checked(edges: Edges, sellers: int | None = None) -> Edges:
    buyer, at = (np.asarray(side, dtype=np.intp) for side in edges)
    if buyer.ndim != 1 or buyer.shape != at.shape:
        raise ValueError(f"edges must be two arrays of shape (e,), got {buyer.shape} and {at.shape}")
    _check_below("buyers", buyer, None)
    _check_below("sellers", at, sellers)
    return buyer, at


def _check_below(name: str, indices: IntArray, count: int | None) -> None:
    if indices.size and (indices.min() < 0 or (count is not None and indices.max() >= count)):
        raise ValueError(f"{name} must be indices from 0 and below {count or 'their number'}, got {indices}")
