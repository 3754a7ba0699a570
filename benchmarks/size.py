"""What a market costs as it grows: bids, messages, bytes, processor time and memory per node, over MQTT."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

MARKETS = {
    100: ("exchange-1000", ["buyers.0.count=90", "sellers.0.count=10"]),
    1_000: ("exchange-1000", []),
    10_000: ("exchange-10000", []),
}
MOST_MIB, MOST_GROWTH = 2_048.0, 1.5


@dataclass(frozen=True)
class Cost:
    """One run; what is per node counts sellers and buyers alike."""

    nodes: int
    status: str
    efficiency: float
    epsilon_gap: float
    wall_s: float
    bids_per_node: float
    messages_per_node: float
    bytes_per_node: float
    cpu_ms_per_node: float
    peak_mib: float


class MemoryWatch(threading.Thread):
    """The most memory that a process and all below it held together, MiB, shared pages counted once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_mib = 0.0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        while not self._stopped.wait(0.5):
            self.peak_mib = max(self.peak_mib, sum(map(_mib, _tree(self._pid))))

    def stop(self) -> float:
        """The peak."""
        self._stopped.set()
        self.join()
        return self.peak_mib


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def _mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024.0


def measure(nodes: int, broker: str, seed: int, limit_s: float) -> Cost:
    """Run the market of so many nodes in processes of its own."""
    scenario, settings = MARKETS[nodes]
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("bidswarm"), "run", scenario, "--broker", broker, "--seed", str(seed)]
        command += ["--out", folder, "--format", "json", "--timeout", str(limit_s)]
        command += [part for setting in settings for part in ("--set", setting)]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        watch = MemoryWatch(process.pid)
        watch.start()
        output, _ = process.communicate()
        peak, wall = watch.stop(), time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        summary = json.loads(output)
        counters = json.loads((Path(summary["run_dir"]) / "counters.json").read_bytes())
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(
        nodes,
        summary["status"],
        summary["efficiency"],
        summary["epsilon_gap"],
        wall,
        summary["bids"] / nodes,
        summary["messages"] / nodes,
        counters["bytes"] / nodes,
        1_000.0 * cpu_s / nodes,
        peak,
    )


def missed(costs: list[Cost]) -> list[str]:
    """The bounds that these runs do not keep."""
    faults = [f"{cost.nodes} nodes: {cost.status}" for cost in costs if cost.status != "settled"]
    faults += [f"{cost.nodes} nodes: {cost.peak_mib:.0f} MiB" for cost in costs if cost.peak_mib > MOST_MIB]
    by_nodes = {cost.nodes: cost for cost in costs}
    if {1_000, 10_000} <= by_nodes.keys():
        small, large = by_nodes[1_000], by_nodes[10_000]
        for name in ("messages_per_node", "cpu_ms_per_node"):
            growth = getattr(large, name) / getattr(small, name)
            if growth > MOST_GROWTH:
                faults.append(f"{name} grows {growth:.2f} times from 1,000 to 10,000 nodes")
    return faults


def main() -> None:
    """Measure, print, and exit with 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, choices=MARKETS, action="append", help="repeatable; all if not given")
    parser.add_argument("--short", action="store_true", help="100 and 1,000 nodes only")
    parser.add_argument("--broker", default="embedded", help="embedded, mosquitto, or a URL")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=3_600.0, metavar="SECONDS", help="for each market")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sizes = arguments.nodes or ([100, 1_000] if arguments.short else list(MARKETS))
    costs = []
    for nodes in sizes:
        costs.append(measure(nodes, arguments.broker, arguments.seed, arguments.timeout))
        if not arguments.json:
            _print(costs[-1], first=len(costs) == 1)
    faults = missed(costs)
    if arguments.json:
        print(json.dumps({"costs": [asdict(cost) for cost in costs], "missed": faults}))
    else:
        print("\n".join(f"MISSED: {fault}" for fault in faults) or "all bounds are kept")
    sys.exit(bool(faults))


def _print(cost: Cost, *, first: bool) -> None:
    fields = asdict(cost)
    if first:
        print("  ".join(f"{name:>17}" for name in fields))
    cells = (f"{value:,.4g}" if isinstance(value, float) else str(value) for value in fields.values())
    print("  ".join(f"{cell:>17}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
