"""One run of a market, and the figures that its family's bounds are about."""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from node.protocol.psp.trace import BidPlaced
from node.protocol.trace import Record, Trace
from scenarios.launch.run import World, run
from scenarios.launch.simulated import run_simulated
from scenarios.markets.psp import results
from scenarios.markets.psp.live import LiveMetrics
from scenarios.markets.psp.market import draw
from scenarios.markets.psp.schema import Scenario
from scenarios.results.outcome import Run as Ended

LEAST_BIDS, BIDS_PER_PAIR = 20_000, 200
"""A simulated market that has bid more often, in all and per pair of buyer and seller, is taken not to settle."""


@dataclass(frozen=True)
class Trial:
    """What came of one run of a market.

    Attributes
    ----------
    efficiency
        Of the measure that fits, as results name it.
    efficiencies
        Of every measure; that of welfare counts neither budgets nor reserves.
    gap
        What the adaptive buyer with the most to gain could still gain, in its last ε; 0 without adaptive buyers.
    median_moves, most_moves
        Of one buyer until it rests.
    bids
        Of all buyers.
    bids_after
        Of all buyers since the last shift; None without shifts.
    rest_s, duration_s
        Until the last move, and in all; virtual seconds but over MQTT.
    overpaying
        How many buyers pay more than what they get is worth to them, and how many more than their budget.
    wall_s, cpu_s
        What the run and its figures took.
    """

    market: str
    seed: int
    status: str
    efficiency: float
    efficiencies: dict[str, float]
    gap: float
    median_moves: float
    most_moves: int
    bids: int
    bids_after: int | None
    rest_s: float
    duration_s: float
    overpaying: int
    wall_s: float
    cpu_s: float

    @property
    def line(self) -> str:
        after = "" if self.bids_after is None else f", {self.bids_after} after the shift"
        return (
            f"{self.market} seed {self.seed}: {self.status}, efficiency {self.efficiency:.5f} "
            f"(welfare {self.efficiencies['welfare']:.5f}), gap {self.gap:.2f} ε, "
            f"moves {self.median_moves:g} to {self.most_moves}, {self.bids} bids{after}, {self.overpaying} overpay, "
            f"last move after {self.rest_s:.1f} s of {self.duration_s:.1f} s; {self.wall_s:.1f} s"
        )


def tried(
    scenario: Scenario,
    seed: int,
    world: World = "sim",
    broker: str = "embedded",
    name: str = "",
    bids_per_pair: int = BIDS_PER_PAIR,
) -> Trial:
    """The market that the seed draws, run; without files or pictures in world ``sim``."""
    wall, cpu = time.monotonic(), time.process_time()
    if world == "sim":
        result = simulated(scenario, seed, bids_per_pair)
    else:
        with tempfile.TemporaryDirectory() as out:
            result = run(scenario, seed=seed, world=world, broker=broker, out=Path(out), pictures=False)
    summary, rest = result.summary, result.quiescence
    return Trial(
        market=name or scenario.name,
        seed=seed,
        status=summary.status,
        efficiency=summary.efficiency,
        efficiencies=dict(summary.efficiencies),
        gap=summary.gap_in_epsilons or 0.0,
        median_moves=rest.median_moves,
        most_moves=rest.most_moves,
        bids=summary.bids,
        bids_after=result.shifts[-1].bids if result.shifts else None,
        rest_s=rest.time_s,
        duration_s=summary.duration_s,
        overpaying=summary.buyers_at_a_loss + summary.buyers_over_budget,
        wall_s=time.monotonic() - wall,
        cpu_s=time.process_time() - cpu,
    )


class Memory:
    """Keeps the trace of a run, in place of a file; ends it, as Ctrl-C would, when it has bid ``most`` times."""

    def __init__(self, most: int) -> None:
        self.records: list[Record[Trace]] = []
        self._most = self._left = most

    def write(self, records: Iterable[Record[Trace]]) -> None:
        for record in records:
            self.records.append(record)
            self._left -= type(record.what) is BidPlaced
        if self._left < 0:
            self._left = self._most
            raise KeyboardInterrupt


def simulated(scenario: Scenario, seed: int, bids_per_pair: int = BIDS_PER_PAIR) -> results.Result:
    """The result in world ``sim``, as a run has it, but nothing is written."""
    market = draw(scenario, seed)
    memory = Memory(max(LEAST_BIDS, bids_per_pair * sum(len(buyer.pool) for buyer in market.buyers)))
    live = LiveMetrics(market)

    def watch(*_: object) -> None:
        """Nobody looks on."""

    outcome = run_simulated(market, live, scenario.timeout_s, memory, watch)  # type: ignore[arg-type]
    records = (Record(one.time_s - outcome.opened_at, one.node, one.what) for one in memory.records)
    return results.summarise(market, live, Ended("sim", None, Path(), outcome), records)
