"""Calls and operators for the tests of pricing strategies."""

from dataclasses import replace

from hypothesis import strategies as st

from node.strategy.dmp import Call

CALL = Call(price_weight=0.5, cost=0.3, reputation=0.4, rivals=None, bidders=3)


def call(
    price_weight: float = 0.5,
    cost: float = 0.3,
    reputation: float = 0.4,
    rivals: tuple[float, ...] | None = None,
    bidders: int = 3,
    load: float = 0.0,
) -> Call:
    return Call(price_weight, cost, reputation, rivals, bidders, load)


def at_cost(known: Call, cost: float) -> Call:
    return replace(known, cost=cost)


shares = st.floats(0.0, 1.0)
costs = st.floats(0.0, 3.0)
"""Beyond the believed top of 1 too."""


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Calls of all kinds, with 1 to 4 operators, known or unknown rivals."""
    rivals = draw(st.none() | st.lists(shares, max_size=3).map(tuple))
    bidders = draw(st.integers(1, 4)) if rivals is None else len(rivals) + 1
    return Call(draw(shares), draw(costs), draw(shares), rivals, bidders, draw(st.floats(0.0, 2.0)))
