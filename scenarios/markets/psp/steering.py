"""Market shifts of an exchange that runs already: those of its scenario, planned for now."""

import msgspec

from node.protocol.machine import Event
from scenarios.files.names import check_known
from scenarios.markets.psp.live import LiveMetrics
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.schema import LeaveShift, Scenario, SupplyShift, ValuationShift
from scenarios.markets.psp.shifts import plan, users_of
from scenarios.markets.psp.validity import check_scenario
from scenarios.markets.psp.view import ExchangeView
from scenarios.markets.steering import NODE, Offer, Order, Steering, planned

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


def steady(scenario: Scenario, market: Market) -> Scenario:
    """The scenario whose auctions stay open as long as they do in its market, whatever else is planned."""
    auction = msgspec.structs.replace(scenario.auction, open_at_least_s=market.timing.open_at_least_s)
    return msgspec.structs.replace(scenario, auction=auction)


def shifted(scenario: Scenario, order: Order, at_s: float) -> Scenario:
    """The scenario with one shift more.

    Raises
    ------
    ScenarioError
        If that cannot happen; the text names field, value and what is allowed.
    """
    shift = planned(order, at_s, TABLES[order.kind], "factor")
    sellers, buyers = users_of(scenario)
    known = {"supply": (sellers, "seller"), "valuation": (buyers, "buyer")}.get(order.kind, (sellers | buyers, "user"))
    check_known(NODE, [order.node], *known)
    after = msgspec.structs.replace(scenario, shifts=[*scenario.shifts, shift])
    check_scenario(after)
    return after


def event(market: Market, node: str, at_s: float) -> Event:
    """What the shift of that time is to the node; of several the one that was planned last."""
    supply_mb = next((seller.supply_mb for seller in market.sellers if seller.name == node), 0.0)
    return [event for due_s, event in plan(market.shifts, node, supply_mb) if due_s == at_s][-1]


def revise(watching: LiveMetrics | ExchangeView, market: Market) -> None:
    """Have shifts count that nobody had planned."""
    watching.revise(market)


STEERING = Steering(OFFERS, steady, shifted, revise, event)
