import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.strategy.dmp import Call, NoRegret
from tests.strategy.dmp.calls import at_cost, call, calls
from tests.strategy.psp.offers import Scripted


def learner(seed: int = 0, **settings: Any) -> NoRegret:
    return NoRegret(np.random.default_rng(seed), **settings)


def taught(strategy: NoRegret, known: Call, reward: dict[float, float | None], rounds: int = 2000) -> Counter[float]:
    """Prices of the last quarter, when each price was answered with its profit."""
    prices = []
    for _ in range(rounds):
        prices.append(round(strategy.price(known), 9))
        strategy.learned(reward.get(prices[-1]))
    return Counter(prices[-rounds // 4 :])


@given(calls(), st.floats(0.0, 0.999), st.floats(0.1, 5.0), st.integers(2, 30))
def test_price_is_between_cost_and_ceiling(known: Call, draw: float, ceiling: float, arms: int) -> None:
    price = NoRegret(Scripted(draw), ceiling=ceiling, arms=arms).price(known)
    assert known.cost <= price <= max(known.cost, ceiling * (1 + 1e-12))


@given(calls(), st.floats(0.0, 0.999), st.floats(0.0, 1.0))
def test_each_markup_rises_with_cost(known: Call, draw: float, more: float) -> None:
    dearer = at_cost(known, known.cost + more)
    low, high = (NoRegret(Scripted(draw), ceiling=2.0).price(asked) for asked in (known, dearer))
    assert low <= high + 1e-12


def test_first_prices_are_uniform_over_markups() -> None:
    prices = [NoRegret(Scripted(share), arms=4).price(call(cost=0.2)) for share in (0.1, 0.3, 0.6, 0.9)]
    assert prices == pytest.approx([0.4, 0.6, 0.8, 1.0])


def test_draw_at_the_very_end_is_the_last_arm() -> None:
    assert NoRegret(Scripted(1.0), arms=3).price(call(cost=0.1)) == 1.0


def test_one_draw_per_price() -> None:
    random = Scripted(0.5)
    strategy = NoRegret(random)
    for _ in range(3):
        strategy.price(call())
        strategy.learned(None)
    assert random.asked == [(0.0, 1.0)] * 3


def test_finds_the_markup_that_earns() -> None:
    prices = taught(learner(arms=4, rate=0.05, exploration=0.1), call(cost=0.0), {0.25: 0.1, 0.5: 0.4, 0.75: 0.2})
    assert prices.most_common(1)[0][0] == 0.5
    assert prices[0.5] > 0.85 * prices.total()


def test_flees_the_markup_that_is_decommitted() -> None:
    prices = taught(learner(arms=2, rate=0.05, exploration=0.1), call(cost=0.0), {0.5: -0.3})
    assert prices[0.5] < 0.1 * prices.total()


def test_lost_calls_teach_nothing() -> None:
    strategy = learner()
    for _ in range(100):
        strategy.price(call())
        strategy.learned(None)
    assert not strategy._log_weight.any()


def test_profit_without_a_price_before_it_is_ignored() -> None:
    strategy = learner()
    strategy.learned(0.5)
    strategy.price(call())
    strategy.learned(None)
    strategy.learned(0.5)
    assert not strategy._log_weight.any()


def test_price_weights_are_learned_apart() -> None:
    strategy = learner(bins=4)
    strategy.price(call(price_weight=0.3))
    strategy.learned(0.2)
    assert [bool(row.any()) for row in strategy._log_weight] == [False, True, False, False]


@pytest.mark.parametrize(("price_weight", "row"), [(0.0, 0), (0.2499, 0), (0.25, 1), (0.99, 3), (1.0, 3)])
def test_price_weight_falls_into_its_bin(price_weight: float, row: int) -> None:
    strategy = learner(bins=4)
    strategy.price(call(price_weight=price_weight))
    strategy.learned(0.2)
    assert np.flatnonzero(strategy._log_weight.any(axis=1)).tolist() == [row]


def test_step_is_rate_times_reward_over_probability() -> None:
    strategy = NoRegret(Scripted(0.1), ceiling=2.0, arms=4, rate=0.01, exploration=0.2)
    strategy.price(call())
    strategy.learned(0.5)
    assert strategy._log_weight.max() == pytest.approx(0.01 * (0.5 / 2.0) / 0.25)


@pytest.mark.parametrize(("profit", "reward"), [(7.0, 1.0), (-7.0, -1.0)])
def test_reward_is_at_most_the_ceiling_either_way(profit: float, reward: float) -> None:
    strategy = NoRegret(Scripted(0.1), arms=2, rate=0.01)
    strategy.price(call())
    strategy.learned(profit)
    assert strategy._log_weight[2, 0] == pytest.approx(0.01 * reward / 0.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_probabilities_survive_any_log_weights_and_keep_exploring(log_weight: list[float]) -> None:
    strategy = learner(arms=len(log_weight), exploration=0.1)
    strategy._log_weight[1] = log_weight
    probability = strategy._probability(1)
    assert probability.sum() == pytest.approx(1.0)
    assert probability.min() >= 0.1 / len(log_weight) * (1 - 1e-12)


def test_same_seed_and_profits_give_same_prices() -> None:
    reward: dict[float, float | None] = {0.25: 0.1, 0.5: 0.3}
    first, second = (taught(learner(seed=3, arms=4), call(cost=0.0), reward, 100) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"ceiling": 0.0}, "ceiling must be finite and above 0, got 0.0"),
        ({"rate": -1.0}, "rate must be finite and at least 0, got -1.0"),
        ({"arms": 1}, "arms must be at least 2, got 1: one mark-up is CostPlus"),
        ({"exploration": 0.0}, "exploration must be in (0, 1], got 0.0: an arm never tried"),
        ({"exploration": 1.1}, "exploration must be in (0, 1], got 1.1: an arm never tried"),
        ({"bins": 0}, "bins must be at least 1, got 0: 1 treats all price weights alike"),
    ],
)
def test_rejects_settings_it_cannot_learn_with(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        learner(**settings)
