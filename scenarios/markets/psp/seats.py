"""People as the buyers of an exchange."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from node.protocol.numbers import MAX_PRICE, MAX_QUANTITY_MB
from node.protocol.psp.events import MindChanged
from node.strategy.psp.offer import Target
from scenarios.markets.psp.market import Market, theta
from scenarios.markets.psp.results import Result
from scenarios.markets.psp.totals import book_of
from scenarios.markets.psp.view import ExchangeView
from scenarios.markets.seats import Seats

MOST_SELLERS = 50
"""At which one person bids."""

LEAST_QUIET_S = 5.0
"""An auction waits so long for an answer to the last bid: people think slowly."""

PATIENCE = 20.0
"""Times as long as they have, people may keep an auction waiting: nobody is to be struck out for hesitating."""

WORTH_POINTS = 5
"""Of θ' that a page shows."""

QuantityMb = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_QUANTITY_MB)]
PricePerMb = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]


class Bids(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person bids from now on, MB and price per MB by seller, and whether that may be awarded."""

    at: Annotated[dict[str, tuple[QuantityMb, PricePerMb]], msgspec.Meta(max_length=MOST_SELLERS)]
    stand: bool = True


def free(market: Market) -> Sequence[str]:
    """All buyers, but for those to whom something is planned to happen, and those on devices."""
    busy = {one.node for one in market.shifts} | {one.instead_of for one in market.shifts}
    return [one.name for one in market.buyers if one.name not in busy and not one.device]


def seated(market: Market, names: Collection[str], limit_s: float) -> Market:
    """The market in which these bid by hand. No auction ends before the limit, or while people still answer each other.

    What a person would get and pay is told to it at each clearing, as to any buyer.
    """
    timing = market.timing
    return msgspec.structs.replace(
        market,
        buyers=[msgspec.structs.replace(one, by_hand=one.name in names) for one in market.buyers],
        timing=msgspec.structs.replace(
            timing,
            open_at_least_s=max(timing.open_at_least_s, limit_s),
            quiet_period_s=max(timing.quiet_period_s, LEAST_QUIET_S),
            own_patience_s=max(timing.patience_s, PATIENCE * limit_s),
        ),
    )


def event(market: Market, addresses: Mapping[str, str], name: str, bids: Bids) -> MindChanged:
    """The bids at sellers of its pool; others it cannot reach."""
    pool = next(one.pool for one in market.buyers if one.name == name)
    return MindChanged(
        {addresses[seller]: Target(*bid) for seller, bid in bids.at.items() if seller in pool}, bids.stand
    )


def shown(market: Market, view: ExchangeView, name: str) -> dict[str, Any]:
    """What it is worth to it, what is on sale, its bids, what it would get and pay, and what it has bought."""
    buyer, metrics = next(one for one in market.buyers if one.name == name), view.metrics
    valuation = theta(buyer)
    at = [*np.linspace(0.0, valuation.demand_mb, WORTH_POINTS).tolist()]
    positions = {
        seller: metrics.positions[seller, name] for seller in buyer.pool if (seller, name) in metrics.positions
    }
    bids = {seller: bid for seller in buyer.pool if (bid := book_of(metrics, seller).get(name))}
    gets, pays = sum(one.total for one in positions.values()), sum(one.total_charge for one in positions.values())
    return {
        "worth": [(mb, valuation.marginal(mb)) for mb in at],
        "budget": buyer.budget_money,
        "pool": buyer.pool,
        "offers": [_offer(market, view, seller) for seller in buyer.pool],
        "bids": bids,
        "gets": {seller: (one.quantity, one.charge) for seller, one in positions.items() if one.quantity > 0.0},
        "receipts": [
            {"event": "bought", "peer": seller, "mb": one.settled_quantity, "money": one.settled_charge}
            for seller, one in positions.items()
            if one.settled_quantity > 0.0
        ],
        "utility": valuation.value(max(0.0, gets)) - pays,
    }


def _offer(market: Market, view: ExchangeView, name: str) -> dict[str, Any]:
    seller = next(one for one in market.sellers if one.name == name)
    auction = view.metrics.auctions[name]
    settled = sum(one.settled_quantity for (of, _), one in view.metrics.positions.items() if of == name)
    supply = view.metrics.supply.get(name, seller.supply_mb)
    return {
        "seller": name,
        "supply": supply,
        "left": max(0.0, supply - settled),
        "reserve": seller.reserve_price_per_mb,
        "price": auction.price if np.isfinite(auction.price) else None,
        "state": auction.state,
    }


def earned(result: Result) -> Mapping[str, float]:
    """What the data is worth that each buyer has bought, less what it paid."""
    table = result.columns("buyers")
    return dict(zip(table["buyer"], table["utility"], strict=True))


SEATS = Seats("buyer", free, seated, Bids, event, shown, earned)
