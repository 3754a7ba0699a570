"""For bidders that learn: markets of the exchange as environments of PettingZoo and Gymnasium (docs/learning.md).

They come with the extra ``learning``; a policy that has been learned needs it no more (``bidswarm.psp.PolicyBase``).

Examples
--------
>>> from bidswarm.learning import BuyerEnv
>>> from bidswarm.psp import Sight
>>> env = BuyerEnv("neighbourhood", "buyer-1")
>>> observation, _ = env.reset(seed=1)
>>> Sight.of(observation).demand.shape, env.action_space.shape
((20,), (3, 2))
"""

from scenarios.extras import needs_extra

needs_extra("learning")

from scenarios.learning.env import BuyerEnv, MarketEnv  # noqa: E402 - what they need is said first

__all__ = ["BuyerEnv", "MarketEnv"]
