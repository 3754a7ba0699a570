"""The scenario tables of a call market, and the market that is drawn from them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import msgspec

from bidswarm import market as bm
from double_auction.machines import MarketMaker, Trader
from double_auction.wire import Order, Side


class Traders(bm.Table, frozen=True, kw_only=True):
    """One trader, or ``count`` alike. Its limit is what a unit is worth to it, a ``shade`` lower (buy) or higher."""

    name: bm.Name = "trader"
    count: bm.Count = 1
    side: Side
    units: bm.Number
    value_per_unit: bm.Number
    shade: bm.Share = 0.0


class Scenario(bm.Scenario, frozen=True, kw_only=True):
    """A call market: the call is held when all orders are in, at the latest after so long; k as in the mechanism."""

    market: Literal["double-auction"]
    k: bm.Share = 0.5
    call_after_s: bm.PositiveSeconds = 2.0
    traders: Annotated[list[Traders], msgspec.Meta(min_length=1)]

    @property
    def user_names(self) -> list[str]:
        """The market maker, and all traders."""
        return ["maker", *(name for group in self.traders for name in bm.names_of(group))]


class TraderSpec(msgspec.Struct, frozen=True):
    """One trader, drawn, with what a unit is truly worth to it."""

    name: str
    order: Order
    value: float


class Market(bm.Market, frozen=True, kw_only=True, tag="double-auction"):
    """Everybody in one call."""

    k: float
    call_after_s: float
    traders: list[TraderSpec]

    @property
    def user_names(self) -> list[str]:
        """The market maker, and all traders."""
        return ["maker", *(trader.name for trader in self.traders)]

    @property
    def closers(self) -> list[str]:
        """The market maker."""
        return ["maker"]


def draw(scenario: Scenario, seed: int) -> Market:
    """The market that this seed draws."""
    keys = {key: getattr(scenario, key) for key in ("network", "chaos", "k", "call_after_s")}
    traders = [trader for group in scenario.traders for trader in _traders(group, seed)]
    return Market(scenario=scenario.name, seed=seed, traders=traders, **keys)


def _traders(group: Traders, seed: int) -> Iterator[TraderSpec]:
    for name in bm.names_of(group):
        random = bm.stream(seed, name, "population")
        units, value = bm.drawn(group.units, random), bm.drawn(group.value_per_unit, random)
        limit = value * (1.0 - group.shade if group.side == "buy" else 1.0 + group.shade)
        yield TraderSpec(name, Order(group.side, units, limit), value)


def machines(market: Market, addresses: Mapping[str, str], names: set[str]) -> Iterator[tuple[str, bm.Machine]]:
    """The machines of the nodes of these names."""
    if "maker" in names:
        everybody = frozenset(addresses[trader.name] for trader in market.traders)
        yield "maker", MarketMaker(everybody, market.k, market.call_after_s, market.retry_s)
    for trader in market.traders:
        if trader.name in names:
            yield trader.name, Trader(addresses["maker"], trader.order, market.retry_s)
