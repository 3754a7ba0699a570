"""Buyers of the world ``array`` who are told what to bid, and see what the messages of an auction would show them."""

from dataclasses import dataclass, field

import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.rounds.play import Play
from node.rounds.steps import Buyers, charged, staircases, within


@dataclass(frozen=True, slots=True)
class View:
    """What b buyers see at their k sellers, the last of which may be nobody; l levels of price.

    Attributes
    ----------
    is_open
        Shape (b, k), whether there is a seller.
    supply, reserve
        Shape (b, k), MB on sale, or left where the buyer has no bid; price per MB.
    quantity, price, allocation, charge
        Shape (b, k): its bid, MB and price per MB, what that gets, MB, and the money for it.
    available, cost
        Shape (b, k, l): MB that the others leave at each price, at most all that the buyer wants, and what they cost.
    """

    is_open: FloatArray
    supply: FloatArray
    reserve: FloatArray
    quantity: FloatArray
    price: FloatArray
    allocation: FloatArray
    charge: FloatArray
    available: FloatArray
    cost: FloatArray


@dataclass(slots=True)
class Desks:
    """Those buyers of a play that ``who`` names by index, shape (b,); their ε must be infinite.

    To the books each of their edges is a buyer of its own, since they need not bid one price everywhere.

    Attributes
    ----------
    levels
        Shape (b, l), prices at which they see what the others leave.
    quantity, price
        Shape (b, k), their bids, MB and price per MB.
    """

    play: Play
    who: IntArray
    levels: FloatArray
    quantity: FloatArray = field(init=False)
    price: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.quantity, self.price = np.zeros((2, *self.seller.shape))

    @property
    def seller(self) -> IntArray:
        """Shape (b, k), the pools; a short one ends in nobody."""
        return self.play.buyers.seller[self.who]

    @property
    def demand_mb(self) -> FloatArray:
        """Shape (b,), MB."""
        return self.play.demand_mb[self.who]

    def bid(self, quantity: FloatArray, price: FloatArray) -> None:
        """Place bids, shape (b, k), lowered alike where they ask for more than is wanted, as a buyer node does."""
        wanted = quantity.sum(axis=1)
        share = np.minimum(1.0, np.divide(self.demand_mb, wanted, out=np.ones(wanted.size), where=wanted > 0.0))
        is_bid = (quantity > 0.0) & (self.seller < self.play.supply.size)
        self.quantity = np.where(is_bid, share[:, None] * quantity, 0.0)
        self.price = np.where(is_bid, price, 0.0)
        self.play.bid(self.who, self.quantity, self.price)

    def utility(self, view: View) -> FloatArray:
        """Shape (b,), money: the worth of what they get, less what that costs."""
        worth = self.play.buyers.some(self.who).value(view.allocation.sum(axis=1))
        utility: FloatArray = worth - view.charge.sum(axis=1)
        return utility

    def view(self) -> View:
        """What they see of the books as these stand: the book of a seller where they have a bid, else its advert."""
        books, seller = self.play.books, self.seller
        edges = self._edges()
        steps = staircases(edges, books, books.largest)
        np.maximum(steps.quantity, 0.0, out=steps.quantity)  # differences of sums: rounding may make less than nothing
        allocation = edges.allocation(books)
        charge = charged(steps, allocation)
        has_bid, is_open = self.quantity > 0.0, seller < self.play.supply.size
        taken = np.append(books.reach, 0.0)[books.first + books.size - 1]
        left = np.maximum(books.supply - taken, 0.0)[seller]
        reserve = np.where(is_open, books.reserve[seller], 0.0)
        # Where it has no bid, what is left can be had at the reserve, for all that it knows.
        quantity = np.where(has_bid.ravel(), steps.quantity[:, :, 0], 0.0)
        quantity[-1] = np.where(has_bid, quantity[-1].reshape(seller.shape), left).ravel()
        has_mb = quantity.any(axis=1)  # most steps of all the books have nothing, and what follows takes the most time
        quantity, price = quantity[has_mb], steps.price[has_mb, :, 0, None]
        level = self.levels.repeat(seller.shape[1], axis=0)
        wanted = self.demand_mb.repeat(seller.shape[1])[:, None]
        available = np.minimum(np.where(price <= level, quantity[:, :, None], 0.0).sum(axis=0), wanted)
        below = np.cumsum(quantity[::-1], axis=0)[::-1] - quantity
        bought = available - below[:, :, None]
        within(0.0, bought, quantity[:, :, None])
        bought *= price
        cost = bought.sum(axis=0)
        shape = (*seller.shape, -1)
        return View(
            is_open=is_open.astype(np.float64),
            supply=np.where(has_bid, books.supply[seller], left),
            reserve=reserve,
            quantity=self.quantity,
            price=self.price,
            allocation=allocation.reshape(seller.shape),
            charge=charge.reshape(seller.shape),
            available=available.reshape(shape),
            cost=cost.reshape(shape),
        )

    def _edges(self) -> Buyers:
        """Every edge as a buyer with one seller."""
        books, seller = self.play.books, self.seller.reshape(-1, 1)
        place = self.play.buyers.place[self.who].reshape(-1, 1)
        standing, price = books.quantity[place], books.rounded(self.price.ravel())
        nothing = np.zeros(seller.shape)
        return Buyers(nothing[:, 0], nothing[:, 0], seller, place, nothing, standing, price)
