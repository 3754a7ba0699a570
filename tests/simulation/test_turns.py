"""Whose turn it is when several hosts are due at one time: a plan that nobody knew of would have changed nothing."""

import math
from collections.abc import Sequence

import msgspec
import pytest

from node.protocol.host import Host
from node.protocol.machine import Effect, Event, Left, Machine, Opened, SetTimer, TimerFired
from node.protocol.planned import Planned
from node.protocol.trace import Joined, Record, Trace
from node.protocol.wire.frames import Codec
from node.runtime.sim.simulation import LinkModel, Simulation

RINGS_AT_S, HAPPENS_AT_S = 2.0, 1.0


class Alarm:
    """Tells when it rings, at a time that all alarms have, and when its user leaves."""

    watches = frozenset[str]()
    finished = False

    def step(self, now: float, event: Event) -> list[Effect]:
        match event:
            case Opened():
                return [SetTimer("ring", now + RINGS_AT_S)]
            case TimerFired() | Left():
                return [Joined()]
        return []


class _Nothing(msgspec.Struct, tag="nothing"):
    """No message of these nodes."""


def simulated(machines: Sequence[Machine]) -> tuple[Simulation, list[Record[Trace]]]:
    """The hosts "0", "1", … with a node "node" each, and what they tell."""
    told: list[Record[Trace]] = []
    hosts = [Host(str(k), {"node": machine}, Codec(_Nothing)) for k, machine in enumerate(machines)]  # type: ignore[arg-type]
    simulation = Simulation(hosts, LinkModel(), 0, told.extend)
    simulation.open_market()
    return simulation, told


@pytest.mark.parametrize("who", [0, 1, 2])
def test_what_is_told_at_a_time_is_what_was_planned_for_then(who: int) -> None:
    plan = [(HAPPENS_AT_S, Left())]
    planned, expected = simulated([Planned(Alarm(), plan) if k == who else Alarm() for k in range(3)])
    planned.run(10.0, 100)
    asked, found = simulated([Alarm() for _ in range(3)])
    asked.at(HAPPENS_AT_S, asked.tell, str(who), "node", Left())
    asked.run(10.0, 100)
    assert found == expected
    assert [one.node for one in found] == [f"{who}/node", "0/node", "1/node", "2/node"]


def test_between_events_it_says_when_the_next_is() -> None:
    simulation, _ = simulated([Alarm()])
    assert (simulation.opened_at, simulation.next_at) == (0.0, RINGS_AT_S)
    simulation.run(10.0, 100)
    assert simulation.next_at == math.inf
