"""How network operators price calls in the Digital Marketplace: one small class per strategy."""

from node.strategy.dmp.by_hand import ByHand
from node.strategy.dmp.call import Call, PricingStrategy
from node.strategy.dmp.common_equilibrium import CommonEquilibriumBid
from node.strategy.dmp.first_price import FirstPrice
from node.strategy.dmp.markups import CostPlus, LoadBased
from node.strategy.dmp.no_regret import NoRegret
from node.strategy.dmp.private_equilibrium import PrivateEquilibriumBid

__all__ = [
    "ByHand",
    "Call",
    "CommonEquilibriumBid",
    "CostPlus",
    "FirstPrice",
    "LoadBased",
    "NoRegret",
    "PricingStrategy",
    "PrivateEquilibriumBid",
]
