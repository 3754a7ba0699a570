"""Whether buyers that learn reach the equilibrium of a PSP, and in how many auctions; each clearing counts as one."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.welfare import StandingBids, epsilon_gaps
from node.rounds.play import ROUNDS_PER_SURVEY, Play
from node.runtime.streams import stream
from node.strategy.psp.adaptive import surplus
from node.strategy.psp.learners import EXPLORATION, Exp3, RegretMatching, action_of, payoff, payoffs
from node.strategy.psp.policy import LEVELS, Sight, Units
from scenarios.files.tables import Uniform
from scenarios.learning.rounds import ArrayWorld
from scenarios.markets.psp.array import play_of
from scenarios.markets.psp.live import optimum_of
from scenarios.markets.psp.market import Market, draw, edges, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, Buyers, ParabolicValuation, Scenario, Sellers

Bidders = Literal["adaptive", "regret-matching", "exp3"]

RESERVE = 0.5
SUPPLY_EACH_MB = 30.0
"""Of each buyer, about half of what it wants."""

LOOKS = 150
"""Auctions of a play whose bids are looked at, ever fewer of them."""

NEAR = 0.01
"""Bids are next to an equilibrium where best replies would gain no more than this, on average over the buyers: a share
of the most that each could gain, at the reserve. ``adaptive`` rests at 0.0013."""

STAYS = 0.9
"""Share of the later looks at which bids must be next to an equilibrium for it to count as reached."""

EXPLOITS = 5
"""Auctions, of a copy of the market, in which learners bid their favourite arms only: so many that each sees the others
do so. The bids of the last one are what they have learned."""

ADAPTIVE_ROUNDS = 500
"""More than ``adaptive`` needs in any of these markets."""

SHORTER = 5
"""Regret matching plays so many times fewer auctions than Exp3, which learns from what it has bid alone."""


class Size(NamedTuple):
    """Buyers, sellers, and sellers in each pool."""

    buyers: int
    sellers: int
    each: int

    def __str__(self) -> str:
        of = "one seller" if self.sellers == 1 else f"{self.each} of {self.sellers} sellers each"
        return f"{self.buyers} buyers, {of}"


SIZES = Size(5, 1, 1), Size(20, 1, 1), Size(20, 4, 2)


class Job(NamedTuple):
    """One play: who bids, whether all buyers or the first among adaptive ones, in the market of which seed."""

    size: Size
    bidders: Bidders
    is_alone: bool
    auctions: int
    seed: int


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What a play came to, at the auctions that were looked at.

    Attributes
    ----------
    market, bidders, is_alone, seed
        As in ``Job``.
    auctions
        Which ones were looked at.
    gap
        What a best reply to the bids as played would gain the learners, on average, as a share of the most that each
        could gain.
    learned_gap
        The same where learners bid what they have learned, and explore no more; of ``adaptive``, the gap.
    regret
        What always the best of their bids would have brought the learners more, on average over them and over all
        auctions so far, as a share of the most that each could gain; nothing of ``adaptive``.
    regret_bound
        The most that their theorems allow, in the same unit; nothing of ``adaptive``.
    efficiency
        Welfare of the bids as played, as a share of the optimum.
    earned
        The utility of the first buyer in the last half of the looks, money.
    reached
        The first auction from which on what they have learned stays next to an equilibrium; None if it does not. Bids
        as played would not tell: in most auctions of a crowd in which each explores a tenth of the time, somebody does.
    """

    market: str
    bidders: Bidders
    is_alone: bool
    seed: int
    auctions: list[int]
    gap: list[float]
    learned_gap: list[float]
    regret: list[float]
    regret_bound: list[float]
    efficiency: list[float]
    earned: float
    reached: int | None


def scenario_of(size: Size) -> Scenario:
    """A market with supply for about half of the demand."""
    valuation = ParabolicValuation(
        demand_mb=Uniform(low=20.0, high=100.0), choke_price_per_mb=Uniform(low=5.0, high=20.0)
    )
    supply = SUPPLY_EACH_MB * size.buyers / size.sellers
    return Scenario(
        name="learners",
        timeout_s=60.0,
        sellers=[Sellers(name="seller", count=size.sellers, supply_mb=supply, reserve_price_per_mb=RESERVE)],
        buyers=[
            Buyers(
                name="buyer",
                count=size.buyers,
                sellers_each=size.each,
                valuation=valuation,
                strategy=AdaptiveStrategy(),
            )
        ],
    )


def jobs(seeds: int, auctions: int) -> Iterator[Job]:
    """All plays of the study, the longest first."""
    kinds: tuple[tuple[Bidders, int], ...] = (
        ("exp3", auctions),
        ("regret-matching", max(1, auctions // SHORTER)),
        ("adaptive", ADAPTIVE_ROUNDS),
    )
    for bidders, count in kinds:
        for size in reversed(SIZES):
            for is_alone in (False, True) if bidders != "adaptive" else (False,):
                yield from (Job(size, bidders, is_alone, count, seed) for seed in range(seeds))


def played(job: Job) -> Course:
    """One play."""
    market = draw(scenario_of(job.size), job.seed)
    referee = _Referee(market, [0] if job.is_alone else range(job.size.buyers))
    at = sorted(looks(job.auctions))
    tally = _Tally(job, referee.most)
    seen = [
        (*referee.figures(play), referee.gap(learned), *tally.regret())
        for play, learned in _plays(job, market, at, tally)
    ]
    gap, efficiency, utility, learned_gap, regret, bound = np.array(seen).T
    has_learners = job.bidders != "adaptive"
    return Course(
        market=str(job.size),
        bidders=job.bidders,
        is_alone=job.is_alone,
        seed=job.seed,
        auctions=at,
        gap=gap.tolist(),
        learned_gap=learned_gap.tolist(),
        regret=regret.tolist() if has_learners else [],
        regret_bound=bound.tolist() if has_learners else [],
        efficiency=efficiency.tolist(),
        earned=float(utility[utility.size // 2 :].mean()),
        reached=reached(at, learned_gap),
    )


def looks(auctions: int) -> set[int]:
    """Which auctions are looked at: as many early ones as late ones, on a logarithmic scale."""
    return set(np.unique(np.geomspace(1, auctions, LOOKS).round().astype(int)).tolist())


def reached(auctions: Sequence[int], gap: FloatArray) -> int | None:
    """The first look after which bids are next to an equilibrium at nearly all looks, of which a tenth must be left."""
    is_near = gap <= NEAR
    later = np.cumsum(is_near[::-1])[::-1] / np.arange(gap.size, 0, -1)
    holds = (later >= STAYS) & is_near
    first = int(holds.argmax())
    return auctions[first] if holds[first] and first <= STAYS * gap.size else None


class _Tally:
    """What the arms would have brought each learner so far, and what its bids did; shares of its money."""

    def __init__(self, job: Job, most: FloatArray) -> None:
        count = 1 if job.is_alone else job.size.buyers
        self._is_exp3, self._most = job.bidders == "exp3", most[:count]
        self._arms, self._own, self._auctions = np.zeros((count, LEVELS)), np.zeros(count), 0

    def add(self, seen: Iterable[FloatArray]) -> None:
        """Take in an auction, from what each learner sees after it."""
        self._auctions += 1
        for k, sight in enumerate(map(Sight.of, seen)):
            self._arms[k] += payoffs(sight)
            self._own[k] += payoff(sight)

    def regret(self) -> tuple[float, float]:
        """Regret per auction, and its bound, as shares of the most; means over the learners.

        The bounds: Theorem 3.1 of Auer et al. for Exp3; for regret matching Blackwell's theorem, since payoffs of
        parabolic valuations are from 0 to half of the money.
        """
        if not self._auctions:
            return 0.0, 0.0
        best = self._arms.max(axis=1)
        if self._is_exp3:
            bound = (math.e - 1.0) * EXPLORATION * best + LEVELS * math.log(LEVELS) / EXPLORATION
        else:
            bound = np.full(best.size, 0.5 * math.sqrt(LEVELS * self._auctions))
        of_most = self._auctions * self._most
        return float(((best - self._own) / of_most).mean()), float((bound / of_most).mean())


def _plays(job: Job, market: Market, at: Sequence[int], tally: _Tally) -> Iterator[tuple[Play, Play]]:
    """The market after each auction that is looked at, and what it would be if learners bid what they have learned."""
    if job.bidders == "adaptive":
        yield from ((play, play) for k, play in enumerate(_adaptive(market, job.auctions), 1) if k in at)
        return
    names = [buyer.name for buyer in market.buyers[: 1 if job.is_alone else None]]
    world = ArrayWorld(market, names, job.size.each, market.auction.clearing_interval_s)
    kind = Exp3 if job.bidders == "exp3" else RegretMatching
    policies = {name: kind(stream(market.seed, name, "learning")) for name in names}
    for k in range(1, job.auctions + 1):
        seen = world.observe()
        world.step({name: policy.act(seen[name]) for name, policy in policies.items()})
        tally.add(world.observe().values())
        if k in at:
            yield world.play, _learned(world, policies)


def _learned(world: ArrayWorld, policies: Mapping[str, Exp3 | RegretMatching]) -> Play:
    """The market after some auctions in which learners explore no more."""
    copy = deepcopy(world)
    for _ in range(EXPLOITS):
        seen = copy.observe()
        copy.step({name: action_of(Sight.of(seen[name]), one.favourite) for name, one in policies.items()})
    return copy.play


def _adaptive(market: Market, rounds: int) -> Iterator[Play]:
    play, random = play_of(market, np.array([], dtype=np.intp)), stream(market.seed, "array", "rounds")
    for k in range(rounds):
        if k % ROUNDS_PER_SURVEY == 0:
            play.survey()
        play.round(random)
        yield play


class _Referee:
    """Looks at the bids of a market; the gap is that of the buyers named by index.

    Attributes
    ----------
    most
        The most that each buyer could gain, at the reserve, as a share of its money.
    """

    def __init__(self, market: Market, learners: Sequence[int]) -> None:
        self._thetas = [theta(buyer) for buyer in market.buyers]
        self._learners, self._edges = list(learners), edges(market)
        self._supply = [seller.supply_mb for seller in market.sellers]
        self._reserve = [seller.reserve_price_per_mb for seller in market.sellers]
        self._most = np.array([surplus(one, RESERVE) for one in self._thetas])
        self.most = self._most / [Units.of(one).money for one in self._thetas]
        self._optimum = optimum_of(market).welfare

    def figures(self, play: Play) -> tuple[float, float, float]:
        """Gap, efficiency, and the utility of the first buyer."""
        books, (buyer, seller) = play.books, self._edges
        quantity, price = books.quantity[play.place], books.bid_price[play.place]
        got = np.bincount(buyer, weights=books.allocation(quantity, price, seller), minlength=len(self._thetas))
        worth = [one.value(amount) for one, amount in zip(self._thetas, got.tolist(), strict=True)]
        charge = play.standing().charge[0].sum()
        return self.gap(play), sum(worth) / self._optimum, worth[0] - float(charge)

    def gap(self, play: Play) -> float:
        """What best replies would gain the learners."""
        books, (buyer, seller) = play.books, self._edges
        bids = StandingBids(buyer, seller, books.quantity[play.place], books.bid_price[play.place])
        budgets = np.full(len(self._thetas), np.inf)
        gaps = epsilon_gaps(self._thetas, budgets, self._supply, self._reserve, bids, self._edges) / self._most
        return float(gaps[self._learners].mean())
