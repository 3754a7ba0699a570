"""Strategies, valuations and mechanisms of one's own: what they derive from, and how a scenario names them."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

from node.mechanism.checks import FloatArray
from node.mechanism.psp import (
    AuctionMechanism,
    Clearing,
    Reply,
    Staircase,
    cheapest_price,
    cleared,
    searched_reply,
)
from node.mechanism.rounding import FOREIGN_ROUNDING
from node.mechanism.valuation import Valuation
from node.strategy.psp.offer import BuyerStrategy, Decision, Need, Offer
from node.strategy.psp.policy import Act, PolicyBuyer, Slots
from node.strategy.random import Random
from scenarios.files.code import Base
from scenarios.files.own import OwnTable
from scenarios.files.tables import Positive
from scenarios.files.types import Count, PositiveSeconds

POINTS = 64
"""At so many points a valuation is looked at."""

TRIED_BIDS = [30.0, 50.0, 40.0, 10.0], [4.0, 3.0, 2.0, 0.5]
TRIED_LOT = 100.0, 1.0
"""A book by which a mechanism is looked at: MB and prices of bids, supply and reserve. One bid is served in part."""


class StrategyBase(Base, frozen=True):
    """A buyer strategy of one's own: its fields are keys of the scenario, its methods bid (docs/extending.md).

    One object serves all buyers of its table, and cannot change. A strategy that remembers something overrides
    ``build`` to make an object for each buyer, which need not derive from this.
    """

    public_module: ClassVar[str] = "bidswarm.psp"
    needs: ClassVar[tuple[str, ...]] = ("decide",)

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Seconds to wait before deciding: none.

        The busiest auction has so many ``participants``; bids have been taking ``round_trip_s`` seconds until a
        profile reflected them.
        """
        del participants, round_trip_s, random
        return 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The bids to place now, at time ``now`` in seconds: one target for each offer, or hold."""
        raise NotImplementedError

    def build(self) -> BuyerStrategy:
        """The behaviour of one buyer."""
        return self


class PolicyBase(StrategyBase, frozen=True, kw_only=True):
    """A policy of one's own that bids: what it does by what it sees (docs/learning.md).

    One object serves all buyers of its table. One that remembers something overrides ``fresh``.

    Attributes
    ----------
    slots
        Sellers that it sees, and bids at, at most.
    steps, step_s
        As those of the environment that it has learned in: so often it bids, every so many seconds.
    """

    needs: ClassVar[tuple[str, ...]] = ("act",)
    instead: ClassVar[tuple[str, ...]] = ("build", "fresh")

    slots: Count
    steps: Count = 40
    step_s: PositiveSeconds = 0.2

    def act(self, observation: FloatArray) -> FloatArray:
        """The action, shape (slots, 2), for an observation."""
        raise NotImplementedError

    def fresh(self) -> Act:
        """The policy of one buyer."""
        return self.act

    def build(self) -> BuyerStrategy:
        """The behaviour of one buyer."""
        return PolicyBuyer(self.fresh(), Slots(self.slots), self.step_s, self.steps)


class ValuationBase(Base, frozen=True):
    """A valuation of one's own: its fields are keys of the scenario (docs/extending.md).

    It is concave, with θ(0) = 0. The most that it ever wants, ``demand_mb``, is a key of all of them.
    """

    public_module: ClassVar[str] = "bidswarm.psp"
    needs: ClassVar[tuple[str, ...]] = ("value", "marginal", "demand")

    demand_mb: Positive

    def value(self, quantity: float) -> float:
        """θ(z): money for ``quantity`` MB in all; what exceeds demand_mb adds nothing."""
        raise NotImplementedError

    def marginal(self, quantity: float) -> float:
        """θ'(z): price per MB that a bidder of ``quantity`` MB in all can justify; its limit from the left."""
        raise NotImplementedError

    def demand(self, price: float) -> float:
        """MB wanted at ``price`` per MB: sup{z : θ'(z) > price}."""
        raise NotImplementedError

    def build(self) -> Valuation:
        """The valuation of one buyer, once its numbers are drawn."""
        return self


class MechanismBase(Base, frozen=True):
    """A mechanism of auctions of one's own: its fields are keys of the scenario (docs/extending.md).

    Who gets how much is the same in every mechanism. A mechanism says what a bid pays: ``charge``. All else follows
    from that, and may be overridden where more is known: ``best_reply`` is a search (``searched_amounts``).
    """

    public_module: ClassVar[str] = "bidswarm.psp"
    needs: ClassVar[tuple[str, ...]] = ("charge",)

    @property
    def name(self) -> str:
        """The name of the class."""
        return type(self).__name__

    @property
    def is_truthful(self) -> bool:
        """Whether the truthful reply of Lazar & Semret is always a best one: not known to be."""
        return False

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        """Money for the ``amount`` MB, above 0, that a bid of ``quantity`` MB at ``price`` per MB is given.

        Its opponents leave it ``steps``: so many MB more for so much per MB, ascending.
        """
        raise NotImplementedError

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:  # noqa: ANN401
        """Allocations and charges of a book; see ``node.mechanism.psp.clear``."""
        return cleared(self.charge, quantity, price, supply, reserve)

    def best_reply(
        self,
        valuation: Valuation,
        auctions: Sequence[Staircase],
        *,
        epsilon: float = 0.0,
        budget: float = math.inf,
    ) -> Reply:
        """The best reply that a search finds; see ``AuctionMechanism.best_reply``."""
        return searched_reply(self.charge, valuation, auctions, epsilon=epsilon, budget=budget)

    def bid_price(self, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
        """What the last MB is worth, or ``clearance`` more than what has to be beaten if that is charged less."""
        return cheapest_price(self.charge, steps, amount, worth, clearance)

    def build(self) -> AuctionMechanism:
        """The mechanism of one auction."""
        return self


class OwnStrategy(OwnTable, frozen=True):
    """A strategy of one's own: ``module:Class`` or an installed name, with the keys that it takes."""

    group: ClassVar[str] = "bidswarm.strategies"
    base: ClassVar[type[Base]] = StrategyBase

    def build(self) -> BuyerStrategy:
        """One buyer's."""
        return self.own(StrategyBase).build()

    def try_out(self) -> None:
        """Build it once."""
        self.build()


class OwnValuation(OwnTable, frozen=True):
    """A valuation of one's own: ``module:Class`` or an installed name, with the keys that it takes."""

    group: ClassVar[str] = "bidswarm.valuations"
    base: ClassVar[type[Base]] = ValuationBase
    draws: ClassVar[bool] = True

    def build(self) -> Valuation:
        """The valuation of these keys; ValueError if they make none."""
        return self.own(ValuationBase).build()

    def try_out(self) -> None:
        """Build it once; ValueError if it is not concave, or does not begin at 0."""
        theta = self.build()
        if theta.value(0.0) != 0.0:
            raise ValueError(f"value(0) = {theta.value(0.0):g} must be 0")
        for low, high in pairwise(theta.demand_mb * k / POINTS for k in range(POINTS + 1)):
            first, last, worth = theta.marginal(low), theta.marginal(high), theta.value(high) - theta.value(low)
            slack = FOREIGN_ROUNDING * first
            if not 0.0 <= last <= first + slack:
                raise ValueError(f"marginal({high:g}) = {last:g} must be from 0 to marginal({low:g}) = {first:g}")
            if not (last - slack) * (high - low) <= worth <= (first + slack) * (high - low):
                raise ValueError(f"value rises by {worth:g} from {low:g} to {high:g} MB, and marginal says otherwise")


class OwnMechanism(OwnTable, frozen=True):
    """A mechanism of one's own: ``module:Class`` or an installed name, with the keys that it takes."""

    group: ClassVar[str] = "bidswarm.mechanisms"
    base: ClassVar[type[Base]] = MechanismBase
    by_name: ClassVar[bool] = True

    def build(self) -> AuctionMechanism:
        """That of one auction."""
        return self.own(MechanismBase).build()

    def try_out(self) -> None:
        """Build it once; ValueError if somebody pays less than nothing or more than its bid in a small book."""
        outcome = self.build().clear(*TRIED_BIDS, *TRIED_LOT)
        for quantity, price, amount, charge in zip(*TRIED_BIDS, outcome.allocation, outcome.charge, strict=True):
            if not 0.0 <= charge <= price * amount * (1.0 + FOREIGN_ROUNDING):
                raise ValueError(
                    f"charges {charge:g} for {amount:g} of the {quantity:g} MB bid for at {price:g} per MB"
                )
