"""From a drawn exchange to its machines."""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from node.protocol.machine import Machine, Opened
from node.protocol.planned import Planned
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.runtime.streams import stream
from node.strategy.psp.adaptive import AdaptiveBestReply
from node.strategy.psp.best_reply import BestReply
from node.strategy.psp.offer import BuyerStrategy
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve, ReserveRule
from scenarios.markets.psp.market import BuyerSpec, Market, SellerSpec, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, AuctionTable, BestReplyStrategy, OptOutStrategy
from scenarios.markets.psp.shifts import plan


def exchange_machines(market: Market, addresses: Mapping[str, str], names: set[str]) -> Iterator[tuple[str, Machine]]:
    """The machines of the users of these names, who know each other by ``addresses``."""
    for seller in market.sellers:
        if seller.name in names:
            yield seller.name, _seller(market, seller)
    for buyer in market.buyers:
        if buyer.name in names:
            yield buyer.name, _buyer(market, buyer, addresses)


def reserve_rule(auction: AuctionTable, seller: SellerSpec) -> ReserveRule:
    """How this seller sets its reserve price."""
    if auction.reserve_rule == "fixed":
        return FixedReserve(seller.reserve_price_per_mb)
    return HighestLosingReserve(seller.reserve_price_per_mb, auction.reserve_step_per_mb)


def _seller(market: Market, seller: SellerSpec) -> Machine:
    events = plan(market.shifts, seller.name, seller.supply_mb)
    joins_at_s = next((at_s for at_s, event in events if event == Opened()), 0.0)
    timing = msgspec.structs.replace(market.timing, open_at_least_s=market.timing.open_at_least_s - joins_at_s)
    machine = Seller(seller.supply_mb, reserve_rule(market.auction, seller), timing, opens_late=joins_at_s > 0.0)
    return Planned(machine, events) if events else machine


def _buyer(market: Market, buyer: BuyerSpec, addresses: Mapping[str, str]) -> Machine:
    events = plan(market.shifts, buyer.name)
    machine = buyer_machine(buyer, [addresses[seller] for seller in buyer.pool], market.timing, market.seed)
    return Planned(machine, events) if events else machine


def buyer_machine(buyer: BuyerSpec, pool: Sequence[str], timing: Timing, seed: int) -> Buyer:
    """The machine of a buyer whose sellers have these addresses."""
    return Buyer(
        pool=pool,
        valuation=theta(buyer),
        strategy=_strategy(buyer),
        timing=timing,
        random=stream(seed, buyer.name, "thinking"),
        budget=math.inf if buyer.budget_money is None else buyer.budget_money,
    )


def _strategy(buyer: BuyerSpec) -> BuyerStrategy:
    match buyer.strategy:
        case OptOutStrategy(split=split, price_at=price_at, think_s=think_s):
            return OptOut(split, price_at, think_s)
        case BestReplyStrategy() as table:
            return BestReply(table.epsilon_step_money, table.epsilon_fee_money, (table.think_min_s, table.think_max_s))
        case AdaptiveStrategy() as table:
            return AdaptiveBestReply(
                epsilon_start=table.epsilon_start_money,
                epsilon_end=table.epsilon_end_money,
                crowd=table.crowd,
                presence=table.presence_share,
                damping=table.damping,
            )
