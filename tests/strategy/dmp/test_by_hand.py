import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.strategy.dmp import ByHand, Call, CostPlus
from tests.strategy.dmp.calls import call, calls

MARGINS = st.floats(0.0, 5.0)


@given(calls(), MARGINS)
def test_asks_what_a_fixed_margin_of_that_size_asks(known: Call, margin: float) -> None:
    person = ByHand()
    person.choose(margin)
    assert person.price(known) == CostPlus(margin).price(known) >= known.cost


def test_asks_the_bare_cost_until_a_margin_is_chosen() -> None:
    person = ByHand()
    assert person.price(call(cost=0.5)) == 0.5
    for margin in (0.25, 0.0):
        person.choose(margin)
        person.learned(1.0)
        assert person.price(call(cost=0.5)) == 0.5 + margin


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf")])
def test_takes_no_margin_that_is_none(margin: float) -> None:
    person = ByHand(0.25)
    with pytest.raises(ValueError, match="margin"):
        person.choose(margin)
    with pytest.raises(ValueError, match="margin"):
        ByHand(margin)
    assert person.price(call(cost=0.5)) == 0.75
