import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.checks import FloatArray
from node.mechanism.psp import MECHANISMS, AuctionMechanism, best_reply, clear, merged_staircase, staircase
from node.mechanism.valuation import Flat, Parabolic, Valuation
from node.mechanism.welfare import (
    Edges,
    StandingBids,
    epsilon_gaps,
    optimum,
    switching_gains,
    truthfulness_gaps,
    welfare,
    welfare_loss_bound,
)
from node.strategy.psp.reserve import HighestLosingReserve

BUYERS, SELLERS = 4, 2
POOL: Edges = (np.repeat(np.arange(BUYERS), SELLERS), np.tile(np.arange(SELLERS), BUYERS))


def profile(rows: list[tuple[int, int, float, float]]) -> StandingBids:
    table = np.array(rows, dtype=float).reshape(-1, 4)
    return StandingBids(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2], table[:, 3])


def settled(buyers: list[Valuation], supply: float, epsilon: float) -> StandingBids:
    """Lazar & Semret's dynamics at one seller: everyone in turn replies to the others until nobody gains by ε."""
    quantity, price = np.zeros(len(buyers)), np.zeros(len(buyers))
    moved = True
    while moved:
        moved = False
        for i, theta in enumerate(buyers):
            others = np.arange(len(buyers)) != i
            market = merged_staircase([staircase(quantity[others], price[others], supply)])
            reply = best_reply(theta, market, epsilon=epsilon)
            now = clear(quantity, price, supply)
            if reply.utility > theta.value(float(now.allocation[i])) - float(now.charge[i]) + epsilon:
                quantity[i], price[i], moved = reply.quantity[0], reply.price, True
    nowhere = np.zeros(len(buyers), dtype=int)
    return StandingBids(np.arange(len(buyers)), nowhere, quantity, price)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(1, 20)), min_size=BUYERS, max_size=BUYERS),
    st.lists(
        st.tuples(st.integers(0, BUYERS - 1), st.integers(0, SELLERS - 1), st.integers(0, 60), st.integers(0, 9)),
        unique_by=lambda row: row[:2],
        max_size=8,
    ),
    st.sampled_from([math.inf, 0.0, 40.0]),
)
def test_gap_is_the_gain_of_the_best_reply_to_the_others(
    parameters: list[tuple[float, float]], rows: list[tuple[int, int, int, int]], budget: float
) -> None:
    buyers, supply, reserve = [Parabolic(*pair) for pair in parameters], [70.0, 30.0], [0.0, 2.0]
    bids = profile([tuple(map(float, row)) for row in rows])
    gaps = epsilon_gaps(buyers, np.full(BUYERS, budget), supply, reserve, bids, POOL)
    assert gaps.shape == (BUYERS,)
    assert np.all(gaps >= 0.0)
    for i, theta in enumerate(buyers):
        got = paid = 0.0
        steps = []
        for j in range(SELLERS):
            here = [row for row in rows if row[1] == j]
            result = clear([row[2] for row in here], [row[3] for row in here], supply[j], reserve[j])
            own = [k for k, row in enumerate(here) if row[0] == i]
            got += result.allocation[own].sum()
            paid += result.charge[own].sum()
            others = [row for row in here if row[0] != i]
            steps.append(staircase([row[2] for row in others], [row[3] for row in others], supply[j], reserve[j]))
        best = best_reply(theta, merged_staircase(steps), budget=budget).utility
        assert gaps[i] == pytest.approx(max(0.0, best - (theta.value(got) - paid)), abs=1e-9)


def test_lone_buyer_who_bids_its_demand_has_no_gap() -> None:
    gaps = epsilon_gaps([Flat(50, 2)], [math.inf], [100], [1], profile([(0, 0, 50, 2)]), ([0], [0]))
    assert gaps.tolist() == [0]


def test_who_does_not_bid_forgoes_what_it_could_get() -> None:
    edges = np.array([0, 1]), np.array([0, 0])
    gaps = epsilon_gaps([Flat(50, 2), Flat(80, 3)], [math.inf, 90], [100], [1], profile([(1, 0, 80, 3)]), edges)
    # 20 MB are left at the reserve; the other already has all it wants.
    assert gaps == pytest.approx([20, 0])


def test_sellers_outside_the_pool_are_out_of_reach() -> None:
    none = np.zeros(0, int)
    assert epsilon_gaps([Flat(50, 2)], [math.inf], [100], [1], profile([]), (none, none)).tolist() == [0]


def test_paying_more_than_it_is_worth_is_a_gap() -> None:
    bids = profile([(0, 0, 50, 9), (1, 0, 100, 5)])
    gaps = epsilon_gaps([Flat(50, 2), Flat(100, 5)], [math.inf] * 2, [100], [0], bids, ([0, 1], [0, 0]))
    assert gaps == pytest.approx([50 * 5 - 50 * 2, 0])


def test_rejects_a_bad_reserve_by_name() -> None:
    with pytest.raises(ValueError, match=r"^reserve must be finite"):
        epsilon_gaps([Flat(50, 2)], [math.inf], [100], [math.nan], profile([]), ([0], [0]))


@pytest.mark.parametrize("gaps_of", [epsilon_gaps, truthfulness_gaps])
def test_rejects_a_bad_bid_by_name(gaps_of: Callable[..., FloatArray]) -> None:
    with pytest.raises(ValueError, match=r"^price must be finite"):
        gaps_of([Flat(50, 2)], [math.inf], [100], [1], profile([(0, 0, 50, math.nan)]), ([0], [0]))


@pytest.mark.parametrize("seed", range(3))
def test_ls_proposition_3_settled_dynamics_lose_no_more_than_the_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buyers = [Parabolic(float(rng.uniform(50, 100)), float(rng.uniform(10, 20))) for _ in range(6)]
    epsilon, supply, edges = 1.0, 100.0, (np.arange(6), np.zeros(6, int))
    bids = settled(list(buyers), supply, epsilon)
    gaps = epsilon_gaps(buyers, [math.inf] * 6, [supply], [0.0], bids, edges)
    # A reply keeps ε below the best, and moving needs another ε.
    assert np.all(gaps <= 2 * epsilon + 1e-9)
    allocation = clear(bids.quantity, bids.price, supply).allocation
    curvature = max(theta.choke_price / theta.demand_mb for theta in buyers)
    loss = optimum(buyers, [supply], edges).bound - welfare(buyers, allocation)
    bound = welfare_loss_bound(allocation.tolist(), supply, 2 * epsilon, curvature)
    assert loss <= (math.inf if bound is None else bound)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(0, BUYERS - 1), st.integers(0, SELLERS - 1), st.integers(1, 60), st.integers(0, 9)),
        unique_by=lambda row: row[:2],
        max_size=8,
    ),
    st.floats(0.0, 1.0),
)
def test_eq_20_corrected_no_mb_costs_more_here_than_elsewhere_but_for_the_gap(
    rows: list[tuple[int, int, int, int]], share: float
) -> None:
    """The last MB that a buyer has of one auction, against as many further ones of the other, its own bids aside."""
    buyers, supply = [Parabolic(80.0, 10.0)] * BUYERS, [70.0, 30.0]
    bids = profile([tuple(map(float, row)) for row in rows])
    gaps = epsilon_gaps(list(buyers), [math.inf] * BUYERS, supply, [0.5, 0.5], bids, POOL)
    for i in range(BUYERS):
        steps, got = [], []
        for j in range(SELLERS):
            here, others = bids.at(j), bids.at(j).without(i)
            allocation = clear(here.quantity, here.price, supply[j], 0.5).allocation
            got.append(float(allocation[here.buyer == i].sum()))
            steps.append(staircase(others.quantity, others.price, supply[j], 0.5))
        for k, j in ((0, 1), (1, 0)):
            moved = share * min(got[k], supply[j] - got[j])
            last = steps[k].cost(got[k]) - steps[k].cost(got[k] - moved)
            first = steps[j].cost(got[j] + moved) - steps[j].cost(got[j])
            assert last <= first + gaps[i] + 1e-9


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(0, BUYERS - 1), st.integers(0, SELLERS - 1), st.integers(1, 60), st.integers(0, 9)),
        unique_by=lambda row: row[:2],
        max_size=8,
    )
)
def test_eq_20_corrected_what_buyers_save_elsewhere_is_the_best_of_all_splits(
    rows: list[tuple[int, int, int, int]],
) -> None:
    """Of 600 splits over two sellers, and no more than the gap."""
    supply, reserve, bids = [70.0, 30.0], [0.5, 2.0], profile([tuple(map(float, row)) for row in rows])
    gains = switching_gains(BUYERS, supply, reserve, bids, POOL)
    gaps = epsilon_gaps([Parabolic(80.0, 10.0)] * BUYERS, [math.inf] * BUYERS, supply, reserve, bids, POOL)
    for i in range(BUYERS):
        steps, got = [], []
        for j in range(SELLERS):
            here, others = bids.at(j), bids.at(j).without(i)
            allocation = clear(here.quantity, here.price, supply[j], reserve[j]).allocation
            got.append(float(allocation[here.buyer == i].sum()))
            steps.append(staircase(others.quantity, others.price, supply[j], reserve[j]))
        total, paid = sum(got), sum(one.cost(amount) for one, amount in zip(steps, got, strict=True))
        splits = np.linspace(max(0.0, total - supply[1]), min(total, supply[0]), 600).tolist()
        cheapest = min(steps[0].cost(first) + steps[1].cost(total - first) for first in splits)
        coarse = 9.0 * total / 600
        assert paid - cheapest - 1e-9 <= gains[i] <= paid - cheapest + coarse + 1e-9
        assert gains[i] <= gaps[i] + 1e-9


def test_eq_20_corrected_who_buys_at_the_dearer_seller_could_save() -> None:
    edges = np.array([0, 0, 1]), np.array([0, 1, 0])
    bids = profile([(0, 0, 10, 3), (1, 0, 95, 2)])
    # 5 of its 10 MB displace the other's bids at 2, and seller 1 has plenty at 0.5; the other reaches one seller only.
    assert switching_gains(2, [100, 100], [0, 0.5], bids, edges) == pytest.approx([5 * 2 - 5 * 0.5, 0])


@pytest.mark.parametrize("seed", range(12))
def test_ls_proposition_3_holds_over_several_sellers(seed: int) -> None:
    """Truthful bids for about what the optimum gives, which sell everything in purchases above the threshold."""
    rng = np.random.default_rng(seed)
    buyers = [Parabolic(float(rng.uniform(50, 100)), float(rng.uniform(10, 20))) for _ in range(12)]
    supply, edges = [80.0, 120.0, 60.0], (np.repeat(np.arange(12), 3), np.tile(np.arange(3), 12))
    reachable = rng.random(36) < 0.7
    edges = edges[0][reachable], edges[1][reachable]
    best = optimum(buyers, supply, edges)
    quantity = np.where(best.quantity > 3.0, best.quantity * rng.uniform(0.95, 1.0, best.quantity.size), 0.0)
    quantity *= (supply / np.bincount(edges[1], weights=quantity, minlength=3))[edges[1]]
    total = np.bincount(edges[0], weights=quantity, minlength=12)
    price = np.array([theta.marginal(float(amount)) for theta, amount in zip(buyers, total, strict=True)])
    bids = StandingBids(*edges, quantity, price[edges[0]])
    epsilon = float(epsilon_gaps(buyers, [math.inf] * 12, supply, [0.0] * 3, bids, edges).max())
    curvature = max(theta.choke_price / theta.demand_mb for theta in buyers)
    bound = welfare_loss_bound(quantity, sum(supply), epsilon, curvature)
    assert bound is not None
    assert best.welfare - welfare(buyers, total) <= bound


HL_OPTOUT = profile([(0, 0, 10, 5), (1, 0, 5, 1)])
ONE_SELLER: Edges = (np.array([0, 1]), np.array([0, 0]))


@pytest.mark.parametrize(
    ("mechanism", "fixed", "following"),
    [
        # It is charged 10.10. If it leaves B a sliver, B does not lose: 5 MB are free, and 5 would have gone to B at 1.
        ("psp", 0.0, 10.1 - 5.0),
        ("uniform-price", 0.0, 10.1 - 10.0),
        ("pay-as-bid", 50.0 - 10.1, 50.0 - 10.0),
    ],
)
def test_deviation_is_charged_at_the_reserve_that_it_brings_about(
    mechanism: str, fixed: float, following: float
) -> None:
    buyers, rule = [Flat(10, 5), Flat(5, 1)], HighestLosingReserve(0.0, 0.01)
    market = buyers, [math.inf] * 2, [10], [1.01], HL_OPTOUT, ONE_SELLER, MECHANISMS[mechanism]
    assert epsilon_gaps(*market) == pytest.approx([fixed, 0.0], abs=1e-9)
    assert epsilon_gaps(*market, [rule]) == pytest.approx([following, 0.0])


def test_lying_gains_where_the_reserve_follows_the_losers() -> None:
    buyers, rule = [Flat(10, 5), Flat(5, 1)], HighestLosingReserve(0.0, 0.01)
    market = buyers, [math.inf] * 2, [10], [1.01], HL_OPTOUT, ONE_SELLER
    assert truthfulness_gaps(*market).tolist() == [0.0, 0.0]
    assert truthfulness_gaps(*market, rules=[rule]) == pytest.approx([10.1 - 5.0, 0.0])


# Other mechanisms

every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=str)


@every
@pytest.mark.parametrize("buyers", [2, 5, 20])
def test_gap_is_what_the_best_reply_of_the_mechanism_gains(mechanism: AuctionMechanism, buyers: int) -> None:
    rng = np.random.default_rng(buyers)
    theta = [Parabolic(float(rng.uniform(20, 100)), float(rng.uniform(5, 20))) for _ in range(buyers)]
    supply, edges = [20.0 * buyers], (np.arange(buyers), np.zeros(buyers, int))
    quantity, price = rng.uniform(0, 40, buyers), rng.uniform(0, 12, buyers)
    bids = StandingBids(np.arange(buyers), np.zeros(buyers, int), quantity, price)
    gaps = epsilon_gaps(list(theta), [math.inf] * buyers, supply, [0.5], bids, edges, mechanism)
    outcome = mechanism.clear(quantity, price, supply[0], 0.5)
    for i in range(buyers):
        now = theta[i].value(float(outcome.allocation[i])) - float(outcome.charge[i])
        steps = staircase(np.delete(quantity, i), np.delete(price, i), supply[0], 0.5)
        best = mechanism.best_reply(theta[i], [steps]).utility
        assert gaps[i] == pytest.approx(max(0.0, best - now), abs=1e-9)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(1, 20)), min_size=BUYERS, max_size=BUYERS),
    st.lists(
        st.tuples(st.integers(0, BUYERS - 1), st.integers(0, SELLERS - 1), st.integers(0, 60), st.integers(0, 9)),
        unique_by=lambda row: row[:2],
        max_size=8,
    ),
    st.sampled_from([math.inf, 0.0, 40.0]),
)
def test_prop_1_lying_gains_nothing_under_psp_and_never_loses_elsewhere(
    parameters: list[tuple[float, float]], rows: list[tuple[int, int, int, int]], budget: float
) -> None:
    bids = profile([tuple(map(float, row)) for row in rows])
    market = [Parabolic(*pair) for pair in parameters], np.full(BUYERS, budget), [70.0, 30.0], [0.0, 2.0], bids, POOL
    for name, mechanism in MECHANISMS.items():
        gaps = truthfulness_gaps(*market, mechanism)
        assert gaps.shape == (BUYERS,)
        assert np.all(gaps == 0.0) if name == "psp" else np.all(gaps >= 0.0)


@pytest.mark.parametrize(
    ("mechanism", "gap"),
    [("psp", 0.0), ("uniform-price", 455.0 - 320.0), ("pay-as-bid", 455.0 - 320.0)],
)
def test_demand_reduction_is_what_lying_gains(mechanism: str, gap: float) -> None:
    edges, bids = (np.array([0]), np.array([0])), profile([(1, 0, 30, 2)])
    buyers = [Parabolic(100, 10), Flat(30, 2)]
    gaps = truthfulness_gaps(buyers, [math.inf] * 2, [100], [0], bids, edges, MECHANISMS[mechanism])
    assert gaps == pytest.approx([gap, 0.0])


def test_truthful_reply_as_bid_gains_nothing_where_all_is_worth_the_same() -> None:
    edges, bids = (np.array([0]), np.array([0])), profile([(1, 0, 70, 2)])
    gaps = truthfulness_gaps(
        [Flat(60, 3), Flat(70, 2)], [math.inf] * 2, [100], [0], bids, edges, MECHANISMS["pay-as-bid"]
    )
    assert gaps == pytest.approx([90.0, 0.0])


def test_two_equal_buyers_who_pay_as_bid_have_no_equilibrium_among_prices_and_quantities_tried() -> None:
    """Whoever outbids should bid less, who is outbid more; and at equal bids either should bid a little more."""
    buyers, edges = [Flat(60, 3), Flat(60, 3)], (np.array([0, 1]), np.array([0, 0]))

    def gap(first: tuple[float, float], second: tuple[float, float], name: str) -> float:
        bids = profile([(0, 0, *first), (1, 0, *second)])
        return float(epsilon_gaps(buyers, [math.inf] * 2, [100], [0], bids, edges, MECHANISMS[name]).max())

    tried = [(quantity, price) for quantity in (40.0, 50.0, 60.0) for price in np.linspace(0, 3, 13).tolist()]
    least = {name: min(gap(one, other, name) for one in tried for other in tried) for name in MECHANISMS}
    assert least["pay-as-bid"] > 5.0
    assert least["psp"] == pytest.approx(0.0)
    assert least["uniform-price"] == pytest.approx(0.0)
