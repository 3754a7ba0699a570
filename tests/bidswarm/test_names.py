"""What users' code imports: the names are listed here, so that none comes or goes unnoticed."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_origin

import pytest

import bidswarm
import bidswarm.dmp
import bidswarm.learning
import bidswarm.market
import bidswarm.psp
import bidswarm.testing

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*.py"))]

RUNNING = {
    *("BrokenRunError", "BrokerError", "Comparison", "RunError", "ScenarioError", "Sweep", "__version__"),
    *("compare", "load", "read_trace", "report_on", "run", "shipped", "sweep"),
}
TABLES = {"Choice", "LogNormal", "NetworkTable", "Normal", "Result", "Scenario", "Summary", "Uniform"}
PSP = {
    *("AdaptiveStrategy", "Allocation", "AuctionTable", "BestReplyStrategy", "Buyers", "FlatValuation"),
    *("IsoelasticValuation", "LeaveShift", "LogarithmicValuation", "OptOutStrategy", "ParabolicValuation"),
    *("PiecewiseLinearValuation", "QuantisedStrategy", "Sellers", "SupplyShift", "SwitchShift", "ValuationShift"),
    *("HOLD", "NOTHING", "BuyerStrategy", "Decision", "Need", "Offer", "Random", "StrategyBase", "Target"),
    *("Valuation", "ValuationBase", "affordable", "prospect"),
    *("AuctionMechanism", "Clearing", "MechanismBase", "PayAsBid", "ProgressiveSecondPrice", "Reply", "Staircase"),
    *("Exp3", "PolicyBase", "RegretMatching", "Sight", "UniformPrice"),
}
LEARNING = {"BuyerEnv", "MarketEnv"}
DMP = {
    *("Agents", "BetaBelief", "CommonEquilibriumPricing", "CostPlusPricing", "FirstPricePricing", "FixedRule"),
    *("LoadBasedPricing", "MarketplaceTable", "NoRegretPricing", "Operators", "PrivateEquilibriumPricing"),
    *("Service", "StepRule", "Terminals", "UniformBelief", "WindowRule", "price_weight_study"),
    *("Call", "PricingBase", "PricingStrategy", "Random"),
}


MARKET = {
    *(
        "Audit",
        "Breach",
        "FaultLog",
        "Machine",
        "Market",
        "MarketKind",
        "Meaning",
        "Metrics",
        "OwnWorld",
        "Result",
        "Run",
    ),
    *("Scenario", "ScenarioError", "Summary", "View", "Watch", "PlainView", "panels"),
    *(
        "CancelTimer",
        "Dropped",
        "Effect",
        "Event",
        "Left",
        "Opened",
        "PeerOffline",
        "Persist",
        "PostOnBoard",
        "Received",
    ),
    *("Received", "Reconnected", "Restored", "Send", "SetTimer", "Started", "TimerFired", "effects_of"),
    *("Entry", "JournalEntry", "MarketOpened", "Message", "NodeEntry", "NodeAddress", "NodeRecord", "Record"),
    *("Trace",),
    *("PATIENCE", "IgnoredError", "RejectedError", "RoundTrip", "address", "backoff", "host_of", "node_of", "stream"),
    *("Count", "Name", "Names", "NetworkTable", "Number", "PositiveSeconds", "Seconds", "Share", "Table"),
    *(
        "check_names",
        "drawn",
        "names_of",
        "bar",
        "fault_lines",
        "hostile_lines",
        "print_rows",
        "print_rules",
        "verdict",
    ),
}
TESTING = {
    *("MECHANISM_LAWS", "STRATEGY_LAWS", "Law", "Verdict", "counterexample", "mechanism_verdicts", "verdicts"),
}


def test_public_names_are_those_listed() -> None:
    assert set(bidswarm.__all__) == RUNNING
    assert set(bidswarm.psp.__all__) == TABLES | PSP
    assert set(bidswarm.dmp.__all__) == TABLES | DMP
    assert set(bidswarm.market.__all__) == MARKET
    assert set(bidswarm.learning.__all__) == LEARNING
    assert set(bidswarm.testing.__all__) == TESTING


def test_public_names_are_documented() -> None:
    for module in (bidswarm, bidswarm.psp, bidswarm.dmp, bidswarm.market, bidswarm.testing, bidswarm.learning):
        for name in set(module.__all__) - {"__version__"}:
            found = getattr(module, name)
            assert found.__doc__ or get_origin(found), name  # an alias of types has its text beside it


def test_a_market_is_built_and_run_with_public_names_alone(tmp_path: Path) -> None:
    scenario = bidswarm.psp.Scenario(
        name="corner",
        sellers=[bidswarm.psp.Sellers(name="shop", supply_mb=10.0)],
        buyers=[
            bidswarm.psp.Buyers(name="phone", valuation=bidswarm.psp.FlatValuation(demand_mb=20.0, value_per_mb=2.0))
        ],
    )
    result = bidswarm.run(scenario, world="sim", out=tmp_path)
    assert isinstance(result, bidswarm.psp.Result)
    assert (result.summary.status, result.summary.sold) == ("settled", 10.0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_imports_nothing_else_of_ours(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) (node|broker|scenarios)\b", text, re.MULTILINE)
    assert imported == []


def test_module_is_the_command() -> None:
    command = [sys.executable, "-m", "bidswarm", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"bidswarm {version('bidswarm')}\n"
