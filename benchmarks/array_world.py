"""What a large market costs in the world ``array``, from 10³ to 10⁶ buyers on one core.

python benchmarks/array_world.py [--short] [--json] [--epsilon 6]

One seller per ten buyers, four sellers in each pool; at rest no move gains more than the last ε, money, where an
average buyer's surplus is some 300. --short stops at 10⁴. Exit code 1 if a market is not quiescent, below 0.995 of
its dual bound or takes more than 8 GiB; or if from 10⁴ buyers on one costs more than 800 times what sorting its four
bids in pure Python does, or more than twice as much as one in the market of 10⁴.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core, whatever numpy is linked with

import numpy as np

from node.rounds.market import ArrayMarket

EACH = 4
EFFICIENCY, SORTS, MIB, COST_RATIO = 0.995, 800.0, 8 << 10, 2.0
REFERENCE = 10_000
"""Buyers of the market whose cost per buyer that of larger ones is compared with."""


@dataclass(frozen=True)
class Figure:
    buyers: int
    sellers: int
    rounds: int
    bids_per_buyer: float
    seconds: float
    cpu_s: float
    sorts: float
    cpu_us_per_buyer: float
    peak_mib: int
    efficiency: float
    quiescent: bool

    def missed(self, reference: float) -> bool:
        """Whether it is out of bounds; ``reference`` is what a buyer costs in the market compared with, µs."""
        return (
            not self.quiescent
            or self.efficiency < EFFICIENCY
            or self.peak_mib > MIB
            or (self.buyers >= REFERENCE and (self.sorts > SORTS or self.cpu_us_per_buyer > COST_RATIO * reference))
        )


def random_market(buyers: int, rng: np.random.Generator) -> ArrayMarket:
    """Demands U(20, 100) MB, first prices U(5, 20), supply for half of the demand, pools without repetition."""
    sellers = buyers // 10
    demand, choke = rng.uniform(20.0, 100.0, buyers), rng.uniform(5.0, 20.0, buyers)
    weight = rng.uniform(0.5, 1.5, sellers)
    supply = weight * 0.5 * demand.sum() / weight.sum()
    pools = rng.integers(0, sellers, (buyers, EACH))
    while (again := (np.diff(np.sort(pools, axis=1)) == 0).any(axis=1)).any():
        pools[again] = rng.integers(0, sellers, (int(again.sum()), EACH))
    edges = np.repeat(np.arange(buyers), EACH), pools.ravel()
    return ArrayMarket(demand, choke, supply, np.full(sellers, 0.01), edges)


def sort_s(rng: np.random.Generator) -> float:
    """Processor time of sorting one buyer's bids in pure Python; the mean of many, the median of five."""
    bids = [[(price, 1.0) for price in row] for row in rng.uniform(5.0, 20.0, (REFERENCE, EACH)).tolist()]
    times = []
    for _ in range(5):
        begin = time.process_time()
        for own in bids:
            sorted(own)
        times.append(time.process_time() - begin)
    return statistics.median(times) / len(bids)


def measured(buyers: int, epsilon: float) -> Figure:
    """One run in a process of its own, so that the peak memory is its own, too."""
    rng = np.random.default_rng(1)
    market = random_market(buyers, rng)
    begin, cpu_begin = time.perf_counter(), time.process_time()
    outcome = market.run(40.0, epsilon, rng)
    seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu_begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return Figure(
        buyers,
        market.supply.size,
        outcome.rounds,
        float(outcome.bids.mean()),
        seconds,
        cpu_s,
        cpu_s / buyers / sort_s(rng),
        1e6 * cpu_s / buyers,
        peak,
        outcome.welfare / outcome.bound,
        outcome.quiescent,
    )


def line(figure: Figure, *, missed: bool) -> str:
    return (
        f"{figure.buyers:>9,} {figure.sellers:>8,} {figure.rounds:>7,} {figure.bids_per_buyer:>7.1f} "
        f"{figure.seconds:>9.2f} {figure.cpu_s:>9.2f} {figure.sorts:>6.0f} {figure.cpu_us_per_buyer:>9.0f} "
        f"{figure.peak_mib:>9,} {figure.efficiency:>11.5f} "
        f"{'yes' if figure.quiescent else 'no':>10}{'  MISSED' if missed else ''}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="up to 10,000 buyers")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--epsilon", type=float, default=6.0, help="the last ε, money (default: 6)")
    options = parser.parse_args()
    figures: list[Figure] = []
    missed: list[bool] = []
    if not options.json:
        print(
            "   buyers  sellers  rounds   moves   seconds     CPU s  sorts  CPU µs/b  peak MiB  efficiency  quiescent"
        )
    for buyers in [1_000, 10_000] if options.short else [1_000, 10_000, 100_000, 1_000_000]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            figures.append(pool.apply(measured, (buyers, options.epsilon)))
        reference = next((figure.cpu_us_per_buyer for figure in figures if figure.buyers == REFERENCE), 0.0)
        missed.append(figures[-1].missed(reference))
        if not options.json:
            print(line(figures[-1], missed=missed[-1]), flush=True)
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
