"""Whether markets of every family come to rest, next to their optimum, and in how many moves.

python benchmarks/convergence.py [--short] [--json] [--family budget-mild --family '50x10*' --seeds 3 --first-seed 7]

A family is a kind of market: benchmarks/families.py says how each is drawn, and which bounds its runs must keep. Exit
code 1 if a bound is missed.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from fnmatch import fnmatch

from families import FAMILIES, Bounds
from trials import Trial, tried

SEEDS, SEEDS_MQTT = 10, 3
SHORT: tuple[str, ...] = (
    "10x1",
    "10x1-mosquitto",
    "50x10",
    "50x10-lossy",
    "budget-mild",
    "highest-losing",
    "presence-150",
    "isoelastic-4",
)
SEEDS_SHORT = 2


@dataclass(frozen=True)
class Job:
    """One run to make."""

    family: str
    seed: int
    overrides: Sequence[str] = ()

    def made(self) -> Trial:
        family = FAMILIES[self.family]
        return tried(family.scenario(self.seed, self.overrides), self.seed, family.world, family.broker, self.family)


def missed(bounds: Bounds, trials: Sequence[Trial]) -> list[str]:
    """The bounds that these runs of a family miss."""
    efficiency = efficiencies(bounds, trials)
    kept = {
        "settled": not bounds.settled or all(trial.status == "settled" for trial in trials),
        # In a run that was given up nobody has paid for what its open auctions would award.
        "rational": not any(trial.overpaying for trial in trials if trial.status == "settled"),
        "worst": bounds.worst is None or min(efficiency) >= bounds.worst,
        "median": bounds.median is None or statistics.median(efficiency) >= bounds.median,
        "gap": bounds.gap is None or max(trial.gap for trial in trials) <= bounds.gap,
        "moves": bounds.moves_median is None or median_moves(trials) <= bounds.moves_median,
        "most moves": bounds.moves_most is None or max(trial.most_moves for trial in trials) <= bounds.moves_most,
        "bids after": bounds.bids_after is None or max(trial.bids_after or 0 for trial in trials) <= bounds.bids_after,
    }
    return [name for name, is_kept in kept.items() if not is_kept]


def efficiencies(bounds: Bounds, trials: Sequence[Trial]) -> list[float]:
    """Of the measures that the bounds are about."""
    if not bounds.measures:
        return [trial.efficiency for trial in trials]
    return [max(trial.efficiencies[measure] for measure in bounds.measures) for trial in trials]


def median_moves(trials: Sequence[Trial]) -> float:
    """Of the medians of the runs."""
    return statistics.median(trial.median_moves for trial in trials)


HEAD = (
    f"{'family':<21} seeds settled  {'efficiency':<17} welfare    gap, ε  "
    f"{'moves':<12} {'bids':>7} {'after':>8} overpay  rest, s"
)


def row(family: str, trials: Sequence[Trial]) -> str:
    efficiency, rest = efficiencies(FAMILIES[family].bounds, trials), [trial.rest_s for trial in trials]
    after = [trial.bids_after for trial in trials if trial.bids_after is not None]
    cells = [
        f"{family:<21} {len(trials):>5} {sum(trial.status == 'settled' for trial in trials):>7} ",
        f"{statistics.median(efficiency):.5f} > {min(efficiency):.5f}",
        f"{min(trial.efficiencies['welfare'] for trial in trials):.5f} {max(trial.gap for trial in trials):>9.4g} ",
        f"{median_moves(trials):>5g} < {max(trial.most_moves for trial in trials):>4}",
        f"{statistics.mean(trial.bids for trial in trials):>7.0f} {max(after) if after else '':>8}",
        f"{sum(trial.overpaying for trial in trials):>7} {statistics.median(rest):>7.1f} < {max(rest):<7.1f}",
    ]
    misses = missed(FAMILIES[family].bounds, trials)
    return (" ".join(cells) + (f" MISSED: {', '.join(misses)}" if misses else "")).rstrip()


NOTES = """
efficiency: in the median and of the worst run; of gains from trade, with budgets that bind of liquid welfare
welfare: as a share of its optimum, whatever the budgets and the reserves, in the worst run
gap: what the adaptive buyer with the most to gain could still gain, in its own last ε, in the worst run
moves: of a buyer, median and most; a move is one decision, which sends a bid to each seller whose bid changes
bids: of all buyers, on average over the runs; after: since the last shift, in the worst run
overpay: buyers, in all runs, who pay more than what they get is worth to them, or than their budget
rest: seconds from the opening to the last move, median and longest run; virtual but over MQTT"""


def plan(options: argparse.Namespace) -> list[Job]:
    """The runs to make, in the order of the families."""
    chosen = [name for name in FAMILIES if any(fnmatch(name, wanted) for wanted in options.family)]
    return [Job(name, options.first_seed + k, options.set) for name in chosen for k in range(_seeds(options, name))]


def _seeds(options: argparse.Namespace, name: str) -> int:
    if options.seeds is not None:
        return int(options.seeds)
    if options.short:
        return SEEDS_SHORT
    return SEEDS_MQTT if FAMILIES[name].world == "mqtt" else SEEDS


def finished(jobs: Sequence[Job], at_once: int) -> Iterator[Trial]:
    """The runs as they finish: several at once, then one after another those over MQTT, which take all cores."""
    alone = [job for job in jobs if FAMILIES[job.family].world == "mqtt"]
    with ProcessPoolExecutor(at_once) as pool:
        submitted = [pool.submit(job.made) for job in jobs if job not in alone]
        for done in as_completed(submitted):
            yield done.result()
    yield from (job.made() for job in alone)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="two seeds of some families")
    parser.add_argument("--json", action="store_true", help="print JSON, with every run, instead of a table")
    parser.add_argument("--list", action="store_true", help="print the names of the families, and do nothing")
    parser.add_argument("--family", action="append", metavar="NAME", help="only this one, or those like 50x10-*")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help=f"so many of every family ({SEEDS}; over MQTT {SEEDS_MQTT})"
    )
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="the first seed (0)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in bidswarm run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="simulated runs at once (as many as cores)")
    options = parser.parse_args()
    options.family = options.family or (SHORT if options.short else ["*"])
    for wanted in options.family:
        if not any(fnmatch(name, wanted) for name in FAMILIES):
            parser.error(f"--family {wanted!r}: no family is called so; --list names them all")
    return options


def main() -> int:
    options = arguments()
    if options.list:
        print("\n".join(FAMILIES))
        return 0
    jobs = plan(options)
    if not shutil.which("mosquitto"):
        print("mosquitto is not installed: its runs are left out", file=sys.stderr)
        jobs = [job for job in jobs if FAMILIES[job.family].broker != "mosquitto"]
    trials = []
    for trial in finished(jobs, options.jobs):
        print(trial.line, file=sys.stderr, flush=True)
        trials.append(trial)
    table = {
        name: sorted((trial for trial in trials if trial.market == name), key=lambda trial: trial.seed)
        for name in dict.fromkeys(job.family for job in jobs)
    }
    misses = {name: missed(FAMILIES[name].bounds, of) for name, of in table.items()}
    if options.json:
        rows = [
            {
                "family": name,
                "bounds": asdict(FAMILIES[name].bounds),
                "missed": misses[name],
                "runs": list(map(asdict, of)),
            }
            for name, of in table.items()
        ]
        print(json.dumps(rows, indent=2))
    else:
        print("\n".join([HEAD, *(row(name, of) for name, of in table.items()), NOTES]))
    return int(any(misses.values()))


if __name__ == "__main__":
    sys.exit(main())
