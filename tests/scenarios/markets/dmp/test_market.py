import itertools
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.dmp import StepReputation, WindowReputation
from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.dmp.service_agent import ServiceAgent
from node.protocol.dmp.terminal import PlannedCall, Terminal
from node.strategy.dmp import (
    CommonEquilibriumBid,
    CostPlus,
    FirstPrice,
    LoadBased,
    NoRegret,
    PrivateEquilibriumBid,
)
from scenarios.errors import ScenarioError
from scenarios.launch.placement import build_hosts, host_names, one_host_each, spread
from scenarios.markets.dmp.schema import FixedRule, StepRule, WindowRule
from scenarios.markets.registry import read_market
from tests.scenarios.markets.dmp.conftest import market_of

MAIL = {"name": "email", "rate_kbps": 256, "holding_s": 60, "contract": "location-and-paging"}


def calls_of(seed: int = 1, count: int = 400, **values: Any) -> list[PlannedCall]:
    """The calls of a terminal with so many of them."""
    return market_of(seed, terminals__0__calls=count, **values).terminals[0].calls


# Calls


def test_same_seed_draws_the_same_market() -> None:
    assert msgspec.json.encode(market_of(3)) == msgspec.json.encode(market_of(3))


def test_another_seed_draws_other_calls() -> None:
    assert calls_of(3) != calls_of(4)


def test_terminal_more_changes_no_other() -> None:
    few, many = (market_of(terminals__0__count=count).terminals for count in (2, 5))
    assert many[:2] == few


def test_terminal_makes_its_calls_in_the_order_of_time() -> None:
    times = [call.wanted.at_s for call in calls_of()]
    assert len(times) == 400
    assert times == sorted(times)
    assert times[0] > 0.0


def test_calls_come_at_their_rate_and_without_memory() -> None:
    times = [0.0, *(call.wanted.at_s for call in calls_of(count=4000, terminals__0__calls_per_s=0.1))]
    pauses = np.diff(times)
    assert (pauses.mean(), pauses.std()) == pytest.approx((10.0, 10.0), rel=0.05)


def test_services_are_asked_for_alike_often() -> None:
    asked = [call.wanted for call in calls_of(services__add=MAIL)]
    assert {(one.service, one.kind, one.rate_kbps, one.holding_s) for one in asked} == {
        ("web", "session", 512.0, 150.0),
        ("email", "location-and-paging", 256.0, 60.0),
    }
    assert sum(one.service == "web" for one in asked) == pytest.approx(200, abs=40)


def test_terminal_asks_for_its_own_services_alone() -> None:
    asked = calls_of(services__add=MAIL, terminals__0__services=["email"])
    assert {call.wanted.service for call in asked} == {"email"}


def test_holding_times_are_drawn_call_by_call() -> None:
    held = [
        call.wanted.holding_s
        for call in calls_of(services__0__holding_s={"distribution": "uniform", "low": 50, "high": 250})
    ]
    assert (min(held), max(held)) == pytest.approx((50, 250), abs=5)


@given(st.integers(0, 2**32))
def test_price_weights_lie_within_their_bounds(seed: int) -> None:
    uniform = {"distribution": "uniform", "low": 0.25, "high": 0.75}
    assert all(0.25 <= call.price_weight <= 0.75 for call in calls_of(seed, 5, terminals__0__price_weight=uniform))


def test_price_weight_is_the_same_for_all_calls_if_it_is_a_number() -> None:
    assert {call.price_weight for call in calls_of()} == {0.5}


def test_call_without_a_budget_has_none() -> None:
    assert {call.budget for call in calls_of()} == {None}


def test_budgets_are_drawn_call_by_call() -> None:
    choice = {"distribution": "choice", "values": [0.0, 2.0, 5.0]}
    assert {call.budget for call in calls_of(terminals__0__budget_money=choice)} == {0.0, 2.0, 5.0}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"terminals__0__calls_per_s": 1e-9}, r"terminal 't': the time of a call = \S+ must be at most 1e\+09"),
        ({"terminals__0__budget_money": 1e10}, r"terminal 't': budget_money = 1e\+10 must be at most 1e\+09"),
        ({"operators__0__capacity_kbps": 0}, "operator 'net-1': capacity_kbps = 0 must be above 0"),
    ],
)
def test_number_that_no_message_carries_is_named_with_its_user(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        market_of(**values)


# Users


def test_nodes_are_the_market_agent_and_all_users() -> None:
    market = market_of(agents=[{"name": "desk"}], terminals__add={**TERMINAL, "agent": "desk", "name": "u", "count": 2})
    assert market.user_names == ["market", "net-1", "net-2", "desk", "t", "u-1", "u-2"]
    assert (market.nodes, market.closers, market.calls) == (7, ["market"], 9)


TERMINAL = {"calls": 3, "calls_per_s": 0.1, "price_weight": 0.5}


def test_capacities_are_drawn_operator_by_operator() -> None:
    uniform = {"distribution": "uniform", "low": 1000, "high": 9000}
    operators = market_of(operators__0__capacity_kbps=uniform, operators__0__count=50).operators
    assert len({one.capacity_kbps for one in operators}) == 50
    assert all(1000 <= one.capacity_kbps <= 9000 for one in operators)


def test_intervals_left_out_leave_room_for_the_slowest_message() -> None:
    timing = market_of(network__delay_max_s=0.1).timing
    assert (timing.retry_s, timing.bid_window_s) == pytest.approx((0.25 + 4 * 0.1, 8 * (0.25 + 4 * 0.1)))


def test_given_intervals_stand() -> None:
    timing = market_of(marketplace={"retry_s": 1.0, "bid_window_s": 3.0, "gather_s": 0.5, "speed": 20.0}).timing
    assert (timing.retry_s, timing.bid_window_s, timing.gather_s, timing.speed) == (1.0, 3.0, 0.5, 20.0)


def test_market_survives_its_file() -> None:
    market = market_of(agents=[{"name": "desk"}], terminals__0__agent="desk")
    assert read_market(msgspec.json.encode(market)) == market


# Machines


def test_every_user_becomes_its_machine() -> None:
    market = market_of(agents=[{"name": "desk"}], terminals__0__agent="desk")
    hosts = build_hosts(market, one_host_each(market), set(market.user_names))
    kinds = {name: type(machine) for host in hosts for name, machine in host.machines.items()}
    assert kinds == {
        "market": MarketAgent,
        "net-1": NetworkAgent,
        "net-2": NetworkAgent,
        "desk": ServiceAgent,
        "t": Terminal,
    }


def test_workers_share_all_machines_out_among_them() -> None:
    market = market_of(terminals__0__count=5)
    placement = spread(market, 3)
    built = [[host] for host in host_names(placement)]
    names = [list(host.machines) for mine in built for host in build_hosts(market, placement, set(mine))]
    assert sorted(itertools.chain(*names)) == sorted(market.user_names)


@pytest.mark.parametrize(
    ("pricing", "kind"),
    [
        ({"kind": "cost-plus"}, CostPlus),
        ({"kind": "first-price", "cost": {"distribution": "beta", "a": 2, "b": 2}}, FirstPrice),
        ({"kind": "private-equilibrium"}, PrivateEquilibriumBid),
        ({"kind": "common-equilibrium"}, CommonEquilibriumBid),
        ({"kind": "load-based"}, LoadBased),
        ({"kind": "no-regret"}, NoRegret),
    ],
)
def test_operator_has_its_pricing_strategy(pricing: dict[str, Any], kind: type) -> None:
    market = market_of(operators__0__pricing=pricing)
    (host,) = build_hosts(market, one_host_each(market), {"net-1"})
    assert isinstance(host.machines["net-1"]._strategy, kind)  # type: ignore[attr-defined]


def test_reputation_follows_its_rule() -> None:
    assert WindowRule(calls=4, initial=0.5).build(None) == WindowReputation(4, 0.5)
    assert StepRule(commitment=0.8, initial=0.5).build(None) == StepReputation(0.8, 0.5, 0.01)


def test_operators_own_reputation_comes_before_the_rules() -> None:
    assert WindowRule(initial=0.5).build(0.25).value == 0.25


@pytest.mark.parametrize("served", [True, False])
def test_fixed_reputation_is_moved_by_nothing(served: bool) -> None:
    assert FixedRule(initial=0.5).build(None).after(served).value == 0.5
