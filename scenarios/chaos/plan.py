"""From the table ``[chaos]`` to a plan for hosts: users by the hosts that carry them, random faults by the seed."""

from collections.abc import Mapping, Sequence

from node.runtime.faults.plan import Plan, Steady
from node.runtime.streams import stream
from scenarios.chaos.schema import ChaosTable, Struck


def plan_of(chaos: ChaosTable, seed: int, placement: Mapping[str, str], churning: Sequence[str]) -> Plan:
    """What goes wrong in a run with this seed, whose users are placed so.

    Parameters
    ----------
    placement
        Node name to host name.
    churning
        The users of whom ``churn`` takes a share.

    Raises
    ------
    ScenarioError
        If a partition has all hosts on one side.
    """
    steady = Steady(chaos.loss, chaos.duplication, chaos.reordering, chaos.reordering_delay_s)
    struck = Struck(placement, churning)
    faults = [
        fault
        for k, table in enumerate(chaos.faults)
        for fault in table.faults(f"chaos.faults.{k}", struck, stream(seed, "chaos", f"faults {k}"))
    ]
    return Plan(steady, tuple(sorted(faults, key=lambda one: one.at_s)))


def latest_s(chaos: ChaosTable) -> float:
    """When the last fault is over at the latest, seconds since the market opened."""
    return max((one.at_s + one.lasts_s for one in chaos.faults), default=0.0)
