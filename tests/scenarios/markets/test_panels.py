"""Graphs of few nodes, and of clusters of many."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.trace import Joined, Record
from scenarios.markets.dmp.view import CallView
from scenarios.markets.panels import CLUSTERS, MOST_NODES, Drawing, Nodes, View, drawing
from scenarios.markets.plain_view import PlainView
from scenarios.markets.psp.view import ExchangeView
from tests.scenarios.live.following import all_of


def nodes(count: int, prefix: str = "n") -> Nodes:
    numbers = [float(k) for k in range(count)]
    names = [f"{prefix}-{k}" for k in range(count)]
    return Nodes(names, [2.0] * count, [0.5] * count, numbers, [k % 5 for k in range(count)], numbers)


def edges_of(found: Drawing) -> list[tuple[int, int, float]]:
    source, target = (np.frombuffer(one, np.uint16).tolist() for one in (found.source, found.target))
    return list(zip(source, target, np.frombuffer(found.width, np.float32).tolist(), strict=True))


def test_a_small_market_is_drawn_node_by_node() -> None:
    found = drawing(nodes(3), nodes(2, "m"), [(0, 1, 5.0), (2, 0, 1.5)])
    assert found.left.names == ["n-0", "n-1", "n-2"]
    assert set(found.left.members) == {1}
    assert edges_of(found) == [(0, 1, 5.0), (2, 0, 1.5)]


@given(st.integers(MOST_NODES, 900), st.integers(1, 60), st.randoms(use_true_random=False))
def test_clusters_hold_all_nodes_and_all_that_is_traded(left: int, right: int, random: object) -> None:
    chooser = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]
    edges = [(int(chooser.integers(left)), int(chooser.integers(right)), 1.0) for _ in range(500)]
    found = drawing(nodes(left), nodes(right, "m"), edges, ("buyers", "sellers"))
    for side, count in ((found.left, left), (found.right, right)):
        assert len(side.names) == min(CLUSTERS, count)
        assert sum(side.members) == count
        assert max(side.members) - min(side.members) <= 1
        assert np.frombuffer(side.size, np.float32).sum() == 2.0 * count
        assert np.frombuffer(side.moves, np.uint32).sum() == sum(k % 5 for k in range(count))
    assert sum(width for _, _, width in edges_of(found)) == 500.0


def test_a_cluster_has_the_mean_price_of_those_that_have_one() -> None:
    left = nodes(MOST_NODES + 1)
    prices = [float("nan") if k % 2 else 4.0 for k in range(len(left.names))]
    found = drawing(Nodes(left.names, left.size, left.share, prices, left.moves, left.rank), nodes(1), [])
    assert set(np.frombuffer(found.left.colour, np.float32).tolist()) == {4.0}


@pytest.mark.parametrize("make", [ExchangeView, CallView, PlainView])
def test_a_market_of_which_nothing_is_known_can_be_shown(make: Callable[[None], View]) -> None:
    view = make(None)
    all_of(view)
    view.finish()
    all_of(view)


def test_a_market_without_panels_of_its_own_says_who_tells_how_much() -> None:
    view = PlainView(None)
    for k, node in enumerate(["h/a", "h/b", "h/a"]):
        view.add(Record(float(k), node, Joined()))
    assert view.figures() == {"records": 3, "nodes": 2}
    assert view.rows("nodes") == {"name": ["a", "b"], "last": ["joined", "joined"], "moves": [2, 1]}
    all_of(view)
