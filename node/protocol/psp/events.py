"""What happens to the users of an exchange while it runs, besides what happens to every node."""

from node.protocol.machine import MarketEvent
from node.strategy.psp.offer import Target


class SupplyChanged(MarketEvent, frozen=True):
    """The seller has so much to sell in all, MB; what is sold or promised already stays so."""

    supply_mb: float


class ValuationChanged(MarketEvent, frozen=True):
    """Every MB is worth ``factor`` times what it was worth to the buyer at first."""

    factor: float


class MindChanged(MarketEvent, frozen=True):
    """The person who bids for the buyer wants these bids from now on, by the seller's address, and no others.

    They may be awarded if they ``stand``.
    """

    bids: dict[str, Target]
    stand: bool
