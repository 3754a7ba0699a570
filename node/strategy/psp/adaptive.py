"""The default for elastic buyers: a truthful best reply that is careful, ε-scaled and aware of the crowd."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import is_

from node.mechanism.psp import Reply
from node.mechanism.psp.residual import SLIVER
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Valuation
from node.strategy.psp.offer import Decision, Need, Offer, Prospect, Target, affordable, best_reply, prospect
from node.strategy.psp.pace import Pace
from node.strategy.random import Random

QUIET_THINK_TIMES = 15
"""Mean think times without an own move after which ε shrinks: the others have had their turn by then."""

LEAST_THINK_TIME = 0.5
"""In round trips, on average: a handful that thinks less answers the same news all at once, for ever."""

SHRINK = 4.0
"""Divisor of ε after a quiet spell, as in Bertsekas' ε-scaling."""

FEW_MOVES = 1
"""A buyer that has made more moves than these since ε shrank is restless: it thinks longer, and goes no short cuts."""

BACK_OFF = 1.3
"""By so much a restless buyer thinks longer after each move."""

MOST_BACK_OFFS = 4
"""So many times at most, which is about three times as long in all: those that wait for it shall not wait for ever."""

STEP = 4.0
"""ε of the reply in units of the least gain of a move, so that a move stays a best reply while rivals move too."""

DISPLACED = 0.03
"""In ε: what the first try of a move may displace beyond the margin, ∫θ' less the new θ' for all that it adds."""

LEFT, LEFT_AT_FIRST = 3.0, 2.0
"""In ε: where part of the way gains too little, and more than so much can be gained, a buyer goes all the way."""

SHIFT = 8.0
"""A gain of more than so many ε says that the market has shifted: twice what made the buyer move when ε was larger."""

PRESENCE = 0.5
"""Share of a sliver of the supply that a presence bid asks for at most, so that it sets neither price nor reserve."""

PRESENT_OF_WANTED = 0.5
"""Share of what a buyer wants that presence bids ask for in all at most. All its bids carry the price of its last MB:
if they asked for more than it wants, that might be too low for all of them."""

RESTLESS = 5
"""Where best replies need not come to rest, a buyer is content with twice as much less after every so many moves."""

_HALVINGS = 30


@dataclass(slots=True)
class AdaptiveBestReply:
    """A best reply whose caution follows the market, so that many buyers over several sellers settle.

    What it adds to ``BestReply``, and what comes of that: docs/convergence.md.

    Attributes
    ----------
    epsilon_start, epsilon_end
        First and smallest ε: the least gain of a move. Money, or where ``is_relative`` a share of the most that the
        buyer could gain if everything cost the lowest reserve of its pool. The reply forgoes four times as much to
        stay clear of rivals.
    crowd
        Share of a round trip per participant that an average think time takes; half a round trip at least.
    presence
        Share of the demand that is bid in all at least, in equal parts at the sellers of the pool; at none of them more
        than ``PRESENCE`` slivers, and in all no more than half of what is wanted, if anything is.
    damping
        Share of the way from the standing bid to the reply that a move goes.
    is_relative
        Whether ε is a share.
    """

    epsilon_start: float
    epsilon_end: float
    crowd: float = 0.1
    presence: float = 0.005
    damping: float = 0.5
    is_relative: bool = False
    _level: float = field(init=False)
    """ε at present, as the attributes are."""
    _least: float = field(init=False)
    _unit: tuple[Valuation, float] | None = field(init=False, default=None)
    """What ``_level`` is a share of, money, and the valuation it follows from."""
    _moves: int = field(init=False, default=0)
    _moves_at_level: int = field(init=False, default=0)
    _think_s: float = field(init=False, default=0.0)
    _quiet_since: float = field(init=False, default=0.0)
    _pace: Pace = field(init=False, default_factory=Pace)
    _held: tuple[Need, Sequence[Offer], float] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._level = self.epsilon_start
        self._least = self.epsilon_end

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        """Uniform with a mean that lets about one bidder of the busiest auction move per clearing.

        A restless buyer backs off, as hosts of an Ethernet do: others may be after the same as it is.
        """
        longer = BACK_OFF ** min(max(0, self._moves_at_level - FEW_MOVES), MOST_BACK_OFFS)
        self._think_s = max(LEAST_THINK_TIME, self.crowd * longer * participants) * round_trip_s
        return random.uniform(0.0, 2.0 * self._think_s)

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        """A move towards the reply, or hold; the buyer asks to think again while it may yet move without news."""
        if self._held_before(need, offers):
            return self._hold(now)
        standing = prospect(offers, [offer.standing for offer in offers])
        if standing.bursts(need.budget):
            self._pace.slow_down(need, standing)
        wanted, epsilon = self._pace.need(need), self._epsilon(need, offers)
        # In other mechanisms it takes a search, and nothing below asks for it.
        best = best_reply(wanted, offers, 0.0) if offers[0].mechanism.is_truthful else None
        # A buyer without a bid gets no profile, so it cannot see what it could win: it enters with its full reply.
        enters = need.budget > 0.0 and not any(offer.standing.quantity for offer in offers)
        if enters or not _has_nothing_to_gain(wanted, standing, best, epsilon):
            targets, gain = self._reply(wanted, offers, standing, best, epsilon)
            times = min(SHRINK, self.epsilon_start / self._level) if self._level > 0.0 else 1.0
            if best and gain > SHIFT * epsilon and times > 1.0:
                # With the small ε of a market at rest, prices that fell far would be climbed in tiny steps.
                coarse, gained = self._reply(wanted, offers, standing, best, times * epsilon)
                if gained > times * epsilon:
                    self._level *= times
                    targets, gain = coarse, gained
            if gain > epsilon or enters:
                self._moved_on(now, offers)
                return Decision(targets)
        return self._rest(now, need, offers, standing)

    @property
    def _is_restless(self) -> bool:
        return self._moves_at_level > FEW_MOVES

    def _epsilon(self, need: Need, offers: Sequence[Offer]) -> float:
        """ε at present, money."""
        if not self.is_relative:
            return self._level
        theta = need.whole or need.valuation
        if self._unit is None or self._unit[0] is not theta:
            self._unit = theta, surplus(theta, min(offer.asked for offer in offers))
        return self._level * self._unit[1]

    def _held_before(self, need: Need, offers: Sequence[Offer]) -> bool:
        """Whether it held at the same ε, with the same need, on the very same offers: then it does so again."""
        if self._held is None:
            return False
        before, known, level = self._held
        return (
            level == self._level
            and len(offers) == len(known)
            and all(map(is_, offers, known))
            and need.valuation is before.valuation
            and need.budget == before.budget
        )

    def _rest(self, now: float, need: Need, offers: Sequence[Offer], standing: Prospect) -> Decision:
        """Hold; after a quiet spell at the smallest ε, bid for more money if that may pay, or free a raised reserve."""
        if self._level <= self._least:
            may_rise, kept = self._pace.may_rise(need, standing), _but_idle(offers, standing)
            if may_rise or kept:
                if not self._is_quiet(now):
                    return Decision(None, reconsider=True)
                self._quiet_since = now
                if kept and not may_rise:
                    return Decision(self._targets(self._pace.need(need), offers, kept, self._epsilon(need, offers)))
                self._pace.rise(need, standing)
                return Decision(None, reconsider=True)
        self._held = need, tuple(offers), self._level
        return self._hold(now)

    def _hold(self, now: float) -> Decision:
        is_last = self._level <= self._least  # else there may be a move yet that is worth the next ε
        if not is_last and self._is_quiet(now):
            self._level = max(self._least, self._level / SHRINK)
            self._quiet_since, self._moves_at_level = now, 0
        return Decision(None, reconsider=not is_last)

    def _is_quiet(self, now: float) -> bool:
        return now - self._quiet_since > QUIET_THINK_TIMES * self._think_s

    def _moved_on(self, now: float, offers: Sequence[Offer]) -> None:
        self._quiet_since = now
        self._moves += 1
        self._moves_at_level += 1
        if self._moves % RESTLESS == 0 and not offers[0].mechanism.is_truthful:
            # Best replies may chase each other for ever here, so it asks for more of a move.
            self._least *= 2.0
            self._level = max(self._level, self._least)

    def _reply(
        self, need: Need, offers: Sequence[Offer], standing: Prospect, best: Reply | None, epsilon: float
    ) -> tuple[Sequence[Target], float]:
        """The shortest of a few steps to the reply that gains more than ε, else the longest tried; and its gain, money.

        ``best`` is the reply with ε = 0 in a truthful mechanism.
        """
        reply, now = best_reply(need, offers, STEP * epsilon), standing.utility(need)
        for share in self._shares(need, offers, standing, reply, epsilon):
            targets, gain = self._step(need, offers, standing, reply, share, epsilon)
            if gain > epsilon:
                return targets, gain
        left = LEFT if self._is_restless else LEFT_AT_FIRST
        if (best or reply).utility - now > left * epsilon:
            # Less is forgone, and no part of the way left out: this gains more than ε if all that it asks for is given.
            whole = best_reply(need, offers, (left - 1.0) * epsilon)
            return max((targets, gain), self._step(need, offers, standing, whole, 1.0, epsilon), key=lambda one: one[1])
        return targets, gain

    def _shares(
        self, need: Need, offers: Sequence[Offer], standing: Prospect, reply: Reply, epsilon: float
    ) -> Iterator[float]:
        """Shares of the way to the reply, ascending."""
        asked = sum(target.quantity for target in standing.targets)
        if asked <= 0.0:
            yield 1.0
            return
        at_reserve = sum(quantity * offer.reserve for quantity, offer in zip(reply.quantity, offers, strict=True))
        takes_from_nobody = reply.cost <= (1.0 + ROUNDING) * at_reserve
        share = 1.0 if takes_from_nobody and not self._is_restless else self.damping
        rise = share * (sum(reply.quantity) - asked)
        if rise > 0.0 and epsilon > 0.0:  # an ε of nothing would make the first step one of nothing
            careful = _careful(need.valuation, asked, rise, DISPLACED * epsilon)
            if careful < rise:
                yield careful / rise * share
        yield share

    def _step(
        self,
        need: Need,
        offers: Sequence[Offer],
        standing: Prospect,
        reply: Reply,
        share: float,
        epsilon: float,
    ) -> tuple[Sequence[Target], float]:
        """A share of the way to the reply, in all at most the reply; and what that gains, money."""
        mixed = [
            (1.0 - share) * old.quantity + share * new
            for old, new in zip(standing.targets, reply.quantity, strict=True)
        ]
        before, most = sum(mixed), sum(reply.quantity)
        scale = most / before if before > most else 1.0
        targets = self._targets(need, offers, [scale * quantity for quantity in mixed], epsilon)
        reached = affordable(need, offers, targets)
        return reached.targets, reached.utility(need) - standing.utility(need)

    def _targets(self, need: Need, offers: Sequence[Offer], quantity: Sequence[float], epsilon: float) -> list[Target]:
        """Bids for these MB and everywhere at least for its presence, at the price that the last MB of all is worth.

        Where a bidder pays its own price, at what it has to beat and a little more, if that is less.
        """
        share = self.presence * need.valuation.demand_mb / len(offers)
        least = [min(share, PRESENCE * SLIVER * offer.whole) for offer in offers]
        wanted, present = sum(quantity), sum(least)
        if 0.0 < wanted < present / PRESENT_OF_WANTED:
            least = [PRESENT_OF_WANTED * wanted / present * amount for amount in least]
        total = wanted or present
        worth = need.valuation.marginal(total)
        clearance = STEP * epsilon / total if total > 0.0 else 0.0
        return [
            Target(amount, offer.mechanism.bid_price(offer.staircase, amount, worth, clearance))
            for offer, amount in zip(offers, with_presence(quantity, total, least), strict=True)
        ]


def surplus(valuation: Valuation, price: float) -> float:
    """What a buyer gains at most where everything costs so much per MB, money; θ of all it wants if that is nothing."""
    amount = valuation.demand(price)
    gain = valuation.value(amount) - price * amount
    return gain if gain > 0.0 else valuation.value(valuation.demand_mb)


def with_presence(quantity: Sequence[float], total: float, least: Sequence[float]) -> list[float]:
    """MB at each seller, in all ``total`` and nowhere less than the least, all of which must fit into it.

    What lifts the small quantities is taken from the others, in proportion to what they have above the least.
    """
    above = [max(0.0, amount - low) for amount, low in zip(quantity, least, strict=True)]
    room, spare = sum(above), max(0.0, total - sum(least))
    share = spare / room if room > 0.0 else 0.0
    return [low + share * amount for low, amount in zip(least, above, strict=True)]


def _has_nothing_to_gain(need: Need, standing: Prospect, best: Reply | None, epsilon: float) -> bool:
    """Whether no bids at all would gain more than ε: the truthful reply with ε = 0, if affordable, is a best one.

    That is so nearly whenever a buyer holds, and takes half as long to see as what it would bid.
    """
    if best is None or best.cost >= need.budget:
        return False
    return best.utility - standing.utility(need) <= epsilon - ROUNDING * best.utility


def _but_idle(offers: Sequence[Offer], standing: Prospect) -> list[float] | None:
    """MB of the standing bids, but 0 where one gets nothing and may raise the reserve of others; None if none does."""
    is_idle = [
        amount <= 0.0 and offer.asked > offer.reserve and not offer.is_presence
        for offer, amount in zip(offers, standing.amounts, strict=True)
    ]
    if not any(is_idle):
        return None
    return [0.0 if idle else offer.standing.quantity for idle, offer in zip(is_idle, offers, strict=True)]


def _careful(theta: Valuation, asked: float, rise: float, displaced: float) -> float:
    """How many MB more, at most ``rise``, to ask for, so that ∫θ' over them less the new θ' for all is at most so much.

    That is what they displace beyond the margin if others value theirs alike.
    """
    worth = theta.value(asked)

    def exceeds(more: float) -> bool:
        return theta.value(asked + more) - worth - theta.marginal(asked + more) * more > displaced

    if not exceeds(rise):
        return rise
    low, high = 0.0, rise
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if exceeds(middle) else (middle, high)
    return low
