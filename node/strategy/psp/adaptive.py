"""The default for elastic buyers: a truthful best reply that is damped, ε-scaled and aware of the crowd."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_

from node.mechanism.rounding import ROUNDING
from node.strategy.psp.offer import Decision, Need, Offer, Prospect, Target, affordable, best_reply, prospect
from node.strategy.random import Random

QUIET_THINK_TIMES = 15
"""Mean think times without an own move after which ε shrinks: the others have had their turn by then."""

LEAST_THINK_TIME = 0.5
"""In round trips, on average: a handful that thinks less answers the same news all at once, for ever."""

SHRINK = 4.0
"""Divisor of ε after a quiet spell, as in Bertsekas' ε-scaling."""

STEP = 3.0
"""ε of the reply in units of the least gain of a move, so that a move stays a best reply while rivals move too."""

STUCK = 3.0
"""Where the reply gains more than so many ε, and part of the way to it less than one, the buyer goes all the way."""

BURSTS = 4
"""Times that standing bids may cost more than the budget before the buyer lowers, each time, what it asks for."""

CAUTION = 0.95
"""The new limit as a share of the allocation it could not pay, or of the limit before, whichever is less."""

SHIFT = 8.0
"""A gain of more than so many ε says that the market has shifted: twice what made the buyer move when ε was larger."""

RESTLESS = 5
"""Where best replies need not come to rest, a buyer is content with twice as much less after every so many moves."""


@dataclass(slots=True)
class AdaptiveBestReply:
    """A best reply whose caution follows the market, so that many buyers over several sellers settle.

    What it adds to ``BestReply`` (docs/decisions/0004-strategies.md): ε starts large and shrinks while the buyer is
    quiet; quantities move part of the way, and the price is always θ' of the total that is bid; the think time grows
    with the crowd; no reply on half-seen news (the machine sees to it); a small presence bid at every seller of the
    pool keeps the buyer entitled to profiles, from the first moment on; and after a market shift ε is large again.

    Attributes
    ----------
    epsilon_start, epsilon_end
        First and smallest ε, money: the least gain of a move. The reply forgoes three times as much to stay clear of
        rivals; in markets measured so far no buyer at rest could gain more than 3 ε, and few more than 1.5.
    crowd
        Share of a round trip per participant that an average think time takes; half a round trip at least.
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
    _least: float = field(init=False)
    _moves: int = field(init=False, default=0)
    _think_s: float = field(init=False, default=0.0)
    _quiet_since: float = field(init=False, default=0.0)
    _bursts: int = field(init=False, default=0)
    _most: float = field(init=False, default=math.inf)
    _held: tuple[Need, Sequence[Offer], float] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._epsilon = self.epsilon_start
        self._least = self.epsilon_end

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Uniform with a mean that lets about one bidder of the busiest auction move per clearing."""
        self._think_s = max(LEAST_THINK_TIME, self.crowd * participants) * round_trip_s
        return random.uniform(0.0, 2.0 * self._think_s)

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """The damped reply, or hold; the buyer asks to think again until it holds at its smallest ε."""
        if self._held_before(need, offers):
            return self._hold(now)
        standing = prospect(offers, [offer.standing for offer in offers])
        bursts = standing.bursts(need.budget)
        if bursts:
            self._burst(standing.total)
        # A buyer without a bid gets no profile, so it cannot see what it could win: it enters with its full reply.
        enters = need.budget > 0.0 and not any(offer.standing.quantity for offer in offers)
        if not enters and self._has_nothing_to_gain(need, offers, standing):
            self._held = need, tuple(offers), self._epsilon
            return self._hold(now)
        targets, gain = self._reply(need, offers, standing)
        # Where a reply forgoes much for a large ε, it may gain nothing by that, and ε would go up and down for ever.
        if gain > SHIFT * self._epsilon and self._epsilon < self.epsilon_start and offers[0].mechanism.is_truthful:
            # With the small ε of a market at rest, prices that fell far would be climbed in tiny steps.
            self._epsilon = min(self.epsilon_start, SHRINK * self._epsilon)
            targets, gain = self._reply(need, offers, standing)
        if gain > self._epsilon or enters:
            self._quiet_since = now
            self._moved_on(offers)
            return Decision(targets)
        self._held = None if bursts else (need, tuple(offers), self._epsilon)  # every burst counts
        return self._hold(now)

    def _held_before(self, need: Need, offers: Sequence[Offer]) -> bool:
        """Whether it held at the same ε, with the same need, on the very same offers: then it does so again."""
        if self._held is None:
            return False
        before, known, epsilon = self._held
        return (
            epsilon == self._epsilon
            and len(offers) == len(known)
            and all(map(is_, offers, known))
            and need.valuation is before.valuation
            and need.budget == before.budget
        )

    def _has_nothing_to_gain(self, need: Need, offers: Sequence[Offer], standing: Prospect) -> bool:
        """Whether no bids at all would gain more than ε: the truthful reply at ε = 0, if affordable, is a best one.

        That is so nearly whenever a buyer holds, and takes half as long to see as what it would bid.
        """
        if not offers[0].mechanism.is_truthful:
            return False
        best = best_reply(need, offers, 0.0)
        gain = best.utility - standing.utility(need)
        return best.cost < need.budget and gain <= self._epsilon - ROUNDING * best.utility

    def _hold(self, now: float) -> Decision:
        is_last = self._epsilon <= self._least  # else there may be a move yet that is worth the next ε
        if not is_last and now - self._quiet_since > QUIET_THINK_TIMES * self._think_s:
            self._epsilon = max(self._least, self._epsilon / SHRINK)
            self._quiet_since = now
        return Decision(None, reconsider=not is_last)

    def _moved_on(self, offers: Sequence[Offer]) -> None:
        """Ask for more of a move after many, in a mechanism whose best replies may chase each other for ever."""
        self._moves += 1
        if self._moves % RESTLESS == 0 and not offers[0].mechanism.is_truthful:
            self._least *= 2.0
            self._epsilon = max(self._epsilon, self._least)

    def _burst(self, total: float) -> None:
        """Ask for less after several bursts of the budget; else the buyer's own demand would burst it without end."""
        self._bursts += 1
        if self._bursts > BURSTS:
            self._most = CAUTION * min(self._most, total)

    def _reply(self, need: Need, offers: Sequence[Offer], standing: Prospect) -> tuple[Sequence[Target], float]:
        """What to bid, and the money that gains."""
        reply = best_reply(need, offers, STEP * self._epsilon)
        old, now = standing.targets, standing.utility(need)
        share = self.damping if any(target.quantity for target in old) else 1.0
        part = affordable(need, offers, self._moved(need, offers, old, reply.quantity, share))
        gain = part.utility(need) - now
        if gain <= self._epsilon and reply.utility - now > STUCK * self._epsilon:
            # Bids that win nothing count when the total is capped, so half of the way may lose what the whole gains.
            whole = affordable(need, offers, self._moved(need, offers, old, reply.quantity, 1.0))
            if (more := whole.utility(need) - now) > self._epsilon:
                return whole.targets, more
        return part.targets, gain

    def _moved(
        self, need: Need, offers: Sequence[Offer], standing: Sequence[Target], reply: Sequence[float], share: float
    ) -> list[Target]:
        """A share of the way to the reply, in all at most the reply and the limit, at the price that total is worth.

        Where a bidder pays its own price, at what it has to beat and a little more, if that is less.
        """
        mixed = [(1.0 - share) * old.quantity + share * new for old, new in zip(standing, reply, strict=True)]
        before, after = sum(mixed), min(sum(mixed), sum(reply), self._most)
        scale = after / before if before > 0.0 else 0.0
        least, worth = self.presence * need.valuation.demand_mb, need.valuation.marginal(after)
        clearance = STEP * self._epsilon / after if after > 0.0 else 0.0
        targets = []
        for offer, quantity in zip(offers, mixed, strict=True):
            amount = max(least, scale * quantity)
            targets.append(Target(amount, offer.mechanism.bid_price(offer.staircase, amount, worth, clearance)))
        return targets
