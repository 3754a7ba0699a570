"""The Digital Marketplace: network selection call by call, bids of price and reputation (Konka, Atkinson & Irvine)."""

from node.mechanism.dmp.auction import compound_bid, winner
from node.mechanism.dmp.checks import NoEquilibriumError
from node.mechanism.dmp.equilibrium.audit import Audit, best_reply_gain, common_best_reply_gain
from node.mechanism.dmp.equilibrium.common import CommonEquilibrium
from node.mechanism.dmp.equilibrium.distribution import Beta, Distribution, Uniform
from node.mechanism.dmp.equilibrium.first_price import first_price_bid
from node.mechanism.dmp.equilibrium.order_statistics import order_statistic_cdf, order_statistic_density
from node.mechanism.dmp.equilibrium.private import PrivateEquilibrium
from node.mechanism.dmp.equilibrium.two_operators import TwoOperators
from node.mechanism.dmp.reputation import StepReputation, WindowReputation

__all__ = [
    "Audit",
    "Beta",
    "CommonEquilibrium",
    "Distribution",
    "NoEquilibriumError",
    "PrivateEquilibrium",
    "StepReputation",
    "TwoOperators",
    "Uniform",
    "WindowReputation",
    "best_reply_gain",
    "common_best_reply_gain",
    "compound_bid",
    "first_price_bid",
    "order_statistic_cdf",
    "order_statistic_density",
    "winner",
]
