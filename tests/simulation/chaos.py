"""Seeded runs among faults: frames lost, doubled and late, a partition, two crashes; every promise is watched.

python -m tests.simulation.chaos [--runs 2000] [--first-seed 0]

Shows how far it is, and ends with exit code 1 and the failing seeds if anything did not hold.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from node.mechanism.welfare import efficiency
from node.trace.psp.ledger import Ledger
from scenarios.markets.load import load
from scenarios.markets.psp.live import optimum_of
from scenarios.markets.psp.market import draw
from tests.simulation.world import World

LEAST_EFFICIENCY = 0.99
MOST_EVENTS = 2_000_000
LONGEST_S = 3_000.0

STEADY = ("chaos.loss=0.05", "chaos.duplication=0.05", "chaos.reordering=0.2", "chaos.reordering_delay_s=0.05")
ADAPTIVE = "{ kind = 'adaptive', crowd = 0.03, epsilon_start_money = 40, epsilon_end_money = 0.6 }"
SCENARIOS: dict[str, tuple[str, ...]] = {
    "two-sellers": ("buyers.*.strategy.split=fill-largest-first", "auction.quiet_period_s=5", "auction.retry_s=0.25"),
    "neighbourhood": (
        *("sellers.0.count=4", "buyers.0.count=20", "auction.clearing_interval_s=0.05", "auction.quiet_period_s=3"),
        "auction.retry_s=0.25",
        f"buyers.0.strategy={ADAPTIVE}",
    ),
    "herd": ("buyers.0.count=10", "sellers.*.supply_mb=75", f"buyers.0.strategy={ADAPTIVE}"),
}
"""Shipped scenarios, and what is set differently."""


class ChaosWorld(World):
    """One run with this seed; in every second one the faults may hit the settlement."""

    def __init__(self, name: str, seed: int) -> None:
        self.waits = seed % 2 == 0
        wait = f"chaos.auctions_wait={str(self.waits).lower()}"
        within_s = 6.0 if self.waits else 2.0 + seed % 9
        faults = f"chaos.faults=[{{ kind = 'random', within_s = {within_s} }}]"
        settings = (*SCENARIOS[name], *STEADY, wait, faults, "timeout_s=1000")
        super().__init__(draw(load(name, settings), seed))

    def breaches(self) -> list[str]:
        """What did not hold, once the run is over."""
        ledger = Ledger(entry for node in self.journal.past().values() for entry in node.entries)
        found = [f"{breach.rule}: {breach.text}" for breach in ledger.breaches]
        found += [f"in doubt: {doubt.sale}: {doubt.why}" for doubt in ledger.doubts]
        if self.waits and self.share < LEAST_EFFICIENCY:
            found.append(f"efficiency {self.share:.4f}")
        return found

    @property
    def share(self) -> float:
        """Of the optimum that was reached."""
        return efficiency(self.metrics.welfare, optimum_of(self.market).welfare)


def broken(name: str, seed: int) -> list[str]:
    """What did not hold in one run."""
    world = ChaosWorld(name, seed)
    try:
        world.open_market()
        world.run(LONGEST_S, MOST_EVENTS)
    except AssertionError as error:
        return [f"a promise: {error}"]
    return world.breaches() if world.settled else ["does not end"]


def _of(run: tuple[str, int]) -> tuple[str, int, list[str]]:
    return *run, broken(*run)


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the progress of a command


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run markets among seeded faults.")
    parser.add_argument("--runs", type=int, default=2000, help="in all, over three scenarios in turn")
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args(arguments)
    names, started, failed = list(SCENARIOS), time.monotonic(), 0
    runs = [(names[k % len(names)], options.first_seed + k // len(names)) for k in range(options.runs)]
    with ProcessPoolExecutor() as pool:
        for done, (name, seed, found) in enumerate(pool.map(_of, runs, chunksize=5), start=1):
            failed += bool(found)
            for what in found:
                say(f"{name}, seed {seed}: {what}")
            if done % 100 == 0 or done == len(runs):
                say(f"{done} of {len(runs)} runs, {failed} with a breach, {time.monotonic() - started:.0f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
