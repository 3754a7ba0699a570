"""Market shifts of an exchange that runs already: those of its scenario, planned for now."""

from typing import Any

import msgspec

from node.protocol.machine import Event
from scenarios.errors import ScenarioError
from scenarios.files.explained import converted
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.schema import LeaveShift, Scenario, SupplyShift, ValuationShift
from scenarios.markets.psp.shifts import plan
from scenarios.markets.psp.validity import check_scenario
from scenarios.markets.steering import Offer, Order, Steering

OFFERS = (
    Offer(key="leave", label="leaves", to="buyer or seller"),
    Offer(key="supply", label="supply changes", to="seller", amount=2.0, unit="times what it had at first"),
    Offer(key="valuation", label="valuation changes", to="buyer", amount=2.0, unit="times as at first"),
)

TABLES: dict[str, type[LeaveShift | SupplyShift | ValuationShift]] = {
    "leave": LeaveShift,
    "supply": SupplyShift,
    "valuation": ValuationShift,
}


def shifted(scenario: Scenario, market: Market, order: Order, at_s: float) -> Scenario:
    """The scenario with one shift more; auctions stay open as long as they would have without it.

    Raises
    ------
    ScenarioError
        If that cannot happen; the text names key, value and what is allowed.
    """
    tables: dict[str, Any] = {"at_s": at_s, "nodes": [order.node]}
    if order.amount is not None:
        tables["factor"] = order.amount
    table = TABLES.get(order.kind)
    if table is None:
        raise ScenarioError(f"kind = {order.kind!r}: allowed are: {', '.join(TABLES)}")
    shift = converted({"kind": order.kind, **tables}, table, f"shifts.{len(scenario.shifts)}")
    auction = msgspec.structs.replace(scenario.auction, open_at_least_s=market.timing.open_at_least_s)
    after = msgspec.structs.replace(scenario, shifts=[*scenario.shifts, shift], auction=auction)
    check_scenario(after)
    return after


def event(market: Market, node: str, at_s: float) -> Event:
    """What the shift of that time is to the node."""
    supply_mb = next((seller.supply_mb for seller in market.sellers if seller.name == node), 0.0)
    return next(event for due_s, event in plan(market.shifts, node, supply_mb) if due_s == at_s)


STEERING = Steering(OFFERS, shifted, event)
