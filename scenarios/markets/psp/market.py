"""A market as drawn from a scenario and a seed: every user with its own numbers."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from node.mechanism.valuation import Scaled, Valuation
from node.mechanism.welfare import Edges
from node.protocol.numbers import MAX_PRICE, MAX_QUANTITY_MB
from node.protocol.psp.timing import Timing
from node.runtime.streams import stream
from scenarios.chaos.plan import latest_s
from scenarios.chaos.schema import ChaosTable
from scenarios.errors import ScenarioError
from scenarios.files.draws import check_bound, drawn, drawn_table
from scenarios.files.names import names_of
from scenarios.files.tables import NetworkTable
from scenarios.markets import base
from scenarios.markets.psp.schema import (
    ArrayTable,
    AuctionTable,
    Buyers,
    Scenario,
    Sellers,
    Shift,
    StrategyTable,
    ValuationTable,
)
from scenarios.markets.psp.shifts import shifts_of
from scenarios.words import counted


class SellerSpec(msgspec.Struct, frozen=True):
    """One seller: MB to sell, and the price per MB below which it does not."""

    name: str
    supply_mb: float
    reserve_price_per_mb: float
    device: str | None = None


class BuyerSpec(msgspec.Struct, frozen=True):
    """One buyer: its sellers by name, what data is worth to it, how it behaves, and what it can spend.

    A market shift can make every MB worth ``valuation_factor`` times as much. A person may bid by
    hand in place of its strategy.
    """

    name: str
    pool: list[str]
    valuation: ValuationTable
    strategy: StrategyTable
    budget_money: float | None
    valuation_factor: float = 1.0
    device: str | None = None
    by_hand: bool = False


EXACT_PAIRS = 5_000
"""Pairs of buyer and seller up to which the optimum is worked out exactly, in seconds; beyond, a bound has to do."""


class Market(base.Market, frozen=True, kw_only=True, tag="psp"):
    """All users of an exchange."""

    auction: AuctionTable
    timing: Timing
    sellers: list[SellerSpec]
    buyers: list[BuyerSpec]
    shifts: list[Shift] = msgspec.field(default_factory=list)
    array: ArrayTable = ArrayTable()

    @property
    def user_names(self) -> list[str]:
        """All users, sellers first."""
        return [seller.name for seller in self.sellers] + [buyer.name for buyer in self.buyers]

    @property
    def devices(self) -> dict[str, str]:
        """The hosts of those users that the launcher does not start."""
        users: list[SellerSpec | BuyerSpec] = [*self.sellers, *self.buyers]
        return {user.name: user.device for user in users if user.device}

    @property
    def companions(self) -> dict[str, str]:
        """Both nodes of a user who sells at one time and buys at another are on its one device."""
        return {one.node: one.instead_of for one in self.shifts if one.instead_of}

    @property
    def neighbours(self) -> dict[str, list[str]]:
        """The sellers of each buyer."""
        return {buyer.name: buyer.pool for buyer in self.buyers}

    @property
    def closers(self) -> list[str]:
        """All sellers."""
        return [seller.name for seller in self.sellers]

    auctioneers = closers

    @property
    def retry_s(self) -> float:
        """As the timing says, seconds."""
        return self.timing.retry_s

    @property
    def is_large(self) -> bool:
        """Whether the optimum takes too long to be worked out exactly, so that a bound has to do."""
        return sum(len(buyer.pool) for buyer in self.buyers) > EXACT_PAIRS


def draw(scenario: Scenario, seed: int) -> Market:
    """The market that this seed draws from the scenario.

    Raises
    ------
    ScenarioError
        If a drawn number does not make a valuation, or no message can carry it; the text names the user.
    """
    sellers = [seller for group in scenario.sellers for seller in _sellers(group, seed)]
    names = [seller.name for seller in sellers]
    buyers = [buyer for group in scenario.buyers for buyer in _buyers(group, names, seed)]
    shifts = shifts_of(scenario)
    most = {one.node: one.factor for one in sorted(shifts, key=lambda one: one.factor)}
    for seller in sellers:
        check_seller(seller, most.get(seller.name, 1.0))
    for buyer in buyers:
        check_buyer(buyer, most.get(buyer.name, 1.0))
    return Market(
        scenario=scenario.name,
        seed=seed,
        network=scenario.network,
        chaos=scenario.chaos,
        auction=scenario.auction,
        timing=timing(scenario.auction, scenario.network, shifts, scenario.chaos),
        sellers=sellers,
        buyers=buyers,
        shifts=shifts,
        array=scenario.array,
    )


def described(market: Market) -> str:
    """A drawn exchange in one line."""
    supply = sum(seller.supply_mb for seller in market.sellers)
    return (
        f"{counted(len(market.buyers), 'buyer')}, {counted(len(market.sellers), 'seller')} with {supply:.6g} MB "
        f"(seed {market.seed}); "
        f"an auction closes after {market.timing.quiet_period_s:.6g} s of quiet, "
        f"and waits {market.timing.patience_s:.6g} s in all for one bidder"
    )


def check_seller(seller: SellerSpec, factor: float = 1.0) -> None:
    """ScenarioError if no message can carry its numbers, its supply grown to ``factor`` times included."""
    check_bound(f"seller {seller.name!r}: reserve_price_per_mb", seller.reserve_price_per_mb, MAX_PRICE)
    check_bound(f"seller {seller.name!r}: supply_mb", max(1.0, factor) * seller.supply_mb, MAX_QUANTITY_MB)


def check_buyer(buyer: BuyerSpec, factor: float = 1.0) -> None:
    """ScenarioError if its numbers make no valuation, or no message can carry them ``factor`` times as dear."""
    valuation_of = theta(buyer)
    dearest = max(1.0, factor) * valuation_of.marginal(0.0)
    check_bound(f"buyer {buyer.name!r}: the price of its first MB", dearest, MAX_PRICE)
    check_bound(f"buyer {buyer.name!r}: demand_mb", valuation_of.demand_mb, MAX_QUANTITY_MB)


def timing(
    auction: AuctionTable, network: NetworkTable, shifts: Sequence[Shift] = (), chaos: ChaosTable | None = None
) -> Timing:
    """The intervals of a market; those left out leave room for several messages of the slowest kind.

    Unless it is said how long, all auctions stay open until the last shift has had a quiet period to be answered, and
    the last fault if they wait for that.
    """
    clearing, delay = auction.clearing_interval_s, network.delay_max_s + (chaos.reordering_delay_s if chaos else 0.0)
    quiet = auction.quiet_period_s if auction.quiet_period_s is not None else 10.0 * clearing + 25.0 * delay
    retry = auction.retry_s if auction.retry_s is not None else 4.0 * clearing + 4.0 * delay
    last = [one.at_s for one in shifts] + ([latest_s(chaos)] if chaos and chaos.auctions_wait and chaos.faults else [])
    derived = max((at_s + quiet for at_s in last), default=0.0)
    open_at_least = derived if auction.open_at_least_s is None else auction.open_at_least_s
    return Timing(clearing, quiet, retry, open_at_least, auction.patience_s)


def _sellers(group: Sellers, seed: int) -> Iterator[SellerSpec]:
    for name in names_of(group):
        random = stream(seed, name, "population")
        yield SellerSpec(name, drawn(group.supply_mb, random), drawn(group.reserve_price_per_mb, random), group.device)


def _buyers(group: Buyers, sellers: list[str], seed: int) -> Iterator[BuyerSpec]:
    for name in names_of(group):
        random = stream(seed, name, "population")
        budget = None if group.budget_money is None else drawn(group.budget_money, random)
        valuation = drawn_table(group.valuation, random)
        pool = _pool(group, sellers, random)
        yield BuyerSpec(name, pool, valuation, group.strategy, budget, device=group.device)


def _pool(group: Buyers, sellers: list[str], random: np.random.Generator) -> list[str]:
    if group.sellers is not None:
        return group.sellers
    if group.sellers_each is None:
        return sellers
    return [sellers[k] for k in sorted(random.choice(len(sellers), group.sellers_each, replace=False).tolist())]


def edges(market: Market) -> Edges:
    """Who can buy from whom: indices of buyers and of sellers, shape (e,) each."""
    index = {seller.name: k for k, seller in enumerate(market.sellers)}
    pairs = [(i, index[name]) for i, buyer in enumerate(market.buyers) for name in buyer.pool]
    buyers, sellers = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return buyers, sellers


def lowest_reserves(market: Market) -> list[float]:
    """The lowest reserve price in the pool of each buyer, per MB."""
    reserve = {seller.name: seller.reserve_price_per_mb for seller in market.sellers}
    return [min(reserve[name] for name in buyer.pool) for buyer in market.buyers]


def budget_of(buyer: BuyerSpec) -> float:
    """The most that a buyer pays in all, money; infinite without a budget."""
    return math.inf if buyer.budget_money is None else buyer.budget_money


def theta(buyer: BuyerSpec) -> Valuation:
    """The valuation θ of a buyer.

    Raises
    ------
    ScenarioError
        If its numbers do not make one; the text names the buyer.
    """
    try:
        built = buyer.valuation.build()
        return built if buyer.valuation_factor == 1.0 else Scaled(built, buyer.valuation_factor)
    except ValueError as error:
        raise ScenarioError(f"buyer {buyer.name!r}: valuation: {error}") from error
