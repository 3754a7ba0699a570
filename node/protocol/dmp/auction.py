"""The auction of one call, as the market agent holds it."""

import math
from dataclasses import dataclass, field

from node.protocol.dmp.customers import Case
from node.protocol.dmp.journal import Called, wanted_of
from node.protocol.dmp.messages import CallSpec, Contract, SealedBid
from node.protocol.errors import IgnoredError, RejectedError


@dataclass(slots=True)
class CallAuction:
    """Which networks are invited, what they have offered, and who has won at which price.

    Attributes
    ----------
    closes_at, asks_at
        Seconds of the clock; who is not heard of until the first takes no part, and is asked again at the second.
    repeated
        How often the winner was told again.
    is_resumed
        It was decided in an earlier life, in which the winner may have answered already.
    """

    number: int
    case: Case
    wanted: CallSpec
    invited: list[str]
    closes_at: float
    asks_at: float
    winner: str = ""
    price: float = 0.0
    repeated: int = 0
    is_resumed: bool = False
    _offers: dict[str, float | None] = field(default_factory=dict)
    _dropped: set[str] = field(default_factory=set)

    def ask_again(self, now: float, retry_s: float) -> None:
        """It is time to ask again; what that comes too late, the marketplace stood still, and offers may lie unread."""
        self.closes_at += now - self.asks_at
        self.asks_at = min(self.closes_at, now + retry_s)

    def on_sealed_bid(self, network: str, message: SealedBid) -> None:
        """Take in an offer, or that there is none.

        Raises
        ------
        RejectedError
            If the network is not invited, or tries to change its bid.
        IgnoredError
            If the bid is repeated or late, or the network has been put out meanwhile.
        """
        if network in self._dropped:
            raise IgnoredError("late bid")
        if network not in self.invited:
            raise RejectedError("not invited")
        if network in self._offers and self._offers[network] != message.price:
            raise RejectedError("changed bid")
        if network in self._offers:
            raise IgnoredError("repeated bid")
        if self.winner:
            raise IgnoredError("late bid")
        self._offers[network] = message.price

    def drop(self, network: str) -> None:
        """Go on without a network that is gone."""
        self.invited = [one for one in self.invited if one != network]
        self._offers.pop(network, None)
        self._dropped.add(network)

    @property
    def unheard(self) -> list[str]:
        """The invited of whom there is no word."""
        return [network for network in self.invited if network not in self._offers]

    @property
    def heard(self) -> tuple[list[str], list[float]]:
        """Networks and their prices, NaN where there is no offer."""
        offers = [(network, self._offers[network]) for network in self.invited if network in self._offers]
        return [network for network, _ in offers], [math.nan if price is None else price for _, price in offers]

    def award(self, network: str, price: float) -> None:
        """Note the winner."""
        self.winner, self.price = network, price

    @property
    def called(self) -> Called:
        """What is written down about the call before its winner is told."""
        request = self.case.request
        return Called(self.case.customer, request.call, self.number, request.price_weight, wanted_of(self.wanted))

    @property
    def contract(self) -> Contract:
        """What the winner is told."""
        return Contract(self.number, self.case.customer, self.wanted, self.price)
