"""Train the policy of bidder.py with the cross-entropy method, in some minutes on one core.

python examples/learning/train.py [--generations 12] [--seed 0]

Each generation draws candidates around a mean, lets all of them bid in the same few markets, and moves the mean to the
best. Prints what they earn, and the weights for corner.toml.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bidder import FEATURES, Bidder

from bidswarm.learning import BuyerEnv

MARKET = str(Path(__file__).with_name("corner.toml"))
STEPS, STEP_S = 12, 0.4
CANDIDATES, ELITE, MARKETS = 24, 6, 4


def policy(weights: list[float]) -> Bidder:
    """The bidder with these weights."""
    return Bidder(slots=3, steps=STEPS, step_s=STEP_S, weights=weights)


def earned(env: BuyerEnv, bidder: Bidder, seed: int) -> float:
    """The utility of a bidder in the market of that seed, money."""
    observation, _ = env.reset(seed=seed)
    total, is_over = 0.0, False
    while not is_over:
        observation, reward, terminated, truncated, _ = env.step(bidder.act(observation))
        total, is_over = total + reward, terminated or truncated
    return total


def generations(count: int, seed: int) -> Iterator[tuple[np.ndarray, list[float]]]:
    """After each generation: the mean of the best, and what each candidate has earned."""
    env = BuyerEnv(MARKET, "learner", world="sim", steps=STEPS, step_s=STEP_S)
    random = np.random.default_rng(seed)
    mean, deviation = np.zeros(2 * FEATURES), np.full(2 * FEATURES, 2.0)
    for generation in range(count):
        candidates = random.normal(mean, deviation, (CANDIDATES, mean.size))
        markets = random.integers(1 << 30, size=MARKETS).tolist()
        utility = [
            float(np.mean([earned(env, policy(weights), market) for market in markets]))
            for weights in candidates.tolist()
        ]
        best = candidates[np.argsort(utility)[-ELITE:]]
        mean, deviation = best.mean(axis=0), best.std(axis=0) + 0.3 / (generation + 1)
        yield mean, utility


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for number, (mean, utility) in enumerate(generations(options.generations, options.seed), 1):
        print(f"generation {number}: median {np.median(utility):.1f}, best {max(utility):.1f}")
        print(f"weights = {mean.round(2).tolist()}", flush=True)


if __name__ == "__main__":
    main()
