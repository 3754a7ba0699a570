"""Mechanisms that work an outcome out at once, from one report of each user: baselines (docs/baselines.md)."""

from node.mechanism.direct.clearing_house import ClearingHouse, clearing_price
from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.multi_bid import MultiBid
from node.mechanism.direct.operator_matching import OperatorMatching
from node.mechanism.direct.posted_price import PostedPrice
from node.mechanism.direct.proportional_share import ProportionalShare
from node.mechanism.direct.reports import Outcome, Reports
from node.mechanism.direct.vcg import Vcg

DIRECT: dict[str, DirectMechanism] = {
    "posted-price": PostedPrice(),
    "proportional-share": ProportionalShare(),
    "multi-bid": MultiBid(),
    "vcg": Vcg(),
    "clearing-house": ClearingHouse(),
    "operator-matching": OperatorMatching(),
}
"""By name: three of single sellers, then three over all sellers at once."""

__all__ = [
    "DIRECT",
    "ClearingHouse",
    "DirectMechanism",
    "MultiBid",
    "OperatorMatching",
    "Outcome",
    "PostedPrice",
    "ProportionalShare",
    "Reports",
    "Vcg",
    "clearing_price",
]
