"""How far a local shift spreads through a market at rest: which auctions change price, and which could be reached.

python benchmarks/shifts.py [--short] [--json] [--seeds 3 --first-seed 7]

900 buyers and 100 sellers, simulated (50 and 10 with --short). One after another, each at rest: a losing buyer's
valuation doubles, a buyer leaves, a supply rises by half, a seller leaves. Exit code 1 if an auction outside the
influence set changes its price by more than ε.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from families import FAMILIES

from node.trace.psp.shifts import ShiftReport
from scenarios.launch.run import run
from scenarios.markets.psp.market import draw, theta
from scenarios.markets.psp.schema import LeaveShift, Scenario, ShiftTable, SupplyShift, ValuationShift
from scenarios.markets.psp.spread import by_time, described

REST_S = {"50x10": 30.0, "900x100": 90.0}
"""Virtual seconds until the first shift, and from each to the next: about twice what the slowest run needed to rest."""


@dataclass(frozen=True)
class Shifted:
    """What one shift of one market did."""

    market: str
    seed: int
    what: str
    is_at_rest: bool
    report: ShiftReport

    @property
    def is_missed(self) -> bool:
        """Whether the bound is."""
        return bool(self.report.outside) or not self.is_at_rest


def shifting(market: str, seed: int) -> Scenario:
    """The market with four shifts, which concern users of their own."""
    plain = FAMILIES[market].scenario(seed)
    buyers = draw(plain, seed).buyers
    loser = min(buyers, key=lambda buyer: theta(buyer).marginal(0.0))
    leaver = next(buyer for buyer in buyers if buyer is not loser)
    first, second, third, fourth = (k * REST_S[market] for k in range(1, 5))
    shifts: list[ShiftTable] = [
        ValuationShift(at_s=first, nodes=[loser.name], factor=2.0),
        LeaveShift(at_s=second, nodes=[leaver.name]),
        SupplyShift(at_s=third, nodes=["seller-1"], factor=1.5),
        LeaveShift(at_s=fourth, nodes=["seller-2"]),
    ]
    return msgspec.structs.replace(plain, shifts=shifts)


def measured(market: str, seed: int) -> list[Shifted]:
    """One run, and what each of its shifts did."""
    with tempfile.TemporaryDirectory() as out:
        result = run(shifting(market, seed), seed=seed, world="sim", out=Path(out))
        planned = by_time(result.market)
        # What has been at rest for a quarter of the time until the next shift is at rest.
        rest_s = 0.75 * REST_S[market]
        return [
            Shifted(market, seed, described(planned[report.time_s]), report.rest_s < rest_s, report)
            for report in result.shifts
        ]


def rows(measurements: list[Shifted]) -> Iterator[str]:
    yield (
        "market   seed  shift                              in Λ    bids  rest, s  price beyond ε, outside Λ  "
        "most per MB  worth beyond ε, outside Λ"
    )
    for one in measurements:
        report = one.report
        most = max((abs(change.after - change.before) for change in report.changed), default=0.0)
        yield (
            f"{one.market:<8} {one.seed:>4}  {one.what:<33} {report.sellers:>5} {report.bids:>7} {report.rest_s:>8.1f} "
            f"{report.beyond_epsilon:>15} {len(report.outside):>10}  {most:>11.2f} {report.worth_epsilon:>15} "
            f"{len(report.worth_outside):>10} {'MISSED' if one.is_missed else ''}"
        ).rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="one seed of 50 buyers and 10 sellers")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seeds", type=int, metavar="N", help="so many seeds (5; short 1)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at once (as many as cores)")
    options = parser.parse_args()
    market, seeds = ("50x10", options.seeds or 1) if options.short else ("900x100", options.seeds or 5)
    chosen = range(options.first_seed, options.first_seed + seeds)
    with ProcessPoolExecutor(options.jobs) as pool:
        measurements = [one for those in pool.map(measured, [market] * seeds, chosen) for one in those]
    if options.json:
        print(json.dumps([asdict(one) for one in measurements], indent=2))
    else:
        print("\n".join(rows(measurements)))
    return int(any(one.is_missed for one in measurements))


if __name__ == "__main__":
    sys.exit(main())
