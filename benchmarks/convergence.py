"""Whether elastic markets come to rest next to their optimum, in how many moves, and what disturbs that.

python benchmarks/convergence.py [--short] [--json] [--market 50x10 --case lossy --seeds 3 --first-seed 7]

Buyers x sellers, simulated and over MQTT; with delays of ten clearing intervals, 5 % loss, half of the buyers 20 times
slower; and Lazar and Semret's fixed ε from zero. Options choose cells of that table. Exit code 1 if a bound is missed.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from convergence_cells import CASES, EPSILON, MARKETS, Job, Run, made, over_mqtt, settings_of

EFFICIENCY_MEDIAN, EFFICIENCY_WORST = 0.999, 0.995
GAP = 3.0 * EPSILON
MOVES_MEDIAN, MOVES_MOST = 15.0, 60
BIDS_RATIO = 20.0

SEEDS, SEEDS_MQTT = 20, 3
SHORT = {"10x1": 3, "50x10": 1}
"""Seeds of a cell; a simulated and undisturbed one takes as many again."""


@dataclass(frozen=True)
class Cell:
    """All runs of one market under the same circumstances."""

    market: str
    case: str
    runs: Sequence[Run]
    bids_ratio: float | None = None

    @property
    def bids_per_buyer(self) -> float:
        return statistics.mean(run.bids for run in self.runs) / MARKETS[self.market].buyers

    @property
    def median_moves(self) -> float:
        """Of the medians of the runs."""
        return statistics.median(run.median_moves for run in self.runs)

    @property
    def missed(self) -> list[str]:
        """The bounds it misses; the fixed ε, which is compared with, has none but the ratio."""
        if self.case == "lazar-semret":
            return ["bids"] if self.bids_ratio is not None and self.bids_ratio < BIDS_RATIO else []
        efficiency = [run.efficiency for run in self.runs]
        bounds = {
            "settled": all(run.status == "settled" for run in self.runs),
            "efficiency": statistics.median(efficiency) >= EFFICIENCY_MEDIAN and min(efficiency) >= EFFICIENCY_WORST,
            "gap": max(run.gap for run in self.runs) <= GAP,
            "moves": self.median_moves <= MOVES_MEDIAN and max(run.most_moves for run in self.runs) <= MOVES_MOST,
        }
        return [name for name, is_met in bounds.items() if not is_met]


def cells(runs: Sequence[Run]) -> Iterator[Cell]:
    """The runs by cell, in the order of the table."""
    at = {(market, case): [run for run in runs if (run.market, run.case) == (market, case)]
          for case in CASES for market in MARKETS}  # fmt: skip
    for (market, case), those in at.items():
        ours = {run.seed: run.bids for run in at[market, "plain"]}
        compared = [run for run in those if case == "lazar-semret" and run.seed in ours]
        ratio = sum(run.bids for run in compared) / sum(ours[run.seed] for run in compared) if compared else None
        if those:
            yield Cell(market, case, sorted(those, key=lambda run: run.seed), ratio)


HEAD = "market   case          seeds settled  efficiency           gap   moves         bids   rest, s        "


def row(cell: Cell) -> str:
    runs = cell.runs
    efficiency, rest = [run.efficiency for run in runs], [run.rest_s for run in runs]
    settled = sum(run.status == "settled" for run in runs)
    ratio = "" if cell.bids_ratio is None else f"{cell.bids_ratio:.1f} times the bids of plain"
    missed = f"MISSED: {', '.join(cell.missed)}" if cell.missed else ""
    return (
        f"{cell.market:<8} {cell.case:<13} {len(runs):>5} {settled:>7}  "
        f"{statistics.median(efficiency):.5f} > {min(efficiency):.5f}  {max(run.gap for run in runs):>5.2f}   "
        f"{cell.median_moves:>4g} < {max(run.most_moves for run in runs):>4} {cell.bids_per_buyer:>8.1f}   "
        f"{statistics.median(rest):>6.1f} < {max(rest):<6.1f} {ratio} {missed}"
    ).rstrip()


BOUNDS = f"""
efficiency: median and worst run, at least {EFFICIENCY_MEDIAN} and {EFFICIENCY_WORST}
gap: what the buyer with the most to gain could still gain, in the worst run; at most {GAP:g}, three times the last ε
moves: of a buyer, median and most, at most {MOVES_MEDIAN:g} and {MOVES_MOST}; a move is one decision, which sends a bid
  to each seller of the pool whose bid changes
bids: per buyer, on average; those of lazar-semret at least {BIDS_RATIO:g} times those of plain
rest: seconds from the opening to the last move, median and longest run; virtual but for embedded and mosquitto"""


def plan(options: argparse.Namespace, out: Path) -> list[Job]:
    """The runs to make, the longest first."""
    jobs = []
    for market in reversed([name for name in MARKETS if name in options.market]):
        for case in options.case:
            first = options.first_seed
            jobs += [Job(market, case, first + k, out, options.set) for k in range(seeds(options, market, case))]
    return jobs


def seeds(options: argparse.Namespace, market: str, case: str) -> int:
    """How many seeds a cell takes."""
    if case == "lazar-semret" and market != "10x1":
        return 0  # with several sellers it need not settle at all (docs/decisions/0004-strategies.md)
    if options.seeds is not None:
        return int(options.seeds)
    if options.short:
        few = SHORT.get(market, 0)
        if not few:
            return 0
        return 2 * few if case == "plain" else 1 if over_mqtt(case) or case == "lazar-semret" else few
    return SEEDS_MQTT if over_mqtt(case) else SEEDS


def finished(jobs: Sequence[Job], at_once: int) -> Iterator[Run]:
    """The runs as they finish: simulated ones several at once, then one after another those that take all cores."""
    with ProcessPoolExecutor(at_once) as pool:
        simulated = [pool.submit(made, job) for job in jobs if not over_mqtt(job.case)]
        for done in as_completed(simulated):
            yield done.result()
    yield from (made(job) for job in jobs if over_mqtt(job.case))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few seeds of the smaller markets")
    parser.add_argument("--json", action="store_true", help="print JSON, with every run, instead of a table")
    parser.add_argument("--market", action="append", choices=list(MARKETS), help="only this one; may be repeated")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--seeds", type=int, metavar="N", help="so many seeds of every cell")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="the first seed (0)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in bidswarm run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="simulated runs at once (as many as cores)")
    parser.add_argument("--out", type=Path, help="keep the folders of the runs here")
    options = parser.parse_args()
    options.market = options.market or list(MARKETS)
    options.case = options.case or list(CASES)
    if "mosquitto" in options.case and not shutil.which("mosquitto"):
        print("mosquitto is not installed: its runs are left out", file=sys.stderr)
        options.case.remove("mosquitto")
    return options


def main() -> int:
    options = arguments()
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for run in finished(plan(options, options.out or Path(scratch)), options.jobs):
            print(run.line, file=sys.stderr, flush=True)
            runs.append(run)
    table = list(cells(runs))
    if options.json:
        kept = [
            asdict(cell) | {"settings": settings_of(cell.market, cell.case), "missed": cell.missed} for cell in table
        ]
        print(json.dumps(kept, indent=2))
    else:
        print("\n".join([HEAD.rstrip(), *map(row, table), BOUNDS]))
    return int(any(cell.missed for cell in table))


if __name__ == "__main__":
    sys.exit(main())
