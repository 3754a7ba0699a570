"""When a cell has enough seeds, against intervals worked out by other means."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scenarios.errors import ScenarioError
from scenarios.sweep.stopping import FEWEST, Mean, Stopping, UntilCi, until_ci_of

figures = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@given(figures)
def test_mean_and_interval_are_students(values: list[float]) -> None:
    mean = Mean()
    for value in values:
        mean.add(value)

    error = statistics.stdev(values) / math.sqrt(len(values))
    assert mean.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert mean.half_width == pytest.approx(stats.t.ppf(0.975, len(values) - 1) * error, rel=1e-6, abs=1e-6)


@given(figures, st.floats(1e-3, 1e6))
def test_a_cell_has_enough_with_the_first_of_its_seeds_that_make_the_interval_narrow(
    values: list[float], width: float
) -> None:
    stopping = Stopping(UntilCi(width))
    enough = None
    for count, value in enumerate(values, start=1):
        stopping.add(value)
        if stopping.is_enough:
            enough = count
            break

    widths = [
        stats.t.ppf(0.975, count - 1) * statistics.stdev(values[:count]) / math.sqrt(count)
        for count in range(FEWEST, len(values) + 1)
    ]
    near = [abs(one - width) <= 1e-6 * max(width, 1.0) for one in widths]
    if not any(near):  # rounding may go either way
        assert enough == next((FEWEST + k for k, one in enumerate(widths) if one <= width), None)


def test_runs_without_the_figure_do_not_count_and_without_a_wish_nothing_stops() -> None:
    stopping, never = Stopping(UntilCi(1.0)), Stopping(None)
    for value in [None, math.nan, 3.0, 3.0, None, 3.0, 3.0]:
        stopping.add(value)
        assert not stopping.is_enough
    stopping.add(3.0)
    assert stopping.is_enough

    for _ in range(10):
        never.add(3.0)
    assert not never.is_enough


def test_the_option_names_a_width_and_perhaps_a_figure() -> None:
    assert until_ci_of("0.01") == UntilCi(0.01, "efficiency")
    assert until_ci_of("2:welfare") == UntilCi(2.0, "welfare")
    for text in ("", "tight", "0", "-1:welfare", "nan", "inf", ":welfare"):
        with pytest.raises(ScenarioError, match="no half-width above 0"):
            until_ci_of(text)
