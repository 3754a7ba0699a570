"""The exchange: what its scenarios are made of, and what a run of one comes to (docs/scenarios.md, docs/results.md)."""

from node.mechanism.valuation import Valuation
from node.strategy.psp.offer import HOLD, NOTHING, BuyerStrategy, Decision, Need, Offer, Target, affordable, prospect
from node.strategy.random import Random
from scenarios.files.tables import Choice, LogNormal, NetworkTable, Normal, Uniform
from scenarios.markets.psp.own import StrategyBase, ValuationBase
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
    "AuctionTable",
    "BestReplyStrategy",
    "BuyerStrategy",
    "Buyers",
    "Choice",
    "Decision",
    "FlatValuation",
    "IsoelasticValuation",
    "LeaveShift",
    "LogNormal",
    "LogarithmicValuation",
    "Need",
    "NetworkTable",
    "Normal",
    "Offer",
    "OptOutStrategy",
    "ParabolicValuation",
    "PiecewiseLinearValuation",
    "Random",
    "Result",
    "Scenario",
    "Sellers",
    "StrategyBase",
    "Summary",
    "SupplyShift",
    "SwitchShift",
    "Target",
    "Uniform",
    "Valuation",
    "ValuationBase",
    "ValuationShift",
    "affordable",
    "prospect",
]
