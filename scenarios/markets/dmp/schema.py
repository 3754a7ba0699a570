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
from scenarios.files.types import Count, Names, PositiveSeconds, Seconds, Share, Size, Stem, Table, meaning
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
_Initial = Annotated[Share, meaning("where a reputation begins")]


class UniformBelief(Table, frozen=True, kw_only=True, tag_field="distribution", tag="uniform"):
    """Uniform between ``low`` and ``high``."""

    low: Annotated[_Price, meaning("the least that is believed possible")] = 0.0
    high: Annotated[_Price, meaning("the most that is believed possible")] = 1.0

    def build(self) -> Uniform:
        """What is believed."""
        return Uniform(self.low, self.high)


class BetaBelief(Table, frozen=True, kw_only=True, tag_field="distribution", tag="beta"):
    """Beta with shapes ``a`` and ``b``, stretched to ``low`` … ``high``."""

    a: Annotated[_Shape, meaning("first shape of the beta distribution")]
    b: Annotated[_Shape, meaning("second shape of the beta distribution")]
    low: Annotated[_Price, meaning("the least that is believed possible")] = 0.0
    high: Annotated[_Price, meaning("the most that is believed possible")] = 1.0

    def build(self) -> Beta:
        """What is believed."""
        return Beta(self.a, self.b, self.low, self.high)


Belief = UniformBelief | BetaBelief
"""What an operator believes of the others' costs or reputations."""


class CostPlusPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="cost-plus"):
    """The cost and a margin on it."""

    margin: Annotated[_Price, meaning("on top of the cost, money")] = 0.1

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return CostPlus(self.margin)


class FirstPricePricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="first-price"):
    """The paper's b*, whatever the price weight."""

    cost: Annotated[Belief, meaning("belief about the others' costs")] = UniformBelief()

    def check(self, key: str) -> None:
        """A belief must have a width."""
        _check_belief(f"{key}.cost", self.cost)

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return FirstPrice(self.cost.build())


class PrivateEquilibriumPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="private-equilibrium"):
    """The equilibrium bid where nobody knows the others' reputations."""

    cost: Annotated[Belief, meaning("belief about the others' costs")] = UniformBelief()
    reputation: Annotated[Belief, meaning("belief about the others' reputations, which nobody knows")] = UniformBelief()
    ceiling_money: Annotated[_Price, meaning("the highest price it asks; at least the highest cost believed")] = 10.0

    def check(self, key: str) -> None:
        """Beliefs must have a width, and the ceiling room for every cost."""
        _check_beliefs(key, self.cost, self.reputation, self.ceiling_money)

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return PrivateEquilibriumBid(self.cost.build(), self.reputation.build(), self.ceiling_money)


class CommonEquilibriumPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="common-equilibrium"):
    """The equilibrium bid where all reputations are common knowledge."""

    cost: Annotated[UniformBelief, meaning("belief about the others' costs")] = UniformBelief()
    reputation: Annotated[Belief, meaning("belief about the others' reputations")] = UniformBelief()
    ceiling_money: Annotated[_Price, meaning("the highest price it asks; at least the highest cost believed")] = 10.0

    def check(self, key: str) -> None:
        """Beliefs must have a width, and the ceiling room for every cost."""
        _check_beliefs(key, self.cost, self.reputation, self.ceiling_money)

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return CommonEquilibriumBid(self.cost.build(), self.reputation.build(), self.ceiling_money)


class LoadBasedPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="load-based"):
    """The cost, a margin, and more the busier the network is."""

    margin_money: Annotated[_Price, meaning("on top of the cost")] = 0.05
    congestion_money: Annotated[_Price, meaning("on top of the margin when the network is full")] = 0.5
    exponent: Annotated[_Exponent, meaning("of the load: the larger, the later congestion sets in")] = 2.0

    def build(self, random: Random) -> PricingStrategy:
        """One operator's; it draws nothing."""
        del random
        return LoadBased(self.margin_money, self.congestion_money, self.exponent)


class NoRegretPricing(Table, frozen=True, kw_only=True, tag_field="kind", tag="no-regret"):
    """A learner that favours the mark-ups which have earned most."""

    ceiling_money: Annotated[_PositivePrice, meaning("the highest price it asks")] = 1.0
    arms: Annotated[_Few, meaning("how many mark-ups it tries")] = 12
    rate: Annotated[_PositiveShare, meaning("how fast it learns")] = 0.01
    exploration: Annotated[_PositiveShare, meaning("share of calls for which it tries any mark-up")] = 0.12

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

    name: Annotated[Name, meaning("name of the service")]
    rate_kbps: Annotated[_Rate, meaning("capacity that a call takes")]
    holding_s: Annotated[Number, meaning("how long a call lasts in the time of the market; drawn anew for each")]
    contract: Annotated[
        Literal["session", "location-and-paging"],
        meaning('`"session"`: a call; `"location-and-paging"`: being reachable'),
    ] = "session"


class Operators(Table, frozen=True, kw_only=True):
    """One network operator, or ``count`` alike called name-1, name-2 and so on.

    ``cost_money`` is drawn anew for every call. It bids for calls up to ``overcommitment`` times its capacity.
    """

    name: Stem = "operator"
    count: Size = 1
    capacity_kbps: Annotated[Number, meaning("what it can carry at once")]
    cost_money: Annotated[Number, meaning("what a call costs it; drawn anew for each auction")] = 0.5
    pricing: Annotated[PricingTable, meaning("how it bids")] = PrivateEquilibriumPricing()
    overcommitment: Annotated[
        _Factor, meaning("it bids if the calls it carries and the new one fit into so many times its capacity")
    ] = 1.0
    initial_reputation: Annotated[Share | None, meaning("where its reputation begins")] = None


class Agents(Table, frozen=True, kw_only=True):
    """A service agent: asks for its terminals' calls at a weight of its own, and takes a fee."""

    name: Annotated[Name, meaning("node name")]
    fee_money: Annotated[
        _Price, meaning("its fee per call, on top of the operator's price; within the terminal's budget")
    ] = 0.0
    price_weight: Annotated[Share | None, meaning("price weight w of all its calls")] = None


class Terminals(Table, frozen=True, kw_only=True):
    """One user terminal, or ``count`` alike called name-1, name-2 and so on.

    Each makes so many ``calls``, a Poisson stream of them, each for one of the ``services`` at random.
    """

    name: Stem = "terminal"
    count: Size = 1
    calls: Annotated[Count, meaning("how many calls it makes")]
    calls_per_s: Annotated[
        _CallsPerSecond, meaning("calls on average, in the time of the market: pauses between them are exponential")
    ]
    services: Annotated[Names | None, meaning("those it asks for, by name; each as likely")] = None
    price_weight: Annotated[
        Number, meaning("w, drawn anew for each call: 1, only the price counts; 0, only reputation")
    ]
    budget_money: Annotated[Number | None, meaning("offers above it are void; drawn anew for each call")] = None
    agent: Annotated[Name | None, meaning("the service agent that asks for it")] = None


class WindowRule(Table, frozen=True, kw_only=True, tag_field="rule", tag="window"):
    """The share of failures among the last ``calls``."""

    calls: Annotated[
        Count, meaning("share of failures among so many last calls; `initial` until there were so many")
    ] = 5
    initial: _Initial = 0.0

    def build(self, initial: float | None) -> Reputation:
        """A first reputation, the rule's if ``initial`` is None, and how it moves."""
        return WindowReputation(self.calls, self.initial if initial is None else initial)


class StepRule(Table, frozen=True, kw_only=True, tag_field="rule", tag="step"):
    """A step down for each call served, ``commitment / (1 - commitment)`` steps up for each that is not."""

    commitment: Annotated[_Commitment, meaning("q: a call that was not served raises it by q/(1 - q) steps")] = 0.9
    initial: _Initial = 0.0
    step: Annotated[_PositiveShare, meaning("a call served lowers it by so much")] = 0.01

    def build(self, initial: float | None) -> Reputation:
        """A first reputation, the rule's if ``initial`` is None, and how it moves."""
        return StepReputation(self.commitment, self.initial if initial is None else initial, self.step)


class FixedRule(Table, frozen=True, kw_only=True, tag_field="rule", tag="none"):
    """Nothing that happens moves it: the prices alone decide."""

    initial: _Initial = 0.0

    def build(self, initial: float | None) -> Reputation:
        """A first reputation, the rule's if ``initial`` is None, which stays."""
        return StepReputation(0.0, self.initial if initial is None else initial, step=0.0)


ReputationTable = WindowRule | StepRule | FixedRule


class MarketplaceTable(Table, frozen=True, kw_only=True):
    """How the market agent holds auctions.

    ``speed`` seconds of the market, in which calls and services are counted, pass in one second of the clock, in which
    all the other keys count.
    """

    name: Annotated[Name, meaning("node name of the market agent")] = "market"
    speed: Annotated[_Shape, meaning("seconds of the market per second of the clock")] = 1.0
    gather_s: Annotated[
        Seconds,
        meaning("an auction is held so long after its call was made, so that calls that come late still come in order"),
    ] = 0.05
    bid_window_s: Annotated[
        PositiveSeconds | None, meaning("an operator that has not answered for so long has no part in that auction")
    ] = None
    retry_s: Annotated[PositiveSeconds | None, meaning("what has no answer for so long is sent again")] = None
    reserve: Annotated[
        _Price | None, meaning("the secret reserve: above this w · price + (1 - w) · reputation there is no contract")
    ] = None
    public_reputations: Annotated[bool, meaning("whether operators are told the reputations of their rivals")] = False


class CallScenario(base.Scenario, frozen=True, kw_only=True):
    """A Digital Marketplace, and how long a run of it may take."""

    market: Annotated[Literal["dmp"], meaning("kind of market")]
    marketplace: Annotated[MarketplaceTable, meaning("how the market agent holds auctions")] = MarketplaceTable()
    reputation: Annotated[ReputationTable, meaning("what moves reputations")] = WindowRule()
    services: Annotated[list[Service], msgspec.Meta(min_length=1), meaning("what is asked for")]
    operators: Annotated[list[Operators], msgspec.Meta(min_length=1), meaning("who carries it")]
    agents: Annotated[list[Agents], meaning("who asks on terminals' behalf")] = msgspec.field(default_factory=list)
    terminals: Annotated[list[Terminals], msgspec.Meta(min_length=1), meaning("who asks")]

    @property
    def user_names(self) -> list[str]:
        """All nodes, the market agent last."""
        groups: list[Operators | Terminals] = [*self.operators, *self.terminals]
        drawn = [name for group in groups for name in names_of(group)]
        return [*drawn, *(agent.name for agent in self.agents), self.marketplace.name]
