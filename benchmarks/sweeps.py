"""What a sweep costs beside its runs, and how long 10,000 runs of 100 buyers keep two cores busy.

python benchmarks/sweeps.py [--short] [--json]

All times are of processors, those of workers included, so that other work on the machine disturbs them less. Exit code
1 if a bound is missed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from clearing import Figure, table

from scenarios.launch.options import Onlookers, RunOptions, World
from scenarios.launch.run import carry_out
from scenarios.markets.load import load
from scenarios.sweep.sweep import sweep

BUYERS = {"array": 100, "sim": 50}
ALL, CORES = 10_000, 2


def seconds(call: Callable[[], object]) -> float:
    """Processor time of this process and of those that it starts and ends."""
    begin = sum(os.times()[:4])
    call()
    return sum(os.times()[:4]) - begin


def alone(world: World, runs: int, out: Path) -> None:
    """The runs one after the other in this process: nothing else is done."""
    scenario = load("neighbourhood", [f"buyers.0.count={BUYERS[world]}"])
    for seed in range(runs):
        options = RunOptions(seed=seed, world=world, out=out, tables=False, pictures=False)
        carry_out(scenario, options, Onlookers())


def swept(world: World, runs: int, workers: int, out: Path) -> None:
    """The same runs as a sweep, the start of its processes and its table included."""
    settings = {"buyers.0.count": [BUYERS[world]]}
    done = sweep("neighbourhood", settings, seeds=range(runs), world=world, workers=workers, out=out)
    assert done.counts == {"settled": runs}


def measured(pairs: int, runs: int, all_runs: int) -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        worlds: list[tuple[World, int]] = [("array", runs), ("sim", max(runs // 2, 1))]
        for world, count in worlds:
            alone(world, 2, folder / "warm")
            bare, whole = [], []
            for pair in range(pairs):
                bare.append(seconds(lambda: alone(world, count, folder / f"{world}-{pair}-alone")))  # noqa: B023
                whole.append(seconds(lambda: swept(world, count, 1, folder / f"{world}-{pair}-swept")))  # noqa: B023
            ratio = statistics.median(ours / theirs for ours, theirs in zip(whole, bare, strict=True))
            each = 1e3 * statistics.median(bare) / count
            figures += [
                Figure(f"world {world}, {BUYERS[world]} buyers, alone", each, "ms/run"),
                Figure(f"sweep of {count} / these alone", ratio, "x", bound=1.2),
            ]
        start = seconds(lambda: swept("array", CORES, CORES, folder / "start"))
        more = seconds(lambda: swept("array", all_runs, CORES, folder / "all")) - start
    minutes = (start + more / (all_runs - CORES) * (ALL - CORES)) / CORES / 60.0
    return [*figures, Figure(f"{ALL:,} runs in world array, by {all_runs:,} of them", minutes, "min", bound=10.0)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="200 of the 10,000 runs, and fewer pairs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    figures = measured(pairs=1, runs=100, all_runs=200) if options.short else measured(pairs=5, runs=200, all_runs=ALL)
    print(json.dumps([asdict(figure) for figure in figures], indent=2) if options.json else table(figures))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
