"""What cannot be expected of an exchange, and what to change: for ``bidswarm check``, and for a run that is over."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import NamedTuple

from node.protocol.psp.timing import PATIENT_QUIET_PERIODS
from node.strategy.psp.adaptive import LEAST_THINK_TIME
from scenarios.files.own import kind_of_table
from scenarios.markets.psp.market import BuyerSpec, Market, theta
from scenarios.markets.psp.schema import AdaptiveStrategy, BestReplyStrategy, OptOutStrategy
from scenarios.results.lines import some
from scenarios.results.outcome import Status
from scenarios.words import counted

COARSE, FINE = 0.02, 1e-4
"""Shares of what all that a buyer wants is worth to it. A market of 24 elastic buyers loses 0.2 % of its gains from
trade with an ε of 1 %, 0.5 % with 2 %, 1 % with 10 %; with 0.15 %, about the default, it loses 0.02 %, and half of the
buyers move four times at most; with 0.007 % some 17 times."""

QUIET_THINK_TIMES = 3.0
"""Mean think times of an ``adaptive`` buyer that a quiet period must last: five are enough, two are too few
(docs/decisions/0004-strategies.md)."""

_SHARE = "strategy.epsilon_end_share"

NAMED = 3
"""Buyers that a sentence names; it counts the others."""


class Advice(NamedTuple):
    """What to expect and what to change, and whether that is about coming to rest, not about where."""

    text: str
    is_about_rest: bool


class _LastEpsilon(NamedTuple):
    """What a move of a buyer must gain at last, by which key, and what its ``value`` is to be small beside."""

    buyer: BuyerSpec
    key: str
    value: float
    scale: float


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
        for rule in (_chasing, _opted_out, _pay_as_bid, _hasty, _out_of_scale):
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
            f"{counted(late_moves[most.name], 'time')}."
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
    """A last ε that does not fit what the market is about."""
    worth = fmean(theta(one).value(theta(one).demand_mb) for one in market.buyers)
    found = (_last_epsilon(one, worth) for one in market.buyers)
    for key, of_key in groupby(sorted((one for one in found if one), key=_key), key=_key):
        last = list(of_key)
        scale = last[0].scale
        beside = f"where all that a buyer wants is worth {worth:.3g} on average"
        if key == _SHARE:
            beside = "as a share of what all that a buyer wants is worth to it"
        if coarse := [one for one in last if one.value > COARSE * scale]:
            yield Advice(
                f"{_named([one.buyer for one in coarse])} will come to rest far from the optimum: {key} = "
                f"{coarse[0].value:g} is much {beside}. Lower it to {0.1 * COARSE * scale:.1g}.",
                is_about_rest=False,
            )
        if fine := [one for one in last if one.value < FINE * scale]:
            yield Advice(
                f"{_named([one.buyer for one in fine])} may take very long to come to rest: {key} = "
                f"{fine[0].value:g} is little {beside}. Raise it to {10.0 * FINE * scale:.1g}.",
                is_about_rest=True,
            )


def _key(last: _LastEpsilon) -> str:
    return last.key


def _last_epsilon(buyer: BuyerSpec, worth: float) -> _LastEpsilon | None:
    """What a move must gain at last; None where no key says it. All that a buyer wants is ``worth`` so much, money."""
    match buyer.strategy:
        case AdaptiveStrategy(unit="share") as strategy:
            return _LastEpsilon(buyer, _SHARE, strategy.epsilon[1], 1.0)
        case AdaptiveStrategy() as strategy:
            return _LastEpsilon(buyer, "strategy.epsilon_end_money", strategy.epsilon[1], worth)
        case BestReplyStrategy(epsilon_fee_money=epsilon):
            return _LastEpsilon(buyer, "strategy.epsilon_fee_money", epsilon, worth)
    return None


def _least_quiet_s(buyer: BuyerSpec, participants: int, round_trip_s: float) -> float:
    """The shortest quiet period that leaves it time to think; 0 of strategies of one's own, which may do anything."""
    match buyer.strategy:
        case AdaptiveStrategy(crowd=crowd):
            return QUIET_THINK_TIMES * max(LEAST_THINK_TIME, crowd * participants) * round_trip_s
        case OptOutStrategy(think_s=longest_s) | BestReplyStrategy(think_max_s=longest_s):
            return longest_s / PATIENT_QUIET_PERIODS
    return 0.0


def _kind(buyer: BuyerSpec) -> str:
    return kind_of_table(buyer.strategy)


def _is_elastic(buyer: BuyerSpec) -> bool:
    """Whether a further MB is worth less than the first."""
    valuation = theta(buyer)
    return valuation.marginal(valuation.demand_mb) < valuation.marginal(0.0)


def _named(buyers: Sequence[BuyerSpec]) -> str:
    """The first names, and how many more there are."""
    return some([one.name for one in buyers], NAMED)
