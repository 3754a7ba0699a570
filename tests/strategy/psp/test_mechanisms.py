"""Strategies that face other mechanisms than PSP (docs/decisions/0013)."""

import pytest

from node.mechanism.psp import MECHANISMS, PayAsBid, UniformPrice
from node.strategy.psp.adaptive import RESTLESS, AdaptiveBestReply
from node.strategy.psp.best_reply import BestReply
from node.strategy.psp.offer import Target, affordable, prospect
from node.strategy.psp.opt_out import OptOut
from tests.strategy.psp.offers import ELASTIC, flat_need, need_of, offer, prices, quantities

UNIFORM, AS_BID = UniformPrice(), PayAsBid()


@pytest.mark.parametrize(("name", "cost"), [("psp", 20.0), ("uniform-price", 80.0), ("pay-as-bid", 240.0)])
def test_prospect_has_the_charge_of_the_mechanism(name: str, cost: float) -> None:
    # 30 of 40 MB are free, for 10 more the rival at 2 must go.
    here = offer(100, (70, 2), mechanism=MECHANISMS[name])
    assert prospect([here], [Target(40, 6)]).cost == pytest.approx(cost)


def test_prospect_of_a_rationed_bid_pays_its_own_uniform_price() -> None:
    here = offer(100, (70, 9), mechanism=UNIFORM)
    expected = prospect([here], [Target(40, 6)])
    assert (expected.amounts, expected.cost) == ([30], 180)


@pytest.mark.parametrize("name", MECHANISMS)
def test_affordable_targets_keep_the_budget(name: str) -> None:
    here = offer(100, (70, 2), mechanism=MECHANISMS[name])
    kept = affordable(need_of(ELASTIC, budget=10.0), [here], [Target(40, 6)])
    assert 0.0 < kept.total < 40.0
    assert kept.cost <= 10.0 + 1e-9


def test_opt_out_bids_the_same_whatever_the_mechanism() -> None:
    need = flat_need(40, 3)
    decisions = [
        OptOut().decide(0.0, need, [offer(100, (70, 2), mechanism=one), offer(30, mechanism=one)])
        for one in MECHANISMS.values()
    ]
    assert quantities(decisions[0].targets) == [40, 0]
    assert prices(decisions[0].targets) == [3]
    assert decisions[0] == decisions[1] == decisions[2]


def test_best_reply_asks_for_less_where_more_makes_all_of_it_dearer() -> None:
    decide = BestReply(0.0, 0.0).decide
    assert quantities(decide(0.0, need_of(ELASTIC), [offer(100, (30, 2), standing=(1, 1))]).targets) == [90]
    seen = offer(100, (30, 2), standing=(1, 1), mechanism=UNIFORM)
    reduced = decide(0.0, need_of(ELASTIC), [seen])
    assert quantities(reduced.targets) == [70]
    assert prices(reduced.targets) == pytest.approx([ELASTIC.marginal(70)])


def test_best_reply_bids_just_more_than_it_has_to_beat_at_each_seller() -> None:
    sellers = [offer(60, (30, 2), standing=(1, 1), mechanism=AS_BID), offer(20, reserve=1, mechanism=AS_BID)]
    decision = BestReply(epsilon_step=4.0, epsilon_fee=0.0).decide(0.0, need_of(ELASTIC), sellers)
    asked = quantities(decision.targets)
    clearance = 4.0 / sum(asked)
    assert sum(asked) == pytest.approx(80 - 4.0 / 20.0)
    assert prices(decision.targets) == pytest.approx([2 + clearance, 1 + clearance])
    assert prospect(sellers, decision.targets or []).cost == pytest.approx(2 * asked[0] + asked[1] + 4.0)


def test_best_reply_holds_where_nothing_is_gained_in_the_mechanism() -> None:
    held = offer(100, (30, 2), standing=(70, 10), mechanism=UNIFORM)
    assert BestReply(0.0, 1e-6).decide(0.0, need_of(ELASTIC), [held]).targets is None


def test_adaptive_shades_where_it_pays_its_bid_and_stays_below_its_value() -> None:
    # With an ε of 1 it stays 4 clear of its rivals: STEP.
    seen = offer(100, (30, 2), reserve=1, mechanism=AS_BID)
    decision = AdaptiveBestReply(1.0, 1.0).decide(0.0, need_of(ELASTIC), [seen])
    assert quantities(decision.targets) == pytest.approx([70 - 4.0 / 20.0])
    assert prices(decision.targets) == pytest.approx([1 + 4.0 / (70 - 4.0 / 20.0)])
    dear = offer(100, (70, 2), mechanism=AS_BID)
    decision = AdaptiveBestReply(1.0, 1.0).decide(0.0, need_of(ELASTIC), [dear])
    (asked,), (price,) = quantities(decision.targets), prices(decision.targets)
    assert price == pytest.approx(ELASTIC.marginal(asked))
    assert price < 2 + 4.0 / asked


@pytest.mark.parametrize(("name", "doubles"), [("psp", False), ("uniform-price", True), ("pay-as-bid", True)])
def test_adaptive_is_content_with_less_after_many_moves_where_best_replies_may_chase(name: str, doubles: bool) -> None:
    strategy = AdaptiveBestReply(1.0, 1.0)
    far = offer(100, (30, 2), standing=(1, 1), mechanism=MECHANISMS[name])
    for k in range(RESTLESS):
        assert strategy.decide(float(k), need_of(ELASTIC), [far]).targets is not None
    assert strategy._least == (2.0 if doubles else 1.0)
    assert strategy._level == strategy._least


@pytest.mark.parametrize(("name", "raises"), [("psp", True), ("uniform-price", False), ("pay-as-bid", False)])
def test_adaptive_raises_epsilon_after_a_shift_only_where_truth_is_best(name: str, raises: bool) -> None:
    strategy = AdaptiveBestReply(epsilon_start=40.0, epsilon_end=0.5)
    strategy._level = 0.5
    strategy.decide(0.0, need_of(ELASTIC), [offer(100, (30, 2), standing=(1, 1), mechanism=MECHANISMS[name])])
    assert (strategy._level > 0.5) == raises
