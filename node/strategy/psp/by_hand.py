"""A buyer whose bids a person sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.strategy.psp.offer import NOTHING, Decision, Need, Offer, Target
from node.strategy.random import Random


@dataclass(slots=True)
class ByHand:
    """Bids what it was told to, seller by seller, and is undecided until it is told that the bids stand.

    A bid that stood and stands no more without having been taken back was won, struck out, or lost with its seller: it
    is over, and is not placed again before it is chosen again.

    Attributes
    ----------
    bids
        The bids that are wanted, by the seller's address.
    stand
        Whether they may be awarded. Until then the buyer says to sellers that it is undecided, which they bear for
        their patience, and no longer.
    """

    bids: Mapping[str, Target] = field(default_factory=dict)
    stand: bool = False
    _stood: set[str] = field(init=False, default_factory=set)

    def choose(self, bids: Mapping[str, Target], *, stand: bool) -> None:
        """Want these bids and no others from now on."""
        self.bids, self.stand = dict(bids), stand

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """None: the person has thought."""
        del participants, round_trip_s, random
        return 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The bids that are wanted; to be asked again soon while they may change."""
        del now, need
        standing = {offer.seller for offer in offers if offer.standing.quantity > 0.0}
        over = self._stood.intersection(offer.seller for offer in offers) - standing
        self.bids = {seller: bid for seller, bid in self.bids.items() if seller not in over}
        targets = [self.bids.get(offer.seller, NOTHING) for offer in offers]
        placed = {offer.seller for offer, target in zip(offers, targets, strict=True) if target.quantity > 0.0}
        self._stood = placed | (self._stood - {offer.seller for offer in offers})
        return Decision(targets, reconsider=not self.stand)
