"""What a scenario must fulfil beyond the types of its keys."""

import re
from itertools import pairwise

from scenarios.chaos.validity import check_chaos
from scenarios.errors import ScenarioError
from scenarios.files.checks import check_names, check_network, check_numbers
from scenarios.files.names import names_of, some
from scenarios.markets.psp.schema import (
    BestReplyStrategy,
    Buyers,
    IsoelasticValuation,
    LogarithmicValuation,
    PiecewiseLinearValuation,
    Scenario,
    Sellers,
    ValuationTable,
)
from scenarios.markets.psp.shifts import check_shifts


def check_scenario(scenario: Scenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if the scenario contradicts itself."""
    groups: list[Sellers | Buyers] = [*scenario.sellers, *scenario.buyers]
    check_names([scenario.name], "a scenario")
    check_names((name for group in groups for name in names_of(group)), "every user")
    check_network(scenario.network)
    for k, sellers in enumerate(scenario.sellers):
        check_numbers(f"sellers.{k}", sellers)
    for k, buyers in enumerate(scenario.buyers):
        _check_buyers(f"buyers.{k}", buyers, {name for group in scenario.sellers for name in names_of(group)})
    _check_devices(scenario, groups)
    check_shifts(scenario)
    if scenario.chaos:
        check_chaos(scenario.chaos, [name for group in groups for name in names_of(group)], scenario.timeout_s)


def _check_devices(scenario: Scenario, groups: list[Sellers | Buyers]) -> None:
    """What is not started here can neither be many alike nor be made to change."""
    for group in groups:
        if group.device is None:
            continue
        key = f"device = {group.device!r} of {group.name!r}"
        if group.count > 1 or group.joins_at_s:
            raise ScenarioError(f"{key}: a device carries one user from the start: leave out count and joins_at_s")
        if re.fullmatch(r"host-[0-9]+", group.device):
            raise ScenarioError(f"{key}: hosts of the launcher are called host-1, host-2, …: call the device otherwise")
        if scenario.shifts or scenario.chaos:
            raise ScenarioError(f"{key}: what happens to devices cannot be planned: leave out shifts and chaos")
    if all(group.device for group in groups):
        raise ScenarioError("device is given for every user: markets of devices alone need no launcher")


def _check_buyers(key: str, buyers: Buyers, sellers: set[str]) -> None:
    if buyers.sellers is not None and buyers.sellers_each is not None:
        raise ScenarioError(f"{key}: give sellers or sellers_each, not both")
    for name in buyers.sellers or ():
        if name not in sellers:
            raise ScenarioError(f"{key}.sellers = {name!r}: there is no such seller; known: {some(sorted(sellers))}")
    if len(set(buyers.sellers or ())) != len(buyers.sellers or ()):
        raise ScenarioError(f"{key}.sellers = {buyers.sellers!r} names a seller twice")
    if buyers.sellers_each is not None and buyers.sellers_each > len(sellers):
        raise ScenarioError(f"{key}.sellers_each = {buyers.sellers_each}: there are only {len(sellers)} sellers")
    check_numbers(key, buyers)
    check_numbers(f"{key}.valuation", buyers.valuation)
    _check_prices(f"{key}.valuation", buyers.valuation)
    if isinstance(buyers.valuation, PiecewiseLinearValuation):
        _check_knots(f"{key}.valuation.knots", buyers.valuation.knots)
    if isinstance(buyers.strategy, BestReplyStrategy) and buyers.strategy.think_min_s > buyers.strategy.think_max_s:
        raise ScenarioError(f"{key}.strategy.think_min_s = {buyers.strategy.think_min_s} must not exceed think_max_s")


def _check_prices(key: str, valuation: ValuationTable) -> None:
    if isinstance(valuation, IsoelasticValuation | LogarithmicValuation):
        choke, last = valuation.choke_price_per_mb, valuation.price_at_demand_per_mb
        if isinstance(choke, float) and isinstance(last, float) and last > choke:
            raise ScenarioError(f"{key}.price_at_demand_per_mb = {last} must not exceed choke_price_per_mb = {choke}")


def _check_knots(key: str, knots: list[tuple[float, float]]) -> None:
    quantities, prices = zip(*knots, strict=True)
    rising = all(a < b for a, b in pairwise(quantities))
    falling = all(a >= b for a, b in pairwise(prices))
    if quantities[0] != 0.0 or not rising or not falling:
        raise ScenarioError(f"{key} = {knots!r}: MB must rise from 0, and prices must not rise")
