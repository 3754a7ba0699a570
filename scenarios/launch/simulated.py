"""A market in the world ``sim``: one process, virtual time."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import msgspec

from node.protocol.host import Host
from node.protocol.journal import JournalEntry, MarketOpened
from node.protocol.topics import address
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import Fault, Plan
from node.runtime.journal import Journal
from node.runtime.sim.injector import FaultInjector
from node.runtime.sim.simulation import LinkModel, Simulation
from scenarios.errors import ScenarioError
from scenarios.launch.options import OVER, Page, since
from scenarios.launch.placement import Placement, build_hosts, faults_of, host_names, one_host_each
from scenarios.launch.steered import Steered, event_of, moment
from scenarios.markets.base import Market
from scenarios.markets.kind import Metrics, Watch
from scenarios.markets.steering import Order
from scenarios.results.outcome import Outcome, Status
from scenarios.results.trace import EventLog

EVENTS_PER_LOOK = 2000
"""Deliveries between two looks at the progress."""

WAIT_S = 0.01
"""So long is waited where a page does not want a run to go on yet."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A simulation that goes on: where each node is and writes, what goes wrong in it, and what watches it."""

    simulation: Simulation
    placement: Placement
    journal: Journal | None
    faults: FaultInjector
    metrics: Metrics

    def is_awake(self, host: str) -> bool:
        """Whether what is planned for now would happen there now."""
        return self.simulation.is_awake(host)

    def process_of(self, host: str) -> Collection[str]:
        """Every host dies alone."""
        return {host}

    def shift(self, market: Market, node: str, at_s: float) -> None:
        """Hand the node what happens to it at that time."""
        simulation, host = self.simulation, self.placement[node]
        if self.journal:
            # As a node that had planned it would have noted, to go by after a restart.
            self.journal.append([JournalEntry(simulation.opened_at, address(host, node), MarketOpened())])
        simulation.at(simulation.opened_at + at_s, simulation.tell, host, node, event_of(market, node, at_s))

    def strike(self, fault: Fault) -> None:
        """Have something go wrong."""
        self.faults.add(fault)


def run_simulated(
    market: Market,
    metrics: Metrics,
    timeout_s: float,
    log: EventLog,
    watch: Watch,
    journal: Journal | None = None,
    opened: Callable[[float], None] | None = None,
    page: Page | None = None,
    steered: Steered | None = None,
) -> Outcome:
    """Run the market until it is settled, or for ``timeout_s`` of virtual time; Ctrl-C keeps what there is.

    ``opened`` is told when the market opens, seconds of the trace's clock; a ``page`` sets how fast time goes, and has
    things happen in a run that is ``steered``.
    """
    placement = one_host_each(market)
    hosts = build_hosts(market, placement, set(host_names(placement)))

    opened_at = 0.0

    def sink(records: list[Record[Trace]]) -> None:
        log.write(records)
        for record in records:
            metrics.add(record)
        if page:
            page.hear(since(opened_at, records))

    links = LinkModel(**msgspec.structs.asdict(market.network))

    def rebuilt(name: str) -> Host:
        hosts.extend(build_hosts(steered.market if steered else market, placement, {name}))
        return hosts[-1]

    plan = faults_of(market, placement)
    faults = FaultInjector(plan or Plan(), rebuilt) if plan or page else None
    simulation = Simulation(hosts, links, market.seed, sink, journal, faults)
    opened_at = simulation.open_market()  # which the sink reads
    if opened:
        opened(opened_at)

    def obey() -> None:
        while page and steered and faults and (order := page.take_order()):
            running = _Running(simulation, placement, journal, faults, metrics)
            text, is_refused = _obeyed(order, page, steered, running, timeout_s)
            page.answer(text, is_refused=is_refused)

    status: Status = "interrupted"
    try:
        for _ in _looks(simulation, timeout_s, page, obey):
            watch(metrics, simulation.now - opened_at, sum(host.counters["sent"] for host in hosts))
        status = "settled" if simulation.settled and not metrics.in_doubt else "timeout"
    except KeyboardInterrupt:
        pass
    counters = sum((host.counters for host in hosts), Counter[str]())
    watch(metrics, simulation.now - opened_at, counters["sent"])
    return Outcome(status, opened_at, simulation.now - opened_at, dict(counters))


def _looks(simulation: Simulation, timeout_s: float, page: Page | None, obey: Callable[[], None]) -> Iterator[None]:
    """Carry the simulation to its end, as fast and with what the page wants; a pause for whoever looks now and then."""
    opened_at = simulation.opened_at
    until = opened_at + timeout_s
    while True:
        obey()
        allowed = until if page is None else min(until, opened_at + page.reach())
        if simulation.run(allowed, EVENTS_PER_LOOK):
            yield
            continue
        if page is None or allowed >= until or simulation.settled:
            return
        if page.take_step():
            _step(simulation, until, page)
            page.stepped(simulation.now - opened_at)
        yield
        time.sleep(WAIT_S)


def _obeyed(order: Order, page: Page, steered: Steered, running: _Running, timeout_s: float) -> tuple[str, bool]:
    """Have happen what somebody ordered, where the market stands; what to say of it, and whether it is refused."""
    simulation = running.simulation
    at_s = _standing(simulation, page)
    if at_s is None or at_s > timeout_s:
        return OVER, True
    told = page.told
    try:
        happens = steered.obey(order, at_s, running)
    except ScenarioError as error:
        return str(error), True
    page.revise(steered.market)
    simulation.run(simulation.next_at, 1)
    came = "" if page.told > told else "; nothing came of it, since nothing is left to do there"
    return f"{at_s:g} s: {happens}{came}", False


def _standing(simulation: Simulation, page: Page) -> float | None:
    """Where the market stands between two events, seconds since it opened; None if it is over."""
    while not simulation.settled:
        if (at_s := moment(simulation, page.reach())) is not None:
            return at_s
        simulation.run(simulation.next_at, 1)
    return None


def _step(simulation: Simulation, until: float, page: Page) -> None:
    """Go on until something is told."""
    told = page.told
    while page.told == told and simulation.run(until, 1):
        pass
