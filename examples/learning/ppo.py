"""Train a bidder in the market of corner.toml with PPO of stable-baselines3, which bidswarm does not need.

pip install stable-baselines3 && python examples/learning/ppo.py

Prints what the bidder earns in 20 markets. It takes some minutes; more steps make it better.
"""

from pathlib import Path

from gymnasium.wrappers import RescaleAction
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from bidswarm.learning import BuyerEnv

MARKET = str(Path(__file__).with_name("corner.toml"))


def main() -> None:
    """Train for 10,000 steps."""
    env = RescaleAction(BuyerEnv(MARKET, "learner", world="array", steps=12, step_s=0.4), -1.0, 1.0)
    model = PPO("MlpPolicy", env, n_steps=240, batch_size=60, gamma=1.0, seed=0, verbose=1)
    model.learn(total_timesteps=10_000)
    mean, deviation = evaluate_policy(model, env, n_eval_episodes=20, warn=False)
    print(f"it earns {mean:.1f} on average, with a standard deviation of {deviation:.1f}")


if __name__ == "__main__":
    main()
