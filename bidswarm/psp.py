"""The exchange: what its scenarios are made of, and what a run of one comes to (docs/scenarios.md, docs/results.md)."""

from scenarios.files.tables import Choice, LogNormal, NetworkTable, Normal, Uniform
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
    "AdaptiveStrategy",
    "Allocation",
    "AuctionTable",
    "BestReplyStrategy",
    "Buyers",
    "Choice",
    "FlatValuation",
    "IsoelasticValuation",
    "LeaveShift",
    "LogNormal",
    "LogarithmicValuation",
    "NetworkTable",
    "Normal",
    "OptOutStrategy",
    "ParabolicValuation",
    "PiecewiseLinearValuation",
    "Result",
    "Scenario",
    "Sellers",
    "Summary",
    "SupplyShift",
    "SwitchShift",
    "Uniform",
    "ValuationShift",
]
