"""What a scenario file may say (docs/scenarios.md); the unit of every number is in its name."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from node.mechanism import valuation
from node.mechanism.valuation import Valuation
from node.protocol.numbers import MAX_MONEY, MAX_PRICE
from node.protocol.topics import Name
from node.strategy.psp.adaptive import AdaptiveBestReply, surplus
from node.strategy.psp.best_reply import BestReply
from node.strategy.psp.offer import BuyerStrategy
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.quantised import Quantised
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve, ReserveRule
from scenarios.errors import ScenarioError
from scenarios.files.draws import as_drawn
from scenarios.files.names import check_known, names_of
from scenarios.files.tables import Megabytes, Number, Positive
from scenarios.files.types import Count, Names, PositiveSeconds, Seconds, Share, Size, Stem, Table, meaning
from scenarios.markets import base
from scenarios.markets.psp.own import OwnMechanism, OwnStrategy, OwnValuation

_PricePerMb = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]
Money = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_MONEY)]
_PriceStep = Annotated[float, msgspec.Meta(ge=1e-6, le=MAX_PRICE)]
_Crowd = Annotated[float, msgspec.Meta(ge=0.0, le=1000.0)]
_Demand = Annotated[Number, meaning("what is wanted at most")]
_ChokePrice = Annotated[Number, meaning("what the first MB is worth, and the most that any is")]
_PriceAtDemand = Annotated[Number, meaning("what the last MB of the demand is worth")]
_Device = Annotated[Name | None, meaning("the host of a device that carries it: waited for, not started")]
_At = Annotated[PositiveSeconds, meaning("it happens so long after the market opened")]


class FlatValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="flat"):
    """Every MB up to the demand is worth the same."""

    demand_mb: _Demand
    value_per_mb: Annotated[Number, meaning("what every MB up to the demand is worth")]

    def build(self) -> Valuation:
        """The valuation of these numbers; ValueError if they make none."""
        return valuation.Flat(as_drawn(self.demand_mb), as_drawn(self.value_per_mb))


class ParabolicValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="parabolic"):
    """The worth of the next MB falls linearly from the choke price to nothing at the demand."""

    demand_mb: _Demand
    choke_price_per_mb: _ChokePrice

    def build(self) -> Valuation:
        """The valuation of these numbers; ValueError if they make none."""
        return valuation.Parabolic(as_drawn(self.demand_mb), as_drawn(self.choke_price_per_mb))


class LogarithmicValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="logarithmic"):
    """A logarithmic valuation, from the choke price down to a price at the demand."""

    demand_mb: _Demand
    choke_price_per_mb: _ChokePrice
    price_at_demand_per_mb: _PriceAtDemand

    def check(self, key: str) -> None:
        """The price at the demand must not exceed the choke price."""
        super().check(key)
        _check_falling(key, self.choke_price_per_mb, self.price_at_demand_per_mb)

    def build(self) -> Valuation:
        """The valuation of these numbers; ValueError if they make none."""
        return valuation.Logarithmic(
            demand_mb=as_drawn(self.demand_mb),
            choke_price=as_drawn(self.choke_price_per_mb),
            price_at_demand=as_drawn(self.price_at_demand_per_mb),
        )


class IsoelasticValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="isoelastic"):
    """Demand of constant elasticity, below the choke price and up to the demand."""

    demand_mb: _Demand
    choke_price_per_mb: _ChokePrice
    price_at_demand_per_mb: _PriceAtDemand
    elasticity: Annotated[Number, meaning("of the demand: a price that is 1 % higher takes so many per cent off it")]

    def check(self, key: str) -> None:
        """The price at the demand must not exceed the choke price."""
        super().check(key)
        _check_falling(key, self.choke_price_per_mb, self.price_at_demand_per_mb)

    def build(self) -> Valuation:
        """The valuation of these numbers; ValueError if they make none."""
        return valuation.Isoelastic(
            demand_mb=as_drawn(self.demand_mb),
            price_at_demand=as_drawn(self.price_at_demand_per_mb),
            elasticity=as_drawn(self.elasticity),
            choke_price=as_drawn(self.choke_price_per_mb),
        )


class PiecewiseLinearValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="piecewise-linear"):
    """The worth of the next MB as a table of [MB, price per MB], from 0 MB on, falling."""

    knots: Annotated[
        list[tuple[Megabytes, _PricePerMb]],
        msgspec.Meta(min_length=2),
        meaning("list of `[MB, price per MB]`, with straight lines between them"),
    ]

    def check(self, key: str) -> None:
        """Quantities must rise from 0, and prices must not rise."""
        quantities, prices = zip(*self.knots, strict=True)
        rising = all(a < b for a, b in pairwise(quantities))
        falling = all(a >= b for a, b in pairwise(prices))
        if quantities[0] != 0.0 or not rising or not falling:
            raise ScenarioError(f"{key}.knots = {self.knots!r}: MB must rise from 0, and prices must not rise")

    def build(self) -> Valuation:
        """The valuation of these knots; ValueError if they make none."""
        return valuation.PiecewiseLinear(tuple(self.knots))


def _check_falling(key: str, choke: Number, last: Number) -> None:
    if isinstance(choke, float) and isinstance(last, float) and last > choke:
        raise ScenarioError(f"{key}.price_at_demand_per_mb = {last} must not exceed choke_price_per_mb = {choke}")


ValuationTable = (
    FlatValuation
    | ParabolicValuation
    | LogarithmicValuation
    | IsoelasticValuation
    | PiecewiseLinearValuation
    | OwnValuation
)


class OptOutStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="opt-out"):
    """The paper's: bid at the fewest sellers that can serve the demand."""

    split: Annotated[
        Literal["equal", "fill-largest-first"],
        meaning('`"equal"`: the same from each chosen seller; `"fill-largest-first"`: as much as each can give'),
    ] = "equal"
    price_at: Annotated[
        Literal["total", "share"], meaning('bid θ\' of the `"total"` demand, or of the `"share"` bid at one seller')
    ] = "total"
    think_s: Annotated[Seconds, meaning("longest think time; each is a uniform share of it")] = 0.0

    def build(self) -> BuyerStrategy:
        """One buyer's."""
        return OptOut(self.split, self.price_at, self.think_s)


class BestReplyStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="best-reply"):
    """Lazar & Semret's: the ε-best reply, whenever it gains more than the fee."""

    epsilon_step_money: Annotated[Money, meaning("utility forgone to stay clear of rivals")]
    epsilon_fee_money: Annotated[Money, meaning("utility that a move must gain")]
    think_min_s: Annotated[Seconds, meaning("shortest think time")] = 0.0
    think_max_s: Annotated[Seconds, meaning("longest think time; each is uniform between the two")] = 0.0

    def check(self, key: str) -> None:
        """The least think time must not exceed the most."""
        if self.think_min_s > self.think_max_s:
            raise ScenarioError(f"{key}.think_min_s = {self.think_min_s} must not exceed think_max_s")

    def build(self) -> BuyerStrategy:
        """One buyer's."""
        return BestReply(self.epsilon_step_money, self.epsilon_fee_money, (self.think_min_s, self.think_max_s))


class AdaptiveStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="adaptive"):
    """A best reply that is damped, ε-scaled and aware of the crowd."""

    epsilon_start_share: Annotated[
        Share,
        meaning(
            "first and largest ε, as a share of the most that the buyer could gain at the lowest reserve of its pool"
        ),
    ] = 0.1
    epsilon_end_share: Annotated[Share, meaning("last and smallest ε, likewise: what a move must gain at least")] = (
        0.0013
    )
    epsilon_start_money: Annotated[Money | None, meaning("first and largest ε in money, instead of a share")] = None
    epsilon_end_money: Annotated[Money | None, meaning("last and smallest ε in money; with the first")] = None
    crowd: Annotated[
        _Crowd, meaning("mean think time as a share of a round trip per participant; half a round trip at least")
    ] = 0.1
    presence_share: Annotated[
        Share, meaning("share of the demand that is bid in all at least, in equal parts at the sellers of the pool")
    ] = 0.005
    damping: Annotated[Share, meaning("share of the way to the reply that a move goes")] = 0.5

    def build(self) -> BuyerStrategy:
        """One buyer's."""
        first, last = self.epsilon
        return AdaptiveBestReply(
            epsilon_start=first,
            epsilon_end=last,
            crowd=self.crowd,
            presence=self.presence_share,
            damping=self.damping,
            is_relative=self.unit == "share",
        )

    @property
    def unit(self) -> Literal["share", "money"]:
        """What ε is given as."""
        return "share" if self.epsilon_end_money is None else "money"

    @property
    def epsilon(self) -> tuple[float, float]:
        """First and last ε, in its unit."""
        if self.epsilon_start_money is not None and self.epsilon_end_money is not None:
            return self.epsilon_start_money, self.epsilon_end_money
        return self.epsilon_start_share, self.epsilon_end_share

    def epsilon_money(self, valuation: Valuation, reserve: float) -> tuple[float, float]:
        """First and last ε of a buyer, money, where the lowest reserve of its pool is so much per MB."""
        unit = surplus(valuation, reserve) if self.unit == "share" else 1.0
        first, last = self.epsilon
        return first * unit, last * unit

    def check(self, key: str) -> None:
        """Both amounts of money or none; ε must not grow from the first to the last."""
        if (self.epsilon_start_money is None) != (self.epsilon_end_money is None):
            raise ScenarioError(
                f"{key}: give epsilon_start_money and epsilon_end_money both, or neither: then shares count"
            )
        first, last = self.epsilon
        if last > first:
            unit = self.unit
            raise ScenarioError(f"{key}.epsilon_end_{unit} = {last} must not exceed epsilon_start_{unit} = {first}")


class QuantisedStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="quantised"):
    """Qu, Jia & Caines': bids at the levels of one grid of prices."""

    price_step_per_mb: Annotated[_PriceStep, meaning("how far apart the levels are; they begin at 0")]
    crowd: Annotated[
        _Crowd, meaning("mean think time as a share of a round trip per participant; half a round trip at least")
    ] = 0.1

    def build(self) -> BuyerStrategy:
        """One buyer's."""
        return Quantised(self.price_step_per_mb, self.crowd)


StrategyTable = OptOutStrategy | BestReplyStrategy | AdaptiveStrategy | QuantisedStrategy | OwnStrategy


class Sellers(Table, frozen=True, kw_only=True):
    """One seller, or ``count`` alike called name-1, name-2, …, or the rows of a CSV or Parquet file.

    One on a ``device``, the host of that name, is waited for and not started: somebody else does that.
    """

    name: Stem = "seller"
    count: Size = 1
    file: Annotated[str | None, meaning("CSV or Parquet file, one row per seller; not with `count`")] = None
    device: _Device = None
    supply_mb: Annotated[Number, meaning("what it has to sell")]
    reserve_price_per_mb: Annotated[Number, meaning("the price below which it does not sell")] = 0.0
    joins_at_s: Annotated[Seconds, meaning("it begins to sell so long after the market opened; 0: at once")] = 0.0


class Buyers(Table, frozen=True, kw_only=True):
    """One buyer, or ``count`` alike called name-1, name-2, …, or the rows of a CSV or Parquet file.

    Its pool is the named ``sellers``, or ``sellers_each`` drawn at random; without either, all. ``device`` as above.
    """

    name: Stem = "buyer"
    count: Size = 1
    file: Annotated[str | None, meaning("CSV or Parquet file, one row per buyer; not with `count`")] = None
    device: _Device = None
    sellers: Annotated[Names | None, meaning("its pool: the sellers it can reach, by name")] = None
    sellers_each: Annotated[Count | None, meaning("its pool: so many, drawn at random; not with `sellers`")] = None
    budget_money: Annotated[Number | None, meaning("the most it pays in all")] = None
    valuation: Annotated[ValuationTable, meaning("what data is worth to it")]
    strategy: Annotated[StrategyTable, meaning("how it bids")] = OptOutStrategy()
    joins_at_s: Annotated[Seconds, meaning("it begins to bid so long after the market opened; 0: at once")] = 0.0


ShiftKind = Literal["join", "leave", "supply", "valuation"]


class Shift(msgspec.Struct, frozen=True):
    """What happens to one node, so many seconds after the market opened.

    Attributes
    ----------
    factor
        Of ``supply`` and ``valuation``: how many times what it was at first.
    instead_of
        Of ``join``: the node of the same user that leaves; both are on one device.
    """

    at_s: float
    node: str
    kind: ShiftKind
    factor: float = 1.0
    instead_of: str = ""


Users = AbstractSet[str]
"""The names of some users."""


class LeaveShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="leave"):
    """Users leave: buyers take back their bids, sellers what they have not sold."""

    at_s: _At
    nodes: Annotated[Names, meaning("names of users")]

    def check_nodes(self, key: str, sellers: Users, buyers: Users) -> None:
        """Any user may leave."""
        check_known(f"{key}.nodes", self.nodes, sellers | buyers, "user")

    def shifts(self) -> Iterator[Shift]:
        """One for each user."""
        return (Shift(self.at_s, node, "leave") for node in self.nodes)


class SupplyShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="supply"):
    """Sellers have ``factor`` times as much to sell as they had at first."""

    at_s: _At
    nodes: Annotated[Names, meaning("names of sellers")]
    factor: Annotated[Megabytes, meaning("they have so many times what they had at first")]

    def check_nodes(self, key: str, sellers: Users, buyers: Users) -> None:
        """Only sellers have a supply."""
        del buyers
        check_known(f"{key}.nodes", self.nodes, sellers, "seller")

    def shifts(self) -> Iterator[Shift]:
        """One for each seller."""
        return (Shift(self.at_s, node, "supply", self.factor) for node in self.nodes)


class ValuationShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="valuation"):
    """Every MB is worth ``factor`` times as much to these buyers as it was at first."""

    at_s: _At
    nodes: Annotated[Names, meaning("names of buyers")]
    factor: Annotated[Positive, meaning("every MB is worth so many times as much to them as at first")]

    def check_nodes(self, key: str, sellers: Users, buyers: Users) -> None:
        """Only buyers have a valuation."""
        del sellers
        check_known(f"{key}.nodes", self.nodes, buyers, "buyer")

    def shifts(self) -> Iterator[Shift]:
        """One for each buyer."""
        return (Shift(self.at_s, node, "valuation", self.factor) for node in self.nodes)


class SwitchShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="switch"):
    """A user stops buying and begins to sell, or the reverse: ``node`` leaves and ``to``, on its device, joins."""

    at_s: _At
    node: Annotated[Name, meaning("the user who leaves")]
    to: Annotated[Name, meaning("the user who joins, on the same device")]

    def check_nodes(self, key: str, sellers: Users, buyers: Users) -> None:
        """A buyer becomes a seller, or a seller a buyer."""
        check_known(f"{key}.node", [self.node], sellers | buyers, "user")
        other, what = (buyers, "buyer") if self.node in sellers else (sellers, "seller")
        check_known(f"{key}.to", [self.to], other, what)

    def shifts(self) -> Iterator[Shift]:
        """The one leaves, the other joins."""
        yield Shift(self.at_s, self.node, "leave")
        yield Shift(self.at_s, self.to, "join", instead_of=self.node)


ShiftTable = LeaveShift | SupplyShift | ValuationShift | SwitchShift


Mechanism = (
    Literal[
        "psp",
        "uniform-price",
        "pay-as-bid",
        "posted-price",
        "proportional-share",
        "multi-bid",
        "vcg",
        "clearing-house",
        "operator-matching",
    ]
    | OwnMechanism
)
"""The first three are held over the wire; the others are worked out in world ``direct``."""


class AuctionTable(Table, frozen=True, kw_only=True):
    """How all auctions of the market are held; what is left out follows from the clearing interval and the network."""

    clearing_interval_s: Annotated[PositiveSeconds, meaning("a seller clears at most once per interval")] = 0.05
    quiet_period_s: Annotated[
        PositiveSeconds | None, meaning("an auction in which no bid changed for so long is awarded")
    ] = None
    retry_s: Annotated[PositiveSeconds | None, meaning("what has no answer for so long is sent again")] = None
    patience_s: Annotated[
        PositiveSeconds | None,
        meaning(
            "so long, in all, one bidder may keep one auction from being awarded; then it is struck out. "
            "A buyer waits twice as long for a receipt"
        ),
    ] = None
    open_at_least_s: Annotated[
        Seconds | None, meaning("no auction is awarded before the market was open for so long")
    ] = None
    mechanism: Annotated[
        Mechanism,
        meaning(
            'how every auction charges: `"psp"`, `"uniform-price"` or `"pay-as-bid"`, or one of your own, '
            '`"my_module:MyMechanism"`; in world `direct` another mechanism'
        ),
    ] = "psp"
    posted_price_per_mb: Annotated[
        _PricePerMb | None,
        meaning("with `posted-price` only, what all sellers post whose reserve price is not above it"),
    ] = None
    reserve_rule: Annotated[
        Literal["fixed", "highest-losing"],
        meaning('`"fixed"`: the seller\'s reserve price; `"highest-losing"`: above the highest losing bid'),
    ] = "fixed"
    reserve_step_per_mb: Annotated[_PricePerMb, meaning("what `highest-losing` adds to the highest losing bid")] = 0.01

    def reserve(self, first_per_mb: float) -> ReserveRule:
        """How a seller whose reserve price is ``first_per_mb`` at first sets it."""
        if self.reserve_rule == "fixed":
            return FixedReserve(first_per_mb)
        return HighestLosingReserve(first_per_mb, self.reserve_step_per_mb)


class ArrayTable(Table, frozen=True, kw_only=True):
    """How world ``array`` plays: some buyers of each auction per round, drawn at random, or all at once."""

    rounds: Annotated[
        Literal["random", "synchronous"],
        meaning(
            '`"random"`: in a round some buyers of each auction move, drawn at '
            'random; `"synchronous"`: all who have something to think about, so that '
            "large markets hardly ever settle"
        ),
    ] = "random"


class Scenario(base.Scenario, frozen=True, kw_only=True):
    """A market of the exchange, and how long it may take."""

    market: Annotated[Literal["psp"], meaning("kind of market")] = "psp"
    auction: Annotated[AuctionTable, meaning("how all auctions are held")] = AuctionTable()
    array: Annotated[ArrayTable, meaning("how world `array` plays")] = ArrayTable()
    sellers: Annotated[list[Sellers], msgspec.Meta(min_length=1), meaning("the users who sell")]
    buyers: Annotated[list[Buyers], msgspec.Meta(min_length=1), meaning("the users who buy")]
    shifts: Annotated[list[ShiftTable], meaning("what changes while the market runs")] = msgspec.field(
        default_factory=list
    )

    @property
    def user_names(self) -> list[str]:
        """All users, sellers first."""
        groups: list[Sellers | Buyers] = [*self.sellers, *self.buyers]
        return [name for group in groups for name in names_of(group)]
