"""Which mechanisms a scenario is compared by, and what each sets of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.mechanism.direct import DIRECT, clearing_price
from scenarios.errors import ScenarioError
from scenarios.files.toml import to_value
from scenarios.launch.options import World
from scenarios.markets.base import Scenario as AnyScenario
from scenarios.markets.psp.direct import reports_of
from scenarios.markets.psp.market import draw
from scenarios.markets.psp.schema import Scenario
from scenarios.sweep.grid import Cell

OTHER_DAYS = range(1_000_000, 1_000_010)
"""Seeds of the markets that say what a price usually is; nobody compares by them."""

LEVELS = 10
"""Of the quantised PSP, up to the usual price."""

LEAST_STEP = 1e-6

CENTRAL = ("vcg", "clearing-house", "operator-matching")


@dataclass(frozen=True, slots=True)
class Baseline:
    """One mechanism beside others.

    Attributes
    ----------
    name
        In the table.
    world
        Where it runs.
    settings
        What it sets of the scenario.
    """

    name: str
    world: World
    settings: Cell


def baselines_of(scenario: AnyScenario, world: World) -> Iterator[Baseline]:
    """Those over the wire in ``world``, which is ``sim`` or ``array``, then those that are worked out at once.

    Raises
    ------
    ScenarioError
        If it is no exchange.
    """
    if not isinstance(scenario, Scenario):
        raise ScenarioError(f"market = {scenario.market!r}: bidswarm baselines compares mechanisms of 'psp' only")
    usual = usual_price(scenario)
    yield Baseline("psp", world, {"auction.mechanism": to_value("psp")})
    if world == "sim":
        yield Baseline("psp, quantised", world, {"auction.mechanism": to_value("psp"), **_quantised(scenario, usual)})
        for name in ("uniform-price", "pay-as-bid"):
            yield Baseline(name, world, {"auction.mechanism": to_value(name)})
    for name in DIRECT:
        posted = {"auction.posted_price_per_mb": to_value(usual)} if name == "posted-price" else {}
        yield Baseline(name, "direct", {"auction.mechanism": to_value(name), **posted})


def usual_price(scenario: Scenario) -> float:
    """The clearing price of a double auction, per MB, on average over markets of other seeds, to four digits."""
    prices = [clearing_price(reports_of(draw(scenario, seed))) for seed in OTHER_DAYS]
    return float(f"{sum(prices) / len(prices):.4g}")


def _quantised(scenario: Scenario, usual: float) -> Cell:
    step = max(LEAST_STEP, usual / LEVELS)
    strategy = f'{{ kind = "quantised", price_step_per_mb = {to_value(step)} }}'
    return {f"buyers.{k}.strategy": strategy for k in range(len(scenario.buyers))}
