"""Pricing strategies of one's own: what their classes derive from, and how a scenario names them."""

from typing import ClassVar

import numpy as np

from node.strategy.dmp import PricingStrategy
from node.strategy.dmp.call import Call
from node.strategy.random import Random
from scenarios.files.code import Base
from scenarios.files.own import OwnTable


class PricingBase(Base, frozen=True):
    """A pricing strategy of one's own: its fields are keys of the scenario, its methods price (docs/extending.md).

    One object serves all operators of its table, and cannot change. A strategy that learns overrides ``build`` to make
    an object for each operator, which need not derive from this.
    """

    public_module: ClassVar[str] = "bidswarm.dmp"
    needs: ClassVar[tuple[str, ...]] = ("price",)

    def price(self, call: Call) -> float:
        """The price asked for ``call``, money: finite and never below its cost."""
        raise NotImplementedError

    def learned(self, profit: float | None) -> None:
        """What became of the last price: nothing is made of it."""

    def build(self, random: Random) -> PricingStrategy:
        """The behaviour of one operator, with a random stream of its own."""
        del random
        return self


class OwnPricing(OwnTable, frozen=True):
    """A pricing strategy of one's own: ``module:Class`` or an installed name, with the keys that it takes."""

    group: ClassVar[str] = "bidswarm.pricing"
    base: ClassVar[type[Base]] = PricingBase

    def build(self, random: Random) -> PricingStrategy:
        """One operator's."""
        return self.own(PricingBase).build(random)

    def try_out(self) -> None:
        """Build it once."""
        self.build(np.random.default_rng(0))
