"""A run in which people have things happen, so that its scenario, with these planned, repeats it."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from node.protocol.machine import Event
from node.runtime.faults.plan import Fault, Plan
from node.runtime.sim.simulation import Simulation
from scenarios.chaos.schema import ChaosTable, Crash, Partition
from scenarios.chaos.validity import check_chaos
from scenarios.errors import ScenarioError
from scenarios.files.names import check_known, meant
from scenarios.launch.placement import Placement, faults_of
from scenarios.markets.base import Market, Scenario
from scenarios.markets.kind import Metrics
from scenarios.markets.registry import draw_market, kind_of
from scenarios.markets.steering import AMOUNT, KIND, NODE, Offer, Order, planned
from scenarios.report.repeat import write_scenario
from scenarios.results import folder as rundir
from scenarios.words import counted

MILLISECONDS, MOST_DIGITS = 3, 17
"""Digits after the point of a time: as few as tell it from the events around it."""

FAULTS: dict[str, type[Partition | Crash]] = {"cut-off": Partition, "kill": Crash}
"""What can go wrong in any market, by the order for it."""

OFFERS = (
    Offer(key="cut-off", label="its host is cut off", to="any user, with all on its host", amount=3.0, unit="s"),
    Offer(
        key="kill",
        label="its host is killed",
        to="any user, with all whom one process carries",
        amount=3.0,
        unit="s until it starts again; empty: never",
        is_needed=False,
    ),
)


def offers_of(market: Market) -> list[Offer]:
    """What can be ordered in a market of this kind."""
    steering = kind_of(market).steering
    return [*(steering.offers if steering else ()), *OFFERS]


class Running(Protocol):
    """A run that goes on: where each node is, what watches it, and how something new happens in it."""

    @property
    def placement(self) -> Placement:
        """Who sits on which host."""
        ...

    @property
    def metrics(self) -> Metrics:
        """What watches it."""
        ...

    def is_awake(self, host: str) -> bool:
        """Whether what is planned for now would happen there now."""
        ...

    def process_of(self, host: str) -> Collection[str]:
        """The hosts that die with this one, itself among them."""
        ...

    def shift(self, market: Market, node: str, at_s: float) -> None:
        """Have the shift of that time happen to the node; the market has it planned by now, and the folder too."""
        ...

    def strike(self, fault: Fault) -> None:
        """Have something go wrong that the market, and the folder, have planned by now."""
        ...


@dataclass
class Steered:
    """What a run is by now: its scenario and its market, with all that people had happen, in its folder too."""

    scenario: Scenario
    market: Market
    folder: Path

    def obey(self, order: Order, at_s: float, running: Running) -> str:
        """Have something happen at that time, which is still to come; what does, in words.

        Raises
        ------
        ScenarioError
            If it cannot happen; the text says why, in words of the page.
        """
        known = {offer.key: offer for offer in offers_of(self.market)}
        if order.kind not in known:
            raise ScenarioError(f"{KIND} = {order.kind!r}{meant(order.kind, known)}: allowed are: {', '.join(known)}")
        if order.kind in FAULTS:
            return self._break(order, at_s, running)
        self._shift(order, at_s, running)
        offer = known[order.kind]
        how_much = "" if order.amount is None else f", {order.amount:g} {offer.unit}"
        return f"{order.node}: {offer.label}{how_much}"

    def _shift(self, order: Order, at_s: float, running: Running) -> None:
        steering, placement = kind_of(self.market).steering, running.placement
        assert steering  # who else offers shifts?
        scenario = steering.shifted(self._steady(), order, at_s)
        market = draw_market(scenario, self.market.seed)
        host = placement[order.node]
        _check_awake(running, host)
        _check_clock(faults_of(self.market, placement), host)
        self._keep(scenario, market)
        steering.revise(running.metrics, market)
        running.shift(market, order.node, at_s)

    def _break(self, order: Order, at_s: float, running: Running) -> str:
        scenario = broken(self._steady(), order, at_s)
        market = draw_market(scenario, self.market.seed)
        plan = faults_of(market, running.placement)
        assert plan
        fault = newest(plan, at_s)
        host = running.placement[order.node]
        process = running.process_of(host)
        _check_awake(running, host)
        _check_alone(plan, fault, process)
        self._keep(scenario, market)
        running.strike(fault)
        struck = process if fault.kind == "crash" else fault.hosts
        others = sum(other in struck for other in running.placement.values()) - 1
        return broken_in_words(order, others)

    def _steady(self) -> Scenario:
        """The scenario, in which nothing that is planned besides changes what happens before."""
        steering = kind_of(self.market).steering
        return steering.steady(self.scenario, self.market) if steering else self.scenario

    def _keep(self, scenario: Scenario, market: Market) -> None:
        """Have the folder repeat and report the run with what happens now."""
        self.scenario, self.market = scenario, market
        known = rundir.of_scenario(scenario)
        write_scenario(self.folder, known["scenario"])
        rundir.write_json(self.folder / "market.json", market)
        rundir.note(self.folder, **known)


def broken(scenario: Scenario, order: Order, at_s: float) -> Scenario:
    """The scenario with one fault more.

    Raises
    ------
    ScenarioError
        If that cannot happen; the text names field, value and what is allowed.
    """
    chaos, fault = scenario.chaos or ChaosTable(), planned(order, at_s, FAULTS[order.kind], "for_s")
    check_known(NODE, [order.node], scenario.user_names, "user")
    if (over_s := at_s + fault.lasts_s) > scenario.timeout_s:
        ends_s = scenario.timeout_s
        raise ScenarioError(f"{AMOUNT}: it would be over after {over_s:g} s, and the run ends after {ends_s:g} s")
    chaos = msgspec.structs.replace(chaos, faults=[*chaos.faults, fault])
    check_chaos(chaos, scenario.user_names, scenario.timeout_s)
    after = msgspec.structs.replace(scenario, chaos=chaos)
    kind_of(after).check(after)
    return after


def broken_in_words(order: Order, others: int) -> str:
    """What goes wrong, and with how many other users."""
    along = f" with {counted(others, 'other user')}" if others else ""
    if order.kind == "cut-off":
        return f"{order.node}: its host is cut off{along} for {order.amount:g} s"
    back = "for good" if order.amount is None else f"and starts again after {order.amount:g} s"
    return f"{order.node}: its host is killed{along} {back}"


def newest(plan: Plan, at_s: float) -> Fault:
    """The fault of that time; of several the one that was planned last."""
    return [one for one in plan.faults if one.at_s == at_s][-1]


def event_of(market: Market, node: str, at_s: float) -> Event:
    """What the shift of that time is to the node."""
    steering = kind_of(market).steering
    assert steering  # who else plans shifts?
    return steering.event(market, node, at_s)


def _check_awake(running: Running, host: str) -> None:
    """Raise ScenarioError if nothing that is planned for now would happen there now."""
    if not running.is_awake(host):
        raise ScenarioError(f"{host} is down, or has no broker: nothing happens to it before it is back")


def _check_clock(faults: Plan | None, host: str) -> None:
    """Raise ScenarioError if the host goes by another clock, so that a plan would come at a time that is rounded."""
    if faults and any(host in fault.hosts for fault in faults.of("clock-skew")):
        raise ScenarioError(f"{host} has a clock that chaos sets wrong, so that nobody could repeat this: take another")


def _check_alone(plan: Plan, fault: Fault, process: Collection[str]) -> None:
    """Raise ScenarioError if planned beforehand the fault would be one with others, or in another order."""
    others = Plan(faults=tuple(one for one in plan.faults if one is not fault))
    if fault.until_s < math.inf and any(fault.until_s in (one.at_s, one.until_s) for one in others.faults):
        raise ScenarioError(
            "another fault begins or ends at the very time at which this one would: give it more or less"
        )
    if fault.kind == "crash" and any(
        begins <= fault.until_s and fault.at_s <= ends for begins, ends in others.crashes(process)
    ):
        raise ScenarioError(f"{', '.join(sorted(fault.hosts))} is killed again before it would be back: give it less")


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
