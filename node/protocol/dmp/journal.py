"""What the nodes of a Digital Marketplace write down (docs/ledger.md).

Networks, customers, terminals and providers are addresses. ``auction`` numbers the auctions of the market agent,
``call`` the calls of one customer, and ``seq`` is that of the registration or deregistration which led to the line.
"""

from typing import Literal

import msgspec

from node.protocol.dmp.messages import CallSpec, ContractKind
from node.protocol.journal import Entry, NodeEntry

Outcome = Literal["served", "decommitted", "blocked"]


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """The call that a line is about: a ``CallSpec`` by name, with the second of the market at which it begins."""

    market_s: float
    holding_s: float
    rate_kbps: float
    service: str
    contract: ContractKind

    @property
    def spec(self) -> CallSpec:
        """It as messages have it."""
        return CallSpec(self.market_s, self.service, self.contract, self.rate_kbps, self.holding_s)


def wanted_of(spec: CallSpec) -> Wanted:
    """A call of messages as lines have it."""
    return Wanted(spec.at_s, spec.holding_s, spec.rate_kbps, spec.service, spec.kind)


# Of the market agent


class NetworkIn(Entry, frozen=True, tag="network"):
    """The network takes part, in its ``epoch``; written again whenever its word has a new number."""

    network: str
    epoch: int
    seq: int


class NetworkOut(Entry, frozen=True, tag="network-out"):
    """The network takes part no more: it left, its host is gone, or it ``is_silent``."""

    network: str
    is_silent: bool


class Called(Entry, frozen=True, tag="called"):
    """A customer's call was auctioned, and how that ended is in the next line; ``price_weight`` is w."""

    customer: str
    call: int
    auction: int
    price_weight: float
    wanted: Wanted


class Contracted(Entry, frozen=True, tag="contracted"):
    """A network won; written before it is told."""

    network: str
    call: int
    auction: int
    price_money: float
    compound_bid: float


class Reported(Entry, frozen=True, tag="reported"):
    """The customer said that its call was served; written before that is noted."""

    customer: str
    call: int
    auction: int


class Served(Entry, frozen=True, tag="served"):
    """The network carried the call to its end."""

    network: str
    call: int
    auction: int


class Decommitted(Entry, frozen=True, tag="decommitted"):
    """The network broke the call off, or never carried it."""

    network: str
    call: int
    auction: int


class Blocked(Entry, frozen=True, tag="blocked"):
    """Nobody won."""

    customer: str
    call: int
    auction: int


class Closed(Entry, frozen=True, tag="closed"):
    """The logical market channel is closed, after so many auctions."""

    auctions: int


# Of the market agent and service agents


class CustomerIn(Entry, frozen=True, tag="customer"):
    """The customer takes part."""

    customer: str
    role: Literal["terminal", "service-agent"]
    seq: int


class CustomerLeft(Entry, frozen=True, tag="customer-left"):
    """The customer takes part no more, by its own word."""

    customer: str
    seq: int


class CustomerLost(Entry, frozen=True, tag="customer-lost"):
    """The customer takes part no more, since its host is gone."""

    customer: str


# Of networks


class Capacity(Entry, frozen=True, tag="capacity"):
    """It can carry so much at once, from now on."""

    capacity_kbps: float


class Admitted(Entry, frozen=True, tag="registered"):
    """The market agent has let it in; what it carried in another epoch is gone."""

    epoch: int


class Committed(Entry, frozen=True, tag="committed"):
    """It carries a customer's call; written before it says so."""

    customer: str
    auction: int
    price_money: float
    wanted: Wanted


# Of customers


class Requested(Entry, frozen=True, tag="requested"):
    """A terminal wants a call; written before it asks its provider."""

    provider: str
    call: int


class Brokered(Entry, frozen=True, tag="brokered"):
    """A service agent asks for a terminal's call, as its own call ``own_call``, for a fee, and with this w."""

    terminal: str
    call: int
    own_call: int
    fee_money: float
    price_weight: float
    wanted: Wanted


class Refused(Entry, frozen=True, tag="refused"):
    """A service agent does not ask for a terminal's call, whose budget is below the fee."""

    terminal: str
    call: int


class Connected(Entry, frozen=True, tag="connected"):
    """A customer was told that a network carries its call at this price."""

    network: str
    call: int
    price_money: float


class Heard(Entry, frozen=True, tag="outcome"):
    """A customer was told how its call ended."""

    call: int
    outcome: Outcome


AuctionEntry = Called | Contracted | Reported | Served | Decommitted | Blocked
"""What a market agent writes of one call."""

CallEntry = (
    NodeEntry
    | NetworkIn
    | NetworkOut
    | AuctionEntry
    | Closed
    | CustomerIn
    | CustomerLeft
    | CustomerLost
    | Capacity
    | Admitted
    | Committed
    | Requested
    | Brokered
    | Refused
    | Connected
    | Heard
)
"""All that is written down in a Digital Marketplace."""
