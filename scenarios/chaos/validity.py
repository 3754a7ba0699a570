"""What a table ``[chaos]`` must fulfil beyond the types of its keys."""

from collections.abc import Sequence
from functools import partial

from scenarios.chaos.schema import ChaosTable, FaultTable
from scenarios.errors import ScenarioError, check_all


def check_chaos(chaos: ChaosTable, users: Sequence[str], timeout_s: float) -> None:
    """Raise ScenarioError, naming key, value and remedy, if what is planned cannot happen to these users in time."""
    if chaos.reordering and not chaos.reordering_delay_s:
        raise ScenarioError(
            f"chaos.reordering = {chaos.reordering} needs chaos.reordering_delay_s above 0: so late a frame may come"
        )
    check_all(
        check
        for k, fault in enumerate(chaos.faults)
        for check in (
            partial(fault.check_users, f"chaos.faults.{k}", users),
            partial(_check_time, f"chaos.faults.{k}", fault, timeout_s),
        )
    )


def _check_time(key: str, fault: FaultTable, timeout_s: float) -> None:
    over_s = fault.at_s + fault.lasts_s
    if over_s > timeout_s:
        raise ScenarioError(f"{key} is over after {over_s:g} s, which must not exceed timeout_s = {timeout_s:g}")
