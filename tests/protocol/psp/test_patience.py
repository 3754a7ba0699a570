"""Whom the time of an auction is charged to."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from node.protocol.psp.patience import Moves, Patience
from tests.protocol.psp.bench import A, B, C

RECENT_S = 10.0

clearings_ = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sets(st.sampled_from([A, B, C]), max_size=3),
        st.integers(0, 20).map(lambda sixth: 6 * sixth),  # so that equal parts are whole
    ),
    max_size=30,
)


def most_moved(clearings: list[tuple[float, set[str], float]], now: float) -> str | None:
    """Add up all that is recent, and look for the most."""
    moved: dict[str, float] = defaultdict(float)
    times: dict[str, int] = defaultdict(int)
    for at, buyers, megabytes in clearings:
        for buyer in buyers:
            if now - at < RECENT_S:
                moved[buyer] += megabytes / len(buyers)
                times[buyer] += 1
    return max(moved, key=lambda buyer: (moved[buyer], times[buyer], buyer), default=None)


@given(clearings_)
def test_who_has_moved_the_most_lately(clearings: list[tuple[int, set[str], int]]) -> None:
    moves = Moves()
    now, past = 0.0, list[tuple[float, set[str], float]]()
    for pause, buyers, megabytes in clearings:
        now += pause
        past.append((now, buyers, megabytes))
        moves.note(now, sorted(buyers), megabytes, RECENT_S)
        assert moves.most == most_moved(past, now)


def test_time_is_charged_to_who_has_moved_the_most_and_not_to_who_answers_it() -> None:
    patience = Patience(20.0)
    for k in range(10):
        patience.use_by_moving(2.0 * k + 1.0, [A], 100.0, RECENT_S)
        patience.use_by_moving(2.0 * k + 2.0, [B], 5.0, RECENT_S)
    assert patience.is_used_up(A)
    assert not patience.is_used_up(B)


def test_who_changes_its_bid_by_itself_pays_however_little_it_moves() -> None:
    patience = Patience(20.0)
    patience.use_by_moving(1.0, [A], 100.0, RECENT_S)
    now = 1.0
    while not patience.is_used_up(B):
        now += 0.4 * RECENT_S
        patience.use_by_moving(now, [B], 1e-6, RECENT_S)
    assert now <= 20.0 + 1.0 + RECENT_S
    assert not patience.is_used_up(A)


def test_time_before_bids_are_taken_and_more_than_is_recent_are_charged_to_nobody() -> None:
    patience = Patience(2.5 * RECENT_S)
    patience.begin(1_000.0)
    for now in (1_000.0 + 1e-9, 1_100.0, 1_200.0):
        patience.use_by_moving(now, [A], 1.0, RECENT_S)
    assert not patience.is_used_up(A)
    patience.use_by_moving(1_300.0, [A], 1.0, RECENT_S)
    assert patience.is_used_up(A)


def test_others_are_forgiven_what_they_have_moved_when_one_takes_part_no_more() -> None:
    patience = Patience(20.0)
    patience.use(B, 4.0)
    patience.use_by_moving(9.0, [B], 1.0, RECENT_S)
    patience.use(A, 20.0)
    assert (patience.ends(A), patience.ends(A), patience.ends(B)) == (True, False, False)
    patience.use(B, 15.0)
    assert not patience.is_used_up(B)
    patience.use(B, 1.0)
    assert patience.is_used_up(B)


def test_clock_that_is_set_back_gives_nothing_back() -> None:
    patience = Patience(20.0)
    patience.use_by_moving(9.0, [A], 1.0, RECENT_S)
    patience.use_by_moving(1.0, [A], 1.0, RECENT_S)
    patience.use(A, -5.0)
    patience.use(A, 11.0)
    assert patience.is_used_up(A)
