"""The terms on which a service agent asks on its customers' behalf."""

import msgspec

from node.protocol.dmp.messages import CallSpec, Contract, Request
from node.protocol.numbers import MAX_PRICE


class Brokerage(msgspec.Struct, frozen=True):
    """``fee`` is money per call on top of what the network gets; ``price_weight`` replaces the customers', if given."""

    fee: float = 0.0
    price_weight: float | None = None

    def budget(self, request: Request) -> float | None:
        """What its fee leaves of the customer's budget, money; None without a budget."""
        return None if request.budget is None else request.budget - self.fee

    def weight(self, request: Request) -> float:
        """How much the price counts."""
        return request.price_weight if self.price_weight is None else self.price_weight

    def wanted(self, request: Request) -> CallSpec:
        """What it asks for."""
        return msgspec.structs.replace(request.wanted, kind="flow")

    def contract(self, request: Request, network: str, price: float) -> Contract:
        """What the customer is told, if the network gets ``price``, money."""
        wanted = msgspec.structs.replace(request.wanted, kind="application")
        return Contract(request.call, network, wanted, min(price + self.fee, MAX_PRICE))
