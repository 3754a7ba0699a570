"""What a sweep consists of: its runs, each with an id that is the hash of all that its result depends on."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec

from scenarios.errors import ScenarioError
from scenarios.extras import needs_extra
from scenarios.files.own import files_of
from scenarios.launch.options import RunOptions, World
from scenarios.launch.run import own_world
from scenarios.markets.base import Scenario
from scenarios.markets.load import Draft, Tables, drafted, value_of
from scenarios.markets.registry import draw_market
from scenarios.sweep.grid import Cell
from scenarios.sweep.stopping import UntilCi

Keep = Literal["summary", "tables", "all"]


class Plan(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A sweep, as sweep.json holds it.

    Attributes
    ----------
    scenario
        Its tables as they were read, without any setting.
    origin, folder
        What errors call the scenario, and the folder its populations and code of one's own are relative to.
    cells
        The text of each value by key.
    seeds
        Of every cell, the lowest first.
    broker
        ``embedded`` or ``mosquitto``; matters over MQTT only.
    bidswarm
        The version that planned it.
    runs
        The id of each run: a list for each cell, one for each seed.
    """

    scenario: Tables
    origin: str
    folder: str
    cells: list[Cell]
    seeds: list[int]
    world: World
    broker: str
    timeout_s: float | None
    until_ci: UntilCi | None
    keep: Keep
    bidswarm: str
    runs: list[list[str]]

    @property
    def count(self) -> int:
        """How many runs there are; ``until_ci`` may spare some."""
        return len(self.cells) * len(self.seeds)

    @cached_property
    def parameters(self) -> dict[str, list[Any]]:
        """The column of each key: its value in each cell, null where the cell leaves it as it is."""
        keys = dict.fromkeys(key for cell in self.cells for key in cell)
        return {key: _alike([cell.get(key) for cell in self.cells]) for key in keys}

    @property
    def sha256(self) -> str:
        """Of what is run, and of what is kept of it."""
        return hashlib.sha256(msgspec.json.encode([self.runs, self.until_ci, self.keep])).hexdigest()

    def scenario_of(self, cell: int) -> Scenario:
        """The scenario of a cell, its code loaded; errors as for ``load``."""
        return self.draft_of(cell).scenario()

    def draft_of(self, cell: int) -> Draft:
        """The same, of which no code has been run yet."""
        settings = [f"{key}={text}" for key, text in self.cells[cell].items()]
        return drafted(copy.deepcopy(self.scenario), settings, self.origin, Path(self.folder))

    def order(self, cell: int, seed: int, scenario: Scenario, shared: Path | None) -> "Order":
        """What a worker is told of one run, the seed being the place of one among the seeds."""
        run = self.runs[cell][seed]
        return Order(
            run=run,
            seed=self.seeds[seed],
            labels={key: values[cell] for key, values in self.parameters.items()},
            scenario=scenario,
            code={name: file.read_bytes() for name, file in files_of(scenario).items()},
            world=self.world,
            broker=self.broker,
            timeout_s=self.timeout_s,
            keep=self.keep,
            shared=None if shared is None else str(shared.resolve()),
            bidswarm=self.bidswarm,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """All that a worker on any machine needs to know of a run.

    Attributes
    ----------
    labels
        The parameters of its cell.
    code
        Files that stood beside the scenario, by name.
    shared
        The folder of the sweep, if the worker sees it.
    """

    run: str
    seed: int
    labels: Mapping[str, Any]
    scenario: Scenario
    code: Mapping[str, bytes] = field(default_factory=dict)
    world: World
    broker: str
    timeout_s: float | None
    keep: Keep
    shared: str | None
    bidswarm: str


def planned(
    tables: Tables,
    origin: str,
    folder: Path,
    cells: Sequence[Cell],
    seeds: Sequence[int],
    *,
    world: World,
    broker: str = "embedded",
    timeout_s: float | None = None,
    until_ci: UntilCi | None = None,
    keep: Keep = "summary",
    announce: Callable[[str], None] | None = None,
) -> Plan:
    """The sweep over these cells and seeds, every cell a valid scenario.

    Parameters
    ----------
    announce
        Told which code the scenarios bring, before any of it is run.

    Raises
    ------
    ScenarioError
        If a cell is no valid scenario; the text names its key and value, and what is allowed.
    """
    if broker not in {"embedded", "mosquitto"}:
        raise ScenarioError(f"--broker {broker}: every run of a sweep starts its own: give embedded or mosquitto")
    RunOptions(world=world, broker=broker, timeout_s=timeout_s).check()
    needs_extra("launcher")
    bare = Plan(
        scenario=tables,
        origin=origin,
        folder=str(folder),
        cells=list(cells),
        seeds=list(seeds),
        world=world,
        broker=broker,
        timeout_s=timeout_s,
        until_ci=until_ci,
        keep=keep,
        bidswarm=version("bidswarm"),
        runs=[],
    )
    drafts = [bare.draft_of(cell) for cell in range(len(cells))]
    if announce:
        for source in dict.fromkeys(source for draft in drafts for source in draft.code()):
            announce(str(source))
    scenarios = [draft.scenario() for draft in drafts]
    for scenario in scenarios:
        own_world(draw_market(scenario, seeds[0]), world)
    return msgspec.structs.replace(bare, runs=[list(_ids(bare, scenario)) for scenario in scenarios])


def check_unchanged(plan: Plan, cell: int, scenario: Scenario) -> None:
    """Raise ScenarioError if this scenario is not the one that the cell was planned with."""
    if plan.bidswarm != version("bidswarm"):
        raise ScenarioError(
            f"bidswarm {plan.bidswarm} planned this sweep, and this is {version('bidswarm')}: install that one, or "
            "begin a sweep in another folder"
        )
    if list(_ids(plan, scenario)) != plan.runs[cell]:
        raise ScenarioError(
            f"a population or code of {plan.origin} in {plan.folder} has changed since this sweep was planned: put it "
            "back, or begin a sweep in another folder"
        )


def _ids(plan: Plan, scenario: Scenario) -> Iterator[str]:
    """The id of the run of each seed; the hash of code of one's own is in the tables."""
    told = {
        "scenario": msgspec.to_builtins(scenario),
        "world": plan.world,
        "broker": plan.broker if plan.world == "mqtt" else None,
        "timeout_s": plan.timeout_s,
        "bidswarm": plan.bidswarm,
    }
    of_cell = hashlib.sha256(msgspec.json.encode(told, order="sorted"))
    for seed in plan.seeds:
        whole = of_cell.copy()
        whole.update(f" {seed}".encode())
        yield whole.hexdigest()[:16]


def _alike(texts: list[str | None]) -> list[Any]:
    """The values of one column in one type: true and false, whole numbers, numbers, or else texts."""
    values = [None if text is None else value_of(text) for text in texts]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} or kinds <= {int} or kinds <= {str}:
        return values
    if kinds <= {int, float}:
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else _plain(value) for value in values]


def _plain(value: object) -> str:
    return json.dumps(value, default=str)
