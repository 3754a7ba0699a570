"""What reputations do to a market."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest

from node.trace.dmp.metrics import CallMetrics, CallRow, TerminalCount
from tests.scenarios.markets.dmp.conftest import simulated

SEEDS = range(3)
EARLY = 50
"""Auctions in which nobody knows yet who keeps his word."""


def share_of_cheap(rows: Sequence[CallRow]) -> float:
    winners = Counter(row.winner for row in rows if row.winner)
    return winners["cheap"] / winners.total()


@pytest.mark.parametrize("seed", SEEDS)
def test_operator_that_breaks_contracts_wins_less_where_reputations_count(seed: int) -> None:
    settings = ("terminals.0.calls=40",)
    outcome, metrics, _ = simulated("congested", *settings, seed=seed)
    _, without, _ = simulated("congested", *settings, 'reputation={rule="none"}', seed=seed)

    assert (outcome.status, metrics.breaches(), without.breaches()) == ("settled", [], [])
    assert share_of_cheap(metrics.calls) < share_of_cheap(without.calls)
    assert share_of_cheap(metrics.calls[EARLY:]) < share_of_cheap(metrics.calls[:EARLY])


@pytest.mark.parametrize("seed", range(20))
def test_who_breaks_contracts_is_left_with_one_in_three_and_with_ever_fewer(seed: int) -> None:
    """What README.md and docs/scenarios.md say of `congested`."""
    _, metrics, _ = simulated("congested", seed=seed)
    _, without, _ = simulated("congested", "terminals.0.calls=20", 'reputation={rule="none"}', seed=seed)
    contracts = [row for row in metrics.calls if row.winner]
    fifth = len(contracts) // 5

    assert share_of_cheap(without.calls) == 1.0
    assert 0.3 < share_of_cheap(contracts) < 0.36
    assert share_of_cheap(contracts[-fifth:]) < 0.8 * share_of_cheap(contracts[:fifth])


def by_weight(metrics: CallMetrics) -> dict[int, tuple[float, float]]:
    """Mean price and share of calls decommitted, by the price weight of the terminals in per cent."""
    groups: defaultdict[int, list[TerminalCount]] = defaultdict(list)
    for name, terminal in metrics.terminals.items():
        groups[int(name.split("-")[1])].append(terminal)
    found = {}
    for weight, group in groups.items():
        served, decommitted = sum(one.served for one in group), sum(one.decommitted for one in group)
        found[weight] = sum(one.paid for one in group) / served, decommitted / (served + decommitted)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_users_who_look_at_reputation_pay_more_and_are_let_down_less(seed: int) -> None:
    _, metrics, _ = simulated("price-weight-sweep", "terminals.*.calls=20", seed=seed)
    price, let_down = zip(*(by_weight(metrics)[weight] for weight in (100, 50, 25, 10)), strict=True)

    assert list(price) == sorted(price)
    assert let_down[-1] < let_down[0] / 5
    assert let_down[-2] < let_down[0] / 2
