"""How a run is to be carried out, and who looks on."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from broker import BrokerAddress, without_secret
from node.protocol.trace import Record, Trace
from node.runtime.keys import Keys
from scenarios.errors import ScenarioError
from scenarios.launch.placement import Placement
from scenarios.markets.base import Market
from scenarios.markets.kind import Metrics, OwnWorld, Watch
from scenarios.markets.seats import Move
from scenarios.markets.steering import Order
from scenarios.results.tables import settings_label

World = Literal["mqtt", "sim", "array", "direct"]

OVER = "the market is over: nothing can happen in it any more"
"""Why what is ordered then is refused."""

Connections = Literal["per-host", "per-node"]
"""Who has an MQTT connection."""


_WHOLE_NUMBERS = (("seed", 0, math.inf), ("port", 1, 65_535), ("hosts", 1, math.inf), ("parts", 1, math.inf))
"""Options with the least and the most that may be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run a scenario; ``scenarios.launch.run.run`` explains each."""

    seed: int = 0
    world: World = "mqtt"
    broker: str = "embedded"
    profile: Path | None = None
    port: int | None = None
    hosts: int | None = None
    connections: Connections = "per-host"
    parts: int | None = None
    """How many hosts carry the nodes that somebody else starts; the launcher starts none then."""
    place: str | None = None
    """The scheduler of a Dask cluster whose workers start them, ``dask://host:port``."""
    market_name: str | None = None
    timeout_s: float | None = None
    out: Path = Path("runs")
    tables: bool = True
    """Whether figures, tables and trace are written; a sweep keeps the figures alone, in a place of its own."""
    pictures: bool | Path = True
    labels: Mapping[str, Any] = field(default_factory=lambda: settings_label(()))
    """What tables say of their run besides its name, scenario, seed and world."""

    @property
    def given(self) -> dict[str, str | int | float]:
        """Those that were given besides seed, world and broker, and that change the run: for its manifest."""
        found = {
            "profile": None if self.profile is None else str(self.profile),
            "port": self.port,
            "hosts": self.hosts,
            "connections": None if self.connections == "per-host" else self.connections,
            "market": self.market_name,
            "parts": self.parts,
            "place": self.place,
            "timeout": self.timeout_s,
        }
        return {name: value for name, value in found.items() if value is not None}

    def check(self) -> None:
        """Raise ScenarioError if an option is out of its range, or says nothing of this world."""
        if self.timeout_s is not None and not 0.0 <= self.timeout_s < math.inf:  # NaN is in no range
            raise ScenarioError(f"--timeout {self.timeout_s:g}: give seconds, a finite number of at least 0")
        for name, least, most in _WHOLE_NUMBERS:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                upwards = f"from {least} to {most}" if most < math.inf else f"of at least {least}"
                raise ScenarioError(f"--{name} {value}: give a whole number {upwards}")
        if self.world != "mqtt":
            broker = {} if self.broker == "embedded" else {"broker": without_secret(self.broker)}
            for name, value in (broker | {k: v for k, v in self.given.items() if k != "timeout"}).items():
                raise ScenarioError(
                    f"--{name} {value} goes with world mqtt, and the world is {self.world}: leave it out, or give "
                    "--world mqtt"
                )


class Listener(Protocol):
    """What takes in what the hosts of a run publish."""

    def expect(self, sellers: Iterable[str]) -> None:
        """Auctions are held at these addresses."""
        ...

    def count(self, host: str, counters: Mapping[str, int]) -> None:
        """A host has counted so much by now."""
        ...

    def take(self, records: Iterable[Record[Trace]]) -> None:
        """So much has happened since the last call."""
        ...


class Page(Protocol):
    """What shows a run while it goes on, and lets a simulated one go only as far as people want to see it.

    Attributes
    ----------
    told
        How many records it has heard.
    """

    told: int

    def hear(self, records: Sequence[Record[Trace]]) -> None:
        """So much has happened, in seconds since the market opened."""
        ...

    def reach(self) -> float:
        """How far a simulated run may go, seconds since the market opened."""
        ...

    def take_step(self) -> bool:
        """Whether one more record is wanted, wherever that leads."""
        ...

    def stepped(self, now_s: float) -> None:
        """Up to there it has led, seconds."""
        ...

    def take_order(self) -> Order | None:
        """What somebody wants to happen, if anything."""
        ...

    def answer(self, text: str, *, is_refused: bool) -> None:
        """What became of that."""
        ...

    def revise(self, market: Market) -> None:
        """What is heard from now on is of this market: the same users, with what was ordered."""
        ...

    def take_move(self) -> Move | None:
        """What a person wants who acts for a user, if anything; over MQTT."""
        ...

    def close(self) -> None:
        """Nothing can happen any more."""
        ...


def _unwatched(metrics: Metrics, elapsed_s: float, messages: int) -> None:
    del metrics, elapsed_s, messages


def _unsaid(text: str) -> None:
    del text


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlookers:
    """Who is told how far a run is.

    Attributes
    ----------
    watch
        Told now and then: the metrics, seconds since the market opened, messages sent.
    say
        Told what a large market is waiting for before it opens and after it ends.
    step
        Told the same of any other market, in which no step takes long.
    wait
        Told several times a second for which hosts the launcher waits, over MQTT.
    meter
        Fed with what the hosts publish, over MQTT.
    page
        Told all that happens, and asked how far a simulated run may go.
    """

    watch: Watch = _unwatched
    say: Callable[[str], None] = _unsaid
    step: Callable[[str], None] = _unsaid
    wait: Callable[[str], None] = _unsaid
    meter: Listener | None = None
    page: Page | None = None


def since(opened_at: float, records: Iterable[Record[Trace]]) -> list[Record[Trace]]:
    """The records in seconds since the market opened; what happened before happened at 0."""
    return [Record(max(0.0, one.time_s - opened_at), one.node, one.what) for one in records]


@dataclass(frozen=True, slots=True)
class Job:
    """A run that can begin: everything has been checked, and its folder made.

    Attributes
    ----------
    metrics, world
        What it is watched by; in a world that this market alone has, that world instead.
    limit_s
        Seconds after which it is given up.
    workers
        Processes that carry the nodes, over MQTT.
    broker, keys
        Where to connect, and what to sign with, over MQTT.
    placement
        Who sits on which host, over MQTT.
    """

    market: Market
    metrics: Metrics | None
    world: OwnWorld | None
    folder: Path
    limit_s: float
    workers: int
    options: RunOptions
    onlookers: Onlookers
    broker: str | BrokerAddress
    keys: Keys | None
    placement: Placement
