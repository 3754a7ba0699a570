"""How fast the study of the price weight runs, against drawing its random numbers and one sort in the same run.

python benchmarks/study.py [--short] [--json]

Exit code 1 if the bound is missed.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
from clearing import Figure, table

from scenarios.study.price_weight import price_weight_study
from scenarios.study.summary import Summary, summarise

BIDDERS, RUNS = 3, 1_000_000
NUMBERS_PER_BIDDER = 4
"""A cost and a reputation, in the study and in the simulation that verifies it."""


def seconds(call: Callable[[], object]) -> float:
    """Of processor time: what others do on the machine tells less there."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def study() -> Summary:
    return summarise(price_weight_study(BIDDERS, RUNS, seed=0))


def baseline(draws: int) -> None:
    rng = np.random.default_rng(0)
    rng.random(draws * BIDDERS * NUMBERS_PER_BIDDER)
    np.sort(rng.random(RUNS))


def measured(pairs: int) -> list[Figure]:
    draws = study().draws  # and warms up
    bare, whole = [], []
    for _ in range(pairs):
        bare.append(seconds(lambda: baseline(draws)))
        whole.append(seconds(study))
    ratios = [ours / theirs for ours, theirs in zip(whole, bare, strict=True)]
    return [
        Figure(f"drawing for {RUNS:,} runs, one np.sort", 1e3 * statistics.median(bare), "ms"),
        Figure(f"study, {RUNS:,} runs, {BIDDERS} bidders", 1e3 * statistics.median(whole), "ms"),
        Figure("runs per second", RUNS / statistics.median(whole), ""),
        Figure("study / drawing and sort", statistics.median(ratios), "x", bound=5.0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer repetitions of the same size")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    figures = measured(pairs=5 if options.short else 25)
    print(json.dumps([asdict(figure) for figure in figures], indent=2) if options.json else table(figures))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
