"""What happens to the users of an exchange while it runs, besides what happens to every node."""

from node.protocol.machine import MarketEvent


class SupplyChanged(MarketEvent, frozen=True):
    """The seller has so much to sell in all, MB; what is sold or promised already stays so."""

    supply_mb: float


class ValuationChanged(MarketEvent, frozen=True):
    """Every MB is worth ``factor`` times what it was worth to the buyer at first."""

    factor: float


class MindChanged(MarketEvent, frozen=True):
    """The person who bids for the buyer wants something else: its strategy is to be asked again."""
