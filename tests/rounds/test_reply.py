import math

import numpy as np
import pytest

from node.mechanism.checks import FloatArray
from node.mechanism.psp import SLIVER
from node.mechanism.valuation import Parabolic
from node.rounds.books import Books
from node.rounds.reply import Caution, best_replies
from node.rounds.steps import Buyers, dearest_of, merged, staircases, wanted_of
from node.strategy.psp.adaptive import FEW_MOVES, PRESENCE, SHIFT, SHRINK, AdaptiveBestReply
from node.strategy.psp.offer import Need, Offer, Target

BUYERS, SELLERS, EACH = 60, 12, 3
FIRST, DAMPING, PRESENCE_SHARE = 40.0, 0.5, 0.005


def market_in_progress(seed: int) -> tuple[Buyers, Books]:
    """Truthful bids for random amounts; a tenth of the buyers has none yet.

    Some supplies are so large that a presence bid is an equal part of the share, others so small that it is a sliver.
    """
    rng = np.random.default_rng(seed)
    demand, choke = rng.uniform(20, 100, BUYERS), rng.uniform(5, 20, BUYERS)
    pools = rng.random((BUYERS, SELLERS)).argsort(axis=1)[:, :EACH]
    supply = rng.uniform(50, 250, SELLERS)
    books = Books(supply, rng.uniform(0, 0.4, SELLERS), pools.ravel())
    quantity = rng.uniform(0, 0.3, (BUYERS, EACH)) * demand[:, None]
    price = books.rounded(choke * (1.0 - quantity.sum(axis=1) / demand))
    bids = rng.random(BUYERS) > 0.1
    quantity[~bids], price[~bids] = 0.0, 0.0
    place = books.place.reshape(pools.shape)
    quantity = books.write(place, pools, quantity, np.broadcast_to(price[:, None], pools.shape))
    books.clear(np.ones(SELLERS, np.bool_))
    least = np.minimum(PRESENCE_SHARE * demand[:, None] / EACH, PRESENCE * SLIVER * supply[pools])
    return Buyers(demand, choke, pools, place, least, quantity, price), books


def caution(first: float = FIRST, *, is_restless: bool = False) -> Caution:
    return Caution(np.full(BUYERS, first), np.full(BUYERS, is_restless), DAMPING)


def decided(buyers: Buyers, books: Books, one: int, epsilon: float, *, is_restless: bool) -> FloatArray | None:
    """What a machine with this ε bids here: quantities, then prices; None if it holds."""
    strategy = AdaptiveBestReply(FIRST, epsilon, presence=PRESENCE_SHARE, damping=DAMPING)
    strategy._level, strategy._moves_at_level = epsilon, (FEW_MOVES + 1) * is_restless
    offers = []
    for seller, own in zip(buyers.seller[one].tolist(), buyers.quantity[one].tolist(), strict=True):
        others = (buyers.seller == seller) & (np.arange(BUYERS) != one)[:, None] & (buyers.quantity > 0.0)
        price = np.broadcast_to(buyers.price[:, None], others.shape)[others]
        standing = Target(own, float(buyers.price[one]))
        bids = buyers.quantity[others], price
        supply = books.supply[seller]
        offers.append(Offer(supply, books.reserve[seller], lambda bids=bids: bids, standing, supply))
    need = Need(Parabolic(float(buyers.demand_mb[one]), float(buyers.choke_price[one])), math.inf)
    targets = strategy.decide(0.0, need, offers).targets
    return None if targets is None else np.array([[t.quantity, t.price] for t in targets]).T


@pytest.mark.parametrize("is_restless", [False, True], ids=["calm", "restless"])
@pytest.mark.parametrize("epsilon", [0.02, 0.6, 2.0, 10.0, 40.0])
@pytest.mark.parametrize("seed", range(4))
def test_buyers_in_arrays_decide_like_machines(seed: int, epsilon: float, is_restless: bool) -> None:
    buyers, books = market_in_progress(seed)
    replies = best_replies(buyers, books, np.full(BUYERS, epsilon), caution(is_restless=is_restless))
    moves = replies.gain > replies.epsilon
    for one in range(BUYERS):
        targets = decided(buyers, books, one, epsilon, is_restless=is_restless)
        assert (targets is not None) == moves[one]
        if targets is not None:
            assert replies.quantity[one] == pytest.approx(targets[0], abs=1e-6)
            assert replies.price[one] == pytest.approx(targets[1, 0], abs=1e-6)


def test_each_buyer_in_arrays_has_an_epsilon_and_a_restlessness_of_its_own() -> None:
    buyers, books = market_in_progress(2)
    rng = np.random.default_rng(0)
    epsilon, is_restless = rng.choice([0.3, 3.0, 30.0], BUYERS), rng.random(BUYERS) < 0.5
    replies = best_replies(buyers, books, epsilon, Caution(np.full(BUYERS, FIRST), is_restless, DAMPING))
    for alike in (0.3, 3.0, 30.0):
        for restless in (False, True):
            here = (epsilon == alike) & (is_restless == restless)
            assert here.any()
            all_so = best_replies(buyers, books, np.full(BUYERS, alike), caution(is_restless=restless))
            for name in ("quantity", "price", "epsilon", "gain", "amount", "gap"):
                assert np.array_equal(getattr(replies, name)[here], getattr(all_so, name)[here])


@pytest.mark.parametrize("limit", ["reply._BUYERS", "steps._MANY", "steps._NEAR"])
def test_what_is_faster_for_few_or_for_many_changes_no_reply(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    buyers, books = market_in_progress(1)
    usual = best_replies(buyers, books, np.full(BUYERS, 2.0), caution())
    monkeypatch.setattr(f"node.rounds.{limit}", 2)
    other = best_replies(buyers, books, np.full(BUYERS, 2.0), caution())
    assert (usual.gain > usual.epsilon).any()
    for name in ("quantity", "price", "epsilon", "gain", "amount", "gap", "charge"):
        assert np.array_equal(getattr(usual, name), getattr(other, name))


def test_restlessness_makes_buyers_bid_otherwise_but_not_those_who_enter() -> None:
    buyers, books = market_in_progress(0)
    calm, restless = (
        best_replies(buyers, books, np.full(BUYERS, 10.0), caution(is_restless=is_restless))
        for is_restless in (False, True)
    )
    differs = (calm.quantity != restless.quantity).any(axis=1)
    assert 0 < differs.sum() < BUYERS
    assert not differs[buyers.price == 0.0].any()


@pytest.mark.parametrize("seed", range(4))
def test_steps_without_any_mb_are_not_the_dearest_that_a_buyer_pays(seed: int) -> None:
    """Bids that the supply does not reach leave such steps; a reply retreats from what it really pays at most."""
    buyers, books = market_in_progress(seed)
    price, reach = merged(staircases(buyers, books, BUYERS))
    wanted, _ = wanted_of(buyers, price, reach)
    dearest = dearest_of(price, reach, wanted)
    empty = 0
    for one in range(BUYERS):
        paid = [
            float(at)
            for at, low, high in zip(price[:, one], [0.0, *reach[:, one]], reach[:, one], strict=False)
            if high > low + 1e-9 and wanted[one] > low + 1e-9
        ]
        assert dearest[one] == max(paid, default=0.0)
        empty += int((np.diff(reach[:, one]) == 0.0).any())
    assert empty > 0


def test_only_a_large_gain_raises_epsilon() -> None:
    buyers, books = market_in_progress(1)
    grown = 0
    for epsilon in (0.6, 4.0, 20.0, FIRST):
        replies = best_replies(buyers, books, np.full(BUYERS, epsilon), caution())
        grew = replies.epsilon > epsilon
        assert set(replies.epsilon[grew].tolist()) <= {min(SHRINK * epsilon, FIRST)}
        assert (replies.gap[grew] > SHIFT * epsilon).all()
        assert (replies.gain[grew] > replies.epsilon[grew]).all()  # the good move of a small ε is never dropped
        grown += int(grew.sum())
    assert grown > 0
