import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.valuation import Parabolic
from node.strategy.psp.adaptive import BURSTS, QUIET_THINK_TIMES, SHIFT, SHRINK, STEP, AdaptiveBestReply
from node.strategy.psp.offer import Need, Offer, Prospect, Target, prospect
from tests.strategy.psp.offers import ELASTIC, Scripted, need_of, offer, prices, quantities

NEED = need_of(ELASTIC)
BEST = offer(200, reserve=5, standing=(75, 5))
"""An offer at which the buyer's standing bid is its best reply."""


def adaptive(epsilon_start: float = 32.0, epsilon_end: float = 0.5, **settings: float) -> AdaptiveBestReply:
    return AdaptiveBestReply(epsilon_start, epsilon_end, **settings)


def mean_think_time(strategy: AdaptiveBestReply, participants: int = 10) -> float:
    return strategy.think_time(participants, 1.0, Scripted(0.5))


def moved(strategy: AdaptiveBestReply, now: float, times: int) -> None:
    for _ in range(times):
        assert strategy.decide(now, NEED, [offer(200, reserve=5)]).targets is not None


# Rule 1: ε-scaling


def test_epsilon_shrinks_after_quiet_spell() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    strategy.decide(1.01 * quiet, NEED, [BEST])
    assert strategy._epsilon == 8.0


def test_epsilon_does_not_shrink_before_quiet_spell_is_over() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    strategy.decide(0.99 * quiet, NEED, [BEST])
    assert strategy._epsilon == 32.0


def test_own_move_starts_quiet_spell_anew() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    moved(strategy, 0.9 * quiet, 1)
    strategy.decide(1.8 * quiet, NEED, [BEST])
    assert strategy._epsilon == 32.0


def test_each_quiet_spell_shrinks_epsilon_once_down_to_smallest() -> None:
    strategy = adaptive()
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    epsilons = []
    for spell in range(1, 6):
        for now in (1.01 * spell * quiet, 1.02 * spell * quiet):
            strategy.decide(now, NEED, [BEST])
        epsilons.append(strategy._epsilon)
    assert epsilons == [8.0, 2.0, 0.5, 0.5, 0.5]


def test_asks_to_reconsider_until_it_holds_at_the_smallest_epsilon() -> None:
    strategy = adaptive(epsilon_start=2.0, epsilon_end=0.5)
    quiet = QUIET_THINK_TIMES * mean_think_time(strategy)
    asked = [strategy.decide(now, NEED, [BEST]).reconsider for now in (0.5 * quiet, 1.1 * quiet, 1.2 * quiet)]
    assert (asked, strategy._epsilon) == ([True, True, False], 0.5)


def test_move_needs_no_reconsidering() -> None:
    assert not adaptive().decide(0.0, NEED, [offer(200)]).reconsider


def test_holds_where_move_gains_no_more_than_epsilon() -> None:
    nearly = offer(200, reserve=5, standing=(74, 5.2))
    assert adaptive(epsilon_start=0.2).decide(0.0, NEED, [nearly]).targets is None


def test_step_of_reply_is_a_multiple_of_epsilon() -> None:
    decision = adaptive(epsilon_start=40.0).decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [75.0 - STEP * 40.0 / 20.0]


# Rule 2: damping


def test_move_to_more_goes_half_way_at_the_price_that_is_worth() -> None:
    decision = adaptive(epsilon_start=0.0).decide(0.0, NEED, [offer(200, reserve=5, standing=(25, 15))])
    assert quantities(decision.targets) == [50.0]
    assert prices(decision.targets) == [ELASTIC.marginal(50.0)]


def test_move_to_less_is_not_damped() -> None:
    crowded = offer(200, (150, 10), reserve=5, standing=(75, 12))
    decision = adaptive(epsilon_start=0.0).decide(0.0, NEED, [crowded])
    assert quantities(decision.targets) == [50.0]
    assert prices(decision.targets) == [10.0]


def test_way_between_sellers_is_damped_while_the_total_is_not() -> None:
    full, free = offer(200, (200, 10), reserve=5, standing=(80, 4)), offer(200, reserve=5, standing=(1, 4))
    decision = adaptive(epsilon_start=0.0).decide(0.0, NEED, [full, free])
    assert quantities(decision.targets) == pytest.approx([75 * 40 / 78, 75 * 38 / 78])
    assert prices(decision.targets) == [5.0, 5.0]


def test_damping_is_share_of_the_way() -> None:
    strategy = adaptive(epsilon_start=0.0, damping=0.2)
    decision = strategy.decide(0.0, NEED, [offer(200, reserve=5, standing=(25, 15))])
    assert quantities(decision.targets) == pytest.approx([35.0])


def test_newcomer_bids_full_reply() -> None:
    decision = adaptive(epsilon_start=0.0).decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [75.0]


STUCK = [offer(30, reserve=1, standing=(29.5, 3.2)), offer(20, (20, 9.8), reserve=2, standing=(4.5, 3.2))]
"""It wins 29.5 of 30 MB here and nothing there: half of the way to the reply loses, the whole gains 1."""

WANTS_50 = need_of(Parabolic(demand_mb=50.0, choke_price=10.0))


def test_buyer_that_is_stuck_goes_all_the_way() -> None:
    decision = adaptive(epsilon_start=0.01, presence=0.0).decide(0.0, WANTS_50, STUCK)
    assert quantities(decision.targets) == pytest.approx([30.0, 0.0], abs=0.01)


def test_buyer_that_is_stuck_at_little_stays() -> None:
    assert adaptive(epsilon_start=0.5, presence=0.0).decide(0.0, WANTS_50, STUCK).targets is None


# Rule 3: crowd-aware think time


@pytest.mark.parametrize(("participants", "longest"), [(0, 1.0), (5, 1.0), (10, 2.0), (50, 10.0)])
def test_think_time_is_uniform_up_to_length_that_grows_with_crowd(participants: int, longest: float) -> None:
    random = Scripted(0.5)
    adaptive(crowd=0.1).think_time(participants, 1.0, random)
    assert random.asked == [(0.0, pytest.approx(longest))]


def test_think_time_grows_with_round_trip() -> None:
    random = Scripted(0.5)
    assert adaptive(crowd=0.1).think_time(10, 3.0, random) == pytest.approx(3.0)


# Rule 4, no reply on half-seen news, is the machine's: tests/protocol/psp/test_buyer.py.

# Rule 5: presence


def test_keeps_small_bid_at_every_seller() -> None:
    dear, cheap = offer(200, reserve=19), offer(200, reserve=5)
    decision = adaptive(presence=0.01).decide(0.0, NEED, [dear, cheap])
    assert quantities(decision.targets)[0] == 1.0


def test_presence_bid_is_not_damped_away() -> None:
    offers = [offer(200, reserve=19, standing=(1.0, 5)), offer(200, reserve=5, standing=(20, 5))]
    decision = adaptive(presence=0.01, epsilon_start=0.0).decide(0.0, NEED, offers)
    assert quantities(decision.targets)[0] == 1.0


def test_presence_bid_carries_the_coordinated_price() -> None:
    decision = adaptive(presence=0.01).decide(0.0, NEED, [offer(200, reserve=19), offer(200, reserve=5)])
    assert len(set(prices(decision.targets))) == 1


# Rule 6: entering, and market shifts

SHIFTED = offer(200, reserve=5, standing=(50, 10))
"""An offer at which the best reply, 75 MB, gains more than the standing bid."""


def test_gain_of_many_epsilon_raises_epsilon_again() -> None:
    strategy = adaptive()
    strategy._epsilon = 0.5
    strategy.decide(0.0, NEED, [SHIFTED])
    assert strategy._epsilon == 0.5 * SHRINK


def test_epsilon_is_raised_to_its_start_at_most() -> None:
    strategy = adaptive(epsilon_start=1.0)
    strategy._epsilon = 0.5
    strategy.decide(0.0, NEED, [SHIFTED])
    assert strategy._epsilon == 1.0


def test_gain_of_few_epsilon_is_no_shift() -> None:
    strategy = adaptive()
    strategy._epsilon = 62.5 / SHIFT
    strategy.decide(0.0, NEED, [SHIFTED])
    assert strategy._epsilon == 62.5 / SHIFT


def test_newcomer_enters_a_market_that_is_sold_out() -> None:
    decision = adaptive(presence=0.01).decide(0.0, NEED, [offer(0, reserve=5), offer(0, reserve=5)])
    assert quantities(decision.targets) == [1.0, 1.0]


def test_newcomer_enters_though_it_gains_no_more_than_epsilon() -> None:
    decision = adaptive(epsilon_start=1e6, presence=0.01).decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [1.0]


def test_newcomer_without_money_stays_away() -> None:
    assert adaptive().decide(0.0, need_of(ELASTIC, budget=0.0), [offer(200, reserve=5)]).targets is None


def test_keeps_within_budget() -> None:
    need = need_of(ELASTIC, budget=50.0)
    decision = adaptive(epsilon_start=0.0).decide(0.0, need, [offer(200, reserve=5)])
    assert quantities(decision.targets) == [10.0]


def test_leaves_standing_bid_that_bursts_budget() -> None:
    need = need_of(ELASTIC, budget=20.0)
    burst = offer(100, (90, 8), reserve=7, standing=(60, 30))
    decision = adaptive(epsilon_start=4.0).decide(0.0, need, [burst])
    assert decision.targets is not None
    assert prospect([burst], decision.targets).utility(need) > 0.0


@pytest.mark.parametrize(("bursts", "most"), [(0, 75.0), (BURSTS, 75.0), (BURSTS + 1, 57.0), (BURSTS + 2, 54.15)])
def test_buyer_whose_bids_keep_bursting_its_budget_asks_for_less(bursts: int, most: float) -> None:
    strategy, need = adaptive(epsilon_start=0.0), need_of(ELASTIC, budget=20.0)
    for _ in range(bursts):
        strategy.decide(0.0, need, [offer(100, (90, 8), reserve=7, standing=(60, 30))])
    decision = strategy.decide(0.0, NEED, [offer(200, reserve=5)])
    assert quantities(decision.targets) == pytest.approx([most])
    assert prices(decision.targets) == [ELASTIC.marginal(quantities(decision.targets)[0])]


def test_presence_does_not_burst_budget() -> None:
    need = need_of(ELASTIC, budget=1.0)
    decision = adaptive(epsilon_start=0.0, presence=0.1).decide(0.0, need, [offer(100, reserve=5)])
    assert quantities(decision.targets) == pytest.approx([0.2])


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
        assert (remembering._epsilon, remembering._most) == (forgetful._epsilon, forgetful._most)


class Thorough(AdaptiveBestReply):
    """Works out what it would bid even where nothing could gain."""

    __slots__ = ()

    def _has_nothing_to_gain(self, need: Need, offers: Sequence[Offer], standing: Prospect) -> bool:
        del need, offers, standing
        return False


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
    quick, thorough = adaptive(epsilon, 0.1), Thorough(epsilon, 0.1)
    assert quick.decide(0.0, need_of(ELASTIC, budget), offers) == thorough.decide(0.0, need_of(ELASTIC, budget), offers)
    assert quick._epsilon == thorough._epsilon


def test_buyer_at_its_best_reply_does_not_work_out_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdaptiveBestReply, "_reply", None)
    assert adaptive().decide(0.0, NEED, [BEST]).targets is None
