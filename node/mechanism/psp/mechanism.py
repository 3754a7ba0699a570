"""What the program asks of the mechanism of a local auction (docs/decisions/0013)."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from node.mechanism.psp.clearing import Clearing
from node.mechanism.psp.reply import Reply
from node.mechanism.psp.staircase import Staircase
from node.mechanism.valuation import Valuation


class AuctionMechanism(Protocol):
    """How much the bids of a book pay, and how to bid best against it.

    Who gets how much is the same in all of them (``rationed``), and buyers rely on that: dearest bids first, bids of
    one price in proportion to their quantities, nothing below the reserve.
    """

    @property
    def name(self) -> str:
        """What a scenario calls it."""
        ...

    @property
    def is_truthful(self) -> bool:
        """Whether the truthful reply of Lazar & Semret is always a best one, as in their own auction."""
        ...

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:  # noqa: ANN401
        """Allocations and charges of a book.

        Parameters
        ----------
        quantity, price
            The bids: shape (n,), MB and price per MB.
        supply, reserve
            MB on sale, and the price per MB below which nothing is sold.

        Raises
        ------
        ValueError
            If an argument is NaN, infinite, negative or of another shape; the text names it.
        """
        ...

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        """Money for the ``amount`` MB, above 0, that a bid is given where its opponents leave these steps.

        It is what ``clear`` charges the bid of ``quantity`` MB at ``price`` per MB in a book with those opponents.
        """
        ...

    def best_reply(
        self,
        valuation: Valuation,
        auctions: Sequence[Staircase],
        *,
        epsilon: float = 0.0,
        budget: float = math.inf,
    ) -> Reply:
        """The best that one buyer can do against the bids of its opponents in several auctions.

        Parameters
        ----------
        auctions
            What the opponents leave, by auction.
        epsilon
            Utility that the buyer forgoes to stay clear of its rivals, money. At 0 the reply is the limit of what it
            can get: its price may tie with a rival's, and a tie shares.
        budget
            Money it can pay at most.
        """
        ...

    def bid_price(self, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
        """The price per MB to bid for ``amount`` MB, where the last of all MB that it asks for is ``worth`` that.

        Where a bidder pays its own price it shades: it bids ``clearance`` per MB more than what it has to beat.
        """
        ...
