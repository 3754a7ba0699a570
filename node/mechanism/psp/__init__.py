"""The progressive second price auction (Lazar & Semret; Blocher & Harris, section III)."""

from node.mechanism.psp.clearing import Clearing, clear
from node.mechanism.psp.reply import Reply, best_reply
from node.mechanism.psp.residual import SLIVER, expected_allocation, market_price, residual_supply
from node.mechanism.psp.staircase import MergedStaircase, Staircase, merged_staircase, staircase, unchecked_staircase

__all__ = [
    "SLIVER",
    "Clearing",
    "MergedStaircase",
    "Reply",
    "Staircase",
    "best_reply",
    "clear",
    "expected_allocation",
    "market_price",
    "merged_staircase",
    "residual_supply",
    "staircase",
    "unchecked_staircase",
]
