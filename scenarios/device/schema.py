"""What the file of a node may say (docs/devices.md); the options of the command have the same names."""

from typing import Annotated, Literal

import msgspec

from node.protocol.topics import NAME, Name
from scenarios.files.tables import Number
from scenarios.files.types import PositiveSeconds, Seconds, Table
from scenarios.markets.psp import schema
from scenarios.markets.psp.schema import Money, OptOutStrategy, StrategyTable, ValuationTable

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_Peer = Annotated[str, msgspec.Meta(pattern=f"^{NAME}(/{NAME})?$")]
_Peers = Annotated[list[_Peer], msgspec.Meta(min_length=1)]
_KeepAlive = Annotated[int, msgspec.Meta(ge=1, le=3600)]


class AuctionTable(schema.AuctionTable, frozen=True, kw_only=True):
    """Intervals for people who start programs on several devices, and for wireless networks."""

    clearing_interval_s: PositiveSeconds = 0.25
    quiet_period_s: PositiveSeconds | None = 10.0
    retry_s: PositiveSeconds | None = 1.0
    open_at_least_s: Seconds = 0.0


class SellerTable(Table, frozen=True, kw_only=True):
    """What the node sells."""

    supply_mb: Number
    reserve_price_per_mb: Number = 0.0


class BuyerTable(Table, frozen=True, kw_only=True):
    """Whom the node buys from, as host/node, or as host alone where both have one name; and how."""

    sellers: _Peers
    budget_money: Money | None = None
    valuation: ValuationTable
    strategy: StrategyTable = OptOutStrategy()


class NodeFile(Table, frozen=True, kw_only=True):
    """One node. It reaches its broker by a ``profile``, or by ``broker`` and ``host``."""

    profile: str | None = None
    broker: str | None = None
    host: Name | None = None
    market: Name
    role: Literal["buyer", "seller"]
    node: Name | None = None
    journal: str | None = None
    wait: bool = False
    timeout_s: PositiveSeconds | None = None
    linger_s: Seconds = 10.0
    keepalive_s: _KeepAlive = 20
    metrics_port: Port | None = None
    metrics_address: str = "127.0.0.1"
    auction: AuctionTable = AuctionTable()
    seller: SellerTable | None = None
    buyer: BuyerTable | None = None
