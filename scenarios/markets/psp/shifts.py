"""What changes in a market while it runs: the shifts of a scenario one by one, checked and as plans of its nodes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from node.protocol.machine import Event, Left, Opened, SupplyChanged, ValuationChanged
from scenarios.errors import ScenarioError
from scenarios.files.names import names_of, some
from scenarios.markets.psp.schema import (
    Buyers,
    LeaveShift,
    Scenario,
    Sellers,
    ShiftTable,
    SupplyShift,
    SwitchShift,
    ValuationShift,
)

Kind = Literal["join", "leave", "supply", "valuation"]


class Shift(msgspec.Struct, frozen=True):
    """What happens to one node, so many seconds after the market opened.

    Attributes
    ----------
    factor
        Of ``supply`` and ``valuation``: how many times what it was at first.
    instead_of
        Of ``join``: the node of the same user that leaves; both are on one device.
    """

    at_s: float
    node: str
    kind: Kind
    factor: float = 1.0
    instead_of: str = ""


def shifts_of(scenario: Scenario) -> list[Shift]:
    """Everything that happens to a node after the market opened, in order of time."""
    groups: list[Sellers | Buyers] = [*scenario.sellers, *scenario.buyers]
    joins = [Shift(group.joins_at_s, name, "join") for group in groups if group.joins_at_s for name in names_of(group)]
    return sorted([*joins, *(one for table in scenario.shifts for one in _each(table))], key=lambda one: one.at_s)


def _each(table: ShiftTable) -> Iterator[Shift]:
    match table:
        case LeaveShift(at_s=at_s, nodes=nodes):
            yield from (Shift(at_s, node, "leave") for node in nodes)
        case SupplyShift(at_s=at_s, nodes=nodes, factor=factor):
            yield from (Shift(at_s, node, "supply", factor) for node in nodes)
        case ValuationShift(at_s=at_s, nodes=nodes, factor=factor):
            yield from (Shift(at_s, node, "valuation", factor) for node in nodes)
        case SwitchShift(at_s=at_s, node=node, to=to):
            yield Shift(at_s, node, "leave")
            yield Shift(at_s, to, "join", instead_of=node)


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


def check_shifts(scenario: Scenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if a shift cannot happen."""
    sellers = {name for group in scenario.sellers for name in names_of(group)}
    buyers = {name for group in scenario.buyers for name in names_of(group)}
    for k, table in enumerate(scenario.shifts):
        _check_nodes(f"shifts.{k}", table, sellers, buyers)
    shifts = shifts_of(scenario)
    for one in shifts:
        if one.at_s > scenario.timeout_s:
            what = "joins_at_s" if one.kind == "join" and not one.instead_of else "at_s"
            raise ScenarioError(f"{what} = {one.at_s} of {one.node!r} must not exceed timeout_s = {scenario.timeout_s}")
    _check_order(shifts)


def _check_nodes(key: str, table: ShiftTable, sellers: set[str], buyers: set[str]) -> None:
    match table:
        case LeaveShift(nodes=nodes):
            _check_known(f"{key}.nodes", nodes, sellers | buyers, "user")
        case SupplyShift(nodes=nodes):
            _check_known(f"{key}.nodes", nodes, sellers, "seller")
        case ValuationShift(nodes=nodes):
            _check_known(f"{key}.nodes", nodes, buyers, "buyer")
        case SwitchShift(node=node, to=to):
            _check_known(f"{key}.node", [node], sellers | buyers, "user")
            other, what = (buyers, "buyer") if node in sellers else (sellers, "seller")
            _check_known(f"{key}.to", [to], other, what)


def _check_known(key: str, names: Sequence[str], known: set[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ScenarioError(f"{key} = {name!r}: there is no such {what}; known: {some(sorted(known))}")


def _check_order(shifts: Iterable[Shift]) -> None:
    """A user joins once, before all else, and leaves once, after all else."""
    seen: dict[str, Shift] = {}
    for one in shifts:
        former = seen.get(one.node)
        if former and (one.kind == "join" or former.kind == "leave"):
            why = "joins after its first shift" if one.kind == "join" else "has left before"
            raise ScenarioError(f"{one.node!r}: {one.kind} at {one.at_s:g} s: it {why}, at {former.at_s:g} s")
        seen[one.node] = one
