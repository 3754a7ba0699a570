"""The calls that a service agent asks for on its customers' behalf."""

from collections.abc import Callable

import pytest

from node.protocol.dmp.messages import (
    Blocked,
    Contract,
    Decommit,
    Deregister,
    Noted,
    Register,
    Report,
    Request,
)
from node.protocol.machine import Message, PeerOffline, Started
from node.protocol.numbers import MAX_PRICE
from tests.protocol.dmp.bench import (
    MARKET,
    AgentBench,
    N,
    T,
    U,
    asking_agent,
    carrying_agent,
    finished_agent,
    reported_agent,
    wanted,
)
from tests.protocol.psp.bench import dropped, sent, sent_as, traced

IGNORED, REJECTED = "ignored", "rejected"


def fresh() -> AgentBench:
    return AgentBench().admitted()


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
    bench = asking_agent()
    assert sent_as(Request, bench.asks(U))[MARKET].call == 2
    assert sent_as(Request, bench.asks(T, 2))[MARKET].call == 3


def test_customer_pays_the_fee_on_top() -> None:
    effects = asking_agent().hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert sent(effects) == [(T, Contract(1, N, wanted(kind="application"), 4.0))]


def test_price_with_fee_is_no_higher_than_a_message_can_carry() -> None:
    effects = asking_agent().hears(MARKET, Contract(1, N, wanted(kind="flow"), MAX_PRICE))
    assert sent_as(Contract, effects)[T].price == MAX_PRICE


def test_repeated_request_is_not_asked_again() -> None:
    bench = asking_agent()
    before = bench.state
    effects = bench.asks()
    assert (sent(effects), dropped(effects)) == ([], [(IGNORED, "repeated request")])
    assert bench.state == before


def test_repeated_request_is_answered_again() -> None:
    assert set(sent_as(Contract, carrying_agent().asks())) == {T}


def test_asks_again_until_the_market_answers() -> None:
    assert set(sent_as(Request, asking_agent().fires("retry"))) == {MARKET}


@pytest.mark.parametrize("answer", [Blocked(1), Decommit(1)])
def test_failure_is_passed_on(answer: Message) -> None:
    bench = asking_agent()
    assert sent(bench.hears(MARKET, answer)) == [(T, answer)]
    assert dropped(bench.hears(MARKET, answer)) == [(IGNORED, "repeated answer")]


@pytest.mark.parametrize("phase", [carrying_agent, reported_agent])
def test_broken_call_is_passed_on_and_reports_of_it_are_noted(phase: Callable[[], AgentBench]) -> None:
    bench = phase()
    assert sent(bench.hears(MARKET, Decommit(1))) == [(T, Decommit(1))]
    effects = bench.hears(T, Report(1, served=True))
    assert sent(effects) == [(T, Noted(1, served=False))]
    assert dropped(effects) == [(IGNORED, "repeated report")]


# Reports


def test_report_is_passed_on_and_noted_when_the_market_has_noted_it() -> None:
    bench = carrying_agent()
    assert sent(bench.hears(T, Report(1, served=True))) == [(MARKET, Report(1, served=True))]
    assert sent(bench.hears(T, Report(1, served=True))) == []
    assert sent(bench.hears(MARKET, Noted(1, served=True))) == [(T, Noted(1, served=True))]


def test_report_repeated_after_its_end_is_noted_again() -> None:
    effects = finished_agent().hears(T, Report(1, served=True))
    assert sent(effects) == [(T, Noted(1, served=True))]


# Customers whose host is gone


def test_running_call_of_a_lost_customer_is_presumed_served() -> None:
    bench = carrying_agent()
    assert sent(bench.step(PeerOffline("t"))) == [(MARKET, Report(1, served=True))]


def test_report_of_a_lost_customer_is_not_said_twice() -> None:
    assert sent(reported_agent().step(PeerOffline("t"))) == []


def test_call_that_is_carried_after_its_customer_is_lost_is_presumed_served() -> None:
    bench = asking_agent()
    assert sent(bench.step(PeerOffline("t"))) == []
    effects = bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert sent_as(Report, effects) == {MARKET: Report(1, served=True)}


def test_leaves_without_lost_customers_when_their_calls_are_over() -> None:
    bench = carrying_agent()
    bench.hears(U, Deregister(2))
    assert sent_as(Deregister, bench.step(PeerOffline("t"))) == {}
    assert sent_as(Deregister, bench.hears(MARKET, Noted(1, served=True))) == {MARKET: Deregister(2)}


def test_customer_that_never_came_is_not_waited_for_once_its_host_is_gone() -> None:
    bench = AgentBench(T)
    bench.step(Started())
    said = [(MARKET, Register(1, "service-agent")), (MARKET, Deregister(2))]
    assert sent(bench.step(PeerOffline("t"))) == said


def test_customer_started_anew_hears_nothing_of_its_former_calls() -> None:
    bench = carrying_agent()
    bench.step(PeerOffline("t"))
    bench.registers(T, seq=1)
    assert sent(bench.hears(MARKET, Noted(1, served=True))) == []
    assert sent_as(Request, bench.asks())[MARKET].call == 2


def test_call_asked_for_before_its_customer_was_started_anew_is_presumed_served() -> None:
    bench = asking_agent()
    bench.step(PeerOffline("t"))
    bench.registers(T, seq=1)
    effects = bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert sent(effects) == [(MARKET, Report(1, served=True))]


def test_other_hosts_are_nothing_to_it() -> None:
    bench = carrying_agent()
    before = bench.state
    assert bench.step(PeerOffline("n")) == []
    assert bench.state == before
