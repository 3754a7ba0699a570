"""Laws that a buyer strategy must keep, each with a counterexample where it does not."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from node.mechanism.rounding import ROUNDING
from node.protocol.numbers import MAX_PRICE, MAX_QUANTITY_MB
from node.strategy.psp.offer import BuyerStrategy, Target, prospect
from scenarios.conformance import parts
from scenarios.conformance.laws import Law, Verdict, first, tried
from scenarios.conformance.situations import Step, episode
from scenarios.files.code import Source
from scenarios.files.types import Table
from scenarios.launch.simulated import run_simulated
from scenarios.markets.psp.schema import (
    AuctionTable,
    Buyers,
    FlatValuation,
    ParabolicValuation,
    Scenario,
    Sellers,
    StrategyTable,
)
from scenarios.markets.registry import draw_market, kind_of
from scenarios.results.trace import EventLog

SITUATIONS = 150
"""So many are drawn of either sort."""

PRESENCE = 0.01
"""Share of the demand by which a small bid may be dearer than its last MB is worth: a bid to be shown profiles."""

LONGEST_THINK_S = 1e9
"""A bidder among a million, an hour from its auctions, may wait for long; nobody waits for longer than that."""

LONGEST_MARKET_S = 60.0
"""A market of a few buyers that moves for longer than that, virtual time, will not settle."""


class Builds(Protocol):
    """The table of a strategy: one of ours, or one's own."""

    def build(self) -> BuyerStrategy:
        """One buyer's."""
        ...


class _Holder(Table, frozen=True):
    """A file of nothing but a strategy."""

    strategy: StrategyTable


def code_of(kind: str) -> Source | None:
    """Where the code of this kind of strategy is, of which nothing is run; None if it comes with the program."""
    return parts.code_of(_Holder, {"strategy": {"kind": kind}})


def strategy_of(kind: str, settings: Sequence[str] = ()) -> StrategyTable:
    """The table of this kind, with ``key=value`` settings; ScenarioError if there is no such, or it takes others."""
    changes = [f"strategy.{setting}" for setting in settings]
    return parts.held(_Holder, {"strategy": {"kind": kind}}, changes).strategy


def verdicts(table: Builds) -> list[Verdict]:
    """Every law, tried on this strategy."""
    return tried(STRATEGY_LAWS, table)


def _steps(table: Builds, *, hostile: bool) -> Iterator[tuple[str, Step]]:
    """Every decision of many episodes, with what to call it."""
    for seed in range(SITUATIONS):
        for k, step in enumerate(episode(table.build(), seed, hostile=hostile), start=1):
            yield f"{'hostile ' if hostile else ''}situation {seed}, decision {k}", step


# Never above its value


def _above_value(table: Builds) -> str | None:
    return first(_overbid(case, step) for case, step in _steps(table, hostile=False))


def _overbid(case: str, step: Step) -> str | None:
    theta = step.need.valuation
    for target in step.decision.targets or ():
        last = max(0.0, target.quantity - PRESENCE * theta.demand_mb)
        if target.quantity > 0.0 and target.price > theta.marginal(last) * (1.0 + ROUNDING):
            worth = theta.marginal(last)
            return f"{case}: bids {target.price:g} per MB for {target.quantity:g} MB, the last worth {worth:g}"
    return None


# Within its budget


def _beyond_budget(table: Builds) -> str | None:
    return first(_overspent(case, step) for case, step in _steps(table, hostile=False))


def _overspent(case: str, step: Step) -> str | None:
    if step.decision.targets is None:
        return None
    cost = prospect(step.offers, step.decision.targets).cost
    if cost <= step.need.budget * (1.0 + ROUNDING):
        return None
    return f"{case}: its bids would cost {cost:g}, and it has {step.need.budget:g}"


# Survives anything


def _fails(table: Builds) -> str | None:
    return first(_impossible(case, step) for sort in (False, True) for case, step in _steps(table, hostile=sort))


def _impossible(case: str, step: Step) -> str | None:
    if not (math.isfinite(step.think_s) and 0.0 <= step.think_s <= LONGEST_THINK_S):
        return f"{case}: wants to think for {step.think_s!r} s"
    targets = step.decision.targets
    if targets is None:
        return None
    if len(targets) != len(step.offers):
        return f"{case}: {len(targets)} targets for {len(step.offers)} offers"
    wrong = next((one for one in targets if not _is_sayable(one)), None)
    return f"{case}: bids {wrong.quantity!r} MB at {wrong.price!r}, which no message carries" if wrong else None


def _is_sayable(target: Target) -> bool:
    return 0.0 <= target.quantity <= MAX_QUANTITY_MB and 0.0 <= target.price <= MAX_PRICE


# The same for a seed


def _differs(table: Builds) -> str | None:
    for (case, step), (_, again) in zip(_steps(table, hostile=False), _steps(table, hostile=False), strict=True):
        if (step.think_s, step.decision) != (again.think_s, again.decision):
            return f"{case}: {_said(step)} the first time, {_said(again)} the second"
    return None


def _said(step: Step) -> str:
    targets = step.decision.targets
    if targets is None:
        return f"thinks {step.think_s:g} s and holds"
    return f"thinks {step.think_s:g} s and bids {', '.join(f'{one.quantity:g} MB at {one.price:g}' for one in targets)}"


# Settles


def _unsettled(table: Builds) -> str | None:
    return first(_restless(scenario) for scenario in small_markets(table))


def _restless(scenario: Scenario) -> str | None:
    market = draw_market(scenario, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "events.jsonl")
        try:
            metrics = kind_of(market).metrics(market)
            outcome = run_simulated(market, metrics, scenario.timeout_s, log, _unwatched)
        finally:
            log.close()
    if outcome.status == "settled":
        return None
    return f"market {scenario.name!r}: its buyers still move after {outcome.duration_s:g} s"


def _unwatched(*progress: object) -> None:
    del progress


def small_markets(table: Any) -> list[Scenario]:  # noqa: ANN401 - a strategy of anybody is none of the scenario's own
    """Three small markets in which all buyers have this strategy: one seller, two with room, four contended for."""
    flat = FlatValuation(demand_mb=20.0, value_per_mb=2.0)
    elastic = ParabolicValuation(demand_mb=50.0, choke_price_per_mb=12.0)
    return [
        _market("one-seller", [60.0], Buyers(count=6, valuation=elastic, budget_money=100.0, strategy=table)),
        _market("two-sellers", [65.0, 85.0], Buyers(count=5, valuation=flat, strategy=table)),
        _market(
            "four-sellers",
            [80.0, 100.0, 120.0, 140.0],
            Buyers(count=8, sellers_each=3, valuation=elastic, strategy=table),
        ),
    ]


def _market(name: str, supply_mb: list[float], buyers: Buyers) -> Scenario:
    sellers = [
        Sellers(name=f"seller-{k}", supply_mb=amount, reserve_price_per_mb=0.01)
        for k, amount in enumerate(supply_mb, start=1)
    ]
    auction = AuctionTable(clearing_interval_s=0.02, quiet_period_s=1.0)
    return Scenario(name=name, timeout_s=LONGEST_MARKET_S, auction=auction, sellers=sellers, buyers=[buyers])


STRATEGY_LAWS = (
    Law("value", "no bid is dearer than its last MB is worth", _above_value),
    Law("budget", "its bids never cost more than it has", _beyond_budget),
    Law("any profile", "whatever the others bid, it answers with bids that a message carries", _fails),
    Law("deterministic", "with the same seed it does the same", _differs),
    Law("settles", "three small markets of such buyers settle", _unsettled),
)
