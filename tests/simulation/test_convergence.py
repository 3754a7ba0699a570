"""Elastic markets come to rest next to their optimum in few moves, also where messages are late or lost.

benchmarks/convergence.py does the same with more seeds, larger markets and real brokers.
"""

from pathlib import Path

import pytest

from scenarios.launch.run import run

CLEARING_S = 0.02
EPSILON = 0.6

VALUATION = (
    '{ kind = "parabolic", demand_mb = { distribution = "uniform", low = 20, high = 100 }, '
    'choke_price_per_mb = { distribution = "uniform", low = 5, high = 20 } }'
)


def buyers(name: str, count: int, each: int, crowd: float = 0.1) -> str:
    strategy = f'{{ kind = "adaptive", epsilon_start_money = 40, epsilon_end_money = {EPSILON}, crowd = {crowd} }}'
    return (
        f'{{ name = "{name}", count = {count}, sellers_each = {each}, valuation = {VALUATION}, strategy = {strategy} }}'
    )


def disturbed(how: str, count: int, each: int) -> list[str]:
    match how:
        case "delayed":
            network = f"network={{ delay_min_s = {5 * CLEARING_S}, delay_max_s = {15 * CLEARING_S} }}"
            return [network, f"auction={{ clearing_interval_s = {CLEARING_S} }}"]
        case "lossy":
            return ["network.loss=0.05"]
        case "half-slow":
            half = count // 2
            both = f"buyers=[{buyers('buyer', count - half, each)}, {buyers('slow', half, each, crowd=2.0)}]"
            return [both, "auction.quiet_period_s=20"]
    return []


@pytest.mark.parametrize("how", ["plain", "delayed", "lossy", "half-slow"])
@pytest.mark.parametrize(
    ("count", "sellers", "each", "seed"),
    [(10, 1, 1, seed) for seed in range(4)] + [(50, 10, 3, seed) for seed in range(2)],
)
def test_corollary_iv_1_elastic_markets_settle_next_to_their_optimum(
    count: int, sellers: int, each: int, seed: int, how: str, tmp_path: Path
) -> None:
    supply = 30.0 * count / sellers
    settings = [
        "timeout_s=3600",
        f"sellers.0.count={sellers}",
        f'sellers.0.supply_mb={{ distribution = "uniform", low = {0.5 * supply}, high = {1.5 * supply} }}',
        f"buyers=[{buyers('buyer', count, each)}]",
        *disturbed(how, count, each),
    ]
    result = run("neighbourhood", seed=seed, world="sim", settings=settings, out=tmp_path)
    summary = result.summary

    assert summary.status == "settled"
    assert summary.efficiency >= 0.995
    assert summary.epsilon_gap <= 3 * EPSILON
    assert result.quiescence.most_moves <= 60
