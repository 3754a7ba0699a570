"""The service agent: between its customers and the market."""

from collections.abc import Callable

import pytest

from node.protocol.call_messages import (
    Blocked,
    Commit,
    Contract,
    Decommit,
    Deregister,
    Deregistered,
    Invite,
    Noted,
    Register,
    Registered,
    Registry,
    Report,
    Request,
    SealedBid,
)
from node.protocol.events import Left, PeerOffline, Reconnected, Started
from node.protocol.messages import Award, Bid, Message
from node.protocol.numbers import MAX_PRICE
from tests.protocol.bench import dropped, sent, sent_as, traced
from tests.protocol.call_bench import MARKET, AgentBench, N, T, U, wanted

IGNORED, REJECTED = "ignored", "rejected"


def fresh() -> AgentBench:
    return AgentBench().admitted()


def asking() -> AgentBench:
    """T has asked for a call; the market has not answered."""
    bench = fresh()
    bench.asks()
    return bench


def carried() -> AgentBench:
    """Network N carries T's call for 3."""
    bench = asking()
    bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    return bench


def reported() -> AgentBench:
    """T has said that its call was served."""
    bench = carried()
    bench.hears(T, Report(1, served=True))
    return bench


def over() -> AgentBench:
    """And the market has noted it."""
    bench = reported()
    bench.hears(MARKET, Noted(1, served=True))
    return bench


PHASES: list[Callable[[], AgentBench]] = [AgentBench, fresh, asking, carried, reported, over]


# What changes nothing

NOT_FOR_AN_AGENT: list[Message] = [
    Invite(1, wanted(), 0.5, 0.0, 1, None),
    SealedBid(1, 1.0),
    Commit(1),
    Bid(0, 0, 5.0, 5.0, 1),
    Award(0, 1, 1, 5.0, 5.0),
]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("sender", [MARKET, T])
@pytest.mark.parametrize("message", NOT_FOR_AN_AGENT, ids=lambda message: type(message).__name__)
def test_rejects_what_is_not_said_to_a_service_agent(
    phase: Callable[[], AgentBench], sender: str, message: Message
) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(sender, message)
    assert dropped(effects) == [(REJECTED, "not for a service agent")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize(
    ("phase", "sender", "message", "verdict", "reason"),
    [
        pytest.param(fresh, N, Register(1, "network"), REJECTED, "not for a service agent", id="network registers"),
        pytest.param(
            fresh, "x/agent", Register(1, "service-agent"), REJECTED, "not for a service agent", id="agent registers"
        ),
        pytest.param(asking, T, Contract(1, N, wanted(), 3.0), REJECTED, "not for a service agent", id="forged answer"),
        pytest.param(asking, T, Noted(1, served=True), REJECTED, "not for a service agent", id="forged note"),
        pytest.param(
            asking, MARKET, Request(1, 1, wanted(), 0.5, None), *(REJECTED, "not for a service agent"), id="m"
        ),
        pytest.param(fresh, N, Request(1, 1, wanted(), 0.5, None), IGNORED, "not registered", id="call of a stranger"),
        pytest.param(fresh, T, Report(1, served=True), IGNORED, "unknown call", id="report of an unknown call"),
        pytest.param(asking, U, Report(1, served=True), IGNORED, "unknown call", id="report of another's call"),
        pytest.param(asking, T, Report(1, served=True), REJECTED, "report without a contract", id="report too early"),
        pytest.param(asking, MARKET, Contract(2, N, wanted(), 3.0), REJECTED, "never asked", id="contract never asked"),
        pytest.param(asking, MARKET, Blocked(2), REJECTED, "never asked", id="blocked without having asked"),
        pytest.param(asking, MARKET, Noted(2, served=True), REJECTED, "never asked", id="note of no call"),
        pytest.param(asking, MARKET, Noted(1, served=True), IGNORED, "repeated confirmation", id="note of no report"),
        pytest.param(carried, MARKET, Contract(1, N, wanted(), 3.0), IGNORED, "repeated answer", id="second contract"),
        pytest.param(over, MARKET, Decommit(1), IGNORED, "repeated answer", id="decommitted after its end"),
        pytest.param(over, MARKET, Noted(1, served=True), IGNORED, "repeated confirmation", id="second note"),
        pytest.param(fresh, MARKET, Registered(1, 1), IGNORED, "repeated confirmation", id="confirmed again"),
        pytest.param(fresh, T, Deregister(0), IGNORED, "overtaken registration", id="overtaken goodbye"),
    ],
)
def test_drops_without_change(
    phase: Callable[[], AgentBench], sender: str, message: Message, verdict: str, reason: str
) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(sender, message)
    assert dropped(effects) == [(verdict, reason)]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
def test_registries_are_no_news_to_it(phase: Callable[[], AgentBench]) -> None:
    bench = phase()
    before = bench.state
    assert bench.hears(MARKET, Registry(1, "open", [], [], [])) == []
    assert bench.step(Left()) == []
    assert bench.state == before


# Taking part


def test_registers_as_service_agent() -> None:
    bench = AgentBench()
    assert sent(bench.step(Started())) == [(MARKET, Register(1, "service-agent"))]
    assert sent(bench.fires("membership")) == [(MARKET, Register(1, "service-agent"))]
    assert bench.machine.watches == {MARKET}


def test_registers_again_when_its_host_is_back() -> None:
    assert sent(fresh().step(Reconnected())) == [(MARKET, Register(2, "service-agent"))]


def test_customers_register_with_it() -> None:
    assert sent(AgentBench().registers(T, seq=3)) == [(T, Registered(3, 1))]


def gone() -> AgentBench:
    bench = fresh()
    bench.hears(T, Deregister(2))
    bench.hears(U, Deregister(2))
    return bench


def test_leaves_after_its_last_customer() -> None:
    bench = fresh()
    assert sent(bench.hears(T, Deregister(2))) == [(T, Deregistered(2))]
    assert sent(bench.hears(U, Deregister(2))) == [(U, Deregistered(2)), (MARKET, Deregister(2))]
    bench.hears(MARKET, Deregistered(2))
    assert bench.machine.finished


def test_comes_back_with_a_customer_that_comes_back() -> None:
    bench = gone()
    assert sent(bench.registers(T, seq=3)) == [(T, Registered(3, 1)), (MARKET, Register(3, "service-agent"))]
    bench.hears(MARKET, Registered(3, 1))
    assert sent_as(Request, bench.asks())


# Asking on customers' behalf


def test_asks_at_its_own_price_weight_for_what_the_fee_leaves_of_the_budget() -> None:
    bench = fresh()
    effects = bench.asks(budget=5.0)
    assert sent(effects) == [(MARKET, Request(1, 1, wanted(kind="flow"), 0.75, 4.0))]
    assert traced(effects) == ["brokered"]


def test_asks_at_the_customers_price_weight_where_it_has_none() -> None:
    bench = AgentBench(price_weight=None).admitted()
    assert sent(bench.asks()) == [(MARKET, Request(1, 1, wanted(kind="flow"), 0.5, None))]


def test_budget_that_is_just_its_fee_leaves_nothing_to_pay() -> None:
    assert sent_as(Request, fresh().asks(budget=1.0))[MARKET].budget == 0.0


def test_call_whose_budget_is_below_its_fee_is_blocked() -> None:
    """It was once asked for at a budget of nothing, and cost the customer the fee."""
    bench = fresh()
    assert sent(bench.asks(budget=0.5)) == [(T, Blocked(1))]
    assert sent(bench.asks(budget=0.5)) == [(T, Blocked(1))]


def test_numbers_the_calls_of_all_customers_in_one_row() -> None:
    bench = asking()
    assert sent_as(Request, bench.asks(U))[MARKET].call == 2
    assert sent_as(Request, bench.asks(T, 2))[MARKET].call == 3


def test_customer_pays_the_fee_on_top() -> None:
    effects = asking().hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert sent(effects) == [(T, Contract(1, N, wanted(kind="application"), 4.0))]


def test_price_with_fee_is_no_higher_than_a_message_can_carry() -> None:
    effects = asking().hears(MARKET, Contract(1, N, wanted(kind="flow"), MAX_PRICE))
    assert sent_as(Contract, effects)[T].price == MAX_PRICE


def test_repeated_request_is_not_asked_again() -> None:
    bench = asking()
    before = bench.state
    effects = bench.asks()
    assert (sent(effects), dropped(effects)) == ([], [(IGNORED, "repeated request")])
    assert bench.state == before


def test_repeated_request_is_answered_again() -> None:
    assert set(sent_as(Contract, carried().asks())) == {T}


def test_asks_again_until_the_market_answers() -> None:
    assert set(sent_as(Request, asking().fires("retry"))) == {MARKET}


@pytest.mark.parametrize("answer", [Blocked(1), Decommit(1)])
def test_failure_is_passed_on(answer: Message) -> None:
    bench = asking()
    assert sent(bench.hears(MARKET, answer)) == [(T, answer)]
    assert dropped(bench.hears(MARKET, answer)) == [(IGNORED, "repeated answer")]


@pytest.mark.parametrize("phase", [carried, reported])
def test_broken_call_is_passed_on_and_reports_of_it_are_noted(phase: Callable[[], AgentBench]) -> None:
    bench = phase()
    assert sent(bench.hears(MARKET, Decommit(1))) == [(T, Decommit(1))]
    effects = bench.hears(T, Report(1, served=True))
    assert sent(effects) == [(T, Noted(1, served=False))]
    assert dropped(effects) == [(IGNORED, "repeated report")]


# Reports


def test_report_is_passed_on_and_noted_when_the_market_has_noted_it() -> None:
    bench = carried()
    assert sent(bench.hears(T, Report(1, served=True))) == [(MARKET, Report(1, served=True))]
    assert sent(bench.hears(T, Report(1, served=True))) == []
    assert sent(bench.hears(MARKET, Noted(1, served=True))) == [(T, Noted(1, served=True))]


def test_report_repeated_after_its_end_is_noted_again() -> None:
    effects = over().hears(T, Report(1, served=True))
    assert sent(effects) == [(T, Noted(1, served=True))]


# Customers whose host is gone


def test_running_call_of_a_lost_customer_is_presumed_served() -> None:
    bench = carried()
    assert sent(bench.step(PeerOffline("t"))) == [(MARKET, Report(1, served=True))]


def test_report_of_a_lost_customer_is_not_said_twice() -> None:
    assert sent(reported().step(PeerOffline("t"))) == []


def test_call_that_is_carried_after_its_customer_is_lost_is_presumed_served() -> None:
    bench = asking()
    assert sent(bench.step(PeerOffline("t"))) == []
    effects = bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert sent_as(Report, effects) == {MARKET: Report(1, served=True)}


def test_leaves_without_lost_customers_when_their_calls_are_over() -> None:
    bench = carried()
    bench.hears(U, Deregister(2))
    assert sent_as(Deregister, bench.step(PeerOffline("t"))) == {}
    assert sent_as(Deregister, bench.hears(MARKET, Noted(1, served=True))) == {MARKET: Deregister(2)}


def test_customer_that_never_came_is_not_waited_for_once_its_host_is_gone() -> None:
    bench = AgentBench(T)
    bench.step(Started())
    bench.hears(MARKET, Registered(1, 1))
    assert sent(bench.step(PeerOffline("t"))) == [(MARKET, Deregister(2))]


def test_customer_started_anew_hears_nothing_of_its_former_calls() -> None:
    bench = carried()
    bench.step(PeerOffline("t"))
    bench.registers(T, seq=1)
    assert sent(bench.hears(MARKET, Noted(1, served=True))) == []
    assert sent_as(Request, bench.asks())[MARKET].call == 2


def test_call_asked_for_before_its_customer_was_started_anew_is_presumed_served() -> None:
    bench = asking()
    bench.step(PeerOffline("t"))
    bench.registers(T, seq=1)
    effects = bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert sent(effects) == [(MARKET, Report(1, served=True))]


def test_other_hosts_are_nothing_to_it() -> None:
    bench = carried()
    before = bench.state
    assert bench.step(PeerOffline("n")) == []
    assert bench.state == before
