"""From a drawn exchange to its machines."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from node.mechanism.psp import AuctionMechanism
from node.protocol.machine import Machine, Opened
from node.protocol.planned import Planned
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.runtime.streams import stream
from node.strategy.psp.by_hand import ByHand
from node.strategy.psp.offer import BuyerStrategy
from scenarios.markets.psp.market import BuyerSpec, Market, SellerSpec, budget_of, theta
from scenarios.markets.psp.mechanisms import mechanism_of
from scenarios.markets.psp.shifts import plan


def exchange_machines(market: Market, addresses: Mapping[str, str], names: set[str]) -> Iterator[tuple[str, Machine]]:
    """The machines of the users of these names, who know each other by ``addresses``."""
    for seller in market.sellers:
        if seller.name in names:
            yield seller.name, _seller(market, seller)
    for buyer in market.buyers:
        if buyer.name in names:
            yield buyer.name, _buyer(market, buyer, addresses)


def _seller(market: Market, seller: SellerSpec) -> Machine:
    events = plan(market.shifts, seller.name, seller.supply_mb)
    joins_at_s = next((at_s for at_s, event in events if event == Opened()), 0.0)
    timing = msgspec.structs.replace(market.timing, open_at_least_s=market.timing.open_at_least_s - joins_at_s)
    machine = Seller(
        seller.supply_mb,
        market.auction.reserve(seller.reserve_price_per_mb),
        timing,
        mechanism=mechanism_of(market.auction),
        opens_late=joins_at_s > 0.0,
    )
    return Planned(machine, events) if events else machine


def _buyer(market: Market, buyer: BuyerSpec, addresses: Mapping[str, str]) -> Machine:
    events = plan(market.shifts, buyer.name)
    pool = [addresses[seller] for seller in buyer.pool]
    mechanism, strategy = mechanism_of(market.auction), ByHand() if buyer.by_hand else None
    machine = buyer_machine(buyer, pool, market.timing, market.seed, mechanism, strategy)
    return Planned(machine, events) if events else machine


def buyer_machine(
    buyer: BuyerSpec,
    pool: Sequence[str],
    timing: Timing,
    seed: int,
    mechanism: AuctionMechanism,
    strategy: BuyerStrategy | None = None,
) -> Buyer:
    """The machine of a buyer whose sellers have these addresses; a ``strategy`` takes the place of its own."""
    return Buyer(
        pool=pool,
        valuation=theta(buyer),
        strategy=strategy or buyer.strategy.build(),
        timing=timing,
        random=stream(seed, buyer.name, "thinking"),
        budget=budget_of(buyer),
        mechanism=mechanism,
    )
