"""From the name of a mechanism in a scenario to the mechanism."""

from node.mechanism.psp import MECHANISMS, AuctionMechanism
from scenarios.markets.psp.schema import AuctionTable


def mechanism_of(auction: AuctionTable) -> AuctionMechanism:
    """What all auctions of the market are held by."""
    return MECHANISMS[auction.mechanism]
