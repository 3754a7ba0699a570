"""From settings to a host with its one node, and the way to its broker."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from broker import BrokerAddress, BrokerError, read_profile
from broker.address import broker_address
from node.protocol.host import Host
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.messages import ExchangeMessage
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import Topics, address
from node.protocol.wire.frames import Codec
from node.protocol.wire.limits import Limits
from node.runtime.keys import Keys
from node.strategy.psp.offer import BuyerStrategy
from scenarios.broker_link import keys_of, seal_of
from scenarios.device.schema import NodeFile
from scenarios.errors import ScenarioError
from scenarios.files.tables import NetworkTable
from scenarios.markets.psp.market import BuyerSpec, SellerSpec, check_buyer, check_seller, timing
from scenarios.markets.psp.mechanisms import mechanism_of
from scenarios.markets.psp.nodes import buyer_machine


@dataclass(frozen=True, slots=True)
class Link:
    """Where the broker is, the host's name there, and what frames are signed with, if at all."""

    broker: BrokerAddress
    host: str
    keys: Keys | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """One node on the one host that carries it."""

    machine: Buyer | Seller
    host: Host
    topics: Topics
    broker: BrokerAddress
    node: str
    journal: Path

    @property
    def address(self) -> str:
        """The node's address."""
        return address(self.host.name, self.node)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to trade for."""
        return self.machine.finished if isinstance(self.machine, Seller) else self.machine.is_done


def build(settings: NodeFile, strategy: BuyerStrategy | None = None) -> Device:
    """The device of these settings; ``BrokerError`` or ``ScenarioError`` if they cannot be carried out.

    A ``strategy`` takes the place of the one that the settings name.
    """
    link = link_of(settings)
    node = settings.node or link.host
    machine = _seller(settings, node) if settings.seller else _buyer(settings, node, strategy)
    journal = Path(settings.journal or f"{settings.market}-{node}.sqlite")
    topics = Topics(settings.market)
    host = Host(link.host, {node: machine}, Codec(ExchangeMessage), seal_of(topics, link.keys)(link.host), Limits())
    return Device(machine, host, topics, link.broker, node, journal)


def link_of(settings: NodeFile) -> Link:
    """The way to the broker."""
    if settings.profile is not None:
        profile = read_profile(Path(settings.profile))
        if profile.role == "observer":
            raise BrokerError(
                f"profile {settings.profile} is for an observer, who may not trade: give that of a host, "
                "which bidswarm broker init wrote beside it"
            )
        return Link(profile.address, profile.name, keys_of(profile))
    assert settings.broker is not None
    where = broker_address(settings.broker)
    host = settings.host or where.username
    if host is None:
        raise ScenarioError("host (--host NAME) is lacking: how the others call this device; any name nobody else has")
    return Link(where, host)


def intervals(settings: NodeFile) -> Timing:
    """The patience of the node."""
    own = timing(settings.auction, NetworkTable())
    return msgspec.structs.replace(own, open_at_least_s=settings.auction.open_at_least_s)


def _seller(settings: NodeFile, node: str) -> Seller:
    table = settings.seller
    assert table is not None
    assert isinstance(table.supply_mb, float)
    assert isinstance(table.reserve_price_per_mb, float)
    spec = SellerSpec(node, table.supply_mb, table.reserve_price_per_mb)
    check_seller(spec)
    return Seller(
        spec.supply_mb,
        settings.auction.reserve(spec.reserve_price_per_mb),
        intervals(settings),
        mechanism=mechanism_of(settings.auction),
    )


def _buyer(settings: NodeFile, node: str, strategy: BuyerStrategy | None) -> Buyer:
    table = settings.buyer
    assert table is not None
    pool = [peer if "/" in peer else address(peer, peer) for peer in table.sellers]
    spec = BuyerSpec(node, pool, table.valuation, table.strategy, table.budget_money)
    check_buyer(spec)
    # Only think times are drawn: two devices must not think alike, and a run need not be repeatable.
    seed, mechanism = secrets.randbits(64), mechanism_of(settings.auction)
    return buyer_machine(spec, pool, intervals(settings), seed, mechanism, strategy)
