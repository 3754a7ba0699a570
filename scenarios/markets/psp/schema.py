"""What a scenario file may say (docs/scenarios.md); the unit of every number is in its name."""

from typing import Annotated, Literal

import msgspec

from node.protocol.numbers import MAX_MONEY, MAX_PRICE
from scenarios.files.tables import Megabytes, Number, Positive
from scenarios.files.types import Count, Name, Names, PositiveSeconds, Seconds, Share, Table
from scenarios.markets import base

_PricePerMb = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]
Money = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_MONEY)]
_Crowd = Annotated[float, msgspec.Meta(ge=0.0, le=1000.0)]


class FlatValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="flat"):
    """Every MB up to the demand is worth the same."""

    demand_mb: Number
    value_per_mb: Number


class ParabolicValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="parabolic"):
    """The worth of the next MB falls linearly from the choke price to nothing at the demand."""

    demand_mb: Number
    choke_price_per_mb: Number


class LogarithmicValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="logarithmic"):
    """A logarithmic valuation, from the choke price down to a price at the demand."""

    demand_mb: Number
    choke_price_per_mb: Number
    price_at_demand_per_mb: Number


class IsoelasticValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="isoelastic"):
    """Demand of constant elasticity, below the choke price and up to the demand."""

    demand_mb: Number
    choke_price_per_mb: Number
    price_at_demand_per_mb: Number
    elasticity: Number


class PiecewiseLinearValuation(Table, frozen=True, kw_only=True, tag_field="kind", tag="piecewise-linear"):
    """The worth of the next MB as a table of [MB, price per MB], from 0 MB on, falling."""

    knots: Annotated[list[tuple[Megabytes, _PricePerMb]], msgspec.Meta(min_length=2)]


ValuationTable = (
    FlatValuation | ParabolicValuation | LogarithmicValuation | IsoelasticValuation | PiecewiseLinearValuation
)


class OptOutStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="opt-out"):
    """The paper's: bid at the fewest sellers that can serve the demand."""

    split: Literal["equal", "fill-largest-first"] = "equal"
    price_at: Literal["total", "share"] = "total"
    think_s: Seconds = 0.0


class BestReplyStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="best-reply"):
    """Lazar & Semret's: the ε-best reply, whenever it gains more than the fee."""

    epsilon_step_money: Money
    epsilon_fee_money: Money
    think_min_s: Seconds = 0.0
    think_max_s: Seconds = 0.0


class AdaptiveStrategy(Table, frozen=True, kw_only=True, tag_field="kind", tag="adaptive"):
    """A best reply that is damped, ε-scaled and aware of the crowd."""

    epsilon_start_money: Money = 40.0
    epsilon_end_money: Money = 0.6
    crowd: _Crowd = 0.1
    presence_share: Share = 0.005
    damping: Share = 0.5


StrategyTable = OptOutStrategy | BestReplyStrategy | AdaptiveStrategy


class Sellers(Table, frozen=True, kw_only=True):
    """One seller, or ``count`` alike called name-1, name-2, …, or the rows of a CSV or Parquet file.

    One on a ``device``, the host of that name, is waited for and not started: somebody else does that.
    """

    name: Name = "seller"
    count: Count = 1
    file: str | None = None
    device: Name | None = None
    supply_mb: Number
    reserve_price_per_mb: Number = 0.0
    joins_at_s: Seconds = 0.0


class Buyers(Table, frozen=True, kw_only=True):
    """One buyer, or ``count`` alike called name-1, name-2, …, or the rows of a CSV or Parquet file.

    Its pool is the named ``sellers``, or ``sellers_each`` drawn at random; without either, all. ``device`` as above.
    """

    name: Name = "buyer"
    count: Count = 1
    file: str | None = None
    device: Name | None = None
    sellers: Names | None = None
    sellers_each: Count | None = None
    budget_money: Number | None = None
    valuation: ValuationTable
    strategy: StrategyTable = OptOutStrategy()
    joins_at_s: Seconds = 0.0


class LeaveShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="leave"):
    """Users leave: buyers take back their bids, sellers what they have not sold."""

    at_s: PositiveSeconds
    nodes: Names


class SupplyShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="supply"):
    """Sellers have ``factor`` times as much to sell as they had at first."""

    at_s: PositiveSeconds
    nodes: Names
    factor: Megabytes


class ValuationShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="valuation"):
    """Every MB is worth ``factor`` times as much to these buyers as it was at first."""

    at_s: PositiveSeconds
    nodes: Names
    factor: Positive


class SwitchShift(Table, frozen=True, kw_only=True, tag_field="kind", tag="switch"):
    """A user stops buying and begins to sell, or the reverse: ``node`` leaves and ``to``, on its device, joins."""

    at_s: PositiveSeconds
    node: Name
    to: Name


ShiftTable = LeaveShift | SupplyShift | ValuationShift | SwitchShift


class AuctionTable(Table, frozen=True, kw_only=True):
    """How all auctions of the market are held; what is left out follows from the clearing interval and the network."""

    clearing_interval_s: PositiveSeconds = 0.05
    quiet_period_s: PositiveSeconds | None = None
    retry_s: PositiveSeconds | None = None
    reserve_rule: Literal["fixed", "highest-losing"] = "fixed"
    reserve_step_per_mb: _PricePerMb = 0.01


class ArrayTable(Table, frozen=True, kw_only=True):
    """How world ``array`` plays: some buyers of each auction per round, drawn at random, or all at once."""

    rounds: Literal["random", "synchronous"] = "random"


class Scenario(base.Scenario, frozen=True, kw_only=True):
    """A market of the exchange, and how long it may take."""

    market: Literal["psp"] = "psp"
    auction: AuctionTable = AuctionTable()
    array: ArrayTable = ArrayTable()
    sellers: Annotated[list[Sellers], msgspec.Meta(min_length=1)]
    buyers: Annotated[list[Buyers], msgspec.Meta(min_length=1)]
    shifts: list[ShiftTable] = msgspec.field(default_factory=list)
