"""A simulated run in which people have things happen, so that its scenario, with these planned, repeats it."""

import math
from dataclasses import dataclass
from pathlib import Path

from node.protocol.journal import JournalEntry, MarketOpened
from node.protocol.topics import address
from node.runtime.journal import Journal
from node.runtime.sim.simulation import Simulation
from scenarios.errors import ScenarioError
from scenarios.launch.placement import Placement, faults_of
from scenarios.markets.base import Market, Scenario
from scenarios.markets.registry import draw_market, kind_of
from scenarios.markets.steering import Order
from scenarios.report.repeat import write_scenario
from scenarios.results import folder as rundir

MILLISECONDS, MOST_DIGITS = 3, 17
"""Digits after the point of a time: as few as tell it from the events around it."""


@dataclass
class Steered:
    """What a run is by now: its scenario and its market, with all that people had happen, in its folder too."""

    scenario: Scenario
    market: Market
    folder: Path

    def shift(
        self, order: Order, at_s: float, simulation: Simulation, placement: Placement, journal: Journal | None
    ) -> None:
        """Have a market shift happen at that time, after ``simulation.now`` and before the next event.

        Raises
        ------
        ScenarioError
            If it cannot happen; the text says why.
        """
        steering, seed = kind_of(self.market).steering, self.market.seed
        if steering is None:
            raise ScenarioError(f"a market of kind {kind_of(self.market).name!r} knows no shifts")
        scenario = steering.shifted(self.scenario, self.market, order, at_s)
        market = draw_market(scenario, seed)
        host = placement[order.node]
        self._check(simulation, host, placement)
        opened_at = simulation.opened_at
        self._keep(scenario, market)
        if journal:
            # As a node that had planned it would have noted, to go by after a restart.
            journal.append([JournalEntry(opened_at, address(host, order.node), MarketOpened())])
        event = steering.event(market, order.node, at_s)
        simulation.at(opened_at + at_s, simulation.tell, host, order.node, event)

    def _check(self, simulation: Simulation, host: str, placement: Placement) -> None:
        """Raise ScenarioError if nothing that is planned for now would happen there now."""
        if not simulation.is_awake(host):
            raise ScenarioError(f"{host} is down, or has no broker: nothing happens to it before it is back")
        faults = faults_of(self.market, placement)
        if faults and any(host in fault.hosts for fault in faults.of("clock-skew")):
            raise ScenarioError(
                f"{host} has a clock that chaos sets wrong, so that nobody could repeat this: take another"
            )

    def _keep(self, scenario: Scenario, market: Market) -> None:
        """Have the folder repeat and report the run with what happens now."""
        self.scenario, self.market = scenario, market
        known = rundir.of_scenario(scenario)
        write_scenario(self.folder, known["scenario"])
        rundir.write_json(self.folder / "market.json", market)
        rundir.note(self.folder, **known)


def moment(simulation: Simulation, reach_s: float) -> float | None:
    """A time between the last event and the next, seconds since the opening; None if there is none between them.

    It is the one that the market has reached, if that lies there, and else the first after the last event.
    """
    opened_at, now, next_at = simulation.opened_at, simulation.now, simulation.next_at
    at_s = reach_s if now < opened_at + reach_s < next_at else now - opened_at
    for digits in range(MILLISECONDS, MOST_DIGITS):
        found = math.ceil(at_s * 10.0**digits + 0.5) / 10.0**digits
        if now < opened_at + found < next_at:
            return found
    return None
