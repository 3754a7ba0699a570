"""A market in the world ``sim``: one process, virtual time."""

from collections import Counter
from collections.abc import Callable

import msgspec

from node.protocol.host import Host
from node.protocol.trace import Record, Trace
from node.runtime.journal import Journal
from node.runtime.sim.injector import FaultInjector
from node.runtime.sim.simulation import LinkModel, Simulation
from scenarios.launch.placement import build_hosts, faults_of, host_names, one_host_each
from scenarios.markets.base import Market
from scenarios.markets.kind import Metrics, Watch
from scenarios.results.outcome import Outcome, Status
from scenarios.results.trace import EventLog

EVENTS_PER_LOOK = 2000
"""Deliveries between two looks at the progress."""


def run_simulated(
    market: Market,
    metrics: Metrics,
    timeout_s: float,
    log: EventLog,
    watch: Watch,
    journal: Journal | None = None,
    opened: Callable[[float], None] | None = None,
) -> Outcome:
    """Run the market until it is settled, or for ``timeout_s`` of virtual time; Ctrl-C keeps what there is.

    ``opened`` is told when the market opens, seconds of the trace's clock.
    """
    placement = one_host_each(market)
    hosts = build_hosts(market, placement, set(host_names(placement)))

    def sink(records: list[Record[Trace]]) -> None:
        log.write(records)
        for record in records:
            metrics.add(record)

    links = LinkModel(**msgspec.structs.asdict(market.network))

    def rebuilt(name: str) -> Host:
        hosts.extend(build_hosts(market, placement, {name}))
        return hosts[-1]

    plan = faults_of(market, placement)
    faults = FaultInjector(plan, rebuilt) if plan else None
    simulation = Simulation(hosts, links, market.seed, sink, journal, faults)
    opened_at = simulation.open_market()
    if opened:
        opened(opened_at)
    status: Status = "interrupted"
    try:
        while simulation.run(opened_at + timeout_s, EVENTS_PER_LOOK):
            watch(metrics, simulation.now - opened_at, sum(host.counters["sent"] for host in hosts))
        status = "settled" if simulation.settled and not metrics.in_doubt else "timeout"
    except KeyboardInterrupt:
        pass
    counters = sum((host.counters for host in hosts), Counter[str]())
    watch(metrics, simulation.now - opened_at, counters["sent"])
    return Outcome(status, opened_at, simulation.now - opened_at, dict(counters))
