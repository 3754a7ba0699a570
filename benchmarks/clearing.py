"""How fast one auction clears, against a sort of the same bids in the same run.

python benchmarks/clearing.py [--short] [--json]

Exit code 1 if a bound is missed.
"""

import argparse
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp import clear

LARGE, SMALL = 1_000_000, 50
RESERVE = 1.0
SMALL_BOUND = 12.0


@dataclass(frozen=True)
class Figure:
    name: str
    measured: float
    unit: str
    bound: float | None = None

    @property
    def missed(self) -> bool:
        return self.bound is not None and self.measured > self.bound


def random_bids(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Quantities and prices; one price in ten is one of 90 round ones, so that it is a tie."""
    price = rng.uniform(RESERVE, 10.0, n)
    tied = rng.random(n) < 0.1
    price[tied] = np.round(price[tied], 1)
    return rng.uniform(1.0, 10.0, n), price


def seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def large_book(rng: np.random.Generator, pairs: int) -> list[Figure]:
    quantity, price = random_bids(LARGE, rng)
    supply = 0.5 * float(quantity.sum())
    sort, clearing = [], []
    for _ in range(pairs):
        sort.append(seconds(lambda: np.argsort(price)))
        clearing.append(seconds(lambda: clear(quantity, price, supply, RESERVE)))
    return [
        Figure(f"np.argsort of {LARGE:,} prices", 1e3 * statistics.median(sort), "ms"),
        Figure(f"clear {LARGE:,} bids, 10 % ties", 1e3 * statistics.median(clearing), "ms"),
        Figure("clear / argsort", statistics.median(clearing) / statistics.median(sort), "x", bound=2.5),
        Figure("peak memory of clear", peak_arrays(quantity, price, supply), "arrays of n", bound=12.0),
    ]


def peak_arrays(quantity: FloatArray, price: FloatArray, supply: float) -> float:
    """Peak of what a clearing allocates, its result included, in float64 arrays of the book's length."""
    tracemalloc.start()
    clear(quantity, price, supply, RESERVE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / quantity.nbytes


def small_books(rng: np.random.Generator, count: int, pairs: int) -> list[Figure]:
    """Against sorting the same bids as a list of tuples: the least that clearing must do without arrays."""
    books = [(*random_bids(SMALL, rng), float(rng.uniform(50.0, 250.0))) for _ in range(count)]

    def clear_all() -> None:
        for quantity, price, supply in books:
            clear(quantity, price, supply, RESERVE)

    bids = [list(zip(price.tolist(), quantity.tolist(), strict=True)) for quantity, price, _ in books]

    def sort_all() -> None:
        for book in bids:
            sorted(book, reverse=True)

    sort, clearing = [], []
    for _ in range(pairs):
        sort.append(seconds(sort_all))
        clearing.append(seconds(clear_all))
    return [
        Figure(f"sort a book of {SMALL}, mean of {count:,}", 1e6 * statistics.median(sort) / count, "µs"),
        Figure(f"clear a book of {SMALL}", 1e6 * statistics.median(clearing) / count, "µs"),
        Figure("clear / sort", statistics.median(clearing) / statistics.median(sort), "x", bound=SMALL_BOUND),
    ]


def table(figures: list[Figure]) -> str:
    lines = []
    for figure in figures:
        bound = "" if figure.bound is None else f"at most {figure.bound:g}{'  MISSED' if figure.missed else ''}"
        lines.append(f"{figure.name:<36} {figure.measured:>9.2f} {figure.unit:<12} {bound}".rstrip())
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer repetitions of the same sizes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    pairs = 5 if options.short else 25
    figures = large_book(rng, pairs) + small_books(rng, count=1_000, pairs=pairs)
    print(json.dumps([asdict(figure) for figure in figures], indent=2) if options.json else table(figures))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
