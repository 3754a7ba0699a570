from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp.influence import influence, influence_sizes, price_ladder, reach
from node.mechanism.welfare import Edges

SELLERS, BUYERS = 6, 8
PRICES = [0.0, 1.0, 2.0, 3.0]


def graph(*pairs: tuple[int, int]) -> Edges:
    """Edges from (buyer, seller) pairs."""
    array = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return array[:, 0], array[:, 1]


CHAIN = graph((0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3))
graphs = st.sets(st.tuples(st.integers(0, BUYERS - 1), st.integers(0, SELLERS - 1))).map(lambda s: graph(*sorted(s)))


def sellers_of(edges: Edges, buyer: int) -> set[int]:
    return {j for i, j in zip(*edges, strict=True) if i == buyer}


def buyers_of(edges: Edges, seller: int) -> set[int]:
    return {i for i, j in zip(*edges, strict=True) if j == seller}


def test_eq_17_influence_sets_of_a_chain() -> None:
    sets = influence(CHAIN, 1)
    assert sets.sellers.tolist() == [0, 1, 2]
    assert sets.buyers.tolist() == [0, 1, 2]
    assert sets.size == 6


def test_isolated_auction_influences_only_itself_and_its_buyers() -> None:
    sets = influence(graph((0, 0), (1, 0), (2, 1)), 0)
    assert (sets.sellers.tolist(), sets.buyers.tolist()) == ([0], [0, 1])


def test_auction_without_buyers_has_empty_sets() -> None:
    assert influence(CHAIN, 4).size == 0


@given(graphs)
def test_eq_17_sets_and_sizes_are_the_unions(edges: Edges) -> None:
    primary, secondary = influence_sizes(edges, SELLERS)
    for j in range(SELLERS):
        sets = influence(edges, j)
        sellers = {k for i in buyers_of(edges, j) for k in sellers_of(edges, i)}
        buyers = {q for k in sellers for q in buyers_of(edges, k)}
        assert (set(sets.sellers.tolist()), set(sets.buyers.tolist())) == (sellers, buyers)
        assert (primary[j], secondary[j]) == (len(sellers), len(buyers))


@given(graphs)
def test_eq_16_influence_is_mutual(edges: Edges) -> None:
    sets = [set(influence(edges, j).sellers.tolist()) for j in range(SELLERS)]
    assert all((j in sets[k]) == (k in sets[j]) for j, k in product(range(SELLERS), repeat=2))


@given(graphs)
def test_auction_with_buyers_is_in_its_own_set(edges: Edges) -> None:
    assert all(j in influence(edges, int(j)).sellers for j in set(edges[1].tolist()))


@given(graphs, graphs)
def test_disjoint_markets_have_disjoint_influence(one: Edges, other: Edges) -> None:
    both = np.concatenate([one[0], other[0] + BUYERS]), np.concatenate([one[1], other[1] + SELLERS])
    for j in range(SELLERS):
        mine, theirs = influence(both, j), influence(both, j + SELLERS)
        assert not set(mine.sellers) & set(theirs.sellers)
        assert not set(mine.buyers) & set(theirs.buyers)


def test_hops_count_along_a_chain() -> None:
    assert reach(CHAIN, [0], sellers=5).tolist() == [0, 1, 2, 3, -1]
    assert reach(CHAIN, [1, 3], sellers=5).tolist() == [1, 0, 1, 0, -1]


def test_hops_beyond_the_steps_are_not_looked_at() -> None:
    assert reach(CHAIN, [0], sellers=5, steps=1).tolist() == [0, 1, -1, -1, -1]


@given(graphs, st.integers(0, SELLERS - 1))
def test_one_hop_is_the_influence_set_and_two_the_sets_of_its_members(edges: Edges, shifted: int) -> None:
    hops = reach(edges, [shifted], SELLERS)
    first = set(influence(edges, shifted).sellers.tolist()) | {shifted}
    second = first.union(*(influence(edges, j).sellers.tolist() for j in first))
    assert set(np.flatnonzero((hops >= 0) & (hops <= 1)).tolist()) == first
    assert set(np.flatnonzero((hops >= 0) & (hops <= 2)).tolist()) == second


def test_large_sparse_market_is_measured_in_time_linear_in_its_edges() -> None:
    count = 20_000  # squared, these would be 4e8 pairs
    buyer = np.repeat(np.arange(count), 2)
    chain = buyer, buyer + np.tile([0, 1], count)
    primary, secondary = influence_sizes(chain, count + 1)
    assert primary.tolist() == [2, *[3] * (count - 1), 2]
    assert secondary.tolist() == [2, 3, *[4] * (count - 3), 3, 2]
    assert reach(chain, [0], count + 1)[-1] == count


@pytest.mark.parametrize("edges", [(np.array([0]), np.array([0, 1])), (np.array([0]), np.array([-1]))])
def test_edges_that_make_no_graph_are_refused(edges: Edges) -> None:
    with pytest.raises(ValueError, match=r"edges|sellers"):
        influence(edges, 0)


def test_unknown_seller_is_refused() -> None:
    with pytest.raises(ValueError, match="sellers"):
        influence_sizes(CHAIN, 3)
    with pytest.raises(ValueError, match="shifted"):
        reach(CHAIN, [5], sellers=5)


# The ladder: buyer 0 wins at sellers 0 (cheap) and 1 (dear), buyer 1 at 0 only although 1 is in its pool.
TWO = graph((0, 0), (0, 1), (1, 0), (1, 1))
WON = [True, True, True, False]


def test_eq_20_ladder_holds_where_the_absent_buyer_bids_between_the_prices() -> None:
    ladder = price_ladder(TWO, WON, market_price=[1.0, 3.0], bid_price=[4.0, 2.0])
    assert (ladder.checked, ladder.violated, ladder.share) == (1, 0, 1.0)


@pytest.mark.parametrize(
    ("market_price", "bid_price"),
    [([2.5, 3.0], [4.0, 2.0]), ([1.0, 2.0], [4.0, 2.0]), ([1.0, 3.0], [2.9, 2.0])],
    ids=["k-above-l", "l-not-below-j", "j-above-i"],
)
def test_eq_20_each_broken_rung_is_found(market_price: list[float], bid_price: list[float]) -> None:
    ladder = price_ladder(TWO, WON, market_price, bid_price)
    assert sum(ladder.broken) == 1
    assert (ladder.violated, ladder.examples, ladder.share) == (1, ((0, 1, 1, 0),), 0.0)


def test_violation_within_the_tolerance_is_none() -> None:
    assert price_ladder(TWO, WON, [2.5, 3.0], [2.9, 2.4], tolerance=0.2).violated == 0


def test_buyer_that_cannot_reach_the_auction_says_nothing_about_it() -> None:
    ladder = price_ladder(graph((0, 0), (0, 1), (1, 0)), [True] * 3, [1.0, 3.0], [4.0, 9.0])
    assert ladder.checked == 0
    assert np.isnan(ladder.share)


@given(graphs, st.data())
def test_eq_20_ladder_counts_what_enumeration_finds(pool: Edges, data: st.DataObject) -> None:
    def prices(count: int) -> list[float]:
        return data.draw(st.lists(st.sampled_from(PRICES), min_size=count, max_size=count))

    bids = data.draw(st.lists(st.booleans(), min_size=pool[0].size, max_size=pool[0].size))
    market, own, tolerance = prices(SELLERS), prices(BUYERS), data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    pairs = list(zip(*(side.tolist() for side in pool), strict=True))
    won = {pair for pair, bid in zip(pairs, bids, strict=True) if bid}
    tuples = [
        (k, lower, j, i)
        for (lower, j), k, i in product(sorted(set(pairs) - won), range(SELLERS), range(BUYERS))
        if {(lower, k), (i, k), (i, j)} <= won
    ]
    broken = [
        (k, lower, j, i)
        for k, lower, j, i in tuples
        if not (market[k] <= own[lower] + tolerance and own[lower] < market[j] + tolerance)
        or market[j] > own[i] + tolerance
    ]
    rungs = (
        sum(market[k] > own[lower] + tolerance for k, lower, _, _ in tuples),
        sum(own[lower] >= market[j] + tolerance for _, lower, j, _ in tuples),
        sum(market[j] > own[i] + tolerance for _, _, j, i in tuples),
    )
    ladder = price_ladder(pool, bids, market, own, tolerance, most_examples=10_000)
    assert (ladder.checked, ladder.violated, ladder.broken) == (len(tuples), len(broken), rungs)
    assert list(ladder.examples) == broken


def test_only_so_many_violations_are_named() -> None:
    pool = graph(*product(range(6), range(4)))
    won = pool[0] >= pool[1]
    ladder = price_ladder(pool, won, [5.0] * 4, [1.0] * 6, most_examples=3)
    assert ladder.violated > 3
    assert len(ladder.examples) == 3


def test_bids_that_do_not_fit_the_pool_are_refused() -> None:
    with pytest.raises(ValueError, match="bids"):
        price_ladder(TWO, [True], [1.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="buyers"):
        price_ladder(TWO, WON, [1.0, 1.0], [1.0])
