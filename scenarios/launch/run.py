"""One run from scenario to result, in any world; the way in from Python."""

import asyncio
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from broker import BrokerAddress, BrokerError, RunningBroker, open_broker, require_broker, without_secret
from broker.load import check_load
from node.protocol.topics import NAME, NAME_IN_WORDS
from node.runtime.keys import Keys
from node.runtime.mqtt.loop import event_loop
from node.runtime.mqtt.task_groups import first_error
from scenarios import open_files
from scenarios.broker_link import keys_of, largest_message, launcher_profile
from scenarios.errors import RunError, ScenarioError
from scenarios.extras import needs_extra
from scenarios.files.own import keep
from scenarios.launch.cluster import threads_of
from scenarios.launch.launcher import Launcher
from scenarios.launch.options import Connections, Job, Listener, Onlookers, RunOptions, World
from scenarios.launch.part import check as check_part
from scenarios.launch.parts import placement_for
from scenarios.launch.placement import Placement, faults_of, one_host_each, own_host_names
from scenarios.launch.simulated import run_simulated
from scenarios.launch.steered import Steered
from scenarios.markets.base import Market, Scenario
from scenarios.markets.kind import OwnWorld, Watch
from scenarios.markets.load import load, with_populations
from scenarios.markets.registry import draw_market, journal_of, kind_of, kinds
from scenarios.report.finish import UnfinishedError, finish, how_to_finish
from scenarios.report.repeat import write_scenario
from scenarios.results import folder as rundir
from scenarios.results.drawing import draw_apart
from scenarios.results.outcome import Outcome, Run
from scenarios.results.result import Result
from scenarios.results.style import read_style, style_of
from scenarios.results.tables import settings_label
from scenarios.results.trace import LINES, EventLog
from scenarios.words import counted

LONG_TRACE_BYTES = 5_000_000
"""Of lines: folding so many takes some seconds."""


def run(
    scenario: Scenario | str,
    *,
    seed: int = 0,
    world: World = "mqtt",
    broker: str = "embedded",
    profile: Path | str | None = None,
    port: int | None = None,
    hosts: int | None = None,
    connections: Connections = "per-host",
    parts: int | None = None,
    place: str | None = None,
    market_name: str | None = None,
    timeout_s: float | None = None,
    settings: Sequence[str] = (),
    out: Path | str = "runs",
    pictures: bool | Path | str = True,
    watch: Watch | None = None,
    say: Callable[[str], None] | None = None,
    wait: Callable[[str], None] | None = None,
    meter: Listener | None = None,
) -> Result[Any]:
    """Run a scenario and keep the result in a folder of its own below ``out``.

    Parameters
    ----------
    scenario
        A ``Scenario``, the path of a scenario file, or the name of a shipped one.
    world
        ``mqtt``: real processes over a real broker. ``sim``: one process on virtual time. ``array``: adaptive buyers
        with parabolic valuations, very many of them, in rounds without messages. ``direct``: a mechanism that works
        everything out at once. ``broker``, ``port``, ``hosts`` and
        ``connections`` matter over MQTT only.
    broker
        ``embedded``, ``mosquitto``, or ``mqtt[s]://[user[:password]@]host[:port]``.
    profile
        The launcher's profile of a broker set up by ``bidswarm broker init``, instead of ``broker``.
    hosts
        Worker processes; as many as cores if not given.
    parts
        So many hosts carry the nodes that are started elsewhere, with ``bidswarm host``; no worker is started here.
    place
        ``dask://host:port``: the workers of that Dask cluster start them, each one if ``parts`` does not say how many.
    market_name
        What the market is called on the broker, so that devices can join it; one of its own if not given.
    timeout_s
        Seconds since the market opened, those of the scenario if not given: virtual ones in ``sim`` and in ``array``,
        where a round takes a clearing interval. If given, hosts may take no longer to get ready either, but 10 s.
    settings
        ``key=value`` over the scenario, if that is a name or a path.
    pictures
        Whether the result is drawn; a short run spends most of its time on that. The path of a matplotlib style file:
        how it is drawn.
    watch
        Told now and then how far the run is: the metrics, seconds since the market opened, messages sent.
    say
        Told what a large market is waiting for before it opens and after it ends.
    wait
        Told several times a second for which hosts the launcher waits, over MQTT.
    meter
        Fed with what the hosts publish, over MQTT.

    Raises
    ------
    ScenarioError, BrokerError
        If the run cannot begin; the text says what to do about it.
    BrokenRunError
        If a worker or the broker died; what was computed until then is in its ``result`` and in the run's folder.
    """
    if isinstance(scenario, str):
        scenario = load(scenario, settings)
    elif settings:
        raise ScenarioError("settings go with the name or the path of a scenario")
    else:
        scenario = with_populations(scenario)
    options = RunOptions(
        seed=seed,
        world=world,
        broker=broker,
        profile=None if profile is None else Path(profile),
        port=port,
        hosts=hosts,
        connections=connections,
        parts=parts,
        place=place,
        market_name=market_name,
        timeout_s=timeout_s,
        out=Path(out),
        pictures=Path(pictures) if isinstance(pictures, str) else pictures,
        labels=settings_label(settings),
    )
    nobody = Onlookers()
    onlookers = Onlookers(watch=watch or nobody.watch, say=say or nobody.say, wait=wait or nobody.wait, meter=meter)
    return carry_out(scenario, options, onlookers)


def carry_out(
    scenario: Scenario, options: RunOptions, onlookers: Onlookers, market: Market | None = None
) -> Result[Any]:
    """As ``run``, for a scenario whose populations have been read: check it, run it, and keep what came of it.

    A ``market`` takes the place of the one that the seed draws: the same users, for some of whom people act.
    """
    options.check()
    needs_extra("launcher")
    started = time.monotonic()
    job = _prepared(scenario, market or draw_market(scenario, options.seed), options, onlookers)
    attempt = _Attempt(Outcome("failed", 0.0, 0.0, {}))
    try:
        attempt = _driven(job, scenario)
    except KeyboardInterrupt:
        if job.folder.exists():
            raise UnfinishedError(f"interrupted; what there was is kept: {how_to_finish(job.folder)}") from None
        raise
    finally:
        if onlookers.page:
            onlookers.page.close()
        if job.folder.exists():
            rundir.finish_manifest(job.folder, attempt.outcome.status, started, results="unfinished")
    run = Run(options.world, attempt.served_by, job.folder, attempt.outcome)
    run.keep()
    say = onlookers.say if _takes_long(job) else onlookers.step
    result = finish(
        run, attempt.market or job.market, job.metrics, say, _labels(job.folder, options), tables=options.tables
    )
    rundir.finish_manifest(job.folder, attempt.outcome.status, started, results="complete")
    if options.pictures:
        say("drawing the pictures ...")
        with suppress(KeyboardInterrupt):  # the run is over: Ctrl-C spares its pictures only
            draw_apart(result, style_of(options.pictures))
    if attempt.failure:
        raise BrokenRunError(result) from attempt.failure
    return result


def check(market: Market, options: RunOptions) -> None:
    """Check what can be checked before a run begins, a broker that is there already among it.

    Raises
    ------
    ScenarioError, BrokerError
        If the run could not begin; the text says what to do about it.
    """
    options.check()
    needs_extra("launcher")
    plan = _checked(market, options)
    if options.world == "mqtt" and plan.broker not in ("embedded", "mosquitto"):
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(_try_broker(plan.broker, market, plan.placement))


async def _try_broker(broker: str | BrokerAddress, market: Market, placement: Placement) -> None:
    async with open_broker(broker) as running:
        await _check_load(running, market, placement)


async def _check_load(running: RunningBroker, market: Market, placement: Placement) -> None:
    """Raise BrokerError if a broker that somebody else has started does not carry what the market sends."""
    if running.kind == "external":
        posts = len(market.auctioneers) + len({*placement.values()})
        await check_load(running.address, largest_message(market.nodes), posts)


class _Plan(NamedTuple):
    """What a run is carried out with."""

    broker: str | BrokerAddress
    keys: Keys | None
    world: OwnWorld | None
    options: RunOptions
    workers: int
    placement: Placement


def _checked(market: Market, options: RunOptions) -> _Plan:
    """Check what can be checked before anything is written or reached."""
    broker, keys = _broker_of(options)
    world = own_world(market, options.world)
    options = _placed(options, broker)
    workers = min(options.hosts or os.cpu_count() or 1, market.nodes - len(market.devices))
    _check_name(market, options)
    _check_hosts(market, options)
    _check_parts(market, options)
    if style := style_of(options.pictures):
        read_style(style)
    placement = placement_for(market, options, workers)
    _check_faults(market, options, broker, placement)
    if options.world == "mqtt":
        _check_machine(broker, own_host_names(market, placement), workers)
    return _Plan(broker, keys, world, options, workers, placement)


def _prepared(scenario: Scenario, market: Market, options: RunOptions, onlookers: Onlookers) -> Job:
    """Check what can be checked before anything is written; then make the folder, with what is known of the run."""
    broker, keys, world, options, workers, placement = _checked(market, options)
    say = onlookers.say if market.is_large else onlookers.step
    say(f"{counted(market.nodes, 'user')}; working out what can be reached ...")
    metrics = None if world else kind_of(market).metrics(market)
    folder = rundir.create(options.out, scenario.name, options.seed)
    named = _named(broker) if options.world == "mqtt" else None
    given = rundir.manifest(scenario, options.seed, options.world, named) | {
        "options": options.given,
        "labels": _labels(folder, options),
    }
    rundir.write_json(folder / "manifest.json", given)
    rundir.write_json(folder / "market.json", market)
    keep(scenario, folder / "code")
    write_scenario(folder, given["scenario"])
    limit_s = scenario.timeout_s if options.timeout_s is None else options.timeout_s
    return Job(market, metrics, world, folder, limit_s, workers, options, onlookers, broker, keys, placement)


def _labels(folder: Path, options: RunOptions) -> dict[str, Any]:
    """What tables say of their run besides scenario, seed and world; its name stays if the folder is copied."""
    return {"run": folder.name, **options.labels}


def _driven(job: Job, scenario: Scenario) -> "_Attempt":
    """How the market ended in the world that was chosen."""
    if job.world:
        return _Attempt(job.world.play(job.market, job.limit_s, job.onlookers.watch, job.folder))
    steered = Steered(scenario, job.market, job.folder)
    return _simulated(job, steered) if job.options.world == "sim" else _over_mqtt(job, steered)


def _takes_long(job: Job) -> bool:
    """Whether it takes so long until there are results that it should be said what is done meanwhile."""
    trace = sum(path.stat().st_size for path in (job.folder / LINES).glob("*"))
    return job.market.is_large or trace > LONG_TRACE_BYTES


def own_world(market: Market, world: World) -> OwnWorld | None:
    """The world, if it is one that a market alone has; ScenarioError if this market has it not, or cannot be played."""
    kind = kind_of(market)
    if world in {"mqtt", "sim"}:
        kind.check_wired(market)
        return None
    own = kind.worlds.get(world)
    if own is None:
        able = " and ".join(repr(name) for name, other in kinds().items() if world in other.worlds) or "no market"
        raise ScenarioError(f"market = {kind.name!r}: world {world!r} knows {able} only; choose world 'sim' or 'mqtt'")
    own.check(market)
    return own


def _check_machine(broker: str | BrokerAddress, hosts: Sequence[str], workers: int) -> None:
    """Raise an error if this machine lacks the broker, or does not allow so many connections.

    A broker that is started here has those of all hosts, a worker only its own.
    """
    if isinstance(broker, str):
        require_broker(broker)
    is_started = broker in ("embedded", "mosquitto")
    open_files.allow(len(hosts) if is_started else -(-len(hosts) // workers))


def _check_faults(market: Market, options: RunOptions, broker: str | BrokerAddress, placement: Placement) -> None:
    """Raise ScenarioError if what the scenario wants to go wrong cannot over this broker, or without one."""
    is_served = options.world == "mqtt"
    faults = faults_of(market, placement if is_served else one_host_each(market))
    if is_served and faults and faults.of("broker-crash") and broker not in ("embedded", "mosquitto"):
        raise ScenarioError(
            f"chaos.faults: a broker-crash kills the broker, and {_named(broker)} is not ours to kill: take it out, "
            "or use --broker embedded or mosquitto"
        )


def _check_name(market: Market, options: RunOptions) -> None:
    """Raise ScenarioError if the market's name is none, or lacks where devices need it."""
    name = options.market_name
    if name is not None and not re.fullmatch(NAME, name):
        raise ScenarioError(f"--market {name!r} must be {NAME_IN_WORDS}")
    if options.world == "mqtt" and name is None and market.devices:
        device = min(market.devices.values())
        raise ScenarioError(
            f"device = {device!r}: give the market a name with --market, under which {device} can join it"
        )


def _placed(options: RunOptions, broker: str | BrokerAddress) -> RunOptions:
    """The options with the parts that a cluster carries, if it is to: as many as it has workers, unless it is said.

    Raises
    ------
    ScenarioError
        If it cannot carry them.
    """
    place = options.place
    if place is None:
        return options
    if broker in ("embedded", "mosquitto"):
        raise ScenarioError(
            f"--place {place}: the workers cannot reach the broker that a run starts for itself: "
            "name one that all reach with --broker URL or --profile"
        )
    threads = threads_of(place)
    parts, most = options.parts or len(threads), sum(threads.values())
    if parts > most:
        raise ScenarioError(f"--parts {parts}: the workers at {place} have {most} threads, and a part takes one")
    return replace(options, parts=parts)


def _check_hosts(market: Market, options: RunOptions) -> None:
    """Raise ScenarioError if there would be more processes than nodes that they could carry."""
    nodes = market.nodes - len(market.devices)
    if options.hosts is not None and options.hosts > nodes:
        raise ScenarioError(
            f"--hosts {options.hosts}: {market.scenario} has {counted(nodes, 'node')} to carry, and each process needs "
            f"one: give at most {nodes}"
        )


def _check_parts(market: Market, options: RunOptions) -> None:
    """Raise ScenarioError if the market cannot be carried in parts that somebody else starts."""
    parts = options.parts
    if parts is None:
        return
    if options.market_name is None and options.place is None:
        raise ScenarioError(
            f"--parts {parts}: give the market a name with --market, under which bidswarm host joins it, "
            "or name a cluster with --place"
        )
    if options.hosts is not None or options.connections != "per-host":
        raise ScenarioError(f"--parts {parts}: each part is a host of its own: leave out --hosts and --connections")
    check_part(market, 1, parts)
    faults = faults_of(market, one_host_each(market))
    if faults and faults.of("crash"):
        raise ScenarioError(f"--parts {parts}: chaos.faults has a crash, and bidswarm run kills its own workers only")


class BrokenRunError(Exception):
    """A run that broke down after the market was set up; ``result`` is what there was until then."""

    def __init__(self, result: Result[Any]) -> None:
        super().__init__("the run broke down")
        self.result = result

    def __str__(self) -> str:
        return str(self.__cause__ or super().__str__())


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How a world ended, the broker that served it, the error that broke it down, and what became of its market."""

    outcome: Outcome
    served_by: str | None = None
    failure: RunError | BrokerError | None = None
    market: Market | None = None


def _broker_of(options: RunOptions) -> tuple[str | BrokerAddress, Keys | None]:
    if options.profile is None:
        return options.broker, None
    if options.broker != "embedded":
        raise ScenarioError("--profile and --broker (or BIDSWARM_BROKER) both name a broker: give one of them")
    known = launcher_profile(options.profile)
    return known.address, keys_of(known)


def _named(broker: str | BrokerAddress) -> str:
    """A broker as a manifest names it."""
    return broker.url if isinstance(broker, BrokerAddress) else without_secret(broker)


def _simulated(job: Job, steered: Steered) -> _Attempt:
    assert job.metrics is not None
    log = EventLog(job.folder / "events" / "sim.jsonl")
    # Simulated crashes lose nothing of what the operating system was given.
    journal = journal_of(job.market, rundir.journal(job.folder, "sim"), durable=False)
    try:
        watch, opened = job.onlookers.watch, lambda at_s: rundir.note(job.folder, opened_at_s=at_s)
        page = job.onlookers.page
        outcome = run_simulated(job.market, job.metrics, job.limit_s, log, watch, journal, opened, page, steered)
        return _Attempt(outcome, market=steered.market)
    finally:
        log.close()
        journal.close()


def _over_mqtt(job: Job, steered: Steered) -> _Attempt:
    launcher: Launcher | None = None
    served_by: str | None = None
    failure: RunError | BrokerError | None = None

    async def served() -> None:
        nonlocal launcher, served_by
        async with open_broker(job.broker, port=job.options.port, log_dir=job.folder) as running:
            served_by = running.version if running.kind != "external" else running.address.url
            await _check_load(running, job.market, job.placement)
            launcher = Launcher(job, running, steered)
            await launcher.run()

    try:
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(served())
    except KeyboardInterrupt:
        if launcher is None:
            shutil.rmtree(job.folder)
            raise
    except (RunError, BrokerError, BaseExceptionGroup) as error:
        failure = _first(error)
        if launcher is None:
            shutil.rmtree(job.folder)  # the folder would hold nothing
            raise failure from None
    assert launcher is not None
    return _Attempt(launcher.outcome, served_by, failure, steered.market)


def _first(error: BaseException) -> RunError | BrokerError:
    """What broke a run down: the first of the tasks' errors, or an error of ours as it is."""
    error = first_error(error)
    if isinstance(error, RunError | BrokerError):
        return error
    raise error
