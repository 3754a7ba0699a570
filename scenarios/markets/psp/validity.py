"""What a scenario must fulfil beyond the types of its keys."""

import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from node.protocol.topics import NAME
from scenarios.chaos.validity import check_chaos
from scenarios.errors import ScenarioError
from scenarios.markets.psp.schema import (
    BestReplyStrategy,
    Buyers,
    IsoelasticValuation,
    LogarithmicValuation,
    NetworkTable,
    Normal,
    PiecewiseLinearValuation,
    Scenario,
    Sellers,
    Uniform,
)
from scenarios.markets.psp.shifts import check_shifts, names_of, some


def check_scenario(scenario: Scenario, origin: str) -> None:
    """Raise ScenarioError, naming ``origin``, key, value and what is allowed, if the scenario contradicts itself."""
    try:
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
    except ScenarioError as error:
        raise ScenarioError(f"{origin}: {error}") from error


def check_names(names: Iterable[str], whose: str) -> None:
    """Raise ScenarioError if a name may not be one, or is given twice; ``whose`` says in the text who needs one."""
    # The pattern of the schema lets a last line break pass, and does not see the numbers of a population.
    seen: set[str] = set()
    for name in names:
        if not re.fullmatch(NAME, name):
            raise ScenarioError(f"name = {name!r} must match {NAME}")
        if name in seen:
            raise ScenarioError(f"name = {name!r} is given twice; {whose} needs a name of its own")
        seen.add(name)


def check_network(network: NetworkTable) -> None:
    """Raise ScenarioError if no delay lies between the bounds."""
    if network.delay_min_s > network.delay_max_s:
        raise ScenarioError(
            f"network.delay_min_s = {network.delay_min_s} must not exceed network.delay_max_s = {network.delay_max_s}"
        )


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
    if isinstance(buyers.valuation, PiecewiseLinearValuation):
        _check_knots(f"{key}.valuation.knots", buyers.valuation.knots)
    if isinstance(buyers.strategy, BestReplyStrategy) and buyers.strategy.think_min_s > buyers.strategy.think_max_s:
        raise ScenarioError(f"{key}.strategy.think_min_s = {buyers.strategy.think_min_s} must not exceed think_max_s")


def check_numbers(key: str, table: msgspec.Struct) -> None:
    """Raise ScenarioError if a distribution in a field of the table contradicts itself."""
    for field in table.__struct_fields__:
        number = getattr(table, field)
        if isinstance(number, Uniform | Normal) and number.low > number.high:
            raise ScenarioError(f"{key}.{field}.low = {number.low} must not exceed high = {number.high}")
        if isinstance(number, Normal) and not number.low <= number.mean <= number.high:
            raise ScenarioError(f"{key}.{field}.mean = {number.mean} must lie between low and high")
    if isinstance(table, IsoelasticValuation | LogarithmicValuation):
        choke, last = table.choke_price_per_mb, table.price_at_demand_per_mb
        if isinstance(choke, float) and isinstance(last, float) and last > choke:
            raise ScenarioError(f"{key}.price_at_demand_per_mb = {last} must not exceed choke_price_per_mb = {choke}")


def _check_knots(key: str, knots: list[tuple[float, float]]) -> None:
    quantities, prices = zip(*knots, strict=True)
    rising = all(a < b for a, b in pairwise(quantities))
    falling = all(a >= b for a, b in pairwise(prices))
    if quantities[0] != 0.0 or not rising or not falling:
        raise ScenarioError(f"{key} = {knots!r}: MB must rise from 0, and prices must not rise")
