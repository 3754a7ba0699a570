"""A run of the world ``array``: which buyers look in a round, and how they move."""

from dataclasses import dataclass, field

import numpy as np

from node.mechanism.checks import BoolArray, FloatArray, IntArray
from node.mechanism.psp.residual import SLIVER
from node.mechanism.welfare import Edges
from node.rounds.books import Books
from node.rounds.minds import Minds
from node.rounds.reply import Caution, Replies, best_replies
from node.rounds.steps import Buyers
from node.strategy.psp.adaptive import FEW_MOVES, PRESENCE

MOVES_PER_AUCTION = 4.0
"""Bidders of an auction that move in a round at most, on average."""

MOVING = 0.2
"""Share of the buyers with something to think about that move in a round, about."""

ROUNDS_PER_SURVEY = 2
"""Rounds between two counts of who has something to think about."""

_LEAST_MOVING = 0.3
"""Share of lookers that counts as moving at least: when ε shrinks, many who held so far move at once."""

_FEW = 0.1
"""Share of auctions up to which a survey asks only their bidders."""

_CAUTION, _MOST_CAUTION = 4.0, 16.0
"""Factor by which estimated gains grow once no buyer seems to have one, and the product at which that stops."""

_NOBODY_PRICE = 1e300
"""Reserve of the seller without supply that fills up short pools."""


@dataclass(slots=True)
class Play:
    """A run in progress, of n buyers, m sellers and e edges.

    Attributes
    ----------
    demand_mb, choke_price, supply, reserve, edges
        The market, as in ``arrays.ArrayMarket``.
    synchronous
        Whether all who have something to think about look in every round.
    rounds, bids, moved_at
        Rounds played, and moves and the round of the last move of each buyer, both of shape (n,).
    """

    demand_mb: FloatArray
    choke_price: FloatArray
    supply: FloatArray
    reserve: FloatArray
    edges: Edges
    first_epsilon: FloatArray
    last_epsilon: FloatArray
    presence: float
    damping: float
    synchronous: bool
    rounds: int = 0
    books: Books = field(init=False)
    buyers: Buyers = field(init=False)
    place: IntArray = field(init=False)
    bids: IntArray = field(init=False)
    moved_at: IntArray = field(init=False)
    _minds: Minds = field(init=False)
    _pending: IntArray = field(init=False)
    _chance: FloatArray = field(init=False)
    _changed: BoolArray = field(init=False)
    _owner: IntArray = field(init=False)
    _bend: FloatArray = field(init=False)
    _standing: Replies | None = None
    _caution: float = 1.0
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
        nothing = np.zeros(pools.shape), np.zeros(self.demand_mb.size)
        presence = self.presence * self.demand_mb / np.maximum(np.bincount(buyer, minlength=self.demand_mb.size), 1)
        least = np.minimum(presence[:, None], PRESENCE * SLIVER * supply[sellers[pools]])
        numbers = self.demand_mb, self.choke_price, sellers[pools], self.books.place[pools], least
        self.buyers = Buyers(*numbers, *nothing)
        self.bids, self.moved_at = np.zeros((2, self.demand_mb.size), np.intp)
        self._minds = Minds.fresh(pools.shape, self.first_epsilon)
        self._pending = np.arange(self.bids.size)
        self._changed = np.zeros(supply.size, np.bool_)
        self._bend = 0.5 * self.choke_price / self.demand_mb
        self._owner = np.full(self.books.key.size, -1)
        self._owner[self.place] = buyer

    def survey(self) -> float:
        """The share of buyers with something to think about: a large ε, or news that may make a move worth while.

        Also sets how likely each of them looks in a round, by the crowd in its busiest auction.
        """
        asked = self._affected()
        self._changed[:] = False
        thinks = self._minds.epsilon[asked] > self.last_epsilon[asked]
        exact = (~thinks).nonzero()[0]
        if exact.size:
            thinks[exact] = self._has_news(asked[exact])
        pending = asked[thinks]
        if not pending.size:
            pending = self._overlooked()
        self._pending = pending
        moving = max((self._moves + 1.0) / (self._looks + 1.0), _LEAST_MOVING)
        self._looks = self._moves = 0
        seller = self.buyers.seller.take(pending, axis=0)
        crowd = np.bincount(seller.ravel(), minlength=self.books.supply.size)
        crowd[-1] = 0
        busiest = np.maximum(crowd.take(seller).max(axis=1, initial=0), 1)
        self._chance = np.minimum(MOVING, MOVES_PER_AUCTION / busiest) / moving
        if self.synchronous:
            self._chance[:] = 1.0
        return pending.size / max(1, self.bids.size)

    def _affected(self) -> IntArray:
        """The buyers of whom something may have changed since the last survey; those with a large ε are pending."""
        changed = self._changed.nonzero()[0]
        if changed.size > _FEW * self._changed.size:
            return np.arange(self.bids.size)
        size = self.books.size[changed]
        places = np.repeat(self.books.first[changed] - np.cumsum(size) + size, size) + np.arange(size.sum())
        affected = np.zeros(self.bids.size + 1, np.bool_)  # the last for empty places, whose owner is -1
        affected[self._owner[places]] = affected[self._pending] = True
        return affected[:-1].nonzero()[0]

    def _prices(self, seller: IntArray) -> FloatArray:
        """Where the supplies of these sellers end, price per MB."""
        price: FloatArray = np.maximum(self.books.marginal_price.take(seller), 0.0)
        return price

    def _has_news(self, chosen: IntArray) -> BoolArray:
        """Whose gain may have come to exceed its ε since it looked."""
        buyers, minds = self.buyers, self._minds
        seller, quantity = buyers.seller.take(chosen, axis=0), buyers.quantity.take(chosen, axis=0)
        amount = self.books.allocation(quantity, buyers.price[chosen, None], seller).sum(axis=1)
        numbers = self._prices(seller), amount, self.demand_mb[chosen], self._bend[chosen]
        has_news: BoolArray = (
            minds.gain[chosen] + self._caution * minds.worth_of_news(chosen, *numbers) > minds.epsilon[chosen]
        )
        return has_news

    def round(self, rng: np.random.Generator) -> None:
        """Some buyers look, move if it pays, and grow more exact if not; then the changed books are cleared."""
        minds = self._minds
        chosen = self._pending[rng.random(self._pending.size) < self._chance]
        moves = self._has_news(chosen)
        asked = chosen[moves]
        self.rounds += 1
        self._standing = None
        if asked.size:
            replies = self._replies(asked, minds.epsilon[asked])
            minds.looked(asked, replies, self._prices(self.buyers.seller.take(asked, axis=0)))
            moves[moves] = moving = replies.gain > replies.epsilon
            self._move(asked[moving], replies.quantity[moving], replies.price[moving])
        minds.held(chosen[~moves], self.last_epsilon)
        self._looks += chosen.size

    def _replies(self, chosen: IntArray, epsilon: FloatArray) -> Replies:
        is_restless = self._minds.moves_at_level[chosen] > FEW_MOVES
        caution = Caution(self.first_epsilon[chosen], is_restless, self.damping)
        return best_replies(self.buyers.some(chosen), self.books, epsilon, caution)

    def _overlooked(self) -> IntArray:
        """Buyers that would still move though none seemed to have a reason: raise the caution, and at last ask all."""
        everybody = np.arange(self.bids.size)
        while self._caution < _MOST_CAUTION:
            self._caution *= _CAUTION
            suspicious = self._has_news(everybody).nonzero()[0]
            if suspicious.size:
                return suspicious
        replies = self.standing()
        self._minds.looked(everybody, replies, self._prices(self.buyers.seller))
        self._minds.gain[:] = replies.gain
        return (replies.gain > self.last_epsilon).nonzero()[0]

    def standing(self) -> Replies:
        """The replies of all buyers to the standing bids at the last ε: gaps, charges and next bids."""
        if self._standing is None:
            caution = Caution(self.last_epsilon, self._minds.moves_at_level > FEW_MOVES, self.damping)
            self._standing = best_replies(self.buyers, self.books, self.last_epsilon, caution)
        return self._standing

    def mend(self) -> None:
        """Recompute all derived arrays from the standing bids, after Ctrl-C ended a round half-way."""
        self.buyers.quantity[:] = self.books.quantity[self.buyers.place]
        shared = self.buyers.seller == self.supply.size  # by all that fill up a short pool
        self.buyers.price[:] = np.where(shared, 0.0, self.books.bid_price[self.buyers.place]).max(axis=1)
        self.books.clear(np.ones(self.books.supply.size, np.bool_))
        self._standing = None

    def _move(self, movers: IntArray, quantity: FloatArray, price: FloatArray) -> None:
        """Place the bids of the movers, shape (movers, k); a buyer bids one price everywhere."""
        if not movers.size:
            return
        self._moves += movers.size
        self._minds.moved(movers)
        self.bids[movers] += 1
        self.moved_at[movers] = self.rounds
        price = self.books.rounded(price)
        self._bid(movers, quantity, price[:, None])
        self.buyers.price[movers] = price

    def bid(self, bidders: IntArray, quantity: FloatArray, price: FloatArray) -> None:
        """Place the bids of buyers with an infinite ε, who do nothing by themselves; both of shape (bidders, k)."""
        price = self.books.rounded(price)
        self._bid(bidders, quantity, price)
        self.buyers.price[bidders] = price.max(axis=1, initial=0.0)

    def _bid(self, bidders: IntArray, quantity: FloatArray, price: FloatArray) -> None:
        seller, place = self.buyers.seller.take(bidders, axis=0), self.buyers.place.take(bidders, axis=0)
        self.buyers.quantity[bidders] = self.books.write(place, seller, quantity, price)
        dirty = np.zeros(self.books.supply.size, np.bool_)
        dirty[seller] = True
        dirty[-1] = False
        self._changed |= dirty
        self.books.clear(dirty)


def _pools(buyer: IntArray, buyers: int) -> IntArray:
    """The edges of each buyer, shape (n, k); where it has fewer than k, the index one past the last edge."""
    count = np.bincount(buyer, minlength=buyers)
    pools = np.full((buyers, max(1, int(count.max(initial=0)))), buyer.size)
    order = np.argsort(buyer, kind="stable")
    pools[buyer[order], np.arange(buyer.size) - np.repeat(np.cumsum(count) - count, count)] = order
    return pools
