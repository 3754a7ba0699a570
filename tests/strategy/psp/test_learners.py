import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.checks import FloatArray
from node.strategy.psp.learners import Exp3, RegretMatching, action_of, payoff, payoffs, worth
from node.strategy.psp.offer import Offer, Target, prospect
from node.strategy.psp.policy import LEVELS, Sight, Slots, Units, observation, targets
from tests.strategy.psp.offers import ELASTIC, Scripted, need_of, offer
from tests.strategy.psp.test_policy import at

NEED = need_of(ELASTIC)
UNITS = Units.of(ELASTIC)

Bids = Sequence[tuple[float, float]]

half_levels = st.integers(0, LEVELS + 2).map(lambda level: (level + 0.5) / LEVELS * UNITS.price)
"""Prices of which one lies between two levels: the cost of what is left is linear there."""
on_grid = st.lists(st.tuples(st.floats(0.0, 80.0), half_levels), max_size=6)
untied = st.floats(0.0, 22.0).filter(lambda price: price * LEVELS / UNITS.price % 1.0 > 0.0)
"""No level: who bids at the price of another shares with it, and the learners reckon as if they won."""
anywhere = st.lists(st.tuples(st.floats(0.0, 80.0), untied), max_size=6)


def offers(*books: Bids, standing: tuple[float, float] = (1.0, 0.1)) -> list[Offer]:
    """Auctions of 90 MB each in which the buyer has a bid, so that it sees the others'."""
    return [at(f"s{k}", offer(90.0, *bids, reserve=0.5, standing=standing)) for k, bids in enumerate(books)]


def seen(made: Sequence[Offer]) -> FloatArray:
    return observation(NEED, made, Slots(len(made)))


def exact(made: Sequence[Offer], arm: int) -> float:
    """What the arm brings by the mechanism, as a share of money."""
    bids = targets(action_of(Sight.of(seen(made)), arm), NEED, made, Slots(len(made)))
    return prospect(made, bids).utility(NEED) / UNITS.money


@given(on_grid, on_grid)
def test_payoffs_are_what_the_bids_of_the_arms_would_bring(one: Bids, two: Bids) -> None:
    made = offers(one, two)
    assert payoffs(Sight.of(seen(made))) == pytest.approx([exact(made, arm) for arm in range(LEVELS)], abs=1e-7)


@given(anywhere, anywhere)
def test_payoffs_are_as_exact_as_the_levels(one: Bids, two: Bids) -> None:
    made = offers(one, two)
    found = payoffs(Sight.of(seen(made)))
    assert np.abs(found - [exact(made, arm) for arm in range(LEVELS)]).max() <= 1.0 / LEVELS


@given(anywhere, st.tuples(st.floats(0.1, 100.0), st.floats(0.5, 20.0)))
def test_payoff_is_that_of_the_standing_bid(bids: Bids, standing: tuple[float, float]) -> None:
    made = offers(bids, standing=standing)
    utility = prospect(made, [made[0].standing]).utility(NEED)
    assert payoff(Sight.of(seen(made))) == pytest.approx(utility / UNITS.money, abs=1e-9)


@given(st.floats(0.0, 100.0))
def test_worth_is_the_valuation(amount: float) -> None:
    found = worth(Sight.of(seen(offers([]))), np.array([amount / 100.0]))
    assert found[0] == pytest.approx(ELASTIC.value(amount) / UNITS.money, abs=1e-12)


def test_arms_ask_for_more_where_more_is_left() -> None:
    made = offers([(60.0, 19.0)], [])
    arm = 4
    price = (arm + 1) / LEVELS
    assert action_of(Sight.of(seen(made)), arm) == pytest.approx(
        np.array([[(1.0 - price) * 30.0 / 120.0, price], [(1.0 - price) * 90.0 / 120.0, price]])
    )


def test_arms_ask_everywhere_alike_where_nothing_is_left() -> None:
    made = offers([(90.0, 30.0)], [(90.0, 30.0)])
    assert action_of(Sight.of(seen(made)), 9)[:, 0].tolist() == [0.25, 0.25]
    assert not payoffs(Sight.of(seen(made))).any()


def taught(learner: Exp3 | RegretMatching, bids: Bids, steps: int) -> Counter[float]:
    """The prices of the last half of its bids, as shares, against others who always bid the same."""
    standing, prices = (1.0, 0.1), []
    for _ in range(steps):
        made = offers(bids, standing=standing)
        action = learner.act(seen(made))
        (bid,) = targets(action, NEED, made, Slots(1))
        standing = (bid.quantity, bid.price) if bid.quantity > 0.0 else (1e-3, 0.1)
        prices.append(round(float(action[0, 1]), 9))
    return Counter(prices[steps // 2 :])


OTHERS = [(40.0, 12.3), (30.0, 6.3)]


def skill(prices: Counter[float], bids: Bids) -> float:
    """What bids at these prices bring on average: 0 for arms drawn at random, 1 for the best."""
    made = offers(bids)
    of_arm = [exact(made, arm) for arm in range(LEVELS)]
    mean = sum(of_arm[round(price * LEVELS) - 1] * times for price, times in prices.items()) / prices.total()
    at_random = sum(of_arm) / LEVELS
    return (mean - at_random) / (max(of_arm) - at_random)


def test_regret_matching_finds_the_best_arms() -> None:
    assert skill(taught(RegretMatching(np.random.default_rng(0)), OTHERS, 400), OTHERS) > 0.98


def test_exp3_comes_to_bid_better_than_at_random() -> None:
    assert skill(taught(Exp3(np.random.default_rng(0)), OTHERS, 5_000), OTHERS) > 0.25


def test_regret_of_regret_matching_is_within_its_bound_against_anything() -> None:
    """Hart and Mas-Colell (2000): by Blackwell's theorem it is at most sqrt(arms · auctions) times a payoff."""
    random, auctions = np.random.default_rng(1), 1_500
    learner, standing = RegretMatching(np.random.default_rng(2)), (1.0, 0.1)
    total, earned = np.zeros(LEVELS), 0.0
    for k in range(auctions):
        bids = [*zip(random.uniform(0.0, 60.0, 4).tolist(), random.uniform(0.0, 18.0, 4).tolist(), strict=True)]
        observed = seen(offers(bids, standing=standing))
        if k:
            total, earned = total + payoffs(Sight.of(observed)), earned + payoff(Sight.of(observed))
        (bid,) = targets(learner.act(observed), NEED, offers(bids), Slots(1))
        standing = (bid.quantity, bid.price) if bid.quantity > 0.0 else (1e-6, 0.1)
    assert total.max() - earned < 0.5 * math.sqrt(LEVELS * auctions)
    assert learner.regret == pytest.approx(total - earned)
    assert total.max() - earned < 0.1 * total.max()


def test_exp3_draws_all_arms_alike_at_first_and_always_explores() -> None:
    first = [Exp3(Scripted((k + 0.5) / LEVELS)).act(seen(offers([])))[0, 1] for k in range(LEVELS)]
    assert first == pytest.approx([(k + 1) / LEVELS for k in range(LEVELS)])
    learner = Exp3(Scripted(1.0), exploration=0.2)
    learner.act(seen(offers([])))
    learner._log_weight[0] = 1e6
    assert learner.act(seen(offers([])))[0, 1] == 1.0  # the last arm: the draw was at the very end
    assert learner._played == (LEVELS - 1, pytest.approx(0.2 / LEVELS))


def test_exp3_credits_an_arm_by_its_payoff_over_its_chance() -> None:
    learner = Exp3(Scripted(0.0), exploration=0.4)
    learner.act(seen(offers([])))
    made = offers([], standing=(50.0, 10.0))
    learner.act(seen(made))
    worth_of_bid = prospect(made, [Target(50.0, 10.0)]).utility(NEED) / UNITS.money
    assert learner._log_weight[0] == pytest.approx(0.4 / LEVELS * worth_of_bid * LEVELS)
    assert not learner._log_weight[1:].any()


def test_favourite_is_the_arm_that_is_held_best() -> None:
    exp3, matching = Exp3(np.random.default_rng(0)), RegretMatching(np.random.default_rng(0))
    exp3._log_weight[7], matching.regret[3] = 1.0, 0.5
    assert (exp3.favourite, matching.favourite) == (7, 3)
