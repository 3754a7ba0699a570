"""A run of the world ``array``: who looks when, who moves how."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.welfare import Edges
from node.runtime.array_books import Books
from node.runtime.array_reply import Buyers, best_replies
from node.strategy.adaptive import SHRINK

MOVES_PER_AUCTION = 2.0
"""Bidders of an auction that move in a round, on average."""

QUIET_LOOKS = 8
"""Looks without an own move after which ε shrinks: none is at stale books, so fewer do than with messages."""

ROUNDS_PER_SURVEY = 8
"""Rounds between two counts of who still has something to think about."""

STREAK, RESTLESS_DAMPING, LEAST_DAMPING, RESTLESS_EPSILON = 5, 0.7, 0.1, 1.5
"""After so many moves without a quiet spell a buyer moves less and tolerates more."""

_LEAST_MOVING = 0.3
"""Share of lookers that counts as moving at least: when ε shrinks, many who held so far move at once."""

_DRIFT_WEIGHT = 0.3
"""Share of its demand by which a buyer's gain is taken to follow the prices it sees, MB."""

_NOBODY_PRICE = 1e300
"""Reserve of the seller without supply that fills up short pools."""


Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(slots=True)
class _Minds:
    """What the buyers know of themselves; all of shape (n,).

    Their ε, money; their damping; looks since the last own move; moves since the last quiet spell; the round after
    which they looked last; and the gain that their best reply promised then, money.
    """

    epsilon: FloatArray
    damping: FloatArray
    quiet_looks: IntArray
    streak: IntArray
    looked_at: IntArray
    gap: FloatArray

    @classmethod
    def fresh(cls, buyers: int, epsilon: float, damping: float) -> "_Minds":
        """Of buyers who have seen nothing yet."""
        none = np.zeros(buyers, np.intp)
        return cls(
            np.full(buyers, epsilon), np.full(buyers, damping), none, none.copy(), none - 1, np.full(buyers, np.inf)
        )

    def moved(self, movers: IntArray, first_epsilon: float) -> None:
        """The restless move less and tolerate more."""
        self.quiet_looks[movers] = 0
        self.streak[movers] += 1
        restless = movers[self.streak[movers] >= STREAK]
        self.streak[restless] = 0
        self.damping[restless] = np.maximum(LEAST_DAMPING, self.damping[restless] * RESTLESS_DAMPING)
        self.epsilon[restless] = np.minimum(first_epsilon, self.epsilon[restless] * RESTLESS_EPSILON)

    def held(self, holders: IntArray, last_epsilon: float) -> None:
        """The quiet grow more exact."""
        self.quiet_looks[holders] += 1
        quiet = holders[(self.quiet_looks[holders] >= QUIET_LOOKS) & (self.epsilon[holders] > last_epsilon)]
        self.epsilon[quiet] = np.maximum(last_epsilon, self.epsilon[quiet] / SHRINK)
        self.quiet_looks[quiet] = self.streak[quiet] = 0


@dataclass(slots=True)
class Play:
    """A run in progress, of n buyers, m sellers and e edges.

    Attributes
    ----------
    demand_mb, choke_price, supply, reserve, edges
        The market, as in ``arrays.ArrayMarket``.
    rounds, bids
        Rounds played, and moves of each buyer, shape (n,).
    """

    demand_mb: FloatArray
    choke_price: FloatArray
    supply: FloatArray
    reserve: FloatArray
    edges: Edges
    first_epsilon: float
    last_epsilon: float
    presence: float
    damping: float
    rounds: int = 0
    books: Books = field(init=False)
    buyers: Buyers = field(init=False)
    place: IntArray = field(init=False)
    bids: IntArray = field(init=False)
    _minds: _Minds = field(init=False)
    _changed_at: IntArray = field(init=False)
    _chance: FloatArray = field(init=False)
    _price_seen: FloatArray = field(init=False)
    _looks: int = 0
    _moves: int = 0

    def __post_init__(self) -> None:
        buyer, seller = self.edges
        nobody = self.supply.size
        supply, reserve = np.append(self.supply, 0.0), np.append(self.reserve, _NOBODY_PRICE)
        sellers = np.append(seller, nobody)
        self.books = Books(supply, reserve, sellers)
        self.place = self.books.place[:-1]
        pools = _pools(buyer, self.demand_mb.size)
        self.buyers = Buyers(self.demand_mb, self.choke_price, sellers[pools], self.books.place[pools])
        self.bids = np.zeros(self.demand_mb.size, np.intp)
        self._minds = _Minds.fresh(self.bids.size, self.first_epsilon, self.damping)
        self._changed_at = np.zeros(supply.size, np.intp)
        self._changed_at[nobody] = -2
        self._price_seen = np.zeros(pools.shape)

    def survey(self) -> float:
        """The share of buyers with something to think about: a large ε, or news since they looked.

        Also sets how likely each looks in a round, so that in its busiest auction about one bidder moves.
        """
        minds = self._minds
        pending = (minds.epsilon > self.last_epsilon) | self._curious(np.arange(self.bids.size))
        if not pending.any():
            pending = self._check()
        crowd = np.bincount(self.buyers.seller[pending].ravel(), minlength=self.books.supply.size)
        crowd[-1] = 0
        busiest = np.maximum(crowd[self.buyers.seller].max(axis=1), 1)
        moving = (self._moves + 1.0) / (self._looks + 1.0)
        self._looks = self._moves = 0
        self._chance = np.where(pending, MOVES_PER_AUCTION / (busiest * min(1.0, max(moving, _LEAST_MOVING))), 0.0)
        return float(pending.mean()) if pending.size else 0.0

    def _news(self, chosen: IntArray) -> Mask:
        return self._changed_at[self.buyers.seller[chosen]].max(axis=1) >= self._minds.looked_at[chosen]  # type: ignore[no-any-return]

    def _prices(self, chosen: IntArray) -> FloatArray:
        """Where the supply of each seller of their pools ends, shape (c, k), price per MB; 0 where it does not."""
        price: FloatArray = np.maximum(self.books.marginal_price[self.buyers.seller[chosen]], 0.0)
        return price

    def _curious(self, chosen: IntArray) -> Mask:
        """Whose gain may have come to exceed its ε since it looked, by how far prices went; shape of ``chosen``.

        Those at the margin, whose share changes while the price does not, are curious whenever a book changed.
        """
        minds, price, seller = self._minds, self._prices(chosen), self.buyers.seller[chosen]
        drift = np.abs(price - self._price_seen[chosen]).max(axis=1)
        moved = minds.gap[chosen] + _DRIFT_WEIGHT * drift * self.buyers.demand_mb[chosen] > minds.epsilon[chosen]
        own = self.books.bid_price[self.buyers.place[chosen]]
        curious: Mask = moved | (((own <= price) & (self.books.size[seller] > 1)).any(axis=1) & self._news(chosen))
        return curious

    def round(self, rng: np.random.Generator) -> None:
        """Some buyers look and perhaps move; then the changed books are cleared."""
        minds = self._minds
        chosen = np.flatnonzero(rng.random(self.bids.size) < self._chance)
        asked = chosen[self._curious(chosen)]
        replies = best_replies(self.buyers.some(asked), self.books, minds.epsilon[asked])
        minds.gap[asked] = replies.gap
        self._price_seen[asked] = self._prices(asked)
        minds.looked_at[chosen] = self.rounds + 1
        self.rounds += 1
        moving = replies.gap > minds.epsilon[asked]
        movers = asked[moving]
        minds.held(chosen[minds.gap[chosen] <= minds.epsilon[chosen]], self.last_epsilon)
        self._move(movers, replies.quantity[moving], replies.price[moving])
        minds.moved(movers, self.first_epsilon)
        self._looks += chosen.size
        self._moves += movers.size

    def _check(self) -> Mask:
        """Everybody looks, as nobody seems to have a reason to; who has one after all, shape (n,)."""
        everybody = np.arange(self.bids.size)
        self._minds.gap = self.gaps()
        self._minds.looked_at[:] = self.rounds + 1
        self._price_seen = self._prices(everybody)
        return self._minds.gap > self.last_epsilon

    def gaps(self) -> FloatArray:
        """What its best unilateral reply to the books would gain each buyer, shape (n,), money."""
        return np.maximum(best_replies(self.buyers, self.books, self._minds.epsilon).gap, 0.0)

    def _move(self, movers: IntArray, quantity: FloatArray, price: FloatArray) -> None:
        """Bids part of the way to the reply, at its price; a newcomer goes all the way."""
        seller, place = self.buyers.seller[movers], self.buyers.place[movers]
        share = np.where(self.bids[movers] > 0, self._minds.damping[movers], 1.0)[:, None]
        least = self.presence * self.buyers.demand_mb[movers][:, None]
        bid = np.maximum(least, (1.0 - share) * self.books.quantity[place] + share * quantity)
        self.books.write(place, seller, bid, np.broadcast_to(self.books.rounded(price)[:, None], bid.shape))
        self.bids[movers] += 1
        dirty = np.zeros(self.books.supply.size, np.bool_)
        dirty[seller] = True
        dirty[-1] = False
        self._changed_at[dirty] = self.rounds
        self.books.clear(dirty)


def _pools(buyer: IntArray, buyers: int) -> IntArray:
    """The edges of each buyer, shape (n, k); where it has fewer than k, the index one past the last edge."""
    count = np.bincount(buyer, minlength=buyers)
    pools = np.full((buyers, max(1, int(count.max(initial=0)))), buyer.size)
    order = np.argsort(buyer, kind="stable")
    pools[buyer[order], np.arange(buyer.size) - np.repeat(np.cumsum(count) - count, count)] = order
    return pools
