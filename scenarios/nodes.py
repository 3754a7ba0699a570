"""From a drawn market to running nodes: who sits on which host, and which machine it is."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial

import msgspec

from node.protocol.buyer import Buyer
from node.protocol.events import Machine, Opened
from node.protocol.host import Host
from node.protocol.planned import Planned
from node.protocol.seller import Seller
from node.protocol.topics import address
from node.runtime.faults import Plan
from node.runtime.skewed import Skewed
from node.runtime.streams import stream
from node.strategy.adaptive import AdaptiveBestReply
from node.strategy.best_reply import BestReply
from node.strategy.opt_out import OptOut
from node.strategy.reserve import FixedReserve, HighestLosingReserve, ReserveRule
from node.strategy.view import BuyerStrategy
from scenarios.calls.market import CallMarket
from scenarios.calls.nodes import call_machines
from scenarios.chaos.drawing import plan_of
from scenarios.market import BuyerSpec, Market, SellerSpec, theta
from scenarios.schema import AdaptiveStrategy, BestReplyStrategy, OptOutStrategy
from scenarios.sealing import SealOf, unsealed
from scenarios.shifts import plan

AnyMarket = Market | CallMarket

Placement = Mapping[str, str]
"""Node name to host name."""


def one_host_each(market: AnyMarket) -> Placement:
    """Every user on a device of its own, which bears its name."""
    return _switchers_together(market, {name: name for name in market.user_names})


def spread(market: AnyMarket, hosts: int) -> Placement:
    """The users dealt out evenly to hosts called host-1, host-2, …; those of one kind each in turn."""
    return _switchers_together(market, {name: f"host-{k % hosts + 1}" for k, name in enumerate(market.user_names)})


def _switchers_together(market: AnyMarket, placement: Placement) -> Placement:
    """Both nodes of a user who sells at one time and buys at another are on its one device."""
    shifts = market.shifts if isinstance(market, Market) else []
    return {**placement, **{one.node: placement[one.instead_of] for one in shifts if one.instead_of}}


def host_names(placement: Placement) -> list[str]:
    """The hosts of a placement, each once, in order of first use."""
    return list(dict.fromkeys(placement.values()))


def build_hosts(market: AnyMarket, placement: Placement, names: set[str], seal_of: SealOf = unsealed) -> list[Host]:
    """The hosts of these names, with the machines of their nodes and what they sign with."""
    addresses = {node: address(host, node) for node, host in placement.items()}
    mine = {node for node, host in placement.items() if host in names}
    built = _machines(market, addresses, mine) if isinstance(market, Market) else call_machines(market, addresses, mine)
    machines: defaultdict[str, dict[str, Machine]] = defaultdict(dict)
    faults = faults_of(market, placement)
    for node, machine in built:
        machines[placement[node]][node] = _with_its_clock(machine, placement[node], faults)
    return [Host(name, machines[name], seal_of(name)) for name in host_names(placement) if name in names]


def faults_of(market: AnyMarket, placement: Placement) -> Plan | None:
    """What goes wrong with which host, if anything does."""
    return plan_of(market.chaos, market.seed, placement, market.churning) if market.chaos else None


def _with_its_clock(machine: Machine, host: str, faults: Plan | None) -> Machine:
    if faults and any(host in fault.hosts for fault in faults.of("clock-skew")):
        return Skewed(machine, partial(faults.skew, host))
    return machine


def _machines(market: Market, addresses: Mapping[str, str], names: set[str]) -> Iterator[tuple[str, Machine]]:
    for seller in market.sellers:
        if seller.name in names:
            yield seller.name, _seller(market, seller)
    for buyer in market.buyers:
        if buyer.name in names:
            yield buyer.name, _buyer(market, buyer, addresses)


def reserve_rule(market: Market, seller: SellerSpec) -> ReserveRule:
    """How this seller sets its reserve price."""
    if market.auction.reserve_rule == "fixed":
        return FixedReserve(seller.reserve_price_per_mb)
    return HighestLosingReserve(seller.reserve_price_per_mb, market.auction.reserve_step_per_mb)


def _seller(market: Market, seller: SellerSpec) -> Machine:
    events = plan(market.shifts, seller.name, seller.supply_mb)
    joins_at_s = next((at_s for at_s, event in events if event == Opened()), 0.0)
    timing = msgspec.structs.replace(market.timing, open_at_least_s=market.timing.open_at_least_s - joins_at_s)
    machine = Seller(seller.supply_mb, reserve_rule(market, seller), timing, opens_late=joins_at_s > 0.0)
    return Planned(machine, events) if events else machine


def _buyer(market: Market, buyer: BuyerSpec, addresses: Mapping[str, str]) -> Machine:
    events = plan(market.shifts, buyer.name)
    machine = Buyer(
        pool=[addresses[seller] for seller in buyer.pool],
        valuation=theta(buyer),
        strategy=_strategy(buyer),
        timing=market.timing,
        random=stream(market.seed, buyer.name, "thinking"),
        budget=math.inf if buyer.budget_money is None else buyer.budget_money,
    )
    return Planned(machine, events) if events else machine


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
