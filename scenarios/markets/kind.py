"""The seam between the program and a market: all that the program asks of one (docs/extending.md)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from types import UnionType
from typing import Any, Protocol

from rich.console import Console, RenderableType

from node.protocol.journal import JournalEntry
from node.protocol.machine import Machine, Message
from node.protocol.trace import Record, Trace
from node.trace.breach import Breach
from scenarios.markets.base import Market, Scenario, anything, anything_goes, no_advice, nothing_more
from scenarios.markets.panels import View
from scenarios.markets.plain_view import PlainView
from scenarios.markets.seats import Seats
from scenarios.markets.steering import Steering
from scenarios.results.outcome import Outcome, Run
from scenarios.results.result import Result


class Metrics(Protocol):
    """Folds the trace while the run goes on, for progress and status."""

    @property
    def in_doubt(self) -> int:
        """How many trades have no confirmation yet."""

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""

    def headline(self, elapsed_s: float, messages: int) -> str:
        """The state of the market in one line."""

    def table(self) -> RenderableType | None:
        """What a terminal shows below that line, if anything."""


class Audit(Protocol):
    """Whether the journals of a market agree."""

    @property
    def nodes(self) -> int:
        """How many nodes of this market there are journals of."""

    @property
    def breaches(self) -> list[Breach]:
        """Every rule that does not hold."""

    def document(self) -> dict[str, Any]:
        """What was found, as JSON."""

    def print(self, console: Console) -> None:
        """Print what was found for people."""


Watch = Callable[[Metrics, float, int], None]
"""Told now and then: the metrics, seconds since the market opened, messages sent."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a figure of a summary is about: its name for people, its unit, and what it means in a sentence."""

    name: str
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class OwnWorld:
    """A world that one market alone can be run in, without nodes."""

    check: Callable[[Any], None]
    """ScenarioError if it cannot play this market; the text names key, value and remedy."""

    play: Callable[[Any, float, Watch, Path], Outcome]
    """Play a market for so many seconds at most, watched, and leave in the folder of the run what its result needs."""

    result: Callable[[Any, Run], Result[Any]]
    """The result of a market from what ``play`` left in the folder."""


@dataclass(frozen=True, slots=True)
class MarketKind:
    """A market; the program finds it by the entry point of its ``name`` in the group ``bidswarm.markets``."""

    name: str
    scenario: type[Scenario]
    market: type[Market]
    messages: UnionType
    records: UnionType
    entries: UnionType
    """The unions of all that its nodes say to each other, tell observers, and write into their journals."""
    draw: Callable[[Any, int], Market]
    """The market that a seed draws from a scenario."""
    describe: Callable[[Any], str]
    """A drawn market in one line."""
    machines: Callable[[Any, Mapping[str, str], set[str]], Iterator[tuple[str, Machine]]]
    """The machines of the nodes of these names, given everybody's address by name."""
    is_closed: Callable[[Message], bool]
    """Whether this board post says that its poster has closed."""
    metrics: Callable[[Any], Metrics]
    summarise: Callable[[Any, Any, Run, Iterable[Record[Trace]]], Result[Any]]
    """The result of a run from its market, metrics, end, and records in the order of time."""
    audit: Callable[[Iterable[JournalEntry]], Audit]
    check: Callable[[Any], None] = nothing_more
    """ScenarioError if a scenario contradicts itself in what no table can check alone: its text names key and value."""
    advise: Callable[[Any, float], list[str]] = no_advice
    """What cannot be expected of a market in so many seconds and what to change, a sentence or two each."""
    posts: tuple[type[Message], ...] = ()
    """Those of the messages that its nodes post on the board; they send the others."""
    tells: Callable[[Any], Mapping[str, UnionType]] = anything
    """Which of the records each node of a market tells, by its name; one that is left out may tell any."""
    check_wired: Callable[[Any], None] = anything_goes
    """ScenarioError if no nodes can play this market: its text names key, value and remedy."""
    worlds: Mapping[str, OwnWorld] = field(default_factory=dict)
    figures: Mapping[str, Meaning] = field(default_factory=dict)
    """Those of its summary that tell most, in the order in which a report shows them."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """What each of its pictures shows, for who cannot see it."""
    view: Callable[[Any], View] = PlainView
    """What a live page shows of a market; of one that nobody has said anything about if it is given None."""
    steering: Steering | None = None
    """Which shifts people may make in one that runs already; none if None."""
    seats: Seats | None = None
    """How people take part in one; they cannot if None."""
    library: Traversable | None = None
    """The folder of the scenarios that it ships."""


_OF_ALL = {
    "duration_s": Meaning("Duration", "s", "From the opening of the market to the end of the run."),
    "nodes": Meaning("Nodes", "", "Users that took part, each a node of its own."),
    "messages": Meaning("Messages", "", "Sent between nodes, repetitions included."),
}


def meanings_of(kind: MarketKind) -> dict[str, Meaning]:
    """What the figures are about that tell most of a run: those of its market, then those of every summary."""
    return {**kind.figures, **_OF_ALL}
