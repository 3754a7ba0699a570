"""A policy that was trained in the world sim earns the same over a broker, within its interval, and on a device."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from bidswarm import load, run
from bidswarm.learning import BuyerEnv
from bidswarm.psp import Buyers, ParabolicValuation, PolicyBase, Scenario, Sellers
from scenarios.files.own import OwnTable
from scenarios.markets.psp.market import theta
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.devices import SELLER, Node

SCENARIO = Path(__file__).parents[2] / "examples" / "learning" / "corner.toml"
POPULATION = 3

NODE = """
market = "lab"
role = "buyer"
host = "ann"
[buyer]
sellers = ["shop"]
valuation = { kind = "parabolic", demand_mb = 50, choke_price_per_mb = 12 }
[buyer.strategy]
kind = "bidder:Bidder"
"""


def strategy() -> OwnTable:
    """The table of the policy."""
    scenario: Any = load(str(SCENARIO))
    table: OwnTable = scenario.buyers[1].strategy
    return table


def earned(env: BuyerEnv, policy: PolicyBase, seed: int) -> float:
    """The utility of the policy in the market of that seed, money."""
    observation, _ = env.reset(seed=seed)
    total, is_over = 0.0, False
    while not is_over:
        observation, reward, _, is_over, _ = env.step(policy.act(observation))
        total += reward
    return total


@cache
def simulated() -> list[float]:
    """What the policy earns in that market, however the network delays its messages, money."""
    scenario: Any = load(str(SCENARIO))
    table: OwnTable = scenario.buyers[1].strategy
    policy = table.own(PolicyBase)
    env = BuyerEnv(scenario, "learner", world="sim", steps=policy.steps, step_s=policy.step_s, population=POPULATION)
    return [earned(env, policy, seed) for seed in range(12)]


@pytest.mark.parametrize("broker", ["embedded", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def test_policy_earns_over_a_broker_what_it_earns_in_the_simulation(broker: str, tmp_path: Path) -> None:
    result: Any = run(str(SCENARIO), broker=broker, hosts=2, seed=POPULATION, out=tmp_path)
    bought = [row for row in result.summary.allocations if row.buyer == "learner"]
    (buyer,) = (one for one in result.market.buyers if one.name == "learner")
    has = theta(buyer).value(sum(row.quantity for row in bought)) - sum(row.charge for row in bought)
    expected = np.array(simulated())
    # A prediction interval for one more run: 99.9 %.
    half = t.ppf(0.9995, expected.size - 1) * expected.std(ddof=1) * np.sqrt(1.0 + 1.0 / expected.size)
    assert result.summary.status == "settled"
    assert abs(has - expected.mean()) < half
    assert half < 0.1 * expected.mean()  # else this would say nothing


@pytest.mark.mosquitto
def test_policy_bids_on_a_device(tmp_path: Path, mosquitto: Mosquitto) -> None:
    table = dict(strategy().keys, steps=3, step_s=0.2)
    lines = [f"{key} = {value}" for key, value in table.items()]
    (tmp_path / "bidder.py").write_text(SCENARIO.with_name("bidder.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "node.toml").write_text("\n".join([NODE, *lines, ""]), encoding="utf-8")
    broker = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}")
    shop = Node(tmp_path / "shop", *broker, "--host", "shop", *SELLER, "--quiet-period", "0.5")
    ann = Node(tmp_path / "ann", str(tmp_path / "node.toml"), *broker)
    assert (ann.ended(), shop.ended()) == (0, 0)
    (bought,) = ann.events("bought")
    valuation = ParabolicValuation(demand_mb=50.0, choke_price_per_mb=12.0)
    alone = Scenario(
        name="lab",
        sellers=[Sellers(name="shop", supply_mb=60.0, reserve_price_per_mb=0.1)],
        buyers=[Buyers(name="ann", valuation=valuation)],
    )
    env = BuyerEnv(alone, "ann", world="sim", steps=3)
    policy = strategy().own(PolicyBase)
    assert valuation.build().value(bought["mb"]) - bought["money"] == pytest.approx(earned(env, policy, 0))
