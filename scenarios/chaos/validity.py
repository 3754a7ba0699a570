"""What a table ``[chaos]`` must fulfil beyond the types of its keys."""

from collections.abc import Sequence

from scenarios.chaos.plan import lasts_s
from scenarios.chaos.schema import BrokerCrash, ChaosTable, Churn, DelaySpike, FaultTable, Partition, RandomFaults
from scenarios.errors import ScenarioError


def check_chaos(chaos: ChaosTable, users: Sequence[str], timeout_s: float) -> None:
    """Raise ScenarioError, naming key, value and remedy, if what is planned cannot happen to these users in time."""
    if chaos.reordering and not chaos.reordering_delay_s:
        raise ScenarioError(
            f"chaos.reordering = {chaos.reordering} needs chaos.reordering_delay_s above 0: so late a frame may come"
        )
    for k, fault in enumerate(chaos.faults):
        key = f"chaos.faults.{k}"
        _check_nodes(f"{key}.nodes", _nodes(fault), users)
        _check_time(key, fault, timeout_s)
        if isinstance(fault, Partition) and set(fault.nodes) >= set(users):
            raise ScenarioError(f"{key}.nodes names all users: there is nobody to cut them off from; name some of them")


def _nodes(fault: FaultTable) -> Sequence[str]:
    if isinstance(fault, RandomFaults | BrokerCrash | Churn):
        return ()
    return fault.nodes or () if isinstance(fault, DelaySpike) else fault.nodes


def _check_nodes(key: str, nodes: Sequence[str], users: Sequence[str]) -> None:
    known = set(users)
    for name in nodes:
        if name not in known:
            some = ", ".join(users[:10]) + (" …" if len(users) > 10 else "")  # noqa: PLR2004 - as many as a line holds
            raise ScenarioError(f"{key} = {name!r}: there is no such user; known: {some}")


def _check_time(key: str, fault: FaultTable, timeout_s: float) -> None:
    over_s = fault.at_s + lasts_s(fault)
    if over_s > timeout_s:
        raise ScenarioError(f"{key} is over after {over_s:g} s, which must not exceed timeout_s = {timeout_s:g}")
