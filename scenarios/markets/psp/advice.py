"""What cannot be expected of an exchange, and what to change: for ``bidswarm check``, and for a run that is over."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import NamedTuple

from node.protocol.psp.timing import LONGEST_WAIT
from node.strategy.psp.adaptive import LEAST_THINK_TIME
from scenarios.files.own import kind_of_table
from scenarios.markets.psp.market import BuyerSpec, Market, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, BestReplyStrategy, OptOutStrategy
from scenarios.results.outcome import Status

COARSE, FINE = 0.02, 1e-4
"""Shares of what all that a buyer wants is worth to it. A market of 24 elastic buyers loses 0.1 % of its welfare with
an ε of 1 %, 0.4 % with 4 %, 1 % with 10 %; with an ε of 0.007 % half of its buyers move more than 20 times."""

QUIET_THINK_TIMES = 3.0
"""Mean think times of an ``adaptive`` buyer that a quiet period must last: five are enough, two are too few
(docs/decisions/0004-strategies.md)."""

NAMED = 3
"""Buyers that a sentence names; it counts the others."""


class Advice(NamedTuple):
    """What to expect and what to change, and whether that is about coming to rest, not about where."""

    text: str
    is_about_rest: bool


def advise(market: Market, limit_s: float) -> list[str]:
    """What cannot be expected of a market that is given ``limit_s`` seconds, and what to change."""
    return [one.text for one in _expected(market, limit_s)]


def advise_after(market: Market, status: Status, duration_s: float, late_moves: Mapping[str, int]) -> list[str]:
    """The same of a run that is over, and who had not come to rest; nothing about rest if it settled.

    Parameters
    ----------
    late_moves
        How often each buyer moved in the last part of the run, by name.
    """
    expected = list(_expected(market, duration_s))
    if status == "settled":
        return [one.text for one in expected if not one.is_about_rest]
    if status != "timeout":
        return []
    is_explained = any(one.is_about_rest for one in expected)
    return [*_restless(market, late_moves, is_explained=is_explained), *(one.text for one in expected)]


def _expected(market: Market, limit_s: float) -> Iterator[Advice]:
    if market.buyers:
        yield from _too_short(market, limit_s)
        for rule in (_chasing, _opted_out, _pay_as_bid, _highest_losing, _hasty, _out_of_scale):
            yield from rule(market)


def _restless(market: Market, late_moves: Mapping[str, int], *, is_explained: bool) -> Iterator[str]:
    """Who moved last, by strategy; what to change, unless the cause is known."""
    moved = [one for one in market.buyers if one.name in late_moves]
    for kind, of_kind in groupby(sorted(moved, key=_kind), key=_kind):
        buyers = list(of_kind)
        most = max(buyers, key=lambda one: late_moves[one.name])
        yield (
            f"{len(buyers)} of {sum(_kind(one) == kind for one in market.buyers)} buyers with strategy.kind = {kind!r} "
            f"still moved in the last fifth of the run: {_named(buyers)}; most often {most.name}, "
            f"{late_moves[most.name]} times."
        )
    limited = [one for one in moved if one.budget_money is not None]
    if limited:
        yield f"Budgets may keep {_named(limited)} from coming to rest: raise budget_money, or give the run more time."
    elif moved and not is_explained:
        yield "Give the run more time (timeout_s, or --timeout), or these buyers a larger last ε."
    elif not is_explained:
        yield "Nobody moved in the last fifth of the run: give it more time (timeout_s, or --timeout)."


def _too_short(market: Market, limit_s: float) -> Iterator[Advice]:
    """Even a market in which nobody moves takes so long."""
    least_s = market.timing.open_at_least_s + market.timing.quiet_period_s
    if limit_s <= least_s:
        yield Advice(
            f"No auction closes in less than {least_s:.6g} s: raise timeout_s (or --timeout) well above that, or lower "
            "auction.quiet_period_s.",
            is_about_rest=True,
        )


def _chasing(market: Market) -> Iterator[Advice]:
    """Buyers that reply at the same time all go to the seller that was cheapest (docs/decisions/0004-strategies.md)."""
    buyers = [one for one in market.buyers if isinstance(one.strategy, BestReplyStrategy) and len(one.pool) > 1]
    if buyers:
        yield Advice(
            f"{_named(buyers)} with strategy.kind = 'best-reply' need not come to rest, since they have several "
            "sellers: best replies chase each other from one to the next. Use strategy.kind = 'adaptive', or give each "
            "of them one seller.",
            is_about_rest=True,
        )


def _opted_out(market: Market) -> Iterator[Advice]:
    """To have more is all that an opt-out buyer aims at, which is too little where it pays to have less."""
    buyers = [one for one in market.buyers if isinstance(one.strategy, OptOutStrategy) and _is_elastic(one)]
    if buyers:
        yield Advice(
            f"{_named(buyers)} with strategy.kind = 'opt-out' will keep the market away from its optimum: to them a "
            "further MB is worth less than the one before, and they move only to get more. Use strategy.kind = "
            "'adaptive', or valuation.kind = 'flat'.",
            is_about_rest=False,
        )


def _pay_as_bid(market: Market) -> Iterator[Advice]:
    if market.auction.mechanism == "pay-as-bid":
        yield Advice(
            "With auction.mechanism = 'pay-as-bid' there may be no equilibrium: buyers may outbid each other without "
            "end, and where they come to rest one may still gain much. Use auction.mechanism = 'psp'.",
            is_about_rest=True,
        )


def _highest_losing(market: Market) -> Iterator[Advice]:
    buyers = [one for one in market.buyers if _is_elastic(one) and len(one.pool) > 1]
    if market.auction.reserve_rule == "highest-losing" and buyers:
        yield Advice(
            f"With auction.reserve_rule = 'highest-losing' {_named(buyers)} may not come to rest: each of their bids "
            "can move a reserve that others answer. Use auction.reserve_rule = 'fixed'.",
            is_about_rest=True,
        )


def _hasty(market: Market) -> Iterator[Advice]:
    """An auction waits a limited number of quiet periods for those who are still thinking."""
    bidders = Counter(seller for one in market.buyers for seller in one.pool)
    quiet_s, clearing_s = market.timing.quiet_period_s, market.timing.clearing_interval_s
    busiest = {one.name: max(bidders[seller] for seller in one.pool) for one in market.buyers}
    least_s = {one.name: _least_quiet_s(one, busiest[one.name], clearing_s) for one in market.buyers}
    buyers = [one for one in market.buyers if least_s[one.name] > quiet_s]
    if buyers:
        yield Advice(
            f"Auctions may close while {_named(buyers)} still think: auction.quiet_period_s = {quiet_s:.6g} is short "
            f"for that. Set it to {2.0 * max(least_s.values()):.2g}.",
            is_about_rest=False,
        )


def _out_of_scale(market: Market) -> Iterator[Advice]:
    """An ε in money that does not fit what the market is about."""
    worth = fmean(theta(one).value(theta(one).demand_mb) for one in market.buyers)
    scale = f"all that a buyer wants is worth {worth:.3g} on average"
    epsilons = [(one, *found) for one in market.buyers if (found := _last_epsilon(one))]
    coarse = [found for found in epsilons if found[2] > COARSE * worth]
    if coarse:
        yield Advice(
            f"{_named([one for one, _, _ in coarse])} will come to rest far from the optimum: {coarse[0][1]} = "
            f"{coarse[0][2]:g} is much where {scale}. Lower it to {0.1 * COARSE * worth:.1g}.",
            is_about_rest=False,
        )
    fine = [found for found in epsilons if found[2] < FINE * worth]
    if fine:
        yield Advice(
            f"{_named([one for one, _, _ in fine])} may take very long to come to rest: {fine[0][1]} = "
            f"{fine[0][2]:g} is little where {scale}. Raise it to {10.0 * FINE * worth:.1g}.",
            is_about_rest=True,
        )


def _last_epsilon(buyer: BuyerSpec) -> tuple[str, float] | None:
    """What a move must gain at last, and its key; None where no key gives it in money."""
    keys = {AdaptiveStrategy: "epsilon_end_money", BestReplyStrategy: "epsilon_fee_money"}
    key = keys.get(type(buyer.strategy), "")
    epsilon = getattr(buyer.strategy, key, None)
    return None if epsilon is None else (f"strategy.{key}", epsilon)


def _least_quiet_s(buyer: BuyerSpec, participants: int, round_trip_s: float) -> float:
    """The shortest quiet period that leaves it time to think; 0 of strategies of one's own, which may do anything."""
    match buyer.strategy:
        case AdaptiveStrategy(crowd=crowd):
            return QUIET_THINK_TIMES * max(LEAST_THINK_TIME, crowd * participants) * round_trip_s
        case OptOutStrategy(think_s=longest_s) | BestReplyStrategy(think_max_s=longest_s):
            return longest_s / LONGEST_WAIT
    return 0.0


def _kind(buyer: BuyerSpec) -> str:
    return kind_of_table(buyer.strategy)


def _is_elastic(buyer: BuyerSpec) -> bool:
    """Whether a further MB is worth less than the first."""
    valuation = theta(buyer)
    return valuation.marginal(valuation.demand_mb) < valuation.marginal(0.0)


def _named(buyers: Sequence[BuyerSpec]) -> str:
    """The first names, and how many more there are."""
    more = len(buyers) - NAMED
    return ", ".join(one.name for one in buyers[:NAMED]) + (f" and {more} more" if more > 0 else "")
