"""Strategies and valuations of one's own: what their classes derive from, and how a scenario names them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from node.mechanism.rounding import FOREIGN_ROUNDING
from node.mechanism.valuation import Valuation
from node.strategy.psp.offer import BuyerStrategy, Decision, Need, Offer
from node.strategy.random import Random
from scenarios.files.code import Base
from scenarios.files.own import OwnTable
from scenarios.files.tables import Positive

POINTS = 64
"""At so many points a valuation is looked at."""


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
