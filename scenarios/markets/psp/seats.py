"""People as the buyers of an exchange."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from node.mechanism.rounding import ROUNDING
from node.protocol.numbers import MAX_PRICE, MAX_QUANTITY_MB
from node.protocol.psp.events import MindChanged
from node.strategy.psp.offer import Target
from node.trace.psp.metrics import Position
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


class Bids(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person bids from now on, MB and price per MB by seller, and whether that may be awarded."""

    at: Annotated[dict[str, tuple[float, float]], msgspec.Meta(max_length=MOST_SELLERS)]
    stand: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError if there can be no such bid; the text is for the person."""
        for seller, (mb, price) in self.at.items():
            if not 0.0 < mb <= MAX_QUANTITY_MB:
                raise ValueError(
                    f"Bid at {seller}: {mb:g} MB; bid for more than 0 and at most {MAX_QUANTITY_MB:,.0f} MB."
                )
            if not 0.0 <= price <= MAX_PRICE:
                raise ValueError(f"Bid at {seller}: {price:g} per MB; bid a price from 0 to {MAX_PRICE:,.0f}.")


class Shelf(msgspec.Struct, frozen=True):
    """What a page shows of one seller.

    Attributes
    ----------
    supply
        MB in all.
    on_sale
        MB that nobody has bought yet; None where that is not known.
    free
        MB that would go to nobody if the auction were awarded now: they can be had at the reserve price.
    reserve
        Price per MB below which nothing is sold.
    price
        What a newcomer must beat, price per MB; None where that is not known.
    """

    seller: str
    supply: float
    on_sale: float | None
    free: float
    reserve: float
    price: float | None
    state: str


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
        "offers": [_shelf(market, view, seller) for seller in buyer.pool],
        "bids": bids,
        "gets": _gets(view, bids, positions),
        "receipts": [
            {"event": "bought", "peer": seller, "mb": one.settled_quantity, "money": one.settled_charge}
            for seller, one in positions.items()
            if one.settled_quantity > 0.0
        ],
        "utility": valuation.value(max(0.0, gets)) - pays,
    }


def _gets(
    view: ExchangeView, bids: Mapping[str, tuple[float, float]], positions: Mapping[str, Position]
) -> dict[str, tuple[float, float]]:
    """What its bids would get now and cost, by seller: nothing where a bid does not come up to what must be beaten.

    A bid that would win, and that no clearing has taken in yet, is left out.
    """
    found = {seller: (one.quantity, one.charge) for seller, one in positions.items() if one.quantity > 0.0}
    losing = {seller: (0.0, 0.0) for seller, (_, price) in bids.items() if price < view.metrics.auctions[seller].price}
    return {**losing, **found}


def _shelf(market: Market, view: ExchangeView, name: str) -> Shelf:
    seller = next(one for one in market.sellers if one.name == name)
    auction = view.metrics.auctions[name]
    of_seller = [one for (of, _), one in view.metrics.positions.items() if of == name]
    supply = view.metrics.supply.get(name, seller.supply_mb)
    on_sale = max(0.0, supply - sum(one.settled_quantity for one in of_seller))
    return Shelf(
        seller=name,
        supply=supply,
        on_sale=on_sale,
        free=free_of(on_sale - sum(one.quantity for one in of_seller), supply),
        reserve=seller.reserve_price_per_mb,
        price=auction.price if np.isfinite(auction.price) else None,
        state=auction.state,
    )


def free_of(mb: float, supply: float) -> float:
    """The MB that go to nobody, without what is rounding."""
    return mb if mb > ROUNDING * supply else 0.0


def earned(result: Result) -> Mapping[str, float]:
    """What the data is worth that each buyer has bought, less what it paid."""
    table = result.columns("buyers")
    return dict(zip(table["buyer"], table["utility"], strict=True))


SEATS = Seats("buyer", free, seated, Bids, event, shown, earned)
