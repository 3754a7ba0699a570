"""The environments keep the rules of PettingZoo and Gymnasium, and pay utility."""

import copy
import pickle
import re
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

from bidswarm.psp import AdaptiveStrategy, Buyers, LeaveShift, ParabolicValuation, Scenario, Sellers
from node.protocol.psp.trace import PurchaseReceived
from node.protocol.trace import Record
from scenarios.chaos.schema import ChaosTable
from scenarios.errors import ScenarioError
from scenarios.learning.env import BuyerEnv, MarketEnv
from scenarios.learning.simulated import SimulatedWorld
from scenarios.markets.psp.market import draw, theta
from tests.scenarios.learning.markets import WORLDS, churning, episode, random_actions, scenario

every_world = pytest.mark.parametrize("world", WORLDS)


def fleeting() -> Scenario:
    """A market in which a buyer comes and leaves at almost the same time."""
    (group,) = scenario().buyers
    late = msgspec.structs.replace(group, name="late", count=1, joins_at_s=0.45)
    return scenario(buyers=[group, late], shifts=[LeaveShift(at_s=0.55, nodes=["late"])])


@every_world
@pytest.mark.parametrize("made", [scenario, churning])
def test_pettingzoo_finds_nothing_wrong(world: Any, made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    parallel_api_test(MarketEnv(made(), world=world, steps=6), num_cycles=100)
    assert capsys.readouterr().out == "Passed Parallel API test\n"
    parallel_seed_test(lambda: MarketEnv(made(), world=world, steps=6))


@pytest.mark.parametrize(
    ("world", "made", "buyer"),
    [
        ("array", scenario(), "b-1"),
        ("sim", churning(), "b-1"),
        ("sim", churning(), "b-2"),
        ("sim", churning(), "late-1"),
    ],
)
def test_gymnasium_finds_nothing_wrong(world: Any, made: Scenario, buyer: str) -> None:
    check_env(BuyerEnv(made, buyer, world=world, steps=6), skip_render_check=True)


@every_world
def test_same_seed_is_the_same_trajectory_byte_for_byte(world: Any) -> None:
    first, second = (pickle.dumps(episode(MarketEnv(churning(), world=world, steps=8), seed=3)) for _ in range(2))
    assert first == second
    again = MarketEnv(churning(), world=world, steps=8)
    episode(again, seed=4)
    assert pickle.dumps(episode(again, seed=3)) == first


@every_world
def test_population_stays_where_it_is_given(world: Any) -> None:
    kept, drawn = (MarketEnv(scenario(), world=world, population=population) for population in (7, None))
    seen = [[env.reset()[0]["b-1"].tobytes() for _ in range(2)] for env in (kept, drawn)]
    assert seen[0][0] == seen[0][1]
    assert seen[1][0] != seen[1][1]


@every_world
def test_buyers_come_and_leave_as_the_scenario_says(world: Any) -> None:
    env = MarketEnv(churning(), world=world, steps=6, step_s=0.2)
    told = episode(env, seed=1)
    assert [sorted({"late-1", "late-2", "b-2"} & set(step[0])) for step in told] == [
        ["b-2"],
        ["b-2"],
        ["b-2"],
        ["b-2", "late-1", "late-2"],  # 0.5 s
        ["b-2", "late-1", "late-2"],
        ["b-2", "late-1", "late-2"],  # 0.9 s
        ["late-1", "late-2"],
    ]
    assert [[name for name, is_over in step[2].items() if is_over] for step in told[1:]] == [[]] * 4 + [["b-2"], []]
    assert all(told[-1][3].values())
    assert not any(flag for step in told[1:-1] for flag in step[3].values())


@pytest.mark.parametrize("name", ["neighbourhood", "scarce"])
def test_every_observation_is_in_its_space(name: str) -> None:
    env = MarketEnv(name, steps=8)
    seen = [told[0] for seed in range(3) for told in episode(env, seed)]
    assert len(seen) == 27
    assert all(env.observation_space(agent).contains(row) for rows in seen for agent, row in rows.items())


@every_world
def test_who_writes_into_what_it_was_told_changes_nothing_else(world: Any) -> None:
    kept, written = (MarketEnv(scenario(), world=world, steps=3) for _ in range(2))
    random = np.random.default_rng(0)
    first, second = kept.reset(seed=0)[0], written.reset(seed=0)[0]
    while kept.agents:
        assert {name: row.tolist() for name, row in second.items()} == {
            name: row.tolist() for name, row in first.items()
        }
        for row in second.values():
            row[:] = 0.5
        actions = random_actions(kept, random)
        again = {name: action.copy() for name, action in actions.items()}
        first, second = kept.step(actions)[0], written.step(again)[0]
        for action in again.values():
            action[:] = 0.5


def test_an_environment_in_world_array_can_be_copied_and_kept() -> None:
    env = MarketEnv(scenario(), steps=4)
    env.reset(seed=0)
    env.step(random_actions(env, np.random.default_rng(0)))
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    actions = random_actions(env, np.random.default_rng(1))
    told = env.step(actions)
    assert all(pickle.dumps(one.step(actions)) == pickle.dumps(told) for one in copies)


def test_rewards_add_up_to_what_the_receipts_say() -> None:
    made, records = scenario(), list[Record[Any]]()
    env = MarketEnv(made, world="sim", steps=6, learners=["b-1", "b-3"])
    env.reset(seed=5)
    assert isinstance(env._world, SimulatedWorld)
    env._world._simulation.sink = records.extend
    total, random = dict.fromkeys(env.agents, 0.0), np.random.default_rng(5)
    while env.agents:
        for name, reward in env.step(random_actions(env, random))[1].items():
            total[name] += reward
    bought = {name: [0.0, 0.0] for name in total}
    for record in records:
        name = record.node.partition("/")[2]
        if isinstance(record.what, PurchaseReceived) and name in bought:
            bought[name][0] += record.what.quantity_mb
            bought[name][1] += record.what.charge_money
    assert all(mb > 0.0 for mb, _ in bought.values())
    valuations = {buyer.name: theta(buyer) for buyer in draw(made, 5).buyers}
    assert total == {
        name: pytest.approx(valuations[name].value(mb) - paid, rel=1e-9) for name, (mb, paid) in bought.items()
    }


def leaving(at_s: float) -> Scenario:
    """A market of two sellers and three buyers, of whom one leaves."""
    valuation = ParabolicValuation(demand_mb=100.0, choke_price_per_mb=10.0)
    return scenario(
        sellers=[Sellers(name="s", count=2, supply_mb=50.0)],
        buyers=[Buyers(name="b", count=3, valuation=valuation, strategy=AdaptiveStrategy())],
        shifts=[LeaveShift(at_s=at_s, nodes=["b-2"])],
    )


@every_world
@pytest.mark.parametrize(
    ("at_s", "step_s", "ends"),
    [(0.0, 0.2, 1), (0.4, 0.2, 2), (0.5, 0.2, 3), (0.9, 0.3, 3), (0.7, 0.2, 4), (0.8, 0.2, 4)],
)
def test_who_leaves_keeps_nothing_that_was_not_awarded(world: Any, at_s: float, step_s: float, ends: int) -> None:
    env = MarketEnv(leaving(at_s), world=world, steps=4, step_s=step_s)
    env.reset(seed=0)
    rewards, terminated = [], []
    while "b-2" in env.agents:
        _, reward, is_over, _, _ = env.step({name: np.full((2, 2), 0.4) for name in env.agents})
        rewards.append(reward["b-2"])
        terminated.append(is_over["b-2"])
    assert terminated == [False] * (ends - 1) + [True]
    assert sum(rewards) == pytest.approx(0.0, abs=1e-9)
    assert len(rewards) < 3 or max(rewards) > 100.0  # it had something to lose


def test_what_would_happen_after_the_last_step_does_not() -> None:
    """In both worlds: who would leave then is still there when the auctions are awarded, and has what it won."""
    earned = []
    for world in WORLDS:
        env, total = MarketEnv(leaving(5.0), world=world, steps=4), 0.0
        env.reset(seed=0)
        while env.agents:
            _, rewards, terminated, truncated, _ = env.step({name: np.full((2, 2), 0.4) for name in env.agents})
            total += rewards["b-2"]
        assert (terminated["b-2"], truncated["b-2"]) == (False, True)
        earned.append(total)
    assert earned == [pytest.approx(144.44, abs=0.01)] * 2


@every_world
def test_who_bids_nothing_has_nothing(world: Any) -> None:
    env = BuyerEnv(scenario(), "b-1", world=world, steps=3)
    env.reset(seed=0)
    steps = [env.step(np.zeros(env.action_space.shape or ())) for _ in range(3)]
    assert [step[1] for step in steps] == [0.0] * 3
    assert [step[3] for step in steps] == [False, False, True]


@pytest.mark.parametrize(
    ("made", "options", "text"),
    [
        (scenario(), {"learners": ["b-9"]}, "learners = 'b-9': there is no such buyer"),
        (scenario(), {"learners": ["b-1", "b-2", "b-1"]}, "learners has b-1 more than once; name each buyer once"),
        (scenario(), {"learners": []}, "learners = []: name at least one buyer, or leave it out"),
        (scenario(), {"learners": "b-1"}, "learners = 'b-1': give a list of names: ['b-1']"),
        (scenario(), {"world": "mqtt"}, "world = 'mqtt': agents learn in the worlds sim and array"),
        (scenario(), {"steps": 0}, "steps = 0: give a whole number of at least 1"),
        (scenario(), {"steps": 2.5}, "steps = 2.5: give a whole number of at least 1"),
        (scenario(), {"step_s": 0.0}, "step_s = 0.0: give seconds, more than 0"),
        (scenario(), {"population": -1}, "population = -1: give a seed, a whole number of at least 0"),
        (scenario(), {"steps": 60, "world": "sim"}, "steps = 60 of 0.2 s take 12 s, and sellers bear the undecided"),
        (scenario(chaos=ChaosTable()), {}, "chaos: nothing goes wrong where agents learn"),
        (churning(), {"steps": 3}, "'late-1' joins at 0.5 s, after the last step began; raise steps"),
        (churning(), {"learners": ["b-1"]}, "world 'array' knows no shifts"),
        (fleeting(), {}, "'late' joins and leaves, at 0.55 s, in one step of 0.2 s; lower step_s"),
        ("congested", {}, "'congested' is no exchange"),
    ],
)
def test_says_what_to_change(made: Scenario | str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(text)):
        MarketEnv(made, **options)


def test_says_that_there_is_no_such_buyer() -> None:
    with pytest.raises(ScenarioError, match="buyer = 'b-9': there is no such buyer"):
        BuyerEnv(scenario(), "b-9")


@every_world
def test_a_refused_action_leaves_all_as_it_was(world: Any) -> None:
    refused, other = (MarketEnv(scenario(), world=world, steps=3, learners=["b-1", "b-2"]) for _ in range(2))
    seen = [env.reset(seed=0) for env in (refused, other)]
    for action in (np.full((2, 2), np.nan), np.zeros(3)):
        with pytest.raises(ValueError, match="b-2: action has "):
            refused.step({"b-1": np.full((2, 2), 0.9), "b-2": action})
    with pytest.raises(ValueError, match="actions lack b-2; give one for every agent"):
        refused.step({"b-1": np.full((2, 2), 0.9)})
    for _ in range(3):
        seen = [env.step({name: np.full((2, 2), 0.4) for name in env.agents}) for env in (refused, other)]
        assert pickle.dumps(seen[0]) == pickle.dumps(seen[1])
    assert not refused.agents


@every_world
def test_no_step_before_and_after_an_episode(world: Any) -> None:
    market, alone = MarketEnv(scenario(), world=world, steps=1), BuyerEnv(leaving(0.1), "b-2", world=world, steps=3)
    assert market.agents == []
    with pytest.raises(ResetNeeded, match="no episode has begun; call reset first"):
        market.step({})
    with pytest.raises(ResetNeeded, match="no episode of b-2 goes on; call reset first"):
        alone.step(np.zeros((2, 2)))
    episode(market, seed=0)
    alone.reset(seed=0)
    assert alone.step(np.zeros((2, 2)))[2]
    with pytest.raises(ResetNeeded, match="the episode is over after step 1; call reset for the next one"):
        market.step({})
    with pytest.raises(ResetNeeded, match="no episode of b-2 goes on; call reset first"):
        alone.step(np.zeros((2, 2)))


@pytest.mark.parametrize("made", [partial(MarketEnv, scenario()), partial(BuyerEnv, scenario(), "b-1")])
def test_episodes_without_a_seed_are_any_at_first_and_go_on_from_one_that_was_given(made: Any) -> None:
    def first(seen: Any) -> bytes:
        row: np.ndarray = seen["b-1"] if isinstance(seen, dict) else seen
        return row.tobytes()

    fresh = [first(made().reset()[0]) for _ in range(2)]
    assert fresh[0] != fresh[1]
    told = []
    for env in (made(), made()):
        env.reset(seed=3)
        told.append([first(env.reset()[0]) for _ in range(3)])
    assert told[0] == told[1]
    assert len(set(told[0])) == 3
