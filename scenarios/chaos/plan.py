"""From the table ``[chaos]`` to a plan for hosts: users by the hosts that carry them, random faults by the seed."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from node.runtime.faults.plan import Fault, Plan, Steady
from node.runtime.streams import stream
from scenarios.chaos.schema import (
    BrokerCrash,
    ChaosTable,
    Churn,
    ClockSkew,
    Crash,
    DelaySpike,
    FaultTable,
    Partition,
    RandomFaults,
)
from scenarios.errors import ScenarioError

Placement = Mapping[str, str]
"""Node name to host name."""


def plan_of(chaos: ChaosTable, seed: int, placement: Placement, churning: Sequence[str]) -> Plan:
    """What goes wrong in a run with this seed, whose users are placed so.

    Parameters
    ----------
    churning
        The users of whom ``churn`` takes a share.

    Raises
    ------
    ScenarioError
        If a partition has all hosts on one side.
    """
    steady = Steady(chaos.loss, chaos.duplication, chaos.reordering, chaos.reordering_delay_s)
    faults = [
        fault
        for k, table in enumerate(chaos.faults)
        for fault in _each(f"chaos.faults.{k}", table, stream(seed, "chaos", f"faults {k}"), placement, churning)
    ]
    return Plan(steady, tuple(sorted(faults, key=lambda one: one.at_s)))


def latest_s(chaos: ChaosTable) -> float:
    """When the last fault is over at the latest, seconds since the market opened."""
    return max((one.at_s + lasts_s(one) for one in chaos.faults), default=0.0)


def lasts_s(table: FaultTable) -> float:
    """How long a fault lasts at the most, seconds; one that never ends is over at once."""
    match table:
        case RandomFaults(within_s=within_s):
            return within_s
        case Churn(for_s=for_s, away_s=away_s):
            return for_s + away_s
    return table.for_s or 0.0


def _each(
    key: str, table: FaultTable, random: np.random.Generator, placement: Placement, churning: Sequence[str]
) -> Iterator[Fault]:
    def on(nodes: Iterable[str]) -> frozenset[str]:
        return frozenset(placement[node] for node in nodes)

    match table:
        case DelaySpike(at_s=at_s, for_s=for_s, extra_delay_s=extra, nodes=nodes):
            yield Fault("delay-spike", at_s, at_s + for_s, on(nodes or ()), extra)
        case Partition(at_s=at_s, for_s=for_s, nodes=nodes):
            yield Fault("partition", at_s, at_s + for_s, _some(key, on(nodes), placement))
        case Crash(at_s=at_s, for_s=for_s, nodes=nodes):
            yield Fault("crash", at_s, math.inf if for_s is None else at_s + for_s, on(nodes))
        case BrokerCrash(at_s=at_s, for_s=for_s):
            yield Fault("broker-crash", at_s, at_s + for_s)
        case ClockSkew(at_s=at_s, for_s=for_s, nodes=nodes, skew_s=skew):
            yield Fault("clock-skew", at_s, at_s + for_s, on(nodes), skew)
        case Churn():
            for user in churning:
                yield from _comings_and_goings(table, placement[user], random)
        case RandomFaults():
            yield from _drawn(table, random, list(dict.fromkeys(placement.values())))


def _some(key: str, hosts: frozenset[str], placement: Placement) -> frozenset[str]:
    if hosts >= set(placement.values()):
        raise ScenarioError(
            f"{key}.nodes: these users share hosts with all others, so nothing can cut them off: "
            "add --connections per-node, which makes every user a host of its own"
        )
    return hosts


def _comings_and_goings(table: Churn, host: str, random: np.random.Generator) -> Iterator[Fault]:
    """Crashes as a Poisson stream, in which nobody crashes who is away."""
    pause_s = 60.0 / table.share_per_minute
    at_s = table.at_s + random.exponential(pause_s)
    while at_s < table.at_s + table.for_s:
        yield Fault("crash", at_s, at_s + table.away_s, frozenset({host}))
        at_s += table.away_s + random.exponential(pause_s)


def _drawn(table: RandomFaults, random: np.random.Generator, hosts: list[str]) -> Iterator[Fault]:
    for _ in range(table.partitions if len(hosts) > 1 else 0):
        size = int(random.integers(1, len(hosts)))
        group = frozenset(hosts[k] for k in random.choice(len(hosts), size, replace=False))
        yield Fault("partition", *_span(table, random), group)
    for _ in range(table.crashes):
        yield Fault("crash", *_span(table, random), frozenset({hosts[int(random.integers(len(hosts)))]}))


def _span(table: RandomFaults, random: np.random.Generator) -> tuple[float, float]:
    start, end = sorted(table.at_s + table.within_s * random.random(2))
    return float(start), float(end)
