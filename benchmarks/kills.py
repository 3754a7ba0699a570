"""Runs over real brokers in which a host, or the broker, is killed at a random moment and started again.

python benchmarks/kills.py [--hosts 50] [--brokers 20] [--first-seed 0] [--out FOLDER]

Embedded and Mosquitto take turns, and so do a market that settles at once and an elastic one. In half of the runs no
auction waits for the faults to be over, so that they may hit the settlement. All journals are checked against each
other after each run. Exit code 1 if one shows a breach or leaves something in doubt, or if a run does not settle.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from node.trace.psp.ledger import Ledger
from scenarios.cli.ledger import journals_of
from scenarios.launch.run import BrokenRunError, run
from scenarios.markets.registry import read_journal

BROKERS = ("embedded", "mosquitto")
WORKERS = 3
MARKETS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("two-sellers", 1.5, ("buyers.*.strategy.split=fill-largest-first",)),
    ("neighbourhood", 5.0, ("buyers.0.count=12", "sellers.0.count=4", "buyers.0.strategy.crowd=0.03")),
)
"""Scenario, seconds within which somebody is killed, and what is set differently."""


def fault(kind: str, within_s: float, users: list[str], random: Random) -> str:
    """A crash as a scenario has it."""
    at_s, for_s = random.uniform(0.0, within_s), random.uniform(0.2, 2.0)
    nodes = f', nodes = ["{random.choice(users)}"]' if kind == "crash" else ""
    return f'{{ kind = "{kind}", at_s = {at_s:.3f}, for_s = {for_s:.3f}{nodes} }}'


def users_of(name: str) -> list[str]:
    """Whom the kill is aimed at; with them dies the worker that carries them."""
    if name == "two-sellers":
        return [*"12ABCDE"]
    return [f"seller-{k}" for k in range(1, 5)] + [f"buyer-{k}" for k in range(1, 13)]


def killed(kind: str, number: int, seed: int, out: Path) -> list[str]:
    """One run; what was wrong with it."""
    random = Random(f"{kind} {seed}")
    name, within_s, settings = MARKETS[number // 2 % 2]
    broker, waits = BROKERS[number % 2], number // 4 % 2 == 0
    planned = fault(kind, within_s, users_of(name), random)
    chaos = f"chaos={{ auctions_wait = {str(waits).lower()}, faults = [{planned}] }}"
    started, found = time.monotonic(), list[str]()
    try:
        result = run(name, seed=seed, broker=broker, hosts=WORKERS, settings=[*settings, chaos], out=out, timeout_s=120)
    except BrokenRunError as error:
        result = error.result
        found.append(f"broke down: {error}")
    summary = result.summary
    ledger = Ledger(entry for path in journals_of([result.run_dir]) for entry in read_journal(path))
    found += [f"{one.rule} at {one.node}: {one.text}" for one in ledger.breaches]
    found += [f"in doubt: {one.sale}: {one.why}" for one in ledger.doubts]
    if summary.status != "settled":
        found.append(summary.status)
    print(
        f"{kind} {number + 1}: {name}, {broker}, seed {seed}, {planned}: {summary.status} after "
        f"{summary.duration_s:.1f} s, {len(summary.faults)} faults, "
        f"efficiency {summary.efficiency:.4f}, {len(ledger.sales)} sales, "
        f"{time.monotonic() - started:.0f} s in all",
        flush=True,
    )
    for what in found:
        print(f"    BROKEN: {what}; see {result.run_dir}", flush=True)
    return found


def main() -> int:
    """Exit code 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description="Kill hosts and brokers of real runs.")
    parser.add_argument("--hosts", type=int, default=50, help="runs in which a host is killed")
    parser.add_argument("--brokers", type=int, default=20, help="runs in which the broker is killed")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where the folders of runs are kept; nowhere if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as nowhere:
        runs = [("crash", k) for k in range(options.hosts)] + [("broker-crash", k) for k in range(options.brokers)]
        out = options.out or Path(nowhere)
        broken = sum(bool(killed(kind, k, options.first_seed + k, out)) for kind, k in runs)
    print(f"{len(runs)} runs, {broken} of them not as they should be")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
