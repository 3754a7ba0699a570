"""Build a market in Python, run it over MQTT, and look at the result as an array and as a DataFrame.

python examples/build_a_scenario.py [--out FOLDER]
"""

import argparse

from bidswarm import run
from bidswarm.psp import (
    AdaptiveStrategy,
    AuctionTable,
    Buyers,
    FlatValuation,
    ParabolicValuation,
    Scenario,
    Sellers,
    Uniform,
)

SCENARIO = Scenario(
    name="street",
    auction=AuctionTable(clearing_interval_s=0.02, quiet_period_s=1.5),
    sellers=[
        Sellers(name="cafe", supply_mb=120.0, reserve_price_per_mb=0.05),
        Sellers(name="kiosk", supply_mb=80.0),
    ],
    buyers=[
        Buyers(
            name="phone",
            count=6,
            valuation=ParabolicValuation(demand_mb=Uniform(low=30.0, high=80.0), choke_price_per_mb=10.0),
            strategy=AdaptiveStrategy(epsilon_start_money=20.0, epsilon_end_money=0.5),
        ),
        Buyers(name="camera", sellers=["kiosk"], valuation=FlatValuation(demand_mb=15.0, value_per_mb=9.0)),
    ],
)


def main() -> None:
    """Run the market and print who got what."""
    parser = argparse.ArgumentParser(description="Build and run a market.")
    parser.add_argument("--out", default="runs", help="where the run's folder is made")
    result = run(SCENARIO, seed=1, out=parser.parse_args().out)
    summary = result.summary
    print(f"{summary.status}: {summary.efficiency:.2%} of the optimum after {summary.bids} bids")
    print("MB by buyer (rows) and seller (columns):")
    print(result.matrix().round(2))
    print(result.frame("allocations").round(3).to_string(index=False))


if __name__ == "__main__":
    main()
