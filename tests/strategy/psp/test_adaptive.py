import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp.residual import SLIVER
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Flat, Parabolic, Remainder, Valuation
from node.strategy.psp.adaptive import (
    BACK_OFF,
    DISPLACED,
    FEW_MOVES,
    LEFT,
    LEFT_AT_FIRST,
    MOST_BACK_OFFS,
    PRESENCE,
    QUIET_THINK_TIMES,
    SHIFT,
    SHRINK,
    STEP,
    AdaptiveBestReply,
    _careful,
    surplus,
    with_presence,
)
from node.strategy.psp.offer import Need, Offer, Prospect, Target, best_reply, prospect
from node.strategy.psp.pace import BURSTS
from tests.mechanism.valuation.valuations import valuations
from tests.strategy.psp.offers import ELASTIC, Scripted, need_of, offer, prices, quantities

NEED = need_of(ELASTIC)
BEST = offer(200, reserve=5, standing=(75, 5))
"""An offer at which the buyer's standing bid is its best reply."""


def adaptive(
    epsilon_start: float = 32.0, epsilon_end: float = 0.5, *, level: float | None = None, **settings: float
) -> AdaptiveBestReply:
    """A buyer whose ε is at ``level`` already, if that is given."""
    strategy = AdaptiveBestReply(epsilon_start, epsilon_end, **settings)
    if level is not None:
        strategy._level = level
    return strategy


def mean_think_time(strategy: AdaptiveBestReply, participants: int = 10) -> float:
    return strategy.think_time(participants, 1.0, Scripted(0.5))


def moved(strategy: AdaptiveBestReply, now: float, times: int) -> None:
    for _ in range(times):
        assert strategy.decide(now, NEED, [offer(200, reserve=5)]).targets is not None


# ε-scaling


def test_epsilon_shrinks_after_quiet_spell() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    strategy.decide(1.01 * quiet, NEED, [BEST])
    assert strategy._level == 32.0 / SHRINK


def test_epsilon_does_not_shrink_before_quiet_spell_is_over() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    strategy.decide(0.99 * quiet, NEED, [BEST])
    assert strategy._level == 32.0


def test_own_move_starts_quiet_spell_anew() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    moved(strategy, 0.9 * quiet, 1)
    strategy.decide(1.8 * quiet, NEED, [BEST])
    assert strategy._level == 32.0


def test_each_quiet_spell_shrinks_epsilon_once_down_to_smallest() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    levels = []
    for spell in range(1, 6):
        for now in (1.01 * spell * quiet, 1.02 * spell * quiet):
            strategy.decide(now, NEED, [BEST])
        levels.append(strategy._level)
    assert levels == [8.0, 2.0, 0.5, 0.5, 0.5]


def test_asks_to_reconsider_until_it_holds_at_the_smallest_epsilon() -> None:
    strategy = adaptive(epsilon_start=2.0, epsilon_end=0.5)
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    asked = [strategy.decide(now, NEED, [BEST]).reconsider for now in (0.5 * quiet, 1.1 * quiet, 1.2 * quiet)]
    assert (asked, strategy._level) == ([True, True, False], 0.5)


def test_move_needs_no_reconsidering() -> None:
    assert not adaptive().decide(0.0, NEED, [offer(200)]).reconsider


def test_holds_where_move_gains_no_more_than_epsilon() -> None:
    nearly = offer(200, reserve=5, standing=(74, 5.2))
    assert adaptive(epsilon_start=0.2).decide(0.0, NEED, [nearly]).targets is None


def test_step_of_reply_is_a_multiple_of_epsilon() -> None:
    decision = adaptive(epsilon_start=40.0).decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [75.0 - STEP * 40.0 / 20.0]


# ε as a share


@given(valuations(), st.floats(0.0, 1.0))
def test_surplus_is_what_the_best_amount_gains_at_the_price(theta: Valuation, share: float) -> None:
    price, all_of_it = share * theta.marginal(0.0), theta.value(theta.demand_mb)
    gains = [theta.value(z) - price * z for z in (theta.demand_mb * k / 20 for k in range(21))]
    assert surplus(theta, price) >= max(gains) - 1e-9 * all_of_it
    assert 0.0 < surplus(theta, price) <= all_of_it


def test_surplus_of_who_finds_all_too_dear_is_what_all_is_worth() -> None:
    assert surplus(ELASTIC, 25.0) == ELASTIC.value(100.0)


def test_relative_epsilon_is_a_share_of_the_surplus_at_the_lowest_reserve_asked() -> None:
    strategy = AdaptiveBestReply(0.04, 0.04, is_relative=True)
    sellers = [offer(200, reserve=10), offer(200, reserve=2, asked=4)]
    assert strategy._epsilon(NEED, sellers) == 0.04 * surplus(ELASTIC, 4.0)


def test_relative_epsilon_stays_the_same_money_until_the_buyer_values_another_way() -> None:
    strategy = AdaptiveBestReply(0.04, 0.04, is_relative=True)
    first = strategy._epsilon(NEED, [offer(200, reserve=4)])
    served = Need(Remainder(ELASTIC, 60.0), math.inf, ELASTIC)
    assert strategy._epsilon(served, [offer(200, reserve=9)]) == first
    other = Parabolic(50.0, 20.0)
    assert strategy._epsilon(need_of(other), [offer(200, reserve=4)]) == 0.04 * surplus(other, 4.0)


def test_epsilon_in_money_is_that_money() -> None:
    assert adaptive(32.0)._epsilon(NEED, [BEST]) == 32.0


def up_to(most: float) -> st.SearchStrategy[float]:
    """Nothing, or so much that another unit makes no subnormal number of it, which would be rounded."""
    return st.one_of(st.just(0.0), st.floats(1e-9, most))


# Supply, opponents' MB and price, reserve, standing MB and price, as shares of demand and choke price.
asks = st.tuples(
    st.floats(0.1, 2.0),
    st.lists(st.tuples(st.floats(0.05, 1.0), up_to(1.2)), max_size=4),
    up_to(0.5),
    up_to(0.5),
    up_to(1.0),
)
markets = st.lists(asks, min_size=1, max_size=4)
Ask = tuple[float, list[tuple[float, float]], float, float, float]


def seen_by(theta: Valuation, market: Sequence[Ask], mb: float = 1.0, money: float = 1.0) -> list[Offer]:
    """The offers of a market in units of MB and money."""
    most, dearest = theta.demand_mb, theta.marginal(0.0)
    return [
        offer(
            mb * (most * supply),
            *((mb * (most * quantity), money / mb * (dearest * price)) for quantity, price in rivals),
            reserve=money / mb * (dearest * reserve),
            standing=(mb * (most * standing), money / mb * (dearest * bid)) if standing else None,
        )
        for supply, rivals, reserve, standing, bid in market
    ]


@given(
    st.floats(1.0, 100.0),
    st.floats(0.5, 20.0),
    st.sampled_from([Parabolic, Flat]),
    markets,
    st.sampled_from([0.1, 0.0015]),
    st.floats(0.01, 2.0),
    st.integers(-12, 12),
    st.integers(-12, 12),
)
def test_units_of_money_and_mb_change_no_decision(
    demand: float, price: float, kind: type, market: list[Ask], level: float, thrift: float, mb_bits: int, bits: int
) -> None:
    """Bit for bit, since units that are powers of two round nothing."""
    mb, money = 2.0**mb_bits, 2.0**bits
    theta, scaled = kind(demand, price), kind(mb * demand, money / mb * price)
    budget = thrift * theta.value(demand)
    decisions = [
        AdaptiveBestReply(level, level, is_relative=True).decide(0.0, need_of(worth, money_left), offers)
        for worth, money_left, offers in (
            (theta, budget, seen_by(theta, market)),
            (scaled, money * budget, seen_by(theta, market, mb, money)),
        )
    ]
    plain, other = decisions
    assert other.reconsider == plain.reconsider
    if plain.targets is None:
        assert other.targets is None
    else:
        assert other.targets == [Target(mb * one.quantity, money / mb * one.price) for one in plain.targets]


# How far a move goes


@given(valuations(), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 0.5))
def test_careful_rise_displaces_little_beyond_the_margin(
    theta: Valuation, share: float, more: float, displaced_share: float
) -> None:
    asked = share * theta.demand_mb
    rise = more * (theta.demand_mb - asked)
    scale = theta.value(theta.demand_mb)
    displaced = displaced_share * scale

    def displaces(amount: float) -> float:
        """What others lose who value theirs alike, less what they are paid per MB at the new margin."""
        total = asked + amount
        return theta.value(total) - theta.value(asked) - theta.marginal(total) * amount

    careful = _careful(theta, asked, rise, displaced)
    assert 0.0 <= careful <= rise
    assert displaces(careful) <= displaced
    if careful < rise:
        assert displaces(careful + 1e-6 * rise) > displaced - 1e-9 * scale


RIVAL_AT_4 = offer(200, (150, 4), reserve=3, standing=(25, 15))
"""For more than 50 MB a rival must go: the best reply is 80 MB."""


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 20.0])
def test_first_try_displaces_a_share_of_epsilon(epsilon: float) -> None:
    # θ' falls by 0.2 per MB, so z MB more displace 0.1 z² beyond the margin.
    decision = adaptive(epsilon).decide(0.0, NEED, [RIVAL_AT_4])
    total = 25 + math.sqrt(DISPLACED * epsilon / 0.1)
    assert quantities(decision.targets) == pytest.approx([total])
    assert prices(decision.targets) == pytest.approx([ELASTIC.marginal(total)])


def test_longer_step_is_taken_where_the_first_gains_too_little() -> None:
    # The first of 1 MB gains 0.8 or so, and half of the way to the reply, 79.6 MB, much more than 2.
    seen = offer(200, (150, 4), reserve=3, standing=(70, 6))
    decision = adaptive(2.0).decide(0.0, NEED, [seen])
    assert quantities(decision.targets) == pytest.approx([0.5 * (70 + 80 - STEP * 2.0 / 20)])


def test_longer_step_goes_all_the_way_where_nobody_loses_by_it_and_the_buyer_is_not_restless() -> None:
    free = offer(200, reserve=4, standing=(70, 6))
    way = 80 - STEP * 2.0 / 20 - 70
    assert quantities(adaptive(2.0).decide(0.0, NEED, [free]).targets) == pytest.approx([70 + way])
    assert quantities(restless(2.0).decide(0.0, NEED, [free]).targets) == pytest.approx([70 + 0.5 * way])


def test_damping_is_share_of_the_way_that_takes_from_others() -> None:
    seen = offer(200, (150, 4), reserve=3, standing=(70, 6))
    decision = adaptive(2.0, damping=0.4).decide(0.0, NEED, [seen])
    assert quantities(decision.targets) == pytest.approx([70 + 0.4 * (10 - STEP * 2.0 / 20)])


@given(valuations(), markets, st.floats(0.0001, 0.1), st.integers(0, 5))
def test_shortest_step_that_gains_more_than_epsilon_is_taken(
    theta: Valuation, market: list[Ask], share: float, moves: int
) -> None:
    epsilon, need, seen = share * theta.value(theta.demand_mb), need_of(theta), seen_by(theta, market)
    strategy = adaptive(epsilon, epsilon)
    strategy._moves_at_level = moves
    standing = prospect(seen, [one.standing for one in seen])
    reply = best_reply(need, seen, STEP * epsilon)
    shares = list(strategy._shares(need, seen, standing, reply, epsilon))
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    steps = [strategy._step(need, seen, standing, reply, one, epsilon) for one in shares]
    gaining = [targets for targets, gain in steps if gain > epsilon]
    decision = strategy.decide(0.0, need, seen)
    if decision.targets is not None and gaining:
        assert decision.targets == gaining[0]


def test_move_to_less_goes_all_the_way_where_no_epsilon_holds_it() -> None:
    crowded = offer(200, (150, 10), reserve=5, standing=(75, 12))
    decision = adaptive(epsilon_start=0.0).decide(0.0, NEED, [crowded])
    assert quantities(decision.targets) == [50.0]
    assert prices(decision.targets) == [10.0]


def test_way_between_sellers_is_damped_while_the_total_is_not() -> None:
    full, free = offer(200, (200, 10), reserve=5, standing=(80, 4)), offer(200, (140, 6), reserve=4, standing=(1, 4))
    # The reply is 70 MB at the free one: 60 at 4, and 10 of the rival's.
    decision = adaptive(epsilon_start=0.0, presence=0.0).decide(0.0, NEED, [full, free])
    assert quantities(decision.targets) == pytest.approx([70 * 40 / 75.5, 70 * 35.5 / 75.5])
    assert prices(decision.targets) == pytest.approx([6.0, 6.0])


def test_without_an_epsilon_moves_are_not_steps_of_nothing() -> None:
    decision = AdaptiveBestReply(0.0, 0.0).decide(0.0, NEED, [RIVAL_AT_4])
    assert quantities(decision.targets) == [25 + 0.5 * 55]


def test_newcomer_bids_full_reply() -> None:
    decision = adaptive(epsilon_start=0.0).decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [75.0]


STUCK = [offer(30, reserve=1, standing=(29.5, 3.2)), offer(20, (20, 9.8), reserve=2, standing=(4.5, 3.2))]
"""It wins 29.5 of 30 MB here and nothing there: half of the way to the reply loses, the whole gains 1.5."""

WANTS_50 = need_of(Parabolic(demand_mb=50.0, choke_price=10.0))


def restless(epsilon: float, **settings: float) -> AdaptiveBestReply:
    strategy = adaptive(epsilon, epsilon, **settings)
    strategy._moves_at_level = FEW_MOVES + 1
    return strategy


@pytest.mark.parametrize("epsilon", [0.01, 0.5])
def test_buyer_that_is_stuck_goes_all_the_way(epsilon: float) -> None:
    decision = restless(epsilon, presence=0.0).decide(0.0, WANTS_50, STUCK)
    assert quantities(decision.targets) == pytest.approx([30.0, 0.0])


def test_buyer_that_is_stuck_at_little_stays() -> None:
    assert restless(1.53 / LEFT, presence=0.0).decide(0.0, WANTS_50, STUCK).targets is None


# The promise of a buyer that holds: docs/convergence.md


@pytest.mark.parametrize(("moves", "left"), [(0, LEFT_AT_FIRST), (FEW_MOVES, LEFT_AT_FIRST), (FEW_MOVES + 1, LEFT)])
@given(valuations(), markets, st.sampled_from([0.0, 0.005, 0.05]), st.floats(0.0001, 0.3))
def test_buyer_that_holds_could_gain_little(
    moves: int, left: float, theta: Valuation, market: list[Ask], presence: float, share: float
) -> None:
    """At most so many ε against all that the others bid, and what its presence may keep from better uses."""
    epsilon, need, seen = share * theta.value(theta.demand_mb), need_of(theta), seen_by(theta, market)
    strategy = adaptive(epsilon, epsilon, presence=presence)
    strategy._moves_at_level = moves
    if strategy.decide(0.0, need, seen).targets is None:
        standing = prospect(seen, [one.standing for one in seen])
        gap = best_reply(need, seen, 0.0).utility - standing.utility(need)
        present = sum(min(presence * theta.demand_mb / len(seen), PRESENCE * SLIVER * one.whole) for one in seen)
        scale = theta.marginal(0.0) * theta.demand_mb
        assert gap <= left * epsilon + present * theta.marginal(0.0) + 1e-9 * scale


# Think times


@pytest.mark.parametrize(("participants", "longest"), [(0, 1.0), (5, 1.0), (10, 2.0), (50, 10.0)])
def test_think_time_is_uniform_up_to_length_that_grows_with_crowd(participants: int, longest: float) -> None:
    random = Scripted(0.5)
    adaptive(crowd=0.1).think_time(participants, 1.0, random)
    assert random.asked == [(0.0, pytest.approx(longest))]


def test_think_time_grows_with_round_trip() -> None:
    random = Scripted(0.5)
    assert adaptive(crowd=0.1).think_time(10, 3.0, random) == pytest.approx(3.0)


def test_restless_buyer_thinks_longer_after_each_move() -> None:
    strategy, means = adaptive(crowd=0.1), []
    for _ in range(FEW_MOVES + 3):
        moved(strategy, 0.0, 1)
        means.append(mean_think_time(strategy, participants=10))
    assert means == pytest.approx([1.0] * FEW_MOVES + [BACK_OFF, BACK_OFF**2, BACK_OFF**3])


def test_restless_buyer_thinks_about_three_times_as_long_at_most() -> None:
    strategy = adaptive(crowd=0.1)
    strategy._moves_at_level = 10**6
    assert mean_think_time(strategy, participants=10) == pytest.approx(BACK_OFF**MOST_BACK_OFFS)


def test_quiet_spell_that_shrinks_epsilon_ends_the_back_off() -> None:
    strategy = adaptive()
    moved(strategy, 0.0, FEW_MOVES + 3)
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    strategy.decide(0.99 * quiet, NEED, [BEST])
    assert strategy._is_restless
    strategy.decide(1.01 * quiet, NEED, [BEST])
    assert not strategy._is_restless
    assert mean_think_time(strategy, participants=10) == 1.0


def test_back_off_is_kept_at_the_last_epsilon() -> None:
    strategy = adaptive(0.5, 0.5)
    moved(strategy, 0.0, FEW_MOVES + 3)
    strategy.decide(10 * QUIET_THINK_TIMES * mean_think_time(strategy), NEED, [BEST])
    assert mean_think_time(strategy, participants=10) == pytest.approx(BACK_OFF**3)


# That it does not reply to half-seen news is the machine's: tests/protocol/psp/test_buyer.py.

# Presence


def test_presence_is_a_share_of_the_demand_in_equal_parts_where_that_is_little() -> None:
    dear, cheap = offer(20_000, reserve=19), offer(20_000, reserve=5)
    decision = adaptive(presence=0.01).decide(0.0, NEED, [dear, cheap])
    assert quantities(decision.targets)[0] == 0.5


def test_presence_is_half_a_sliver_of_the_supply_at_most() -> None:
    decision = adaptive(presence=0.1).decide(0.0, NEED, [offer(200, reserve=19), offer(200, reserve=5)])
    assert quantities(decision.targets)[0] == PRESENCE * SLIVER * 200
    assert offer(200, standing=(quantities(decision.targets)[0], 1.0)).is_presence


def test_presence_at_many_sellers_is_bounded_over_them_all() -> None:
    pool = [offer(1e6, reserve=19 + k / 1000) for k in range(299)] + [offer(1e6, reserve=5)]
    asked = quantities(adaptive(presence=0.01).decide(0.0, NEED, pool).targets)
    assert sum(asked[:-1]) == pytest.approx(299 / 300)
    assert sum(asked) == pytest.approx(75.0 - STEP * 32.0 / 20.0)


def test_presence_bid_is_not_damped_away() -> None:
    offers = [offer(200, reserve=19, standing=(1.0, 5)), offer(200, reserve=5, standing=(20, 5))]
    decision = adaptive(presence=0.01, epsilon_start=0.0).decide(0.0, NEED, offers)
    assert quantities(decision.targets)[0] >= PRESENCE * SLIVER * 200


def test_presence_bid_carries_the_coordinated_price() -> None:
    decision = adaptive(presence=0.01).decide(0.0, NEED, [offer(200, reserve=19), offer(200, reserve=5)])
    assert len(set(prices(decision.targets))) == 1


def test_buyer_to_whom_little_is_worth_the_reserve_wins_that() -> None:
    seller = offer(1000, reserve=19.9)  # of 100 MB the first .5 are worth so much, and its presence would be 1
    decision = adaptive(presence=0.01, epsilon_end=1e-6, epsilon_start=1e-6).decide(0.0, NEED, [seller])
    assert decision.targets is not None
    assert seller.allocation(decision.targets[0]) == pytest.approx(0.5, rel=1e-3)


def test_buyer_that_is_outbid_at_the_cheap_seller_wins_the_little_that_is_worth_the_dear_ones_reserve() -> None:
    cheap, dear = offer(1000, (1000, 19.95), standing=(1.0, 5)), offer(1000, reserve=19.9, standing=(0.2, 5))
    decision = adaptive(presence=0.01, epsilon_end=1e-6, epsilon_start=1e-6).decide(0.0, NEED, [cheap, dear])
    assert decision.targets is not None
    assert decision.targets[1].price >= 19.9
    assert dear.allocation(decision.targets[1]) > 0.2


parts = st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 1.0)), min_size=1, max_size=20)


@given(parts, st.floats(0.0, 1.0))
def test_presence_fits_into_the_total(rows: list[tuple[float, float]], share: float) -> None:
    quantity, least = [amount for amount, _ in rows], [low for _, low in rows]
    total = max(sum(least), share * sum(quantity))
    present = with_presence(quantity, total, least)
    assert all(amount >= low for amount, low in zip(present, least, strict=True))
    above = sum(max(0.0, amount - low) for amount, low in zip(quantity, least, strict=True))
    assert sum(present) == pytest.approx(total if above > 0.0 else sum(least))


later_books = st.lists(st.tuples(st.floats(0.1, 100.0), st.floats(0.0, 30.0)), max_size=5)


@given(
    valuations(),
    markets,
    st.sampled_from([0.0, 0.005, 0.5]),
    st.floats(0.0, 0.3),
    st.one_of(st.just(math.inf), st.floats(0.0, 1.0)),
    st.data(),
)
def test_no_bid_ever_costs_more_than_what_it_gets_is_worth(
    theta: Valuation, market: list[Ask], presence: float, share: float, thrift: float, data: st.DataObject
) -> None:
    """Whatever the others bid then: presence counts in the price, which is what the last MB of all is worth."""
    all_of_it, seen = theta.value(theta.demand_mb), seen_by(theta, market)
    budget = math.inf if thrift == math.inf else thrift * all_of_it
    strategy = adaptive(share * all_of_it, 0.0, presence=presence)
    decision = strategy.decide(0.0, need_of(theta, budget), seen)
    if decision.targets is None:
        return
    asked = sum(quantities(decision.targets))
    assert asked <= theta.demand_mb * (1.0 + ROUNDING)
    assert all(
        price <= theta.marginal(asked * (1.0 - ROUNDING)) + 1e-9 * theta.marginal(0.0)
        for price in prices(decision.targets)
    )
    books = data.draw(st.lists(later_books, min_size=len(seen), max_size=len(seen)))
    later = [Offer(one.supply, one.reserve, offer(1.0, *book).opponents) for one, book in zip(seen, books, strict=True)]
    for outcome in (prospect(seen, decision.targets), prospect(later, decision.targets)):
        assert outcome.cost <= theta.value(outcome.total) + 1e-9 * theta.marginal(0.0) * theta.demand_mb


# Entering, and market shifts

SHIFTED = offer(200, reserve=5, standing=(50, 10))
"""An offer at which 25 MB more are wanted, the first for 5 less than they are worth."""


def test_gain_of_many_epsilon_raises_epsilon_again() -> None:
    strategy = adaptive(level=0.1)
    decision = strategy.decide(0.0, NEED, [SHIFTED])
    assert strategy._level == 0.1 * SHRINK
    assert quantities(decision.targets) == pytest.approx([50 + math.sqrt(DISPLACED * 0.1 * SHRINK / 0.1)])


def test_epsilon_is_raised_to_its_start_at_most() -> None:
    strategy = adaptive(epsilon_start=0.15, epsilon_end=0.1, level=0.1)
    strategy.decide(0.0, NEED, [SHIFTED])
    assert strategy._level == pytest.approx(0.15)


def test_gain_of_few_epsilon_is_no_shift() -> None:
    # The careful step of √(10 · 0.25 · DISPLACED) MB gains 5 per MB at most.
    strategy = adaptive(level=0.25)
    assert strategy.decide(0.0, NEED, [SHIFTED]).targets is not None
    assert 5 * math.sqrt(10 * 0.25 * DISPLACED) < 0.25 * SHIFT
    assert strategy._level == 0.25


def test_newcomer_enters_a_market_that_is_sold_out() -> None:
    decision = adaptive(presence=0.01).decide(0.0, NEED, [sold_out(200.0), sold_out(2000.0)])
    assert quantities(decision.targets) == [PRESENCE * SLIVER * 200, 0.5]


def sold_out(whole: float) -> Offer:
    return Offer(0.0, 5.0, whole=whole, asked=5.0)


def test_newcomer_enters_though_it_gains_no_more_than_epsilon() -> None:
    decision = adaptive(epsilon_start=1e6, presence=0.01).decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [PRESENCE * SLIVER * 200]


def test_newcomer_without_money_stays_away() -> None:
    assert adaptive().decide(0.0, need_of(ELASTIC, budget=0.0), [offer(200, reserve=5)]).targets is None


# Budgets


def test_keeps_within_budget() -> None:
    need = need_of(ELASTIC, budget=50.0)
    decision = adaptive(epsilon_start=0.0).decide(0.0, need, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [10.0]


BURST = offer(100, (90, 8), reserve=7, standing=(60, 30))


def test_leaves_standing_bid_that_bursts_budget() -> None:
    need = need_of(ELASTIC, budget=20.0)
    decision = adaptive(epsilon_start=4.0).decide(0.0, need, [BURST])
    assert decision.targets is not None
    assert prospect([BURST], decision.targets).utility(need) > 0.0


@pytest.mark.parametrize(("bursts", "is_limited"), [(0, False), (BURSTS, False), (BURSTS + 1, True)])
def test_buyer_whose_bids_keep_bursting_its_budget_bids_for_less_money(bursts: int, is_limited: bool) -> None:
    strategy, need = adaptive(epsilon_start=0.01), need_of(ELASTIC, budget=20.0)
    for _ in range(bursts):
        strategy.decide(0.0, need, [BURST])
    free = [offer(200, reserve=0.2)]
    (target,) = strategy.decide(0.0, need, free).targets or ()
    assert (strategy._pace.limit < math.inf) == is_limited
    if is_limited:
        assert target.quantity * target.price <= strategy._pace.limit * 20.0 * (1.0 + ROUNDING)


LIMITED = offer(200, (150, 10), reserve=0.1, standing=(50, 0.6))
"""A bid of 30 in all that costs 5; without a limit, 500 would be bid for so many MB."""


def test_limit_rises_after_a_quiet_spell_at_the_smallest_epsilon_where_money_is_left() -> None:
    need, strategy, limits = need_of(ELASTIC, budget=20.0), adaptive(0.5, 0.5), []
    strategy._pace.limit = 1.5
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    for now in (0.9 * quiet, 1.1 * quiet, 1.2 * quiet):
        decision = strategy.decide(now, need, [LIMITED])
        assert (decision.targets, decision.reconsider) == (None, True)
        limits.append(strategy._pace.limit)
    assert limits == [1.5, 1.5 * 1.5, 1.5 * 1.5]


def test_limit_stays_while_epsilon_is_to_shrink() -> None:
    strategy = adaptive(2.0, 0.5)
    strategy._pace.limit = 1.5
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    strategy.decide(1.1 * quiet, need_of(ELASTIC, budget=20.0), [LIMITED])
    assert (strategy._level, strategy._pace.limit) == (0.5, 1.5)


# Reserves that follow the bids that lose

LOSING, WINNING = (30.0, 3.0), (60.0, 8.0)


def with_loser(reserve: float = 2.0, asked: float = 3.0) -> list[Offer]:
    """It wins 60 MB at the first seller and nothing at the second, which asks more because of bids that lose."""
    return [
        offer(200, (140, 9), reserve=2, standing=WINNING),
        offer(200, (200, 9), reserve=reserve, asked=asked, standing=LOSING),
    ]


def at_rest() -> AdaptiveBestReply:
    strategy = adaptive(1000.0, 1000.0, presence=0.001)
    mean_think_time(strategy)
    return strategy


def test_losing_bid_is_withdrawn_from_a_raised_reserve_after_a_quiet_spell_but_for_its_presence() -> None:
    strategy, seen = at_rest(), with_loser()
    quiet = QUIET_THINK_TIMES * strategy._think_s
    early, late = strategy.decide(0.9 * quiet, NEED, seen), strategy.decide(1.1 * quiet, NEED, seen)
    assert (early.targets, early.reconsider) == (None, True)
    assert quantities(late.targets) == pytest.approx([60.0 - 0.05, 0.05])
    assert prices(late.targets) == [ELASTIC.marginal(60.0)] * 2


def test_withdrawing_starts_a_quiet_spell_anew() -> None:
    strategy, seen = at_rest(), with_loser()
    quiet = QUIET_THINK_TIMES * strategy._think_s
    assert strategy.decide(1.1 * quiet, NEED, seen).targets is not None
    assert strategy.decide(1.2 * quiet, NEED, with_loser()).targets is None


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(with_loser(reserve=3.0), id="a fixed reserve"),
        pytest.param([with_loser()[0], offer(200, (200, 9), reserve=2, asked=3, standing=(0.1, 3))], id="presence"),
        pytest.param([with_loser()[0], offer(200, (190, 9), reserve=2, asked=3, standing=LOSING)], id="a winner"),
    ],
)
def test_bid_stays_after_a_quiet_spell_where_it_raises_no_reserve(seen: list[Offer]) -> None:
    strategy = at_rest()
    decision = strategy.decide(1.1 * QUIET_THINK_TIMES * strategy._think_s, NEED, seen)
    assert (decision.targets, decision.reconsider) == (None, False)


def test_losing_bid_stays_while_epsilon_is_to_shrink() -> None:
    strategy = adaptive(1000.0, 100.0)
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    decision = strategy.decide(1.1 * quiet, NEED, with_loser())
    assert (decision.targets, decision.reconsider) == (None, True)


@given(valuations(), markets, st.floats(0.0001, 0.3))
def test_no_losing_bid_is_withdrawn_from_a_fixed_reserve(theta: Valuation, market: list[Ask], share: float) -> None:
    epsilon, seen = share * theta.value(theta.demand_mb), seen_by(theta, market)
    strategy = adaptive(epsilon, epsilon)
    mean_think_time(strategy)
    if strategy.decide(0.0, need_of(theta), seen).targets is None:
        late = strategy.decide(2.0 * QUIET_THINK_TIMES * strategy._think_s, need_of(theta), list(seen))
        assert (late.targets, late.reconsider) == (None, False)


# What has not changed is not worked out again


def test_looks_again_only_where_something_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = list[int]()

    def counted(offers: Sequence[Offer], targets: Sequence[Target]) -> Prospect:
        looks.append(len(offers))
        return prospect(offers, targets)

    monkeypatch.setattr("node.strategy.psp.adaptive.prospect", counted)
    strategy = adaptive()
    mean_s = mean_think_time(strategy)
    other = offer(200, reserve=5, standing=(75, 5))
    halves = [offer(200, reserve=5, standing=(37.5, 5)) for _ in range(2)]
    rich = need_of(ELASTIC, budget=1e6)
    news = [
        (0.0, NEED, [BEST]),
        (1.0, NEED, [BEST]),  # nothing
        (2.0, NEED, [other]),
        (3.0, NEED, halves),
        (4.0, NEED, halves),  # nothing
        (5.0, rich, halves),
        (5.0 + 2 * QUIET_THINK_TIMES * mean_s, rich, halves),  # nothing, but time for the next ε
        (6.0 + 2 * QUIET_THINK_TIMES * mean_s, rich, halves),
    ]
    seen = []
    for now, need, offers in news:
        before = len(looks)
        strategy.decide(now, need, offers)
        seen.append(len(looks) > before)
    assert seen == [True, False, True, True, False, True, False, True]


@given(
    st.lists(st.tuples(st.floats(1, 40), st.floats(0.5, 15)), min_size=1, max_size=4),
    st.lists(st.floats(0, 30), min_size=1, max_size=8),
    st.floats(1, 1000),
)
def test_deciding_on_kept_offers_is_deciding_on_new_ones(
    bids: list[tuple[float, float]], waits_s: list[float], budget: float
) -> None:
    def offers() -> list[Offer]:
        return [offer(60, bid, reserve=1, standing=(20, 6)) for bid in bids]

    need, now, kept = need_of(ELASTIC, budget), 0.0, offers()
    remembering, forgetful = adaptive(), adaptive()
    for strategy in (remembering, forgetful):
        mean_think_time(strategy, participants=1)
    for wait_s in waits_s:
        now += wait_s
        assert remembering.decide(now, need, kept) == forgetful.decide(now, need, offers())
        assert (remembering._level, remembering._pace.limit) == (forgetful._level, forgetful._pace.limit)


@given(
    st.lists(
        st.tuples(st.floats(10, 100), st.floats(0, 40), st.floats(0, 25), st.floats(1, 40), st.floats(0.5, 15)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([math.inf, 1000.0, 50.0]),
    st.floats(0.1, 200),
)
def test_buyer_that_sees_nothing_to_gain_would_hold_anyway(
    auctions: list[tuple[float, float, float, float, float]], budget: float, epsilon: float
) -> None:
    offers = [
        offer(supply, (rival, at), reserve=0.5, standing=(quantity, price))
        for supply, quantity, price, rival, at in auctions
    ]
    need = need_of(ELASTIC, budget)
    quick, thorough = adaptive(epsilon, 0.1), adaptive(epsilon, 0.1)
    decision = quick.decide(0.0, need, offers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("node.strategy.psp.adaptive._has_nothing_to_gain", lambda *_: False)
        assert decision == thorough.decide(0.0, need, offers)
    assert quick._level == thorough._level


def test_buyer_at_its_best_reply_does_not_work_out_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdaptiveBestReply, "_reply", None)
    assert adaptive().decide(0.0, NEED, [BEST]).targets is None
