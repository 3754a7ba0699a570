"""Taking part, and being let go, over a network that loses what is said."""

import pytest

from node.protocol.dmp.membership import TIMER, Membership
from node.protocol.dmp.messages import Deregister, Deregistered, Register, Registered
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import CancelTimer, Send, SetTimer
from node.protocol.retry import LONGEST_BACKOFF, PATIENCE
from tests.protocol.dmp.bench import AGENT, MARKET

RETRY_S = 2.0


def joining() -> Membership:
    member = Membership(MARKET, "terminal", RETRY_S)
    list(member.join(0.0))
    return member


def joined() -> Membership:
    member = joining()
    list(member.on_confirmation(MARKET, Registered(1, 3)))
    return member


def leaving() -> Membership:
    member = joined()
    list(member.leave(10.0))
    return member


def test_asks_to_take_part_until_it_is_confirmed() -> None:
    member = Membership(MARKET, "terminal", RETRY_S)
    asked = [Send(MARKET, Register(1, "terminal")), SetTimer(TIMER, RETRY_S)]
    assert list(member.join(0.0)) == asked
    assert list(member.repeat(2.0)) == [asked[0], SetTimer(TIMER, 2.0 + RETRY_S)]
    assert list(member.on_confirmation(MARKET, Registered(1, 3))) == [CancelTimer(TIMER)]
    assert (member.state, member.epoch) == ("in", 3)
    assert list(member.repeat(9.0)) == []


def test_who_wants_in_asks_for_ever_ever_more_seldom() -> None:
    member = joining()
    for _ in range(5 * PATIENCE):
        said, timer = list(member.repeat(100.0))
    assert said == Send(MARKET, Register(1, "terminal"))
    assert timer == SetTimer(TIMER, 100.0 + LONGEST_BACKOFF * RETRY_S)


def test_asks_anew_with_a_new_number() -> None:
    assert next(iter(joined().join(5.0))) == Send(MARKET, Register(2, "terminal"))


def test_who_wants_out_goes_when_it_is_let_go() -> None:
    member = joined()
    assert next(iter(member.leave(0.0))) == Send(MARKET, Deregister(2))
    assert list(member.on_confirmation(MARKET, Deregistered(2))) == [CancelTimer(TIMER)]
    assert member.state == "left"


def test_who_wants_out_goes_in_the_end_without_an_answer() -> None:
    member = leaving()
    for _ in range(PATIENCE):
        assert next(iter(member.repeat(20.0))) == Send(MARKET, Deregister(2))
    assert list(member.repeat(20.0)) == []
    assert member.state == "left"


@pytest.mark.parametrize("already", [leaving, lambda: Membership(MARKET, "terminal", RETRY_S)])
def test_asks_once_to_be_let_go_and_only_if_it_takes_part(already: type[Membership]) -> None:
    assert list(already().leave(0.0)) == []


def test_who_is_put_out_is_out() -> None:
    member = joined()
    list(member.on_confirmation(MARKET, Deregistered(1)))
    assert member.state == "out"


@pytest.mark.parametrize(
    ("sender", "message", "error"),
    [
        pytest.param(AGENT, Registered(1, 1), RejectedError, id="of somebody else"),
        pytest.param(MARKET, Registered(2, 1), RejectedError, id="of what was never said"),
        pytest.param(MARKET, Deregistered(2), RejectedError, id="goodbye never said"),
        pytest.param(MARKET, Registered(0, 1), IgnoredError, id="overtaken"),
        pytest.param(MARKET, Registered(1, 1), IgnoredError, id="repeated"),
        pytest.param(MARKET, Deregistered(0), IgnoredError, id="overtaken goodbye"),
    ],
)
def test_answer_changes_nothing(sender: str, message: Registered, error: type[Exception]) -> None:
    member = joined()
    with pytest.raises(error):
        list(member.on_confirmation(sender, message))
    assert (member.state, member.epoch) == ("in", 3)


def test_answer_to_the_registration_is_no_answer_to_the_goodbye() -> None:
    member = leaving()
    with pytest.raises(IgnoredError, match="repeated confirmation"):
        list(member.on_confirmation(MARKET, Registered(1, 1)))
    assert member.state == "leaving"
