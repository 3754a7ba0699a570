"""What an operator could still gain by leaving the bids of the Digital Marketplace, as docs/dmp.md tables it.

python benchmarks/equilibria.py [--short]

The equilibrium for private reputations, the bid b*(c) of Proposition 2, and the equilibrium for reputations that are
common knowledge, whose solutions are timed too. Exit code 1 if a bound is missed.
"""

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np

from node.mechanism.dmp import (
    Beta,
    CommonEquilibrium,
    Distribution,
    PrivateEquilibrium,
    Uniform,
    best_reply_gain,
    common_best_reply_gain,
    first_price_bid,
)

WEIGHTS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
BIDDERS = (2, 3, 5, 10)
TYPES = {"uniform": (Uniform(), Uniform()), "beta": (Beta(2, 3), Beta(2, 5))}

PRIVATE_MOST, COMMON_MOST, PAPER_LEAST = 1e-4, 1e-5, 1e-3
MARKETS, SEED = 30, 1


def gains(w: float, bidders: int, cost: Distribution, reputation: Distribution) -> tuple[float, float]:
    """Of the equilibrium for private reputations, and of b*."""

    def paper(c: np.ndarray, r: np.ndarray) -> np.ndarray:
        return first_price_bid(c, bidders, cost) + 0.0 * r

    equilibrium = PrivateEquilibrium(w, bidders, cost, reputation)
    return tuple(best_reply_gain(bid, w, bidders, cost, reputation).gain for bid in (equilibrium.bid, paper))


def private(bidders: tuple[int, ...]) -> Iterator[tuple[str, bool]]:
    """Rows, and whether their bounds are met."""
    yield "types    N  " + "".join(f"  w = {w:<11g}" for w in WEIGHTS).rstrip(), True
    for name, types in TYPES.items():
        for n in bidders:
            found = [(w, *gains(w, n, *types)) for w in WEIGHTS]
            met = all(own <= PRIVATE_MOST and (paper >= PAPER_LEAST or w == 1.0) for w, own, paper in found)
            cells = "".join(f"  {own:.0e} / {paper:.3f}" for _, own, paper in found)
            yield f"{name:<8} {n:<3}{cells}{'' if met else 'MISSED'}".rstrip(), met


def common(operators: int, markets: int) -> tuple[str, bool]:
    """The worst of some random markets, and how long they take to solve."""
    random = np.random.default_rng([SEED, operators])
    times, worst = [], 0.0
    for _ in range(markets):
        reputations, w = tuple(random.random(operators)), random.uniform(0.05, 1.0)
        begin = time.perf_counter()
        equilibrium = CommonEquilibrium(w, reputations)
        times.append(1e3 * (time.perf_counter() - begin))
        worst = max(worst, common_best_reply_gain(equilibrium).gain)
    met = worst <= COMMON_MOST
    row = f"{operators:<10} {worst:<8.0e} {np.median(times):>6.0f} < {max(times):.0f}"
    return row if met else f"{row} MISSED", met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer operators and markets")
    short = parser.parse_args().short
    kept = True
    print("private reputations: gain from the equilibrium / from b*, money per call\n")
    for row, met in private((3,) if short else BIDDERS):
        print(row, flush=True)
        kept &= met
    print("\ncommon knowledge: gain of the worst market, and ms to solve one, median < longest\n")
    print("operators  gain     ms")
    for operators in (2, 3) if short else (2, 3, 4, 5, 6):
        row, met = common(operators, MARKETS // 5 if short else MARKETS)
        print(row, flush=True)
        kept &= met
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
