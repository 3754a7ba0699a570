"""What the nodes of a Digital Marketplace tell observers (docs/results.md).

Networks, customers, terminals and providers are addresses. ``auction`` numbers the auctions of the market agent,
``call`` the calls of one customer. Seconds of the market are those in which calls are counted.
"""

from typing import Literal

from node.protocol.trace import NodeRecord, Trace


class CallRequested(Trace, frozen=True, tag="requested"):
    """A terminal asked its provider for a call at that second of the market; ``price_weight`` is w."""

    provider: str
    call: int
    market_s: float
    price_weight: float


class CallBrokered(Trace, frozen=True, tag="brokered"):
    """A service agent asked for a terminal's call, as its own call ``own_call``, with this w."""

    terminal: str
    call: int
    own_call: int
    price_weight: float


class NetworkRegistered(Trace, frozen=True, tag="registered"):
    """The market agent admitted a network, or admitted it again."""

    network: str
    reputation: float


class NetworkPutOut(Trace, frozen=True, tag="put-out"):
    """A network takes part no more: it left, its host is gone, or it is silent."""

    network: str


class CallAuctioned(Trace, frozen=True, tag="called"):
    """The auction of a customer's call began, at that second of the market; ``price_weight`` is w."""

    customer: str
    call: int
    auction: int
    market_s: float
    price_weight: float


class PriceOffered(Trace, frozen=True, tag="offered"):
    """A network bid; ``load`` is the share of its capacity in use, ``cost_money`` what the call would cost it."""

    auction: int
    load: float
    price_money: float
    cost_money: float


class CallPassed(Trace, frozen=True, tag="passed"):
    """A network did not bid, since the call does not fit; the rest as of ``offered``."""

    auction: int
    load: float
    cost_money: float


class CallContracted(Trace, frozen=True, tag="contracted"):
    """A network won; ``compound_bid`` is w · price + (1 - w) · reputation."""

    network: str
    call: int
    auction: int
    price_money: float
    compound_bid: float


class CallCommitted(Trace, frozen=True, tag="committed"):
    """A network holds capacity for the call that it won; said again in another life it knows no cost any more."""

    customer: str
    auction: int
    rate_kbps: float
    price_money: float
    cost_money: float | None


class CallConnected(Trace, frozen=True, tag="connected"):
    """A terminal's call goes ahead; the price has the fee in it."""

    network: str
    call: int
    rate_kbps: float
    price_money: float


class CallServed(Trace, frozen=True, tag="served"):
    """The market agent has it that a network carried the call to its end."""

    network: str
    call: int
    auction: int


class CallDecommitted(Trace, frozen=True, tag="decommitted"):
    """The market agent has it that a network broke the call off, or never carried it."""

    network: str
    call: int
    auction: int


class CallBlocked(Trace, frozen=True, tag="blocked"):
    """Nobody won the auction of the customer's call."""

    customer: str
    call: int
    auction: int


class OutcomeHeard(Trace, frozen=True, tag="outcome"):
    """A terminal learned how its call ended, and what it pays, fee included; ``network`` is None if there was none."""

    network: str | None
    call: int
    outcome: Literal["served", "decommitted", "blocked"]
    price_money: float


class ReputationMoved(Trace, frozen=True, tag="reputation"):
    """The outcome of the call of that auction gave the network a new reputation."""

    network: str
    auction: int
    reputation: float


class MarketClosed(Trace, frozen=True, tag="closed"):
    """The last customer has left, after so many auctions."""

    auctions: int


CallRecord = (
    NodeRecord
    | CallRequested
    | CallBrokered
    | NetworkRegistered
    | NetworkPutOut
    | CallAuctioned
    | PriceOffered
    | CallPassed
    | CallContracted
    | CallCommitted
    | CallConnected
    | CallServed
    | CallDecommitted
    | CallBlocked
    | OutcomeHeard
    | ReputationMoved
    | MarketClosed
)
"""All that is told in a Digital Marketplace."""
