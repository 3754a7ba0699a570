"""The service agent: between its customers and the market."""

from collections.abc import Callable

import pytest

from node.protocol.dmp.messages import (
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
from node.protocol.machine import Left, Message, Reconnected, Started
from node.protocol.psp.messages import Award, Bid
from node.protocol.retry import PATIENCE
from tests.protocol.dmp.bench import (
    MARKET,
    TIMING,
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
from tests.protocol.psp.bench import dropped, sent, sent_as

IGNORED, REJECTED = "ignored", "rejected"


def fresh() -> AgentBench:
    return AgentBench().admitted()


PHASES: list[Callable[[], AgentBench]] = [
    AgentBench,
    fresh,
    asking_agent,
    carrying_agent,
    reported_agent,
    finished_agent,
]


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
        pytest.param(
            asking_agent, T, Contract(1, N, wanted(), 3.0), REJECTED, "not for a service agent", id="forged answer"
        ),
        pytest.param(asking_agent, T, Noted(1, served=True), REJECTED, "not for a service agent", id="forged note"),
        pytest.param(
            asking_agent, MARKET, Request(1, 1, wanted(), 0.5, None), *(REJECTED, "not for a service agent"), id="m"
        ),
        pytest.param(fresh, N, Request(1, 1, wanted(), 0.5, None), IGNORED, "not registered", id="call of a stranger"),
        pytest.param(fresh, T, Report(1, served=True), IGNORED, "unknown call", id="report of an unknown call"),
        pytest.param(asking_agent, U, Report(1, served=True), IGNORED, "unknown call", id="report of another's call"),
        pytest.param(
            asking_agent, T, Report(1, served=True), REJECTED, "report without a contract", id="report too early"
        ),
        pytest.param(
            asking_agent, MARKET, Contract(2, N, wanted(), 3.0), REJECTED, "never asked", id="contract never asked"
        ),
        pytest.param(asking_agent, MARKET, Blocked(2), REJECTED, "never asked", id="blocked without having asked"),
        pytest.param(asking_agent, MARKET, Noted(2, served=True), REJECTED, "never asked", id="note of no call"),
        pytest.param(
            asking_agent, MARKET, Noted(1, served=True), IGNORED, "repeated confirmation", id="note of no report"
        ),
        pytest.param(
            carrying_agent, MARKET, Contract(1, N, wanted(), 3.0), IGNORED, "repeated answer", id="second contract"
        ),
        pytest.param(finished_agent, MARKET, Decommit(1), IGNORED, "repeated answer", id="decommitted after its end"),
        pytest.param(finished_agent, MARKET, Noted(1, served=True), IGNORED, "repeated confirmation", id="second note"),
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
    assert sent(bench.step(Started())) == []
    assert sent(bench.registers(T)) == [(T, Registered(1, 1))]
    assert sent(bench.registers(U)) == [(U, Registered(1, 1)), (MARKET, Register(1, "service-agent"))]
    assert sent(bench.fires("membership")) == [(MARKET, Register(1, "service-agent"))]
    assert bench.machine.watches == {MARKET}


def test_registers_without_terminals_that_do_not_come() -> None:
    bench = AgentBench()
    bench.step(Started())
    bench.registers(T)
    assert bench.timers == {"terminals": pytest.approx(PATIENCE * TIMING.retry_s)}
    assert sent(bench.fires("terminals")) == [(MARKET, Register(1, "service-agent"))]


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
