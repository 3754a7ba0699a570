"""What becomes of frames and posts at the edge of a host."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.runtime.faults.plan import Edge, Fault, Plan, Steady, joined
from node.runtime.streams import stream

spans = st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 100.0)).map(lambda span: (min(span), max(span))))
steady_faults = st.builds(
    Steady,
    loss=st.floats(0.0, 0.9),
    duplication=st.floats(0.0, 1.0),
    reordering=st.floats(0.0, 1.0),
    reordering_delay_s=st.floats(0.0, 1.0),
)


def edge(*faults: Fault, steady: Steady | None = None, host: str = "a", opened_at: float = 0.0) -> Edge:
    plan = Plan(steady or Steady(), faults)
    built = Edge(host, plan, stream(1, host, "faults"))
    built.opened_at = opened_at
    return built


CUT = Fault("partition", 2.0, 5.0, frozenset({"a", "b"}))


def test_frame_without_faults_leaves_once_and_at_once() -> None:
    assert edge().departures("b", 3.0) == [3.0]


@given(steady_faults, st.floats(0.0, 100.0))
def test_frame_leaves_at_most_twice_and_never_early(steady: Steady, now: float) -> None:
    leaving = edge(steady=steady).departures("b", now)
    assert len(leaving) <= 2
    assert all(now <= at <= now + steady.reordering_delay_s for at in leaving)


def test_shares_are_those_of_the_plan() -> None:
    lossy = edge(steady=Steady(loss=0.2, duplication=0.1))
    copies = [len(lossy.departures("b", 0.0)) for _ in range(10_000)]
    assert sum(copies) / len(copies) == pytest.approx(1.1 * 0.8, rel=0.02)


def test_only_reordered_frames_are_overtaken() -> None:
    """The late end of a delay spike, after which a frame is not late itself."""
    slow = edge(Fault("delay-spike", 0.0, 1.0, amount=3.0))
    assert slow.departures("b", 0.5) == [3.5]
    assert slow.departures("b", 2.0) == [3.5]
    assert edge(steady=Steady(reordering=1.0, reordering_delay_s=2.0)).departures("b", 0.0) != [0.0]


@pytest.mark.parametrize(("host", "to"), [("a", "b"), ("c", "d")])
def test_delay_spike_of_some_hosts_is_felt_by_frames_from_and_to_them(host: str, to: str) -> None:
    spike = Fault("delay-spike", 0.0, 1.0, frozenset({"a"}), 3.0)
    assert edge(spike, host=host).departures(to, 0.5) == [3.5 if host == "a" else 0.5]
    assert edge(spike, host=to).departures(host, 0.5) == [3.5 if host == "a" else 0.5]


@pytest.mark.parametrize(
    ("host", "other", "heals_at"),
    [("a", "b", 3.0), ("c", "d", 3.0), ("a", "c", 5.0), ("c", "a", 5.0), ("a", "a", 3.0)],
)
def test_partition_cuts_hosts_on_both_sides_from_each_other_only(host: str, other: str, heals_at: float) -> None:
    assert edge(CUT, host=host).heals_at(other, 3.0) == heals_at


@pytest.mark.parametrize("now", [1.9, 5.0])
def test_before_and_after_a_partition_everybody_is_heard(now: float) -> None:
    assert edge(CUT).departures("c", now) == [now]


def test_frame_into_a_partition_is_lost() -> None:
    assert edge(CUT).departures("c", 3.0) == []


def test_overlapping_partitions_heal_with_the_last() -> None:
    assert edge(CUT, Fault("partition", 4.0, 9.0, frozenset({"c"}))).heals_at("c", 2.5) == 9.0


def test_times_count_from_the_opening() -> None:
    assert edge(CUT, opened_at=100.0).heals_at("c", 103.0) == 105.0


def test_before_the_opening_there_are_no_faults_but_the_steady_ones() -> None:
    assert edge(CUT, opened_at=math.inf).departures("c", 3.0) == [3.0]


@given(steady_faults, st.lists(st.floats(0.0, 10.0), min_size=2).map(sorted))
def test_posts_are_never_lost_early_or_overtaken(steady: Steady, times: list[float]) -> None:
    board = edge(Fault("delay-spike", 0.0, 5.0, amount=2.0), steady=steady)
    leaving = [board.post_departure("a/1", now) for now in times]
    assert leaving == sorted(leaving)
    assert all(at >= now for at, now in zip(leaving, times, strict=True))


def test_same_host_and_seed_draw_the_same() -> None:
    steady = Steady(loss=0.3, duplication=0.3, reordering=0.3, reordering_delay_s=1.0)
    one, other = edge(steady=steady), edge(steady=steady)
    assert [one.departures("b", 0.0) for _ in range(50)] == [other.departures("b", 0.0) for _ in range(50)]


@given(spans)
def test_joined_spans_cover_the_same_and_do_not_touch(parts: list[tuple[float, float]]) -> None:
    whole = joined(parts)
    assert all(a[1] < b[0] for a, b in pairwise(whole))
    for start, end in parts:
        assert any(a <= start and end <= b for a, b in whole)
    assert {edge for span in whole for edge in span} <= {edge for span in parts for edge in span}


def test_crashes_of_one_process_are_those_of_all_its_hosts() -> None:
    plan = Plan(faults=(Fault("crash", 1.0, 3.0, frozenset({"a"})), Fault("crash", 2.0, math.inf, frozenset({"b"}))))
    assert plan.crashes({"a"}) == [(1.0, 3.0)]
    assert plan.crashes({"a", "b"}) == [(1.0, math.inf)]
    assert plan.crashes({"c"}) == []
