"""What a scenario file may say (docs/scenarios.md); the unit of every number is in its name."""

from typing import Annotated, Literal

import msgspec

from node.protocol.numbers import MAX_MONEY, MAX_PRICE, MAX_QUANTITY_MB
from node.protocol.topics import NAME

_Megabytes = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_QUANTITY_MB)]
_PricePerMb = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]
_Money = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_MONEY)]
_Positive = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_QUANTITY_MB)]
_Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e6)]
_PositiveSeconds = Annotated[float, msgspec.Meta(gt=0.0, le=1e6)]
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Crowd = Annotated[float, msgspec.Meta(ge=0.0, le=1000.0)]
_Loss = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
_Name = Annotated[str, msgspec.Meta(pattern=f"^{NAME}$", max_length=64)]

_Names = Annotated[list[_Name], msgspec.Meta(min_length=1)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: no other keys than these."""


class Uniform(_Table, frozen=True, kw_only=True, tag_field="distribution", tag="uniform"):
    """Uniform between ``low`` and ``high``."""

    low: _Megabytes
    high: _Megabytes


class Normal(_Table, frozen=True, kw_only=True, tag_field="distribution", tag="normal"):
    """Normal, drawn again until it lies between ``low`` and ``high``."""

    mean: float
    deviation: _Positive
    low: _Megabytes = 0.0
    high: _Megabytes = MAX_QUANTITY_MB


class LogNormal(_Table, frozen=True, kw_only=True, tag_field="distribution", tag="log-normal"):
    """Log-normal with this median; ``sigma`` is the deviation of the logarithm."""

    median: _Positive
    sigma: _Positive


class Choice(_Table, frozen=True, kw_only=True, tag_field="distribution", tag="choice"):
    """One of ``values``, each as likely."""

    values: Annotated[list[_Megabytes], msgspec.Meta(min_length=1)]


Number = _Megabytes | Uniform | Normal | LogNormal | Choice
"""A number, or a distribution from which each member of a population draws its own."""


class FlatValuation(_Table, frozen=True, kw_only=True, tag_field="kind", tag="flat"):
    """Every MB up to the demand is worth the same."""

    demand_mb: Number
    value_per_mb: Number


class ParabolicValuation(_Table, frozen=True, kw_only=True, tag_field="kind", tag="parabolic"):
    """The worth of the next MB falls linearly from the choke price to nothing at the demand."""

    demand_mb: Number
    choke_price_per_mb: Number


class LogarithmicValuation(_Table, frozen=True, kw_only=True, tag_field="kind", tag="logarithmic"):
    """A logarithmic valuation, from the choke price down to a price at the demand."""

    demand_mb: Number
    choke_price_per_mb: Number
    price_at_demand_per_mb: Number


class IsoelasticValuation(_Table, frozen=True, kw_only=True, tag_field="kind", tag="isoelastic"):
    """Demand of constant elasticity, below the choke price and up to the demand."""

    demand_mb: Number
    choke_price_per_mb: Number
    price_at_demand_per_mb: Number
    elasticity: Number


class PiecewiseLinearValuation(_Table, frozen=True, kw_only=True, tag_field="kind", tag="piecewise-linear"):
    """The worth of the next MB as a table of [MB, price per MB], from 0 MB on, falling."""

    knots: Annotated[list[tuple[_Megabytes, _PricePerMb]], msgspec.Meta(min_length=2)]


ValuationTable = (
    FlatValuation | ParabolicValuation | LogarithmicValuation | IsoelasticValuation | PiecewiseLinearValuation
)


class OptOutStrategy(_Table, frozen=True, kw_only=True, tag_field="kind", tag="opt-out"):
    """The paper's: bid at the fewest sellers that can serve the demand."""

    split: Literal["equal", "fill-largest-first"] = "equal"
    price_at: Literal["total", "share"] = "total"
    think_s: _Seconds = 0.0


class BestReplyStrategy(_Table, frozen=True, kw_only=True, tag_field="kind", tag="best-reply"):
    """Lazar & Semret's: the ε-best reply, whenever it gains more than the fee."""

    epsilon_step_money: _Money
    epsilon_fee_money: _Money
    think_min_s: _Seconds = 0.0
    think_max_s: _Seconds = 0.0


class AdaptiveStrategy(_Table, frozen=True, kw_only=True, tag_field="kind", tag="adaptive"):
    """A best reply that is damped, ε-scaled and aware of the crowd."""

    epsilon_start_money: _Money = 40.0
    epsilon_end_money: _Money = 0.6
    crowd: _Crowd = 0.1
    presence_share: _Share = 0.005
    damping: _Share = 0.5


StrategyTable = OptOutStrategy | BestReplyStrategy | AdaptiveStrategy


class Sellers(_Table, frozen=True, kw_only=True):
    """One seller, or ``count`` alike called name-1, name-2, …, or the rows of a CSV or Parquet file."""

    name: _Name = "seller"
    count: _Count = 1
    file: str | None = None
    supply_mb: Number
    reserve_price_per_mb: Number = 0.0
    joins_at_s: _Seconds = 0.0


class Buyers(_Table, frozen=True, kw_only=True):
    """One buyer, or ``count`` alike called name-1, name-2, …, or the rows of a CSV or Parquet file.

    Its pool is the named ``sellers``, or ``sellers_each`` drawn at random; without either, all.
    """

    name: _Name = "buyer"
    count: _Count = 1
    file: str | None = None
    sellers: _Names | None = None
    sellers_each: _Count | None = None
    budget_money: Number | None = None
    valuation: ValuationTable
    strategy: StrategyTable = OptOutStrategy()
    joins_at_s: _Seconds = 0.0


class LeaveShift(_Table, frozen=True, kw_only=True, tag_field="kind", tag="leave"):
    """Users leave: buyers take back their bids, sellers what they have not sold."""

    at_s: _PositiveSeconds
    nodes: _Names


class SupplyShift(_Table, frozen=True, kw_only=True, tag_field="kind", tag="supply"):
    """Sellers have ``factor`` times as much to sell as they had at first."""

    at_s: _PositiveSeconds
    nodes: _Names
    factor: _Megabytes


class ValuationShift(_Table, frozen=True, kw_only=True, tag_field="kind", tag="valuation"):
    """Every MB is worth ``factor`` times as much to these buyers as it was at first."""

    at_s: _PositiveSeconds
    nodes: _Names
    factor: _Positive


class SwitchShift(_Table, frozen=True, kw_only=True, tag_field="kind", tag="switch"):
    """A user stops buying and begins to sell, or the reverse: ``node`` leaves and ``to``, on its device, joins."""

    at_s: _PositiveSeconds
    node: _Name
    to: _Name


ShiftTable = LeaveShift | SupplyShift | ValuationShift | SwitchShift


class AuctionTable(_Table, frozen=True, kw_only=True):
    """How all auctions of the market are held; what is left out follows from the clearing interval and the network."""

    clearing_interval_s: _PositiveSeconds = 0.05
    quiet_period_s: _PositiveSeconds | None = None
    retry_s: _PositiveSeconds | None = None
    reserve_rule: Literal["fixed", "highest-losing"] = "fixed"
    reserve_step_per_mb: _PricePerMb = 0.01


class NetworkTable(_Table, frozen=True, kw_only=True):
    """The simulated network; over MQTT the network is what it is."""

    delay_min_s: _Seconds = 0.0005
    delay_max_s: _Seconds = 0.003
    loss: _Loss = 0.0
    duplication: _Share = 0.0
    reordering: _Share = 0.0


class ArrayTable(_Table, frozen=True, kw_only=True):
    """How world ``array`` plays: some buyers of each auction per round, drawn at random, or all at once."""

    rounds: Literal["random", "synchronous"] = "random"


class Scenario(_Table, frozen=True, kw_only=True):
    """A market of the exchange, and how long it may take."""

    format: Literal[1] = 1
    market: Literal["psp"] = "psp"
    name: _Name
    title: str = ""
    description: str = ""
    timeout_s: _PositiveSeconds = 60.0
    auction: AuctionTable = AuctionTable()
    network: NetworkTable = NetworkTable()
    array: ArrayTable = ArrayTable()
    sellers: Annotated[list[Sellers], msgspec.Meta(min_length=1)]
    buyers: Annotated[list[Buyers], msgspec.Meta(min_length=1)]
    shifts: list[ShiftTable] = []


def json_schema() -> dict[str, object]:
    """The JSON Schema of scenario files."""
    schema = msgspec.json.schema(Scenario)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bidswarm scenario", **schema}
