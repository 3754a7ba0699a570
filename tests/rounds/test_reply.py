import math

import numpy as np
import pytest

from node.mechanism.checks import FloatArray
from node.mechanism.valuation import Parabolic
from node.rounds.books import Books
from node.rounds.reply import Caution, best_replies
from node.rounds.steps import Buyers
from node.strategy.psp.adaptive import SHIFT, AdaptiveBestReply
from node.strategy.psp.offer import Need, Offer, Target

BUYERS, SELLERS, EACH = 60, 12, 3
FIRST, DAMPING, PRESENCE = 40.0, 0.5, 0.005


def market_in_progress(seed: int) -> tuple[Buyers, Books]:
    """Truthful bids for random amounts; a tenth of the buyers has none yet."""
    rng = np.random.default_rng(seed)
    demand, choke = rng.uniform(20, 100, BUYERS), rng.uniform(5, 20, BUYERS)
    pools = rng.random((BUYERS, SELLERS)).argsort(axis=1)[:, :EACH]
    books = Books(rng.uniform(50, 250, SELLERS), rng.uniform(0, 0.4, SELLERS), pools.ravel())
    quantity = rng.uniform(0, 0.3, (BUYERS, EACH)) * demand[:, None]
    price = books.rounded(choke * (1.0 - quantity.sum(axis=1) / demand))
    bids = rng.random(BUYERS) > 0.1
    quantity[~bids], price[~bids] = 0.0, 0.0
    place = books.place.reshape(pools.shape)
    quantity = books.write(place, pools, quantity, np.broadcast_to(price[:, None], pools.shape))
    books.clear(np.ones(SELLERS, np.bool_))
    return Buyers(demand, choke, pools, place, quantity, price), books


def decided(buyers: Buyers, books: Books, one: int, epsilon: float) -> FloatArray | None:
    """What a machine with this ε bids here: quantities, then prices; None if it holds."""
    strategy = AdaptiveBestReply(FIRST, epsilon, presence=PRESENCE, damping=DAMPING)
    strategy._epsilon = epsilon
    offers = []
    for seller, own in zip(buyers.seller[one].tolist(), buyers.quantity[one].tolist(), strict=True):
        others = (buyers.seller == seller) & (np.arange(BUYERS) != one)[:, None] & (buyers.quantity > 0.0)
        price = np.broadcast_to(buyers.price[:, None], others.shape)[others]
        standing = Target(own, float(buyers.price[one]))
        bids = buyers.quantity[others], price
        offers.append(Offer(books.supply[seller], books.reserve[seller], lambda bids=bids: bids, standing))
    need = Need(Parabolic(float(buyers.demand_mb[one]), float(buyers.choke_price[one])), math.inf)
    targets = strategy.decide(0.0, need, offers).targets
    return None if targets is None else np.array([[t.quantity, t.price] for t in targets]).T


@pytest.mark.parametrize("epsilon", [0.6, 10.0, 40.0])
@pytest.mark.parametrize("seed", range(4))
def test_buyers_in_arrays_decide_like_machines(seed: int, epsilon: float) -> None:
    buyers, books = market_in_progress(seed)
    replies = best_replies(buyers, books, np.full(BUYERS, epsilon), Caution(FIRST, DAMPING, PRESENCE))
    moves = replies.gain > replies.epsilon
    for one in range(BUYERS):
        targets = decided(buyers, books, one, epsilon)
        assert (targets is not None) == moves[one]
        if targets is not None:
            assert replies.quantity[one] == pytest.approx(targets[0], abs=1e-6)
            assert replies.price[one] == pytest.approx(targets[1, 0], abs=1e-6)


def test_only_a_large_gain_raises_epsilon() -> None:
    buyers, books = market_in_progress(1)
    for epsilon, raised in ((0.6, 2.4), (4.0, 16.0), (20.0, FIRST), (FIRST, FIRST)):
        replies = best_replies(buyers, books, np.full(BUYERS, epsilon), Caution(FIRST, DAMPING, PRESENCE))
        grew = replies.epsilon > epsilon
        assert set(replies.epsilon[grew].tolist()) <= {raised}
        assert (replies.gap[grew] > SHIFT * epsilon).all()
