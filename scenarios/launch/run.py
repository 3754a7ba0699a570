"""One run from scenario to result, in any world; the way in from Python."""

import asyncio
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from broker import BrokerAddress, BrokerError, open_broker, without_secret
from node.mechanism.welfare import Optimum
from node.protocol.topics import NAME
from node.runtime.journal import Journal
from node.runtime.keys import Keys
from node.runtime.mqtt.task_groups import first_error
from scenarios.broker_link import keys_of, launcher_profile
from scenarios.errors import RunError, ScenarioError
from scenarios.launch.launcher import Launcher
from scenarios.launch.placement import AnyMarket, Placement, devices_of, faults_of, one_host_each
from scenarios.launch.simulated import Watch, run_simulated
from scenarios.launch.worker import Connections, placement_of
from scenarios.markets.load import load, with_populations
from scenarios.markets.psp.array import WatchRounds, check_arrayable, run_arrayed
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.results import optimum_of
from scenarios.markets.psp.schema import Scenario
from scenarios.markets.registry import AnyResult, AnyScenario, Metrics, draw_market, is_large, save_result, summary_of
from scenarios.metrics.meter import Meter
from scenarios.results import folder as rundir
from scenarios.results import trace as events
from scenarios.results.outcome import Outcome
from scenarios.results.trace import EventLog

World = Literal["mqtt", "sim", "array"]

WatchFor = Callable[[AnyMarket, Optimum | None], Watch]
"""Makes the watch of a run, once its market and, of the exchange, its optimum are known."""


def run(
    scenario: AnyScenario | str,
    *,
    seed: int = 0,
    world: World = "mqtt",
    broker: str = "embedded",
    profile: Path | str | None = None,
    port: int | None = None,
    hosts: int | None = None,
    connections: Connections = "per-host",
    market_name: str | None = None,
    timeout_s: float | None = None,
    settings: Sequence[str] = (),
    out: Path | str = "runs",
    watch_for: WatchFor | None = None,
    watch_rounds: WatchRounds | None = None,
    say: Callable[[str], None] | None = None,
    meter: Meter | None = None,
) -> AnyResult:
    """Run a scenario and keep the result in a folder of its own below ``out``.

    Parameters
    ----------
    scenario
        A ``Scenario``, the path of a scenario file, or the name of a shipped one.
    world
        ``mqtt``: real processes over a real broker. ``sim``: one process on virtual time. ``array``: adaptive buyers
        with parabolic valuations, very many of them, in rounds without messages. ``broker``, ``port``, ``hosts`` and
        ``connections`` matter over MQTT only.
    broker
        ``embedded``, ``mosquitto``, or ``mqtt[s]://[user[:password]@]host[:port]``.
    profile
        The launcher's profile of a broker set up by ``bidswarm broker init``, instead of ``broker``.
    hosts
        Worker processes; as many as cores if not given.
    market_name
        What the market is called on the broker, so that devices can join it; one of its own if not given.
    timeout_s
        Seconds since the market opened, those of the scenario if not given: virtual ones in ``sim`` and in ``array``,
        where a round takes a clearing interval.
    settings
        ``key=value`` over the scenario, if that is a name or a path.
    say
        Told what a large market is waiting for before it opens and after it ends.
    meter
        Fed with what the hosts publish, over MQTT.
    watch_for, watch_rounds
        Told how far the run is: the one in ``mqtt`` and ``sim``, the other in ``array``.

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
    started = time.monotonic()
    spec, keys = _broker_of(broker, profile) if world == "mqtt" else (None, None)
    market = draw_market(scenario, seed)
    arrayable = check_arrayable(market) if world == "array" else None
    workers = min(hosts or os.cpu_count() or 1, market.nodes - len(devices_of(market)))
    if world == "mqtt":
        _check_name(market, market_name)
    _check_faults(market, spec, placement_of(market, connections, workers))
    say = say if say and is_large(market) else _unsaid
    say(f"{market.nodes:,} users; working out what can be reached ...")
    best = optimum_of(market) if isinstance(market, Market) and not arrayable else None
    folder = rundir.create(Path(out), scenario.name, seed)
    rundir.write_json(folder / "manifest.json", rundir.manifest(scenario, seed, world, _named(spec)))
    rundir.write_json(folder / "market.json", market)
    limit = scenario.timeout_s if timeout_s is None else timeout_s
    status = "failed"
    failure: RunError | BrokerError | None = None
    opened_at = 0.0
    result: AnyResult
    try:
        if arrayable:
            assert isinstance(scenario, Scenario)
            result = run_arrayed(arrayable, limit, watch_rounds, folder, scenario.array.rounds)
        else:
            watch = watch_for(market, best) if watch_for else _unwatched
            if world == "sim":
                attempt = _simulated(market, limit, folder, watch)
            else:
                assert spec is not None
                attempt = _over_mqtt(
                    market, limit, folder, watch, spec, keys, port, workers, connections, meter, market_name
                )
            opened_at, failure = attempt.outcome.opened_at, attempt.failure
            say(f"{attempt.outcome.status} after {attempt.outcome.duration_s:.1f} s; reading the trace ...")
            records = events.read(folder, opened_at)
            result = summary_of(market, best, attempt.outcome, records, world, attempt.served_by, folder)
        status = result.summary.status
        save_result(result, opened_at)
    finally:
        if folder.exists():
            rundir.finish_manifest(folder, status, started)
    if failure:
        raise BrokenRunError(result) from failure
    return result


def _check_faults(market: AnyMarket, spec: str | BrokerAddress | None, placement: Placement) -> None:
    """Raise ScenarioError if what the scenario wants to go wrong cannot over this broker, or without one."""
    faults = faults_of(market, placement if spec else one_host_each(market))
    if faults and faults.of("broker-crash") and spec not in ("embedded", "mosquitto", None):
        raise ScenarioError(
            f"chaos.faults: a broker-crash kills the broker, and {_named(spec)} is not ours to kill: take it out, "
            "or use --broker embedded or mosquitto"
        )


def _check_name(market: AnyMarket, name: str | None) -> None:
    """Raise ScenarioError if the market's name is none, or lacks where devices need it."""
    if name is not None and not re.fullmatch(NAME, name):
        raise ScenarioError(f"--market {name!r} must match {NAME}")
    if name is None and (devices := devices_of(market)):
        device = min(devices.values())
        raise ScenarioError(
            f"device = {device!r}: give the market a name with --market, under which {device} can join it"
        )


class BrokenRunError(Exception):
    """A run that broke down after the market was set up; ``result`` is what there was until then."""

    def __init__(self, result: AnyResult) -> None:
        super().__init__("the run broke down")
        self.result = result

    def __str__(self) -> str:
        return str(self.__cause__ or super().__str__())


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How a world ended, which broker served it, and what broke it down, if anything did."""

    outcome: Outcome
    served_by: str | None = None
    failure: RunError | BrokerError | None = None


def _broker_of(broker: str, profile: Path | str | None) -> tuple[str | BrokerAddress, Keys | None]:
    if profile is None:
        return broker, None
    if broker != "embedded":
        raise ScenarioError("--profile and --broker (or BIDSWARM_BROKER) both name a broker: give one of them")
    known = launcher_profile(Path(profile))
    return known.address, keys_of(known)


def _named(broker: str | BrokerAddress | None) -> str | None:
    """A broker as a manifest names it."""
    return broker.url if isinstance(broker, BrokerAddress) else broker and without_secret(broker)


def _unsaid(text: str) -> None:
    del text


def _unwatched(metrics: Metrics, elapsed_s: float, messages: int) -> None:
    del metrics, elapsed_s, messages


def _simulated(market: AnyMarket, limit: float, folder: Path, watch: Watch) -> _Attempt:
    log = EventLog(folder / "events" / "sim.jsonl")
    # Simulated crashes lose nothing of what the operating system was given.
    journal = Journal(rundir.journal(folder, "sim"), durable=False)
    try:
        return _Attempt(run_simulated(market, limit, log, watch, journal))
    finally:
        log.close()
        journal.close()


def _over_mqtt(
    market: AnyMarket,
    limit: float,
    folder: Path,
    watch: Watch,
    spec: str | BrokerAddress,
    keys: Keys | None,
    port: int | None,
    workers: int,
    connections: Connections,
    meter: Meter | None,
    name: str | None,
) -> _Attempt:
    launcher: Launcher | None = None
    served_by: str | None = None
    failure: RunError | BrokerError | None = None

    async def served() -> None:
        nonlocal launcher, served_by
        async with open_broker(spec, port=port, log_dir=folder) as running:
            served_by = running.version if running.kind != "external" else running.address.url
            launcher = Launcher(market, running, folder, limit, watch, workers, connections, keys, meter, name)
            await launcher.run()

    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(served())
    except KeyboardInterrupt:
        if launcher is None:
            shutil.rmtree(folder)
            raise
    except (RunError, BrokerError, BaseExceptionGroup) as error:
        failure = _first(error)
        if launcher is None:
            shutil.rmtree(folder)  # nothing happened that could be looked up there
            raise failure from None
    assert launcher is not None
    return _Attempt(launcher.outcome, served_by, failure)


def _first(error: BaseException) -> RunError | BrokerError:
    """What broke a run down: the first of the tasks' errors, or an error of ours as it is."""
    error = first_error(error)
    if isinstance(error, RunError | BrokerError):
        return error
    raise error
