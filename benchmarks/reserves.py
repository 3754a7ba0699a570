"""What the reserve rules `fixed` and `highest-losing` cost, as docs/decisions/0003-reserve-price.md tables it.

python benchmarks/reserves.py [--seeds 10] [family ...]

A row for each family and rule, over all seeds in world sim: efficiency, revenue, what a buyer could still gain by
bidding otherwise, what the best reply gains over the truthful one, and moves per buyer. Elastic buyers are `adaptive`
(50x10: each reaches three sellers), flat ones `opt-out`.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from scenarios.launch.run import run
from scenarios.markets.psp.results import Result

FLAT = (
    'buyers.0.valuation={ kind = "flat", demand_mb = { distribution = "uniform", low = 20, high = 100 }, '
    'value_per_mb = { distribution = "uniform", low = 5, high = 20 } }'
)
ONE_SELLER = (
    "sellers.0.count=1",
    "sellers.0.supply_mb=300",
    "buyers.0.count=10",
    "buyers.0.sellers_each=1",
)

FAMILIES = {
    "50x10-elastic": ("neighbourhood", ()),
    "10x1-elastic": ("neighbourhood", ONE_SELLER),
    "50x10-flat": ("neighbourhood", (FLAT, 'buyers.0.strategy={ kind = "opt-out" }')),
    "10x1-flat": ("neighbourhood", (*ONE_SELLER, FLAT, 'buyers.0.strategy={ kind = "opt-out" }')),
    "papers-example": ("two-sellers", ()),
}
RULES = ("fixed", "highest-losing")

HEAD = (
    "market",
    "`reserve_rule`",
    "settled",
    "efficiency, median and worst",
    "revenue, median and range",
    "`epsilon_gap`, median and largest",
    "`truthfulness_gap`, median and largest",
    "moves of a buyer, most",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="of each family")
    parser.add_argument("family", nargs="*", default=list(FAMILIES), help=f"of: {', '.join(FAMILIES)}; all, if none")
    options = parser.parse_args()
    if unknown := sorted(set(options.family) - FAMILIES.keys()):
        parser.error(f"no such family: {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for family in options.family:
            for rule in RULES:
                results = [played(family, rule, seed, Path(folder)) for seed in range(options.seeds)]
                print(f"| {' | '.join((family, f'`{rule}`', *cells(results)))} |", flush=True)


def played(family: str, rule: str, seed: int, out: Path) -> Result:
    scenario, settings = FAMILIES[family]
    put = [*settings, f"auction.reserve_rule={rule}"]
    result = run(scenario, settings=put, seed=seed, world="sim", out=out, pictures=False)
    assert isinstance(result, Result)
    return result


def cells(results: list[Result]) -> tuple[str, ...]:
    summaries = [result.summary for result in results]
    efficiency, revenue = [one.efficiency for one in summaries], [one.revenue for one in summaries]
    gap, lying = [one.epsilon_gap for one in summaries], [one.truthfulness_gap for one in summaries]
    return (
        f"{sum(one.status == 'settled' for one in summaries)} of {len(summaries)}",
        f"{median(efficiency):.4f}, {min(efficiency):.4f}",
        f"{median(revenue):,.4g}, {min(revenue):,.4g} to {max(revenue):,.4g}",
        f"{median(gap):.3g}, {max(gap):.3g}",
        f"{median(lying):.3g}, {max(lying):.3g}",
        f"{max(result.quiescence.most_moves for result in results)}",
    )


if __name__ == "__main__":
    main()
