"""One run of a market, and the figures that its family's bounds are about."""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.valuation import Valuation
from node.mechanism.welfare import efficiency, epsilon_gaps, optimum
from node.protocol.psp.trace import BidPlaced
from node.protocol.trace import Record, Trace
from scenarios.launch.run import World, run
from scenarios.launch.simulated import run_simulated
from scenarios.markets.psp import results
from scenarios.markets.psp.census import market_now
from scenarios.markets.psp.equilibrium import _largest  # until results tell the gap of every buyer
from scenarios.markets.psp.live import LiveMetrics
from scenarios.markets.psp.market import BuyerSpec, draw, edges, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, Scenario
from scenarios.results.outcome import Run as Ended

ROUNDING = 1e-9
"""Of an amount of money."""

LEAST_BIDS, BIDS_PER_PAIR = 2_000, 200
"""A simulated market that has bid more often, in all and per pair of buyer and seller, is taken not to settle."""


@dataclass(frozen=True)
class Trial:
    """What came of one run of a market.

    Attributes
    ----------
    efficiency
        Of the measure that fits: with budgets liquid welfare, else gains from trade; a share of its optimum.
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
        How many buyers pay more than what they get is worth to them, or than their budget.
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
        efficiency=fitting_efficiency(result),
        of_welfare=efficiency(summary.welfare, summary.optimum),
        gap=gap_in_epsilons(result),
        median_moves=rest.median_moves,
        most_moves=rest.most_moves,
        bids=summary.bids,
        bids_after=result.shifts[-1].bids if result.shifts else None,
        rest_s=rest.time_s,
        duration_s=summary.duration_s,
        overpaying=overpaying(result),
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


def fitting_efficiency(result: results.Result) -> float:
    """What share of its optimum the measure that fits has: liquid welfare with budgets, else gains from trade."""
    summary, market = result.summary, result.market
    if all(buyer.budget_money is None for buyer in market.buyers):
        return efficiency(summary.gains_from_trade, summary.most_gains)
    bought = result.columns("buyers")["bought_mb"]
    thetas = [Capped.of(buyer) for buyer in market.buyers]
    best = optimum(thetas, np.array([seller.supply_mb for seller in market.sellers]), edges(market))
    return efficiency(sum(one.value(amount) for one, amount in zip(thetas, bought, strict=True)), best.welfare)


@dataclass(frozen=True, slots=True)
class Capped:
    """min(θ, b): what a buyer could pay for an amount at most; it wants no more than it can pay."""

    valuation: Valuation
    demand_mb: float

    @classmethod
    def of(cls, buyer: BuyerSpec) -> "Capped":
        valuation = theta(buyer)
        low, high = 0.0, valuation.demand_mb
        if buyer.budget_money is not None and valuation.value(high) > buyer.budget_money:
            for _ in range(100):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if valuation.value(middle) <= buyer.budget_money else (low, middle)
        return cls(valuation, high)

    def value(self, quantity: float) -> float:
        return self.valuation.value(min(quantity, self.demand_mb))

    def marginal(self, quantity: float) -> float:
        return self.valuation.marginal(quantity) if quantity <= self.demand_mb else 0.0

    def demand(self, price: float) -> float:
        return min(self.valuation.demand(price), self.demand_mb)


def gap_in_epsilons(result: results.Result) -> float:
    """What the adaptive buyer with the most to gain could still gain, in its last ε; 0 without adaptive buyers."""
    market = market_now(result.market, result._metrics)  # noqa: SLF001
    last = np.array([last_epsilon(buyer) for buyer in market.buyers])
    if not np.isfinite(last).any():
        return 0.0
    if result.summary.world == "array":  # which has adaptive buyers only, all alike
        return result.summary.epsilon_gap / float(last[0])

    def in_epsilons(*profile: Any) -> FloatArray:  # noqa: ANN401 - passed on
        return epsilon_gaps(*profile) / last

    return _largest(in_epsilons, market, result._metrics)  # noqa: SLF001


def last_epsilon(buyer: BuyerSpec) -> float:
    """The least gain for which an adaptive buyer moves at its last ε, money; infinite for others."""
    return buyer.strategy.epsilon_end_money if isinstance(buyer.strategy, AdaptiveStrategy) else np.inf


def overpaying(result: results.Result) -> int:
    """How many buyers pay more than what they get is worth to them, or than their budget."""
    table = result.columns("buyers")
    budgets = [np.inf if buyer.budget_money is None else buyer.budget_money for buyer in result.market.buyers]
    most = np.minimum(table["value"], budgets)
    return int(np.sum(np.array(table["charge"]) > (1.0 + ROUNDING) * most))
