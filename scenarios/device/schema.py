"""What the file of a node may say (docs/devices.md), and the options of the command that set its keys."""

from typing import Annotated, Literal

import msgspec

from node.protocol.topics import NAME, Name
from scenarios.device.options import Option, option, options
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

    clearing_interval_s: Annotated[
        PositiveSeconds, option("Seller: clears at most this often; 0.25 if not given.", "SECONDS")
    ] = 0.25
    quiet_period_s: Annotated[
        PositiveSeconds | None, option("Seller: ends when no bid has changed for so long; 10 if not given.", "SECONDS")
    ] = 10.0
    retry_s: Annotated[
        PositiveSeconds | None, option("Says again what nobody answered; 1 if not given.", "SECONDS")
    ] = 1.0
    patience_s: Annotated[
        PositiveSeconds | None,
        option(
            "Waits so long for one bidder, in all, and twice as long for a seller; 20 quiet periods if not given.",
            "SECONDS",
        ),
    ] = None
    open_at_least_s: Annotated[
        Seconds, option("Seller: does not end sooner after the first bid; 0 if not given.", "SECONDS")
    ] = 0.0


class SellerTable(Table, frozen=True, kw_only=True):
    """What the node sells."""

    supply_mb: Annotated[Number, option("Seller: what is for sale.", "MB")]
    reserve_price_per_mb: Annotated[
        Number, option("Seller: sells for no less; 0 if not given.", "PER_MB", "--reserve-price")
    ] = 0.0


class BuyerTable(Table, frozen=True, kw_only=True):
    """Whom the node buys from, as host/node, or as host alone where both have one name; and how."""

    sellers: Annotated[
        _Peers, option("Buyer: whom it may buy from; HOST alone is HOST/HOST. Repeatable.", "HOST/NODE", "--seller")
    ]
    valuation: Annotated[
        ValuationTable,
        options(
            Option("Buyer: what it wants at most.", "MB", key="demand_mb"),
            Option(
                "Buyer: what the first MB is worth; the last is worth nothing.",
                "PER_MB",
                "--choke-price",
                key="choke_price_per_mb",
                kind="parabolic",
            ),
            Option("Buyer: what every MB is worth; or --choke-price.", "PER_MB", key="value_per_mb", kind="flat"),
        ),
    ]
    budget_money: Annotated[Money | None, option("Buyer: spends no more in all.", "MONEY", "--budget")] = None
    strategy: Annotated[
        StrategyTable,
        option("Buyer: how it bids; opt-out if not given. Its numbers go into a file."),
    ] = OptOutStrategy()


class NodeFile(Table, frozen=True, kw_only=True):
    """One node. It reaches its broker by a ``profile``, or by ``broker`` and ``host``."""

    profile: Annotated[str | None, option("The profile of this device, from: bidswarm broker init.", "FILE")] = None
    broker: Annotated[
        str | None,
        option(
            "A broker without profiles: mqtt[s]://[user[:password]@]host[:port]. From BIDSWARM_BROKER, if neither is "
            "given.",
            "URL",
        ),
    ] = None
    host: Annotated[Name | None, option("With --broker: this device; the URL's user if not given.", "NAME")] = None
    market: Annotated[Name, option("The market, the same on all devices.", "NAME")]
    role: Annotated[Literal["buyer", "seller"], option("What the node does.")]
    node: Annotated[Name | None, option("The node; the host's name if not given.", "NAME")] = None
    seller: SellerTable | None = None
    buyer: BuyerTable | None = None
    auction: AuctionTable = AuctionTable()
    linger_s: Annotated[
        Seconds, option("Seller: stays so long after its end for lost receipts; 10 if not given.", "SECONDS")
    ] = 10.0
    keepalive_s: Annotated[
        _KeepAlive,
        option("The broker takes a silent device for gone after 1.5 times that; 20 if not given.", "SECONDS"),
    ] = 20
    wait: Annotated[bool, option("Begin on a launcher's word, not when all sellers have been seen.")] = False
    timeout_s: Annotated[
        PositiveSeconds | None, option("Leave with exit code 3 after so long; never if not given.", "SECONDS")
    ] = None
    journal: Annotated[
        str | None, option("What binds the node; MARKET-NODE.sqlite in the working folder by default.", "FILE")
    ] = None
    metrics_port: Annotated[Port | None, option("Serve metrics to Prometheus there; 0 takes a free port.", "PORT")] = (
        None
    )
    metrics_address: Annotated[str, option("Where the metrics port listens; 127.0.0.1 if not given.", "IP")] = (
        "127.0.0.1"
    )
