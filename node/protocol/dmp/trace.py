"""What the nodes of a Digital Marketplace tell observers (docs/results.md).

Networks, customers, terminals and providers are addresses. ``auction`` numbers the auctions of the market agent,
``call`` the calls of one customer. Seconds of the market are those in which calls are counted.
"""

from typing import Literal

from node.protocol.numbers import Count, Money, Rate, Seconds, Share
from node.protocol.trace import Finite, NodeAddress, NodeRecord, Trace


class CallRequested(Trace, frozen=True, tag="requested"):
    """A terminal asked its provider for a call at that second of the market; ``price_weight`` is w."""

    provider: NodeAddress
    call: Count
    market_s: Seconds
    price_weight: Share


class CallBrokered(Trace, frozen=True, tag="brokered"):
    """A service agent asked for a terminal's call, as its own call ``own_call``, with this w."""

    terminal: NodeAddress
    call: Count
    own_call: Count
    price_weight: Share


class NetworkRegistered(Trace, frozen=True, tag="registered"):
    """The market agent admitted a network, or admitted it again."""

    network: NodeAddress
    reputation: Share


class NetworkPutOut(Trace, frozen=True, tag="put-out"):
    """A network takes part no more: it left, its host is gone, or it is silent."""

    network: NodeAddress


class CallAuctioned(Trace, frozen=True, tag="called"):
    """The auction of a customer's call began, at that second of the market; ``price_weight`` is w."""

    customer: NodeAddress
    call: Count
    auction: Count
    market_s: Seconds
    price_weight: Share


class PriceOffered(Trace, frozen=True, tag="offered"):
    """A network bid; ``load`` is the share of its capacity in use, ``cost_money`` what the call would cost it."""

    auction: Count
    load: Finite
    price_money: Money
    cost_money: Finite


class CallPassed(Trace, frozen=True, tag="passed"):
    """A network did not bid, since the call does not fit; the rest as of ``offered``."""

    auction: Count
    load: Finite
    cost_money: Finite


class CallContracted(Trace, frozen=True, tag="contracted"):
    """A network won; ``compound_bid`` is w · price + (1 - w) · reputation."""

    network: NodeAddress
    call: Count
    auction: Count
    price_money: Money
    compound_bid: Money


class CallCommitted(Trace, frozen=True, tag="committed"):
    """A network holds capacity for the call that it won; said again in another life it knows no cost any more."""

    customer: NodeAddress
    auction: Count
    rate_kbps: Rate
    price_money: Money
    cost_money: Finite | None


class CallConnected(Trace, frozen=True, tag="connected"):
    """A terminal's call goes ahead; the price has the fee in it."""

    network: NodeAddress
    call: Count
    rate_kbps: Rate
    price_money: Money


class CallServed(Trace, frozen=True, tag="served"):
    """The market agent has it that a network carried the call to its end."""

    network: NodeAddress
    call: Count
    auction: Count


class CallDecommitted(Trace, frozen=True, tag="decommitted"):
    """The market agent has it that a network broke the call off, or never carried it."""

    network: NodeAddress
    call: Count
    auction: Count


class CallBlocked(Trace, frozen=True, tag="blocked"):
    """Nobody won the auction of the customer's call."""

    customer: NodeAddress
    call: Count
    auction: Count


class OutcomeHeard(Trace, frozen=True, tag="outcome"):
    """A terminal learned how its call ended, and what it pays, fee included; ``network`` is None if there was none."""

    network: NodeAddress | None
    call: Count
    outcome: Literal["served", "decommitted", "blocked"]
    price_money: Money


class ReputationMoved(Trace, frozen=True, tag="reputation"):
    """The outcome of the call of that auction gave the network a new reputation."""

    network: NodeAddress
    auction: Count
    reputation: Share


class MarketClosed(Trace, frozen=True, tag="closed"):
    """The last customer has left, after so many auctions."""

    auctions: Count


MarketAgentRecord = (
    NodeRecord
    | NetworkRegistered
    | NetworkPutOut
    | CallAuctioned
    | CallContracted
    | CallServed
    | CallDecommitted
    | CallBlocked
    | ReputationMoved
    | MarketClosed
)
NetworkRecord = NodeRecord | PriceOffered | CallPassed | CallCommitted
ServiceAgentRecord = NodeRecord | CallBrokered
TerminalRecord = NodeRecord | CallRequested | CallConnected | OutcomeHeard
"""What each role tells."""

CallRecord = MarketAgentRecord | NetworkRecord | ServiceAgentRecord | TerminalRecord
"""All that is told in a Digital Marketplace."""
