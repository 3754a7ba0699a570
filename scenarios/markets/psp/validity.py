"""What a scenario must fulfil beyond what its tables check themselves."""

import re
from functools import partial

from scenarios.errors import ScenarioError, check_all
from scenarios.files.names import check_known, names_of
from scenarios.markets.psp.schema import AuctionTable, Buyers, Scenario, Sellers
from scenarios.markets.psp.shifts import check_shifts


def check_scenario(scenario: Scenario) -> None:
    """Raise ScenarioError, naming key, value and what is allowed, if the scenario contradicts itself."""
    groups: list[Sellers | Buyers] = [*scenario.sellers, *scenario.buyers]
    sellers = {name for group in scenario.sellers for name in names_of(group)}
    check_all(
        [
            *(partial(_check_buyers, f"buyers.{k}", buyers, sellers) for k, buyers in enumerate(scenario.buyers)),
            partial(_check_posted_price, scenario.auction),
            partial(_check_devices, scenario, groups),
            partial(check_shifts, scenario),
        ]
    )


def _check_posted_price(auction: AuctionTable) -> None:
    """Raise ScenarioError if a price is posted that nobody would post."""
    posted, mechanism = auction.posted_price_per_mb, auction.mechanism
    if posted is not None and mechanism != "posted-price":
        name = mechanism if isinstance(mechanism, str) else "a mechanism of your own"
        raise ScenarioError(
            f"auction.posted_price_per_mb = {posted:g}: goes with the mechanism 'posted-price' only, but "
            f"auction.mechanism = {name!r}: leave it out, or choose that one; reserve_price_per_mb goes with all"
        )


def _check_devices(scenario: Scenario, groups: list[Sellers | Buyers]) -> None:
    """Raise ScenarioError if a device cannot be its users' host, or if the scenario plans shifts or faults."""
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
    check_known(f"{key}.sellers", buyers.sellers or (), sellers, "seller")
    if len(set(buyers.sellers or ())) != len(buyers.sellers or ()):
        raise ScenarioError(f"{key}.sellers = {buyers.sellers!r} names a seller twice")
    if buyers.sellers_each is not None and buyers.sellers_each > len(sellers):
        raise ScenarioError(f"{key}.sellers_each = {buyers.sellers_each}: there can be {len(sellers)} at most")
