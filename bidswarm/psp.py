"""The exchange: what its scenarios are made of, and what a run of one comes to (docs/scenarios.md, docs/results.md)."""

from node.mechanism.psp import (
    AuctionMechanism,
    Clearing,
    PayAsBid,
    ProgressiveSecondPrice,
    Reply,
    Staircase,
    UniformPrice,
)
from node.mechanism.valuation import Valuation
from node.strategy.psp.learners import Exp3, RegretMatching
from node.strategy.psp.offer import HOLD, NOTHING, BuyerStrategy, Decision, Need, Offer, Target, affordable, prospect
from node.strategy.psp.policy import Sight
from node.strategy.random import Random
from scenarios.files.tables import Choice, LogNormal, NetworkTable, Normal, Uniform
from scenarios.markets.psp.own import MechanismBase, PolicyBase, StrategyBase, ValuationBase
from scenarios.markets.psp.results import Allocation, Result, Summary
from scenarios.markets.psp.schema import (
    AdaptiveStrategy,
    AuctionTable,
    BestReplyStrategy,
    Buyers,
    FlatValuation,
    IsoelasticValuation,
    LeaveShift,
    LogarithmicValuation,
    OptOutStrategy,
    ParabolicValuation,
    PiecewiseLinearValuation,
    Scenario,
    Sellers,
    SupplyShift,
    SwitchShift,
    ValuationShift,
)

__all__ = [
    "HOLD",
    "NOTHING",
    "AdaptiveStrategy",
    "Allocation",
    "AuctionMechanism",
    "AuctionTable",
    "BestReplyStrategy",
    "BuyerStrategy",
    "Buyers",
    "Choice",
    "Clearing",
    "Decision",
    "Exp3",
    "FlatValuation",
    "IsoelasticValuation",
    "LeaveShift",
    "LogNormal",
    "LogarithmicValuation",
    "MechanismBase",
    "Need",
    "NetworkTable",
    "Normal",
    "Offer",
    "OptOutStrategy",
    "ParabolicValuation",
    "PayAsBid",
    "PiecewiseLinearValuation",
    "PolicyBase",
    "ProgressiveSecondPrice",
    "Random",
    "RegretMatching",
    "Reply",
    "Result",
    "Scenario",
    "Sellers",
    "Sight",
    "Staircase",
    "StrategyBase",
    "Summary",
    "SupplyShift",
    "SwitchShift",
    "Target",
    "Uniform",
    "UniformPrice",
    "Valuation",
    "ValuationBase",
    "ValuationShift",
    "affordable",
    "prospect",
]
