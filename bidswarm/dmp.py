"""The Digital Marketplace: what its scenarios are made of, what a run of one comes to, and its study (docs/dmp.md)."""

from node.strategy.dmp import PricingStrategy
from node.strategy.dmp.call import Call
from node.strategy.random import Random
from scenarios.files.tables import Choice, LogNormal, NetworkTable, Normal, Uniform
from scenarios.markets.dmp.own import PricingBase
from scenarios.markets.dmp.results import CallResult as Result
from scenarios.markets.dmp.results import CallSummary as Summary
from scenarios.markets.dmp.schema import (
    Agents,
    BetaBelief,
    CommonEquilibriumPricing,
    CostPlusPricing,
    FirstPricePricing,
    FixedRule,
    LoadBasedPricing,
    MarketplaceTable,
    NoRegretPricing,
    Operators,
    PrivateEquilibriumPricing,
    Service,
    StepRule,
    Terminals,
    UniformBelief,
    WindowRule,
)
from scenarios.markets.dmp.schema import CallScenario as Scenario
from scenarios.study.price_weight import price_weight_study

__all__ = [
    "Agents",
    "BetaBelief",
    "Call",
    "Choice",
    "CommonEquilibriumPricing",
    "CostPlusPricing",
    "FirstPricePricing",
    "FixedRule",
    "LoadBasedPricing",
    "LogNormal",
    "MarketplaceTable",
    "NetworkTable",
    "NoRegretPricing",
    "Normal",
    "Operators",
    "PricingBase",
    "PricingStrategy",
    "PrivateEquilibriumPricing",
    "Random",
    "Result",
    "Scenario",
    "Service",
    "StepRule",
    "Summary",
    "Terminals",
    "Uniform",
    "UniformBelief",
    "WindowRule",
    "price_weight_study",
]
