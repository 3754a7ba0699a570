"""A customer's calls: asked and reported until they are answered."""

import pytest

from node.protocol.dmp.messages import Noted, Report, Request
from node.protocol.dmp.requests import LONGEST_BACKOFF, TIMER, Caller
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import Effect, Send, SetTimer
from tests.protocol.dmp.bench import MARKET, wanted
from tests.protocol.psp.bench import sent

RETRY_S = 2.0


def asking(*times: float) -> Caller:
    """It has asked for a call at each of these times."""
    caller = Caller(MARKET, RETRY_S)
    for now in times:
        list(caller.ask(now, wanted(), 0.5, None))
    return caller


def wakes(effects: list[Effect]) -> list[float]:
    return [effect.at for effect in effects if isinstance(effect, SetTimer) and effect.name == TIMER]


def test_asks_and_wakes_to_ask_again() -> None:
    effects = list(Caller(MARKET, RETRY_S).ask(1.0, wanted(), 0.5, 9.0))
    assert effects == [SetTimer(TIMER, 3.0), Send(MARKET, Request(1, 1, wanted(), 0.5, 9.0))]


def test_calls_are_numbered_and_say_which_are_over() -> None:
    caller = asking(0.0, 0.0)
    caller.on_answer(1)
    caller.forget(1)
    (effect,) = list(caller.ask(0.0, wanted(), 0.5, None))
    assert isinstance(effect, Send)
    assert effect.message == Request(3, 2, wanted(), 0.5, None)
    assert (caller.newest, caller.open_calls) == (3, 2)


def test_repeats_what_has_waited_long_enough() -> None:
    caller = asking(0.0, 1.5)
    effects = list(caller.repeat(2.0))
    assert [message.call for _, message in sent(effects)] == [1]  # type: ignore[union-attr]
    assert wakes(effects) == [3.5]


def test_pause_grows_to_its_bound() -> None:
    caller, now = asking(0.0), 2.0
    for _ in range(20):
        (at,) = wakes(list(caller.repeat(now)))
        pause, now = at - now, at
    assert pause == LONGEST_BACKOFF * RETRY_S


def test_new_call_is_repeated_soon_though_an_old_one_waits_for_long() -> None:
    """It once had to wait for the old one's turn."""
    caller, now = asking(0.0), 2.0
    for _ in range(10):
        (now,) = wakes(list(caller.repeat(now)))
    assert wakes(list(caller.ask(now - 100.0, wanted(), 0.5, None))) == [now - 98.0]


def test_wakes_again_after_everything_was_answered() -> None:
    caller = asking(0.0)
    caller.on_answer(1)
    assert list(caller.repeat(2.0)) == []
    assert wakes(list(caller.ask(5.0, wanted(), 0.5, None))) == [7.0]


def test_answer_gives_the_request_and_ends_the_repetition() -> None:
    caller = asking(0.0)
    assert caller.is_asking(1)
    assert caller.on_answer(1).call == 1
    assert not caller.is_asking(1)
    assert sent(list(caller.repeat(9.0))) == []


@pytest.mark.parametrize("call", [0, 2])
def test_rejects_answer_to_what_was_never_asked(call: int) -> None:
    with pytest.raises(RejectedError, match="never asked"):
        asking(0.0).on_answer(call)
    with pytest.raises(RejectedError, match="never asked"):
        asking(0.0).on_noted(Noted(call, served=True))


def test_ignores_repeated_answer() -> None:
    caller = asking(0.0)
    caller.on_answer(1)
    with pytest.raises(IgnoredError, match="repeated answer"):
        caller.on_answer(1)


def test_reports_until_it_is_noted() -> None:
    caller = asking(0.0)
    caller.on_answer(1)
    assert sent(list(caller.report(5.0, 1, served=True))) == [(MARKET, Report(1, served=True))]
    assert sent(list(caller.repeat(7.0))) == [(MARKET, Report(1, served=True))]
    caller.on_noted(Noted(1, served=True))
    assert sent(list(caller.repeat(99.0))) == []
    assert caller.open_calls == 0


def test_ignores_confirmation_of_no_report() -> None:
    with pytest.raises(IgnoredError, match="repeated confirmation"):
        asking(0.0).on_noted(Noted(1, served=True))


def test_call_that_is_over_is_reported_no_more() -> None:
    caller = asking(0.0)
    caller.on_answer(1)
    list(caller.report(5.0, 1, served=True))
    caller.forget(1)
    assert sent(list(caller.repeat(99.0))) == []
