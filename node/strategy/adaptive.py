"""The default for elastic buyers: a best reply that is damped, ε-scaled and aware of the crowd."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from node.mechanism.psp import best_reply, merged_staircase
from node.strategy.view import Decision, Need, Offer, Random, Target, affordable, expected_utility

QUIET_THINK_TIMES = 15
"""Mean think times without an own move after which ε shrinks: the others have had their turn by then."""

SHRINK = 4.0
"""Divisor of ε after a quiet spell, as in Bertsekas' ε-scaling."""

STREAK = 5
"""Own moves without a quiet spell that make a buyer restless."""

SHIFT = 4.0
"""A gain of more than so many ε says that the market has shifted since ε came down to that."""

RESTLESS_DAMPING, LEAST_DAMPING, RESTLESS_EPSILON = 0.7, 0.1, 1.5


@dataclass(slots=True)
class AdaptiveBestReply:
    """A best reply whose caution follows the market, so that many buyers over several sellers settle.

    Eight additions to ``BestReply`` (docs/decisions/0004-strategies.md): ε starts large and shrinks while the buyer is
    quiet; quantities move part of the way while the price is that of the full reply; the think time grows with the
    crowd; no reply on half-seen news (the machine sees to it); a small presence bid at every seller of the pool, which
    keeps the buyer entitled to profiles; a restless buyer moves less and tolerates more; a large gain
    is taken for a market shift, after which ε is large again; and a newcomer enters a market that is sold out.

    Attributes
    ----------
    epsilon_start, epsilon_end
        First and smallest ε, money: both the step of the reply and the least gain of a move.
    crowd
        Share of a round trip per participant that an average think time takes.
    presence
        Share of the demand that is bid at every seller at least.
    damping
        Share of the way from the standing bid to the reply that a move goes.
    """

    epsilon_start: float
    epsilon_end: float
    crowd: float = 0.1
    presence: float = 0.005
    damping: float = 0.5
    _epsilon: float = field(init=False)
    _damping: float = field(init=False)
    _think_s: float = field(init=False, default=0.0)
    _quiet_since: float = field(init=False, default=0.0)
    _streak: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._epsilon, self._damping = self.epsilon_start, self.damping

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Uniform with a mean that lets about one bidder of the busiest auction move per clearing."""
        self._think_s = self.crowd * max(1, participants) * round_trip_s
        return random.uniform(0.0, 2.0 * self._think_s)

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The damped reply, or hold; the buyer asks to think again until ε is down to its smallest."""
        targets, gain = self._reply(need, offers)
        if gain > SHIFT * self._epsilon and self._epsilon < self.epsilon_start:
            # With the small ε of a market at rest, prices that fell far would be climbed in tiny steps.
            self._epsilon, self._damping = min(self.epsilon_start, gain / SHRINK), self.damping
            targets, gain = self._reply(need, offers)
        # Where all is sold a newcomer must bid to be shown what it could win.
        enters = need.budget > 0.0 and not any(offer.standing.quantity for offer in offers)
        if gain > self._epsilon or enters:
            self._moved(now)
            return Decision(targets)
        self._held(now)
        return Decision(None, reconsider=self._epsilon > self.epsilon_end)

    def _reply(self, need: Need, offers: Sequence[Offer]) -> tuple[Sequence[Target], float]:
        """What to bid, and the money that gains."""
        standing = [offer.standing for offer in offers]
        targets = self._targets(need, offers)
        return targets, expected_utility(need, offers, targets) - expected_utility(need, offers, standing)

    def _targets(self, need: Need, offers: Sequence[Offer]) -> Sequence[Target]:
        market = merged_staircase([offer.staircase for offer in offers])
        reply = best_reply(need.valuation, market, epsilon=self._epsilon, budget=need.budget)
        least = self.presence * need.valuation.demand_mb
        newcomer = not any(offer.standing.quantity for offer in offers)
        share = 1.0 if newcomer else self._damping
        damped = [
            Target(max(least, (1.0 - share) * offer.standing.quantity + share * quantity), reply.price)
            for offer, quantity in zip(offers, reply.quantity.tolist(), strict=True)
        ]
        return affordable(need, offers, damped)

    def _moved(self, now: float) -> None:
        self._quiet_since = now
        self._streak += 1
        if self._streak >= STREAK:
            self._streak = 0
            self._damping = max(LEAST_DAMPING, self._damping * RESTLESS_DAMPING)
            self._epsilon = min(self.epsilon_start, self._epsilon * RESTLESS_EPSILON)

    def _held(self, now: float) -> None:
        if self._epsilon > self.epsilon_end and now - self._quiet_since > QUIET_THINK_TIMES * self._think_s:
            self._epsilon = max(self.epsilon_end, self._epsilon / SHRINK)
            self._quiet_since, self._streak = now, 0
