"""The progressive second price auction (Lazar & Semret; Blocher & Harris, section III), and other mechanisms."""

from node.mechanism.psp.clearing import Clearing, clear
from node.mechanism.psp.from_charge import cheapest_price, cleared, searched_reply
from node.mechanism.psp.mechanism import AuctionMechanism
from node.mechanism.psp.pay_as_bid import PayAsBid
from node.mechanism.psp.reply import Reply, best_reply
from node.mechanism.psp.residual import SLIVER, entry_price, expected_allocation, market_price, residual_supply
from node.mechanism.psp.second_price import ProgressiveSecondPrice
from node.mechanism.psp.staircase import MergedStaircase, Staircase, merged_staircase, staircase, unchecked_staircase
from node.mechanism.psp.uniform_price import UniformPrice

PSP = ProgressiveSecondPrice()
"""What auctions are held by where nothing else is said."""

MECHANISMS: dict[str, AuctionMechanism] = {mechanism.name: mechanism for mechanism in (PSP, UniformPrice(), PayAsBid())}
"""By name."""

__all__ = [
    "MECHANISMS",
    "PSP",
    "SLIVER",
    "AuctionMechanism",
    "Clearing",
    "MergedStaircase",
    "PayAsBid",
    "ProgressiveSecondPrice",
    "Reply",
    "Staircase",
    "UniformPrice",
    "best_reply",
    "cheapest_price",
    "clear",
    "cleared",
    "entry_price",
    "expected_allocation",
    "market_price",
    "merged_staircase",
    "residual_supply",
    "searched_reply",
    "staircase",
    "unchecked_staircase",
]
