"""Steps of agents in the environments for learners, in both worlds, beside the same worlds without observations.

python benchmarks/learning.py [--short] [--json]

100 buyers of the neighbourhood are agents that bid at random at three sellers each: all buyers, and beside 50 adaptive
ones. A step of an agent is its bid, its clearing, and all that it is told. The bare world carries out the same bids in
the same process, in turn with the environment, and tells nobody anything. Exit code 1 if world array makes fewer than
10,000 steps of agents per second.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bidswarm import load
from bidswarm.learning import MarketEnv

WORLDS: tuple[Literal["array", "sim"], ...] = ("array", "sim")
AGENTS, SCRIPTED, STEPS, LEAST = 100, (0, 50), 20, 10_000.0


@dataclass(frozen=True)
class Figure:
    world: str
    scripted: int
    steps_per_s: float
    ratio: float


def clocked(work: Callable[[Any], object], given: list[Any]) -> float:
    """Processor time for all of them, seconds."""
    begin = time.process_time()
    for one in given:
        work(one)
    return time.process_time() - begin


def measured(world: Literal["array", "sim"], scripted: int, episodes: int) -> Figure:
    """Medians over pairs of an episode in the environment and one in the bare world."""
    scenario = load("neighbourhood", [f"buyers.0.count={AGENTS + scripted}"])
    agents = [f"buyer-{k}" for k in range(1, AGENTS + 1)]
    env, bare = (MarketEnv(scenario, learners=agents, world=world, steps=STEPS) for _ in range(2))
    random, pairs = np.random.default_rng(0), []
    for seed in range(episodes + 1):
        env.reset(seed=seed)
        bare.reset(seed=seed)
        told = [dict(zip(env.agents, random.random((AGENTS, env.slots, 2)), strict=True)) for _ in range(STEPS - 1)]
        inner: Any = bare._world  # noqa: SLF001
        work: Callable[[Any], object] = inner.carry_out if world == "array" else inner.step
        pairs.append((clocked(env.step, told), clocked(work, told)))
    steps, ratios = zip(*[(AGENTS * (STEPS - 1) / own, own / alone) for own, alone in pairs[1:]], strict=True)
    return Figure(world, scripted, statistics.median(steps), statistics.median(ratios))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="3 episodes instead of 15")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    figures = [measured(world, scripted, 3 if options.short else 15) for world in WORLDS for scripted in SCRIPTED]
    missed = any(figure.world == "array" and figure.steps_per_s < LEAST for figure in figures)
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        print("world  agents  scripted  agent steps/s  environment / bare world")
        for one in figures:
            print(f"{one.world:<5}  {AGENTS:>6}  {one.scripted:>8}  {one.steps_per_s:>13,.0f}  {one.ratio:>24.2f}")
        print("MISSED" if missed else "")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
