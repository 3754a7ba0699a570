"""Two ways to split a demand over several sellers, compared over seeds in a slow and lossy simulated network.

python examples/compare_strategies.py [--seeds N] [--out FOLDER]
"""

import argparse
from statistics import mean

from bidswarm import load, run

NETWORK = [
    "network.delay_max_s=1.0",  # ten clearing intervals, so that bids arrive in any order
    "network.loss=0.05",
    "network.duplication=0.05",
    "auction.quiet_period_s=30",
]


def strategies(split: str) -> list[str]:
    """Settings that give every buyer of two-sellers the same way to split its demand."""
    buyers = len(load("two-sellers").buyers)
    return [f'buyers.{k}.strategy={{ kind = "opt-out", split = "{split}" }}' for k in range(buyers)]


def main() -> None:
    """Print efficiency and unsold MB of both variants."""
    parser = argparse.ArgumentParser(description="Compare two strategies over seeds.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", default="runs", help="where the folders of the runs are made")
    options = parser.parse_args()
    for split in ("equal", "fill-largest-first"):
        settings = NETWORK + strategies(split)
        summaries = [
            run("two-sellers", world="sim", seed=seed, settings=settings, timeout_s=600.0, out=options.out).summary
            for seed in range(options.seeds)
        ]
        efficiencies = [summary.efficiency for summary in summaries]
        unsold = [summary.supply - summary.sold for summary in summaries]
        print(
            f"{split:<20} efficiency {min(efficiencies):.4f} at worst, {mean(efficiencies):.4f} on average; "
            f"unsold {mean(unsold):.2f} MB on average"
        )


if __name__ == "__main__":
    main()
