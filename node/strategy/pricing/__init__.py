"""How network operators price calls in the Digital Marketplace: one small class per strategy."""

from node.strategy.pricing.call import Call, PricingStrategy
from node.strategy.pricing.common_equilibrium import CommonEquilibriumBid
from node.strategy.pricing.cost_plus import CostPlus
from node.strategy.pricing.first_price import FirstPrice
from node.strategy.pricing.load_based import LoadBased
from node.strategy.pricing.no_regret import NoRegret
from node.strategy.pricing.private_equilibrium import PrivateEquilibriumBid

__all__ = [
    "Call",
    "CommonEquilibriumBid",
    "CostPlus",
    "FirstPrice",
    "LoadBased",
    "NoRegret",
    "PricingStrategy",
    "PrivateEquilibriumBid",
]
