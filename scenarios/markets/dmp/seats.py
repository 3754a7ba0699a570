"""People as the operators of a Digital Marketplace."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from node.protocol.dmp.events import MarginChosen
from node.protocol.numbers import MAX_PRICE
from scenarios.markets.dmp.market import CallMarket
from scenarios.markets.dmp.results import CallResult
from scenarios.markets.dmp.view import CallView
from scenarios.markets.seats import Seats


class Margin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person asks from now on for a call on top of its cost, money."""

    margin_money: Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]


def free(market: CallMarket) -> Sequence[str]:
    """All operators."""
    return [operator.name for operator in market.operators]


def seated(market: CallMarket, names: Collection[str], limit_s: float) -> CallMarket:
    """The market in which people set the prices of these, with a clock that has its last call end at the limit."""
    wanted = [call.wanted for terminal in market.terminals for call in terminal.calls]
    until_s = max((call.at_s + call.holding_s for call in wanted), default=0.0)
    return msgspec.structs.replace(
        market,
        operators=[msgspec.structs.replace(one, by_hand=one.name in names) for one in market.operators],
        timing=msgspec.structs.replace(market.timing, speed=until_s / limit_s) if until_s > 0.0 else market.timing,
    )


def event(market: CallMarket, addresses: Mapping[str, str], name: str, margin: Margin) -> MarginChosen:
    """The margin."""
    del market, addresses, name
    return MarginChosen(margin.margin_money)


def shown(market: CallMarket, view: CallView, name: str) -> dict[str, Any]:
    """Its calls, its money, its reputation; and how far the market is."""
    operator, count = next(one for one in market.operators if one.name == name), view.metrics.operators[name]
    won = sum(one.won for one in view.metrics.operators.values())
    return {
        "capacity_kbps": operator.capacity_kbps,
        "cost": operator.cost_money,
        "open": view.open[name],
        "won": count.won,
        "share": count.won / won if won else None,
        "served": count.served,
        "broken": count.decommitted,
        "reputation": count.reputation,
        "revenue": count.revenue,
        "utility": count.revenue - count.cost,
        "done": view.metrics.done,
        "calls": market.calls,
    }


def earned(result: CallResult) -> Mapping[str, float]:
    """The profit of each operator."""
    return {one.operator: one.profit for one in result.summary.operators}


SEATS = Seats("operator", free, seated, Margin, event, shown, earned)
