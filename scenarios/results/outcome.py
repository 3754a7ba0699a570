"""How a run of any market ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from scenarios.chaos.expectations import Expectation

Status = Literal["settled", "timeout", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world ended: status, when the market opened and how long it ran, and what its hosts counted."""

    status: Status
    opened_at: float
    duration_s: float
    counters: dict[str, int]


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over: its world, the broker that served it, if any, its folder, and how it ended."""

    world: str
    broker: str | None
    folder: Path
    outcome: Outcome


class Summary(Protocol):
    """What the program reads of the figures of any run; the rest is its market's."""

    @property
    def status(self) -> Status:
        """How the run ended."""
        ...

    @property
    def expectations(self) -> Sequence[Expectation]:
        """What the scenario expected."""
        ...

    @property
    def run_dir(self) -> str:
        """The folder of the run."""
        ...
