"""Small markets for learners, and what random agents do in them."""

from typing import Any

import numpy as np

from bidswarm.psp import AdaptiveStrategy, AuctionTable, Buyers, LeaveShift, ParabolicValuation, Scenario, Sellers
from bidswarm.psp import Uniform as Between
from scenarios.learning.env import MarketEnv

WORLDS = "array", "sim"


def scenario(**changes: Any) -> Scenario:
    """Six buyers who reach two of three sellers each."""
    tables: dict[str, Any] = {
        "name": "small",
        "timeout_s": 30.0,
        "auction": AuctionTable(clearing_interval_s=0.05, quiet_period_s=0.5),
        "sellers": [Sellers(name="s", count=3, supply_mb=Between(low=60.0, high=90.0), reserve_price_per_mb=0.1)],
        "buyers": [
            Buyers(
                name="b",
                count=6,
                sellers_each=2,
                valuation=ParabolicValuation(
                    demand_mb=Between(low=40.0, high=100.0), choke_price_per_mb=Between(low=5.0, high=20.0)
                ),
                strategy=AdaptiveStrategy(),
            )
        ],
    }
    return Scenario(**tables | changes)


def churning() -> Scenario:
    """A market in which two buyers come at 0.5 s, and one of the others leaves at 0.9 s."""
    (group,) = scenario().buyers
    late = Buyers(
        name="late", count=2, valuation=group.valuation, sellers=["s-1", "s-2"], strategy=group.strategy, joins_at_s=0.5
    )
    return scenario(buyers=[group, late], shifts=[LeaveShift(at_s=0.9, nodes=["b-2"])])


def random_actions(env: MarketEnv, random: np.random.Generator) -> dict[str, np.ndarray]:
    return {name: random.random((env.slots, 2)) for name in env.agents}


def episode(env: MarketEnv, seed: int) -> list[Any]:
    """All that the agents of an episode are told, when they bid at random."""
    random = np.random.default_rng(seed)
    told: list[Any] = [env.reset(seed=seed)]
    while env.agents:
        told.append(env.step(random_actions(env, random)))
    return told
