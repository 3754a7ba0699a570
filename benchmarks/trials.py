"""One run of a market, and the figures that its family's bounds are about."""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.welfare import epsilon_gaps
from node.protocol.psp.trace import BidPlaced
from node.protocol.trace import Record, Trace
from scenarios.launch.run import World, run
from scenarios.launch.simulated import run_simulated
from scenarios.markets.psp import results
from scenarios.markets.psp.census import market_now
from scenarios.markets.psp.equilibrium import _largest  # until results tell the gap of every buyer
from scenarios.markets.psp.live import LiveMetrics
from scenarios.markets.psp.market import BuyerSpec, Market, draw, lowest_reserve, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, Scenario
from scenarios.results.outcome import Run as Ended

LEAST_BIDS, BIDS_PER_PAIR = 2_000, 200
"""A simulated market that has bid more often, in all and per pair of buyer and seller, is taken not to settle."""


@dataclass(frozen=True)
class Trial:
    """What came of one run of a market.

    Attributes
    ----------
    efficiency
        Of the measure that fits, as results name it.
    of_welfare
        Welfare as a share of its optimum, whatever the budgets and the reserves.
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
    of_welfare: float
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
            f"(welfare {self.of_welfare:.5f}), gap {self.gap:.2f} ε, "
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
        of_welfare=summary.efficiencies["welfare"],
        gap=gap_in_epsilons(result),
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
    """Keeps the trace of a run, in place of a file."""

    def __init__(self) -> None:
        self.records: list[Record[Trace]] = []
        self.bids = 0
        self.is_full = False

    def write(self, records: Iterable[Record[Trace]]) -> None:
        for record in records:
            self.records.append(record)
            self.bids += type(record.what) is BidPlaced


def simulated(scenario: Scenario, seed: int, bids_per_pair: int = BIDS_PER_PAIR) -> results.Result:
    """The result in world ``sim``, as a run has it, but nothing is written."""
    market, memory = draw(scenario, seed), Memory()
    live = LiveMetrics(market)
    most = max(LEAST_BIDS, bids_per_pair * sum(len(buyer.pool) for buyer in market.buyers))

    def watch(*_: object) -> None:
        if memory.bids > most and not memory.is_full:
            memory.is_full = True
            raise KeyboardInterrupt  # as a user would end a run that gets nowhere

    outcome = run_simulated(market, live, scenario.timeout_s, memory, watch)  # type: ignore[arg-type]
    records = (Record(one.time_s - outcome.opened_at, one.node, one.what) for one in memory.records)
    return results.summarise(market, live, Ended("sim", None, Path(), outcome), records)


def gap_in_epsilons(result: results.Result) -> float:
    """What the adaptive buyer with the most to gain could still gain, in its last ε; 0 without adaptive buyers."""
    market = market_now(result.market, result._metrics)  # noqa: SLF001
    last = np.array([last_epsilon(market, buyer) for buyer in market.buyers])
    if not np.isfinite(last).any():
        return 0.0
    if result.summary.world == "array":  # which has adaptive buyers only, all alike
        return result.summary.epsilon_gap / float(last[0])

    def in_epsilons(*profile: Any) -> FloatArray:  # noqa: ANN401 - passed on
        return epsilon_gaps(*profile) / last

    return _largest(in_epsilons, market, result._metrics)  # noqa: SLF001


def last_epsilon(market: Market, buyer: BuyerSpec) -> float:
    """The least gain for which an adaptive buyer moves at its last ε, money; infinite for others."""
    if not isinstance(buyer.strategy, AdaptiveStrategy):
        return np.inf
    return buyer.strategy.epsilon_money(theta(buyer), lowest_reserve(market, buyer))[1]
