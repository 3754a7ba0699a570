"""The markets and the circumstances whose convergence is measured, and one run of each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scenarios.launch.run import World, run
from scenarios.markets.load import load

EPSILON = 0.6
"""The last ε of every buyer, money."""

SLOWER = 20.0
DEMAND_MB = 60.0
"""Of a buyer, on average."""

_VALUATION = (
    '{ kind = "parabolic", demand_mb = { distribution = "uniform", low = 20, high = 100 }, '
    'choke_price_per_mb = { distribution = "uniform", low = 5, high = 20 } }'
)


@dataclass(frozen=True)
class Shape:
    """So many buyers, each of whom reaches ``each`` of the sellers, drawn at random."""

    scenario: str
    buyers: int
    sellers: int
    each: int
    clearing_s: float

    @property
    def settings(self) -> list[str]:
        """Supply for half of all demand, from 0.5 to 1.5 times its mean."""
        mean = 0.5 * DEMAND_MB * self.buyers / self.sellers
        return [
            f"sellers.0.count={self.sellers}",
            f'sellers.0.supply_mb={{ distribution = "uniform", low = {0.5 * mean}, high = {1.5 * mean} }}',
            f"buyers=[{self.population('buyer', self.buyers)}]",
        ]

    def population(self, name: str, count: int, crowd: float = 0.1) -> str:
        strategy = f'{{ kind = "adaptive", epsilon_start_money = 40, epsilon_end_money = {EPSILON}, crowd = {crowd} }}'
        return (
            f'{{ name = "{name}", count = {count}, sellers_each = {self.each}, '
            f"valuation = {_VALUATION}, strategy = {strategy} }}"
        )


MARKETS = {
    "10x1": Shape("neighbourhood", 10, 1, 1, 0.02),
    "50x10": Shape("neighbourhood", 50, 10, 3, 0.02),
    "900x100": Shape("exchange-1000", 900, 100, 4, 0.05),
}

CASES = ("plain", "delayed", "lossy", "half-slow", "embedded", "mosquitto", "lazar-semret")
"""World sim, but for ``embedded`` and ``mosquitto``, which are world mqtt over that broker."""

PATIENCE_S = 7200.0
"""Virtual seconds that a simulated market may take."""


def settings_of(market: str, case: str) -> list[str]:
    """What to put over the scenario: with ``--set`` the command line repeats the run."""
    shape = MARKETS[market]
    settings = [*shape.settings]
    if not over_mqtt(case):
        settings.append(f"timeout_s={PATIENCE_S}")
    match case:
        case "delayed":  # ten clearing intervals on average; the quiet period is left to follow from them
            low, high = 5.0 * shape.clearing_s, 15.0 * shape.clearing_s
            settings += [
                f"network={{ delay_min_s = {low:g}, delay_max_s = {high:g} }}",
                f"auction={{ clearing_interval_s = {shape.clearing_s} }}",
            ]
        case "lossy":
            settings.append("network.loss=0.05")
        case "half-slow":
            slow = shape.buyers // 2
            fast = shape.population("buyer", shape.buyers - slow)
            settings.append(f"buyers=[{fast}, {shape.population('slow', slow, crowd=0.1 * SLOWER)}]")
            # An auction waits ten quiet periods for the undecided, and slow buyers are undecided for longer.
            quiet_s = load(shape.scenario).auction.quiet_period_s
            assert quiet_s is not None
            settings.append(f"auction.quiet_period_s={SLOWER * quiet_s:g}")
        case "lazar-semret":
            settings.append(
                f'buyers.0.strategy={{ kind = "best-reply", epsilon_step_money = {EPSILON}, '
                f"epsilon_fee_money = {EPSILON}, think_min_s = 0.1, think_max_s = 0.2 }}"
            )
    return settings


def over_mqtt(case: str) -> bool:
    return case in {"embedded", "mosquitto"}


@dataclass(frozen=True)
class Job:
    """One run to make; ``overrides`` stand over the settings of its cell."""

    market: str
    case: str
    seed: int
    out: Path
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Run:
    """What came of it; the moves are those of one buyer, the bids those of all."""

    market: str
    case: str
    seed: int
    status: str
    efficiency: float
    gap: float
    median_moves: float
    most_moves: int
    bids: int
    rest_s: float
    duration_s: float
    wall_s: float

    @property
    def line(self) -> str:
        return (
            f"{self.market} {self.case} seed {self.seed}: {self.status}, efficiency {self.efficiency:.5f}, "
            f"gap {self.gap:.2f}, moves {self.median_moves:g} to {self.most_moves}, {self.bids} bids, "
            f"last move after {self.rest_s:.1f} s of {self.duration_s:.1f} s; {self.wall_s:.0f} s"
        )


def made(job: Job) -> Run:
    """The run, made."""
    began = time.monotonic()
    world: World = "mqtt" if over_mqtt(job.case) else "sim"
    result = run(
        MARKETS[job.market].scenario,
        seed=job.seed,
        world=world,
        broker=job.case if world == "mqtt" else "embedded",
        settings=[*settings_of(job.market, job.case), *job.overrides],
        out=job.out,
    )
    summary, rest = result.summary, result.quiescence
    return Run(
        job.market,
        job.case,
        job.seed,
        summary.status,
        summary.efficiency,
        summary.epsilon_gap,
        rest.median_moves,
        rest.most_moves,
        summary.bids,
        rest.time_s,
        summary.duration_s,
        time.monotonic() - began,
    )
