"""What a scenario file of the Digital Marketplace may say (docs/scenarios.md); units are in the names."""

import math
from typing import Annotated, Literal

import msgspec

from node.mechanism.dmp import Beta, StepReputation, Uniform, WindowReputation
from node.protocol.dmp.networks import Reputation
from node.protocol.numbers import MAX_PRICE, MAX_RATE_KBPS, MAX_SECONDS
from node.protocol.topics import Name
from node.strategy.dmp import (
    CommonEquilibriumBid,
    CostPlus,
    FirstPrice,
    LoadBased,
    NoRegret,
    PricingStrategy,
    PrivateEquilibriumBid,
)
from node.strategy.dmp.markups import LARGEST_EXPONENT
from node.strategy.random import Random
from scenarios.errors import ScenarioError
from scenarios.files.names import names_of
from scenarios.files.tables import Number
from scenarios.files.types import Count, Names, PositiveSeconds, Seconds, Share, Table
from scenarios.markets import base
from scenarios.markets.dmp.own import OwnPricing

_Rate = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_RATE_KBPS)]
_Price = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]
_PositivePrice = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_PRICE)]
_Exponent = Annotated[float, msgspec.Meta(ge=1.0, le=LARGEST_EXPONENT)]
_Factor = Annotated[float, msgspec.Meta(ge=1.0, le=1000.0)]
_PositiveShare = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
_Commitment = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
_Shape = Annotated[float, msgspec.Meta(gt=0.0, le=1000.0)]
_CallsPerSecond = Annotated[float, msgspec.Meta(gt=0.0, le=1e6)]
_MarketSeconds = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_SECONDS)]
_Few = Annotated[int, msgspec.Meta(ge=2, le=1000)]


class UniformBelief(Table, frozen=True, kw_only=True, tag_field="distribution", tag="uniform"):
    """Uniform between ``low`` and ``high``."""

    low: _Price = 0.0
    high: _Price = 1.0

    def build(self) -> Uniform:
        """What is believed."""
        return Uniform(self.low, self.high)


class BetaBelief(Table, frozen=True, kw_only=True, tag_field="distribution", tag="beta"):
    """Beta with shapes ``a`` and ``b``, stretched to ``low`` … ``high``."""

    a: _Shape
    b: _Shape
    low: _Price = 0.0
    high: _Price = 1.0

    def build(self) -> Beta:
        """What is believed."""
        return Beta(self.a, self.b, self.low, self.high)


Belief = UniformBelief | BetaBelief
"""What an operator believes of the others' costs or reputations."""


class CostPlusPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="cost-plus"):
    """The cost and a margin on it."""

    margin: _Price = 0.1

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return CostPlus(self.margin)


class FirstPricePricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="first-price"):
    """The paper's b*, whatever the price weight."""

    cost: Belief = UniformBelief()

    def check(self, key: str) -> None:
        """A belief must have a width."""
        _check_belief(f"{key}.cost", self.cost)

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return FirstPrice(self.cost.build())


class PrivateEquilibriumPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="private-equilibrium"):
    """The equilibrium bid where nobody knows the others' reputations."""

    cost: Belief = UniformBelief()
    reputation: Belief = UniformBelief()
    ceiling_money: _Price = 10.0

    def check(self, key: str) -> None:
        """Beliefs must have a width, and the ceiling room for every cost."""
        _check_beliefs(key, self.cost, self.reputation, self.ceiling_money)

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return PrivateEquilibriumBid(self.cost.build(), self.reputation.build(), self.ceiling_money)


class CommonEquilibriumPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="common-equilibrium"):
    """The equilibrium bid where all reputations are common knowledge."""

    cost: UniformBelief = UniformBelief()
    reputation: Belief = UniformBelief()
    ceiling_money: _Price = 10.0

    def check(self, key: str) -> None:
        """Beliefs must have a width, and the ceiling room for every cost."""
        _check_beliefs(key, self.cost, self.reputation, self.ceiling_money)

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return CommonEquilibriumBid(self.cost.build(), self.reputation.build(), self.ceiling_money)


class LoadBasedPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="load-based"):
    """The cost, a margin, and more the busier the network is."""

    margin_money: _Price = 0.05
    congestion_money: _Price = 0.5
    exponent: _Exponent = 2.0

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return LoadBased(self.margin_money, self.congestion_money, self.exponent)


class NoRegretPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="no-regret"):
    """A learner that favours the mark-ups which have earned most."""

    ceiling_money: _PositivePrice = 1.0
    arms: _Few = 12
    rate: _PositiveShare = 0.01
    exploration: _PositiveShare = 0.12

    def build(self, random: Random) -> PricingStrategy:
        """One operator's, which draws its mark-ups from ``random``."""
        return NoRegret(random, self.ceiling_money, self.arms, self.rate, self.exploration)


PricingTable = (
    CostPlusPricing
    | FirstPricePricing
    | PrivateEquilibriumPricing
    | CommonEquilibriumPricing
    | LoadBasedPricing
    | NoRegretPricing
    | OwnPricing
)


def _check_belief(key: str, belief: Belief, most: float = math.inf) -> None:
    if not belief.low < belief.high <= most:
        limit = "" if most == math.inf else f", and that at most {most:g}"
        raise ScenarioError(f"{key}.low = {belief.low} must be below high = {belief.high}{limit}")


def _check_beliefs(key: str, cost: Belief, reputation: Belief, ceiling: float) -> None:
    _check_belief(f"{key}.cost", cost)
    _check_belief(f"{key}.reputation", reputation, most=1.0)
    if ceiling < cost.high:
        raise ScenarioError(f"{key}.ceiling_money = {ceiling} must be at least cost.high = {cost.high}")


class Service(Table, frozen=True, kw_only=True):
    """A class of calls: the capacity each takes, and for how long."""

    name: Name
    rate_kbps: _Rate
    holding_s: Number
    contract: Literal["session", "location-and-paging"] = "session"


class Operators(Table, frozen=True, kw_only=True):
    """One network operator, or ``count`` alike called name-1, name-2 and so on.

    ``cost_money`` is drawn anew for every call. It bids for calls up to ``overcommitment`` times its capacity.
    """

    name: Name = "operator"
    count: Count = 1
    capacity_kbps: Number
    cost_money: Number = 0.5
    pricing: PricingTable = PrivateEquilibriumPricing()
    overcommitment: _Factor = 1.0
    initial_reputation: Share | None = None


class Agents(Table, frozen=True, kw_only=True):
    """A service agent: asks for its terminals' calls at a weight of its own, and takes a fee."""

    name: Name
    fee_money: _Price = 0.0
    price_weight: Share | None = None


class Terminals(Table, frozen=True, kw_only=True):
    """One user terminal, or ``count`` alike called name-1, name-2 and so on.

    Each makes so many ``calls``, a Poisson stream of them, each for one of the ``services`` at random.
    """

    name: Name = "terminal"
    count: Count = 1
    calls: Count
    calls_per_s: _CallsPerSecond
    services: Names | None = None
    price_weight: Number
    budget_money: Number | None = None
    agent: Name | None = None


class WindowRule(Table, frozen=True, kw_only=True, tag_field="rule", tag="window"):
    """The share of failures among the last ``calls``."""

    calls: Count = 5
    initial: Share = 0.0

    def build(self, initial: float | None) -> Reputation:
        """A first reputation, the rule's if ``initial`` is None, and how it moves."""
        return WindowReputation(self.calls, self.initial if initial is None else initial)


class StepRule(Table, frozen=True, kw_only=True, tag_field="rule", tag="step"):
    """A step down for each call served, ``commitment / (1 - commitment)`` steps up for each that is not."""

    commitment: _Commitment = 0.9
    initial: Share = 0.0
    step: _PositiveShare = 0.01

    def build(self, initial: float | None) -> Reputation:
        """A first reputation, the rule's if ``initial`` is None, and how it moves."""
        return StepReputation(self.commitment, self.initial if initial is None else initial, self.step)


class FixedRule(Table, frozen=True, kw_only=True, tag_field="rule", tag="none"):
    """Nothing that happens moves it: the prices alone decide."""

    initial: Share = 0.0

    def build(self, initial: float | None) -> Reputation:
        """A first reputation, the rule's if ``initial`` is None, which stays."""
        return StepReputation(0.0, self.initial if initial is None else initial, step=0.0)


ReputationTable = WindowRule | StepRule | FixedRule


class MarketplaceTable(Table, frozen=True, kw_only=True):
    """How the market agent holds auctions.

    ``speed`` seconds of the market, in which calls and services are counted, pass in one second of the clock, in which
    all the other keys count.
    """

    name: Name = "market"
    speed: _Shape = 1.0
    gather_s: Seconds = 0.05
    bid_window_s: PositiveSeconds | None = None
    retry_s: PositiveSeconds | None = None
    reserve: _Price | None = None
    public_reputations: bool = False


class CallScenario(base.Scenario, frozen=True, kw_only=True):
    """A Digital Marketplace, and how long a run of it may take."""

    market: Literal["dmp"]
    marketplace: MarketplaceTable = MarketplaceTable()
    reputation: ReputationTable = WindowRule()
    services: Annotated[list[Service], msgspec.Meta(min_length=1)]
    operators: Annotated[list[Operators], msgspec.Meta(min_length=1)]
    agents: list[Agents] = msgspec.field(default_factory=list)
    terminals: Annotated[list[Terminals], msgspec.Meta(min_length=1)]

    @property
    def user_names(self) -> list[str]:
        """All nodes, the market agent last."""
        groups: list[Operators | Terminals] = [*self.operators, *self.terminals]
        drawn = [name for group in groups for name in names_of(group)]
        return [*drawn, *(agent.name for agent in self.agents), self.marketplace.name]
