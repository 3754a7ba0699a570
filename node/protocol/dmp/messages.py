"""The messages of the Digital Marketplace (docs/protocol.md, section 4).

Customers are terminals and service agents; the market agent serves them and auctions every call among the networks.
"""

from typing import Literal

import msgspec

from node.protocol.numbers import Count, Price, Rate, Seconds, Share
from node.protocol.topics import Address, Name

Role = Literal["network", "terminal", "service-agent"]

ContractKind = Literal["session", "application", "flow", "location-and-paging"]
"""Between a terminal and a network; a terminal and its service agent; that agent and a network; for being reachable."""

MarketState = Literal["upcoming", "open", "closed"]

Service = Name


class _CallMessage(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """``call`` numbers the calls of one customer, ``auction`` those of the market."""


class Register(_CallMessage, frozen=True, tag="register"):
    """To the market agent, or a terminal to its service agent: I take part. ``seq`` grows with every registration."""

    seq: Count
    role: Role


class Registered(_CallMessage, frozen=True, tag="registered"):
    """You take part. ``epoch`` grows whenever a network is admitted anew: its calls from before are gone."""

    seq: Count
    epoch: Count


class Deregister(_CallMessage, frozen=True, tag="deregister"):
    """I leave; calls that a network still carries are decommitted."""

    seq: Count


class Deregistered(_CallMessage, frozen=True, tag="deregistered"):
    """You have left."""

    seq: Count


class Registry(_CallMessage, frozen=True, gc=True, tag="registry"):
    """Market agent to the board: the registries, and whether the logical market channel is open."""

    seq: Count
    state: MarketState
    networks: list[Address]
    reputations: list[Share]
    services: list[Address]


class CallSpec(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What is asked for: from second ``at_s`` of the market on, so much capacity for so long, under this contract."""

    at_s: Seconds
    service: Service
    kind: ContractKind
    rate_kbps: Rate
    holding_s: Seconds


class Request(_CallMessage, frozen=True, tag="request"):
    """Customer: a call is wanted. The lowest w · price + (1 - w) · reputation wins, w being ``price_weight``.

    Every call numbered below ``over`` is over for the customer. Offers above ``budget`` are void.
    """

    call: Count
    over: Count
    wanted: CallSpec
    price_weight: Share
    budget: Price | None


class Invite(_CallMessage, frozen=True, gc=True, tag="invite"):
    """Market agent to each network: bid for a call, as one of so many ``bidders``.

    ``rivals`` holds the others' reputations where they are common knowledge.
    """

    auction: Count
    wanted: CallSpec
    price_weight: Share
    reputation: Share
    bidders: Count
    rivals: list[Share] | None


class SealedBid(_CallMessage, frozen=True, tag="sealed-bid"):
    """Network to the market agent, which alone sees it; without ``price`` it makes no offer."""

    auction: Count
    price: Price | None


class Contract(_CallMessage, frozen=True, tag="contract"):
    """The call goes ahead at this price. Customers know it by its number, networks by that of the auction."""

    number: Count
    counterpart: Address
    wanted: CallSpec
    price: Price


class Commit(_CallMessage, frozen=True, tag="commit"):
    """Network to the market agent: the call of that auction holds capacity."""

    auction: Count


class Decommit(_CallMessage, frozen=True, tag="decommit"):
    """The network cannot carry the call, or not to its end. To the market agent, and from it to the customer."""

    number: Count


class Blocked(_CallMessage, frozen=True, tag="blocked"):
    """To the customer: nobody offered to carry the call, or not at a price that counts."""

    call: Count


class Report(_CallMessage, frozen=True, tag="report"):
    """Customer, when its call is over: whether it was served."""

    call: Count
    served: bool


class Noted(_CallMessage, frozen=True, tag="noted"):
    """To the customer: the report is in the books, where the call counts as served or not."""

    call: Count
    served: bool


CallMessage = (
    Register
    | Registered
    | Deregister
    | Deregistered
    | Registry
    | Request
    | Invite
    | SealedBid
    | Contract
    | Commit
    | Decommit
    | Blocked
    | Report
    | Noted
)
