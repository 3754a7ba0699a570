"""The messages of the exchange (docs/protocol.md, section 4)."""

from typing import Literal

import msgspec

from node.protocol.numbers import Count, Digest, Money, PositiveQuantity, Price, Quantity

AuctionState = Literal["upcoming", "open", "awarding", "closed"]


class AuctionMessage(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A message of the exchange. ``auction`` numbers the auctions that one seller holds; ``round`` its clearings."""

    auction: Count


class Advert(AuctionMessage, frozen=True, tag="advert"):
    """Seller to the board: what is on sale. ``seq`` grows with every advert of the node.

    ``digest`` is that of the book of ``round``, the newest clearing when the advert was posted; zeros before the first.
    """

    seq: Count
    supply: Quantity
    left: Quantity
    reserve: Price
    state: AuctionState
    round: Count
    digest: Digest


class Bid(AuctionMessage, frozen=True, tag="bid"):
    """Buyer to seller: s_i^j = (quantity, price). ``round`` is the last one whose profile the buyer has seen."""

    round: Count
    quantity: PositiveQuantity
    price: Price
    seq: Count


class Withdraw(AuctionMessage, frozen=True, tag="withdraw"):
    """Buyer to seller: the zero bid, which ends the right to profiles."""

    round: Count
    seq: Count


class Withdrawn(AuctionMessage, frozen=True, tag="withdrawn"):
    """Seller to buyer: the bid numbered below ``seq`` is out of the book."""

    seq: Count


class Profile(AuctionMessage, frozen=True, gc=True, tag="profile"):
    """Seller to a participant: the book of a clearing, and the reader's own row in it.

    The opponents' profile s_-i^j is the book without row ``your_row``, which reflects the reader's bid ``your_seq``.
    The rows are sorted by falling price and name nobody. ``digest`` is that of the book, the same for all its readers.
    """

    round: Count
    your_seq: Count
    your_row: Count
    supply: Quantity
    reserve: Price
    allocation: Quantity
    charge: Money
    quantities: list[Quantity]
    prices: list[Price]
    digest: Digest


class Hold(AuctionMessage, frozen=True, tag="hold"):
    """Buyer to seller, on a repeated profile: seen, my bid ``seq`` stands; ``undecided`` if it may yet change."""

    round: Count
    seq: Count
    undecided: bool


class Award(AuctionMessage, frozen=True, tag="award"):
    """Seller to a winner when its auction has been quiet: yours, if your bid ``your_seq`` still stands."""

    round: Count
    your_seq: Count
    quantity: PositiveQuantity
    charge: Money


class Accept(AuctionMessage, frozen=True, tag="accept"):
    """Buyer to seller: the bid stands, I am bound by it."""

    round: Count
    seq: Count


class Decline(AuctionMessage, frozen=True, tag="decline"):
    """Buyer to seller: the bid ``seq`` does not stand any more."""

    round: Count
    seq: Count


class Settled(AuctionMessage, frozen=True, tag="settled"):
    """Seller to buyer: the receipt. This much was sold for this much money."""

    round: Count
    quantity: PositiveQuantity
    charge: Money


class Void(AuctionMessage, frozen=True, tag="void"):
    """Seller to buyer: the award of that round does not stand, you are not bound by it."""

    round: Count


class Closed(AuctionMessage, frozen=True, tag="closed"):
    """Seller to a bidder: the auction is over, your bid got nothing (more)."""


ExchangeMessage = (
    Advert | Bid | Withdraw | Withdrawn | Profile | Hold | Award | Accept | Decline | Settled | Void | Closed
)
