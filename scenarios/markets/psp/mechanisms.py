"""From what a scenario says of the mechanism of its auctions to the mechanism."""

from node.mechanism.psp import MECHANISMS, AuctionMechanism
from scenarios.files.own import kind_of_table
from scenarios.markets.psp.own import OwnMechanism
from scenarios.markets.psp.schema import AuctionTable, Mechanism


def mechanism_of(auction: AuctionTable) -> AuctionMechanism:
    """What all auctions of the market are held by."""
    return built(auction.mechanism)


def built(mechanism: Mechanism) -> AuctionMechanism:
    """The mechanism that this names or describes."""
    return mechanism.build() if isinstance(mechanism, OwnMechanism) else MECHANISMS[mechanism]


def name_of_mechanism(auction: AuctionTable) -> str:
    """What a scenario calls it."""
    return kind_of_table(auction.mechanism) if isinstance(auction.mechanism, OwnMechanism) else auction.mechanism
