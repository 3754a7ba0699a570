"""The time of a market that is played back or simulated, by a clock that is turned by hand."""

import math

import pytest

from scenarios.live.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_goes_as_fast_as_its_speed(clock: Clock) -> None:
    pace = Pace(2.0, clock=clock)
    clock.now += 3.0
    assert pace.reach() == 6.0
    pace.set_speed(0.5, 6.0)
    clock.now += 4.0
    assert pace.reach() == 8.0


def test_while_paused_it_stands_still_and_goes_on_from_there(clock: Clock) -> None:
    pace = Pace(1.0, clock=clock)
    clock.now += 3.0
    pace.pause(2.5)
    clock.now += 50.0
    assert pace.reach() == 3.0
    pace.go_on(2.5)
    clock.now += 1.0
    assert pace.reach() == 3.5


def test_as_fast_as_can_be_has_no_bound_but_stops_where_the_market_is(clock: Clock) -> None:
    pace = Pace(math.inf, clock=clock)
    assert pace.reach() == math.inf
    pace.pause(7.0)
    assert pace.reach() == 7.0
    pace.set_speed(1.0, 7.0)
    assert pace.reach() == 7.0


def test_a_step_is_taken_once_and_only_while_paused(clock: Clock) -> None:
    pace = Pace(1.0, clock=clock)
    pace.step()
    assert not pace.take_step()
    pace.pause(0.0)
    pace.step()
    assert pace.take_step()
    assert not pace.take_step()
    pace.stepped(4.0)
    assert pace.reach() == 4.0


def test_it_begins_anew_with_the_same_speed(clock: Clock) -> None:
    pace = Pace(3.0, clock=clock)
    clock.now += 5.0
    pace.restart()
    clock.now += 1.0
    assert pace.reach() == 3.0
