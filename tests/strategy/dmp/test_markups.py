import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.strategy.dmp import Call, CostPlus, LoadBased
from tests.strategy.dmp.calls import call, calls

money = st.floats(0.0, 5.0)


def test_cost_plus_adds_margin() -> None:
    assert CostPlus(0.25).price(call(cost=0.5)) == 0.75


def test_cost_plus_earns_on_a_call_that_costs_nothing() -> None:
    assert CostPlus(0.25).price(call(cost=0.0)) == 0.25


@given(calls(), money)
def test_cost_plus_is_never_below_cost_and_knows_only_the_cost(known: Call, margin: float) -> None:
    strategy = CostPlus(margin)
    assert strategy.price(known) == strategy.price(call(cost=known.cost)) >= known.cost


def test_load_based_sums_cost_margin_and_congestion() -> None:
    assert LoadBased(0.25, 1.0, exponent=2.0).price(call(cost=0.5, load=0.5)) == 1.0


def test_idle_network_asks_cost_and_margin() -> None:
    assert LoadBased(0.25, 1.0).price(call(cost=0.5, load=0.0)) == 0.75


def test_larger_exponent_charges_later() -> None:
    assert LoadBased(0.0, 1.0, 8.0).price(call(load=0.7)) < LoadBased(0.0, 1.0, 1.0).price(call(load=0.7))


@given(st.floats(0.0, 1000.0), st.floats(1e-3, 1.0), money, st.floats(1e-2, 5.0), st.floats(1.0, 16.0))
def test_load_based_rises_with_load(
    load: float, more: float, margin: float, congestion: float, exponent: float
) -> None:
    strategy = LoadBased(margin, congestion, exponent)
    fuller = strategy.price(call(load=min(1000.0, load + more)))
    assert strategy.price(call(load=load)) <= fuller
    if 0.5 <= load <= 2.0 and more > 0.1:
        assert strategy.price(call(load=load)) < fuller


@given(calls(), money, money, st.floats(1.0, 16.0))
def test_load_based_is_never_below_cost(known: Call, margin: float, congestion: float, exponent: float) -> None:
    assert LoadBased(margin, congestion, exponent).price(known) >= known.cost


@pytest.mark.parametrize("strategy", [CostPlus(0.2), LoadBased(0.1, 0.5)])
@pytest.mark.parametrize("profit", [0.4, -0.4, None])
def test_price_does_not_move_with_profit(strategy: CostPlus | LoadBased, profit: float | None) -> None:
    before = strategy.price(call(load=0.5))
    strategy.learned(profit)
    assert strategy.price(call(load=0.5)) == before


def test_rejects_negative_margins() -> None:
    with pytest.raises(ValueError, match="margin must be finite and at least 0, got -1"):
        CostPlus(-1.0)
    with pytest.raises(ValueError, match="margin must be finite and at least 0, got -1"):
        LoadBased(-1.0, 0.0)
    with pytest.raises(ValueError, match="congestion must be finite and at least 0, got -1"):
        LoadBased(0.0, -1.0)


@pytest.mark.parametrize("exponent", [0.5, 17.0, float("nan")])
def test_rejects_exponent_that_is_no_convex_charge(exponent: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"exponent must be in [1, 16], got {exponent}: 1 charges")):
        LoadBased(0.0, 1.0, exponent)
