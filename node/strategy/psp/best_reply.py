"""Lazar & Semret's buyer (Algorithm 1), over several sellers."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.strategy.psp.offer import HOLD, Decision, Need, Offer, Target, best_reply, prospect
from node.strategy.random import Random


@dataclass(slots=True)
class BestReply:
    """Bids its truthful ε-best reply whenever that gains more than the bid fee.

    With several sellers and messages on their way this need not settle (docs/decisions/0004-strategies.md); it is kept
    as the baseline, and settles where all buyers share one seller. An auction whose profile it may not see it takes for
    empty: Lazar & Semret's players know all bids, and this bid is what entitles a newcomer to see them.

    Attributes
    ----------
    epsilon_step
        Utility forgone to stay clear of rivals, money: the ε of the reply.
    epsilon_fee
        Utility that a move must gain, money: the bid fee.
    think_s
        Shortest and longest think time, seconds.
    """

    epsilon_step: float
    epsilon_fee: float
    think_s: tuple[float, float] = (0.0, 0.0)

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Uniform between the shortest and the longest, whatever the crowd and the network."""
        del participants, round_trip_s
        return random.uniform(*self.think_s)

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The ε-best reply, or hold where it gains no more than the fee."""
        del now
        offers = [offer.as_if_empty() for offer in offers]
        reply = best_reply(need, offers, self.epsilon_step)
        clearance = min(self.epsilon_step, need.budget) / sum(reply.quantity) if any(reply.quantity) else 0.0
        targets = [
            Target(quantity, offer.mechanism.bid_price(offer.staircase, quantity, reply.price, clearance))
            for offer, quantity in zip(offers, reply.quantity, strict=True)
        ]
        gain = reply.utility - prospect(offers, [offer.standing for offer in offers]).utility(need)
        return Decision(targets) if gain > self.epsilon_fee else HOLD
