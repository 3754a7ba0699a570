"""The course of figures in bounded memory."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from node.trace.history import History

TIMES = st.lists(st.floats(0.0, 1e4, width=32), max_size=200).map(sorted)


def plain(times: list[float], capacity: int, step_s: float) -> tuple[list[tuple[float, int]], float]:
    """The same with lists: what is kept of rows that are their own number, and the step at the end."""
    kept: list[tuple[float, int]] = []
    due = -math.inf
    for number, time_s in enumerate(times):
        if time_s < due:
            continue
        if len(kept) == capacity:
            kept, step_s = kept[::2], 2.0 * step_s
        kept.append((time_s, number))
        due = (math.floor(time_s / step_s) + 1.0) * step_s
    return kept, step_s


@given(TIMES, st.sampled_from([2, 3, 8, 64]), st.sampled_from([0.25, 1.0]))
def test_it_keeps_what_a_plain_list_would(times: list[float], capacity: int, step_s: float) -> None:
    history = History(1, capacity, step_s)
    for number, time_s in enumerate(times):
        if history.is_due(time_s):
            history.add(time_s, [number])
    kept, step = plain(times, capacity, step_s)
    assert list(zip(history.time_s.tolist(), history.rows[:, 0].tolist(), strict=True)) == kept
    assert history.step_s == step
    assert len(history) == len(kept) <= capacity


@given(TIMES)
def test_its_first_and_its_newest_row_are_never_dropped(times: list[float]) -> None:
    history = History(1, 8)
    taken = []
    for time_s in times:
        if history.is_due(time_s):
            history.add(time_s, [0.0])
            taken.append(time_s)
    assert history.time_s.tolist()[:1] == taken[:1]
    assert history.time_s.tolist()[-1:] == taken[-1:]


def test_a_row_may_be_wider_than_those_before() -> None:
    history = History(1)
    history.add(0.0, [1.0])
    history.add(1.0, [2.0, 3.0])
    history.add(2.0, [4.0])
    assert np.array_equal(history.rows, [[1.0, np.nan], [2.0, 3.0], [4.0, np.nan]], equal_nan=True)


def test_what_is_too_large_is_infinite() -> None:
    history = History(1)
    history.add(0.0, [1e300])
    assert history.rows.tolist() == [[math.inf]]
