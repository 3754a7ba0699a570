import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.dmp import StepReputation, WindowReputation
from tests.oracles import dmp as oracle

histories = st.lists(st.booleans(), max_size=60)


@given(st.integers(1, 8), st.floats(0.0, 1.0), histories)
def test_window_is_that_of_the_whole_history(window: int, initial: float, history: list[bool]) -> None:
    reputation = WindowReputation(window, initial)
    for k, served in enumerate(history, 1):
        reputation = reputation.after(served)
        assert reputation.value == pytest.approx(oracle.window_reputation(window, initial, history[:k]))
        assert 0.0 <= reputation.value <= 1.0
        assert len(reputation.outcomes) <= window


@given(st.floats(0.0, 0.999), st.floats(0.0, 1.0), st.floats(0.0, 1.0), histories)
def test_steps_are_those_of_the_whole_history(q: float, initial: float, step: float, history: list[bool]) -> None:
    reputation = StepReputation(q, initial, step)
    for served in history:
        reputation = reputation.after(served)
        assert 0.0 <= reputation.value <= 1.0
    assert reputation.value == pytest.approx(oracle.step_reputation(q, initial, step, history), abs=1e-12)


def test_an_operator_that_keeps_its_commitment_keeps_its_reputation() -> None:
    reputation = StepReputation(commitment=0.9, value=0.5)
    for k in range(100):
        reputation = reputation.after(k % 10 != 0)
    assert reputation.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("window", "initial", "outcomes", "named"),
    [
        (0, 0.0, (), "window"),
        (2.5, 0.0, (), "window"),
        (2, 1.5, (), "initial"),
        (2, math.nan, (), "initial"),
        (2, 0.0, (True,) * 3, "outcomes"),
    ],
)
def test_what_is_no_window_is_rejected(window: int, initial: float, outcomes: tuple[bool, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        WindowReputation(window, initial, outcomes)


@pytest.mark.parametrize(
    ("commitment", "value", "step", "named"),
    [
        (1.0, 0.0, 0.01, "commitment"),
        (-0.1, 0.0, 0.01, "commitment"),
        (0.5, 2.0, 0.01, "value"),
        (0.5, 0.0, -1.0, "step"),
    ],
)
def test_what_is_no_step_rule_is_rejected(commitment: float, value: float, step: float, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        StepReputation(commitment, value, step)
