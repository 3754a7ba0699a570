"""From what a scenario says of the mechanism of its auctions to the mechanism."""

from node.mechanism.psp import MECHANISMS, AuctionMechanism
from scenarios.errors import ScenarioError
from scenarios.files.own import kind_of_table
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.own import OwnMechanism
from scenarios.markets.psp.schema import AuctionTable, Mechanism


def mechanism_of(auction: AuctionTable) -> AuctionMechanism:
    """What all auctions of the market are held by."""
    return built(auction.mechanism)


def built(mechanism: Mechanism) -> AuctionMechanism:
    """The mechanism that this names or describes.

    Raises
    ------
    ScenarioError
        If it is none that nodes can hold an auction by.
    """
    if isinstance(mechanism, OwnMechanism):
        return mechanism.build()
    if mechanism not in MECHANISMS:
        raise ScenarioError(
            f"auction.mechanism = {mechanism!r}: is worked out in world 'direct' alone: choose that, or one of "
            f"{', '.join(map(repr, MECHANISMS))}"
        )
    return MECHANISMS[mechanism]


def check_wired(market: Market) -> None:
    """Raise ScenarioError if no nodes can hold the auctions of this market."""
    mechanism_of(market.auction)


def name_of_mechanism(auction: AuctionTable) -> str:
    """What a scenario calls it."""
    return kind_of_table(auction.mechanism) if isinstance(auction.mechanism, OwnMechanism) else auction.mechanism
