"""What happens to the operators of a Digital Marketplace while it runs, besides what happens to every node."""

from node.protocol.machine import MarketEvent


class MarginChosen(MarketEvent, frozen=True):
    """The person who sets the prices of the operator wants this margin on the cost of a call from now on, money."""

    margin_money: float
