"""What a buyer knows when it decides, and what it can decide."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

import msgspec

from node.mechanism.psp import PSP, AuctionMechanism, Reply, Staircase, expected_allocation, unchecked_staircase
from node.mechanism.psp.residual import SLIVER
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Valuation
from node.strategy.random import Random


class Target(msgspec.Struct, frozen=True, gc=False):
    """A bid to place at one seller: MB, and price per MB; the quantity 0 withdraws."""

    quantity: float
    price: float


NOTHING = Target(0.0, 0.0)


Bids = tuple[Sequence[float], Sequence[float]]
"""MB, and prices per MB."""


def _nobody() -> Bids:
    return (), ()


class Offer(msgspec.Struct, frozen=True, dict=True):
    """One open auction as one buyer sees it.

    Attributes
    ----------
    supply
        MB on sale; where the buyer has no bid, the MB that the advert shows as left.
    reserve
        Price per MB: what a bid must come up to. Where the seller asks more because of bids that lose, the least that
        it has asked: such a reserve turns no winner away, and passes with the bids that lose (decision 0003).
    opponents
        The bids of the others, MB and price per MB, to be asked for by whoever wants to look at them; none where the
        buyer has not bid.
    standing
        The buyer's own bid there.
    whole
        MB on sale before anybody bid.
    mechanism
        How the auction charges; that of all auctions of the market.
    asked
        The reserve at present, price per MB.
    seller
        The seller's address; empty where nobody asks whose auction it is.
    """

    supply: float
    reserve: float
    opponents: Callable[[], Bids] = _nobody
    standing: Target = NOTHING
    whole: float = 0.0
    mechanism: AuctionMechanism = PSP
    asked: float = 0.0
    seller: str = ""

    @property
    def bids(self) -> Bids:
        """The bids of the others, MB and price per MB; not kept, since a buyer has thousands of them in its offers."""
        return self.opponents()

    def as_if_empty(self) -> "Offer":
        """The offer itself where the buyer has a bid; else the auction as it would be if nobody had."""
        return self if self.standing.quantity > 0.0 else msgspec.structs.replace(self, supply=self.whole)

    @property
    def staircase(self) -> Staircase:
        """What more of this auction's supply costs the buyer."""
        return self._worked_out[0]

    @cached_property
    def _worked_out(self) -> tuple[Staircase, float, float]:
        """The staircase, and MB and charge of the standing bid: every decision asks for them, often."""
        quantities, prices = self.opponents()
        steps = unchecked_staircase(quantities, prices, self.supply, self.reserve)
        standing = self.standing
        amount = expected_allocation(standing.quantity, standing.price, quantities, prices, self.supply, self.reserve)
        return steps, amount, self._charge(steps, standing, amount)

    def _charge(self, steps: Staircase, target: Target, amount: float) -> float:
        return self.mechanism.charge(steps, target.quantity, target.price, amount) if amount > 0.0 else 0.0

    @property
    def is_presence(self) -> bool:
        """Whether the standing bid asks for no more than a sliver of the supply: it sets neither price nor reserve."""
        return self.standing.quantity <= SLIVER * self.whole

    def available(self, price: float) -> float:
        """Q(p): MB that a bid at ``price`` leaves no opponent above it to take (paper, eq. 3)."""
        return self.staircase.available(price)

    def allocation(self, target: Target) -> float:
        """MB that ``target`` would be given here, sharing its price pro rata (paper, eq. 5)."""
        return expected_allocation(target.quantity, target.price, *self.bids, self.supply, self.reserve)

    def outcome(self, target: Target) -> tuple[float, float]:
        """What ``target`` would be given here, MB, and its charge, money."""
        steps, amount, charge = self._worked_out
        if target is self.standing:
            return amount, charge
        amount = self.allocation(target)
        return amount, self._charge(steps, target, amount)


class Need(msgspec.Struct, frozen=True):
    """What a buyer still wants.

    Attributes
    ----------
    valuation
        Of more on top of what it has bought.
    budget
        The money left; may be infinite.
    whole
        The valuation of all it wants, if that is another.
    """

    valuation: Valuation
    budget: float
    whole: Valuation | None = None


class Decision(msgspec.Struct, frozen=True):
    """The targets in the order of the offers, or None to hold; ``reconsider`` asks to think again without news.

    A strategy that thinks in no time does so after a clearing interval.
    """

    targets: Sequence[Target] | None
    reconsider: bool = False


HOLD = Decision(None)


class BuyerStrategy(Protocol):
    """The behaviour of one buyer; an instance belongs to one node and may keep state between decisions."""

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Seconds to wait before deciding.

        The busiest auction has so many ``participants``; bids have been taking ``round_trip_s`` seconds until a
        profile reflected them.
        """
        ...

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The bids to place now, at time ``now`` in seconds."""
        ...


class Prospect(msgspec.Struct, frozen=True):
    """What ``targets`` would bring: the MB that each would be given, and the money for all of that."""

    targets: Sequence[Target]
    amounts: Sequence[float]
    cost: float

    @property
    def total(self) -> float:
        """MB in all."""
        return sum(self.amounts)

    def bursts(self, budget: float) -> bool:
        """Whether it costs more than that."""
        return self.cost > budget * (1.0 + ROUNDING)

    def utility(self, need: Need) -> float:
        """Valuation minus charges, money; minus infinity where the budget bursts."""
        if self.bursts(need.budget):
            return -math.inf
        return need.valuation.value(self.total) - self.cost


def prospect(offers: Sequence[Offer], targets: Sequence[Target]) -> Prospect:
    """What the targets would bring if the opponents' bids stayed as they are."""
    amounts, cost = list[float](), 0.0
    for offer, target in zip(offers, targets, strict=True):
        amount, charge = offer.outcome(target)
        amounts.append(amount)
        cost += charge
    return Prospect(targets, amounts, cost)


def best_reply(need: Need, offers: Sequence[Offer], epsilon: float) -> Reply:
    """The best reply in the mechanism of the offers, of which there is at least one; ``epsilon`` is money."""
    auctions = [offer.staircase for offer in offers]
    return offers[0].mechanism.best_reply(need.valuation, auctions, epsilon=epsilon, budget=need.budget)


def affordable(need: Need, offers: Sequence[Offer], targets: Sequence[Target]) -> Prospect:
    """The targets' prospect; where they would cost more than the budget, with all that get something lowered alike.

    Else the buyer would win, decline the award, be struck out and bid the same again, without end.
    """
    wished = prospect(offers, targets)
    if wished.cost <= need.budget:
        return wished
    # Less of what the targets get costs no more per MB, in any mechanism.
    share = need.budget / wished.cost
    lowered = [
        Target(share * amount, target.price) if amount > 0.0 else target
        for amount, target in zip(wished.amounts, targets, strict=True)
    ]
    return prospect(offers, lowered)
