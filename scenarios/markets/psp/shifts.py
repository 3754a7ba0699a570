"""What changes in a market while it runs: the shifts of a scenario in order of time, and as plans of its nodes."""

from collections.abc import Iterable

from node.protocol.machine import Event, Left, Opened
from node.protocol.psp.events import SupplyChanged, ValuationChanged
from scenarios.errors import ScenarioError
from scenarios.files.names import names_of
from scenarios.markets.psp.schema import Buyers, Scenario, Sellers, Shift


def shifts_of(scenario: Scenario) -> list[Shift]:
    """Everything that happens to a node after the market opened, in order of time."""
    groups: list[Sellers | Buyers] = [*scenario.sellers, *scenario.buyers]
    joins = [Shift(group.joins_at_s, name, "join") for group in groups if group.joins_at_s for name in names_of(group)]
    return sorted([*joins, *(one for table in scenario.shifts for one in table.shifts())], key=lambda one: one.at_s)


def plan(shifts: Iterable[Shift], node: str, supply_mb: float = 0.0) -> list[tuple[float, Event]]:
    """What happens to this node, for its machine; ``supply_mb`` is what a seller has at first."""
    return [(one.at_s, _event(one, supply_mb)) for one in shifts if one.node == node]


def _event(shift: Shift, supply_mb: float) -> Event:
    match shift.kind:
        case "join":
            return Opened()
        case "leave":
            return Left()
        case "supply":
            return SupplyChanged(shift.factor * supply_mb)
        case "valuation":
            return ValuationChanged(shift.factor)


def users_of(scenario: Scenario) -> tuple[set[str], set[str]]:
    """The names of all sellers and of all buyers."""
    sellers = {name for group in scenario.sellers for name in names_of(group)}
    return sellers, {name for group in scenario.buyers for name in names_of(group)}


def check_shifts(scenario: Scenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if a shift cannot happen."""
    sellers, buyers = users_of(scenario)
    for k, table in enumerate(scenario.shifts):
        table.check_nodes(f"shifts.{k}", sellers, buyers)
    shifts = shifts_of(scenario)
    for one in shifts:
        if one.at_s > scenario.timeout_s:
            what = "joins_at_s" if one.kind == "join" and not one.instead_of else "at_s"
            raise ScenarioError(f"{what} = {one.at_s} of {one.node!r} must not exceed timeout_s = {scenario.timeout_s}")
    _check_order(shifts)


def _check_order(shifts: Iterable[Shift]) -> None:
    """A user joins once, before all else, and leaves once, after all else."""
    seen: dict[str, Shift] = {}
    for one in shifts:
        former = seen.get(one.node)
        if former and (one.kind == "join" or former.kind == "leave"):
            why = "joins after its first shift" if one.kind == "join" else "has left before"
            raise ScenarioError(f"{one.node!r}: {one.kind} at {one.at_s:g} s: it {why}, at {former.at_s:g} s")
        seen[one.node] = one
