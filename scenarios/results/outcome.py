"""How a run of any market ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any, Literal

import msgspec

from scenarios.chaos.expectations import Ending, Expectation, FaultLog, FaultRow, checked
from scenarios.markets.base import Market
from scenarios.results import folder as rundir
from scenarios.words import counted

OUTCOME = "outcome.json"

Status = Literal["settled", "timeout", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world ended: status, when the market opened and how long it ran, and what its hosts counted.

    ``dropped`` has how many records of each host did not count, if any.
    """

    status: Status
    opened_at: float
    duration_s: float
    counters: dict[str, int]
    dropped: dict[str, int] = field(default_factory=dict)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that every run has, whatever its market (docs/results.md); a market's own derives from it."""

    scenario: str
    seed: int
    world: str
    broker: str | None
    nodes: int
    status: Status
    duration_s: float
    messages: int
    bytes: int = 0
    run_dir: str
    faults: list[FaultRow] = msgspec.field(default_factory=list)
    expectations: list[Expectation] = msgspec.field(default_factory=list)
    dropped_records: dict[str, int] = msgspec.field(default_factory=dict)
    rejected_from: dict[str, int] = msgspec.field(default_factory=dict)
    throttled: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def network(self) -> str:
        """What carried the messages, for people."""
        return self.broker or ("simulated network" if self.world == "sim" else "no messages")

    @property
    def carried(self) -> str:
        """How many nodes there were, and what was sent among them, for people."""
        nodes = counted(self.nodes, "node")
        if self.network == "no messages":
            return f"{nodes}, {'in rounds ' if self.world == 'array' else ''}without messages"
        return f"{counted(self.messages, 'message')}, {nodes}, {self.network}"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over: its world, the broker that served it, if any, its folder, and how it ended."""

    world: str
    broker: str | None
    folder: Path
    outcome: Outcome

    def keep(self) -> None:
        """Write down how it ended: with the trace, all that its results need."""
        rundir.write_json(self.folder / OUTCOME, {"broker": self.broker, **msgspec.to_builtins(self.outcome)})

    def figures(
        self, market: Market, faults: FaultLog, efficiency: float = nan, last_move_s: float = nan
    ) -> dict[str, Any]:
        """What every ``Summary`` has, by field.

        Parameters
        ----------
        faults
            What went wrong, taken out of the trace.
        efficiency, last_move_s
            What expectations may be about, where the market has such.
        """
        outcome = self.outcome
        ending = Ending(outcome.status == "settled", outcome.duration_s, last_move_s, efficiency)
        return {
            "scenario": market.scenario,
            "seed": market.seed,
            "world": self.world,
            "broker": self.broker,
            "nodes": market.nodes,
            "status": outcome.status,
            "duration_s": outcome.duration_s,
            "messages": outcome.counters.get("sent", 0),
            "bytes": outcome.counters.get("bytes", 0),
            "run_dir": str(self.folder),
            "faults": faults.rows,
            "dropped_records": outcome.dropped,
            "rejected_from": _by_host(outcome.counters, "rejected from "),
            "throttled": _by_host(outcome.counters, "throttled: "),
            "expectations": checked(market.chaos.expect if market.chaos else [], ending, faults.heal_s),
        }


def _by_host(counters: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counters whose names begin so, by what follows, which is a host."""
    return {name.removeprefix(prefix): count for name, count in sorted(counters.items()) if name.startswith(prefix)}
