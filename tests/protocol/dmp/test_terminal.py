"""The terminal: calls at the times of its plan, and what it makes of the answers."""

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
from node.protocol.dmp.terminal import Terminal
from node.protocol.dmp.trace import OutcomeHeard
from node.protocol.machine import Effect, Left, Message, Opened, PeerOffline, Reconnected, Started
from node.protocol.psp.messages import Award, Bid, Settled
from tests.protocol.dmp.bench import AGENT, MARKET, TIMING, N, TerminalBench, calling_terminal, wanted
from tests.protocol.psp.bench import Bench, dropped, sent, sent_as, traced

IGNORED, REJECTED = "ignored", "rejected"


def heard(effects: list[Effect]) -> list[str]:
    """How calls ended, by what observers were told."""
    return [effect.outcome for effect in effects if isinstance(effect, OutcomeHeard)]


def opened() -> TerminalBench:
    return TerminalBench().opened()


def called() -> TerminalBench:
    return TerminalBench().called()


def reported() -> TerminalBench:
    bench = calling_terminal()
    bench.fires("end")
    return bench


PHASES: list[Callable[[], TerminalBench]] = [TerminalBench, opened, called, calling_terminal, reported]


# What changes nothing

NOT_FOR_A_TERMINAL: list[Message] = [
    Register(1, "terminal"),
    Deregister(1),
    Request(1, 1, wanted(), 0.5, None),
    Invite(1, wanted(), 0.5, 0.0, 1, None),
    SealedBid(1, 1.0),
    Commit(1),
    Report(1, served=True),
    Bid(0, 0, 5.0, 5.0, 1),
    Award(0, 1, 1, 5.0, 5.0),
    Settled(0, 1, 5.0, 5.0),
]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("message", NOT_FOR_A_TERMINAL, ids=lambda message: type(message).__name__)
def test_rejects_what_is_not_said_to_a_terminal(phase: Callable[[], TerminalBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(MARKET, message)
    assert dropped(effects) == [(REJECTED, "not for a terminal")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "message",
    [Contract(1, N, wanted(), 3.0), Blocked(1), Decommit(1), Noted(1, served=True), Registry(9, "open", [], [], [])],
    ids=lambda message: type(message).__name__,
)
def test_hears_its_provider_alone(phase: Callable[[], TerminalBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    assert dropped(bench.hears(AGENT, message)) == [(REJECTED, "foreign sender")]
    assert bench.state == before


@pytest.mark.parametrize(
    ("phase", "message", "verdict", "reason"),
    [
        pytest.param(called, Contract(2, N, wanted(), 3.0), REJECTED, "never asked", id="contract never asked for"),
        pytest.param(called, Blocked(2), REJECTED, "never asked", id="blocked without having asked"),
        pytest.param(called, Decommit(2), REJECTED, "never asked", id="decommitted without having asked"),
        pytest.param(called, Noted(2, served=True), REJECTED, "never asked", id="noted without having asked"),
        pytest.param(called, Noted(1, served=True), IGNORED, "repeated confirmation", id="noted before its report"),
        pytest.param(calling_terminal, Contract(1, N, wanted(), 3.0), IGNORED, "repeated answer", id="second contract"),
        pytest.param(calling_terminal, Blocked(1), IGNORED, "repeated answer", id="blocked after the contract"),
        pytest.param(opened, Registry(9, "open", [], [], []), IGNORED, "no news", id="registry posted again"),
        pytest.param(TerminalBench, Registry(1, "upcoming", [], [], []), IGNORED, "no news", id="market to come"),
        pytest.param(TerminalBench, Registry(1, "closed", [], [], []), IGNORED, "no news", id="market that is over"),
    ],
)
def test_drops_without_change(phase: Callable[[], TerminalBench], message: Message, verdict: str, reason: str) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(MARKET, message)
    assert dropped(effects) == [(verdict, reason)]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
def test_hosts_that_go_are_nothing_to_it(phase: Callable[[], TerminalBench]) -> None:
    bench = phase()
    before = bench.state
    assert bench.step(PeerOffline("ma")) == []
    assert bench.step(Opened()) == []
    assert bench.state == before


# Asking


def test_registers_with_its_provider_and_watches_the_market() -> None:
    bench = TerminalBench(provider=AGENT)
    assert sent(bench.step(Started())) == [(AGENT, Register(1, "terminal"))]
    assert bench.machine.watches == {MARKET}


def test_repeats_its_registration() -> None:
    bench = TerminalBench()
    bench.step(Started())
    assert sent(bench.fires("membership")) == [(MARKET, Register(1, "terminal"))]


def test_calls_at_the_times_of_the_market() -> None:
    bench = TerminalBench().admitted()
    bench.now = 3.0
    bench.sees("open")
    assert bench.timers["call"] == 3.0 + 10.0 / TIMING.speed
    effects = bench.fires("call")
    assert sent(effects) == [(MARKET, Request(1, 1, bench.plan[0].wanted, 0.5, 9.0))]
    assert traced(effects) == ["requested"]
    assert bench.timers["call"] == 3.0 + 50.0 / TIMING.speed


def test_asks_for_all_calls_whose_time_has_come() -> None:
    bench = TerminalBench(10.0, 10.0).opened()
    assert [message.call for _, message in sent(bench.fires("call"))] == [1, 2]  # type: ignore[union-attr]


def test_asks_again_until_it_is_answered() -> None:
    bench = called()
    assert set(sent_as(Request, bench.fires("retry"))) == {MARKET}
    bench.is_connected()
    assert sent(bench.fires("retry")) == []


def test_without_calls_it_leaves_when_the_market_opens() -> None:
    bench = Bench(Terminal(MARKET, MARKET, [], TIMING))
    bench.step(Started())
    bench.hears(MARKET, Registered(1, 1))
    assert sent(bench.hears(MARKET, Registry(1, "open", [], [], []))) == [(MARKET, Deregister(2))]


def test_registers_again_when_its_host_is_back() -> None:
    assert sent(opened().step(Reconnected())) == [(MARKET, Register(2, "terminal"))]


# Answers


def test_contract_connects_it_until_the_call_is_over() -> None:
    bench = called()
    assert traced(bench.is_connected()) == ["connected"]
    assert bench.timers["end"] == 110.0 / TIMING.speed
    assert sent(bench.fires("end")) == [(MARKET, Report(1, served=True))]


def test_late_contract_is_reported_at_once() -> None:
    bench = called()
    bench.now = 60.0
    bench.is_connected()
    assert bench.timers["end"] == 60.0
    assert sent(bench.fires("end")) == [(MARKET, Report(1, served=True))]


def test_overlapping_calls_end_one_by_one() -> None:
    bench = calling_terminal()
    bench.fires("call")
    bench.is_connected(2)
    assert sent_as(Report, bench.fires("end")) == {MARKET: Report(1, served=True)}
    assert bench.timers["end"] == 150.0 / TIMING.speed
    assert sent_as(Report, bench.fires("end")) == {MARKET: Report(2, served=True)}


def test_report_is_repeated_until_it_is_noted() -> None:
    bench = reported()
    bench.fires("retry")  # for its request, which was answered
    assert sent_as(Report, bench.fires("retry")) == {MARKET: Report(1, served=True)}
    assert heard(bench.hears(MARKET, Noted(1, served=True))) == ["served"]


def test_what_the_books_say_counts() -> None:
    assert heard(reported().hears(MARKET, Noted(1, served=False))) == ["decommitted"]


@pytest.mark.parametrize("phase", [called, calling_terminal, reported])
def test_decommitted_call_is_over_and_not_reported(phase: Callable[[], TerminalBench]) -> None:
    bench = phase()
    assert heard(bench.hears(MARKET, Decommit(1))) == ["decommitted"]
    assert sent(bench.fires("end") if "end" in bench.timers else []) == []
    assert dropped(bench.hears(MARKET, Decommit(1))) == [(IGNORED, "repeated answer")]


def test_contract_overtaken_by_its_end_is_ignored() -> None:
    bench = called()
    bench.hears(MARKET, Decommit(1))
    assert dropped(bench.is_connected()) == [(IGNORED, "repeated answer")]


def test_blocked_call_is_over() -> None:
    bench = called()
    assert heard(bench.hears(MARKET, Blocked(1))) == ["blocked"]
    assert bench.machine._caller.open_calls == 0  # type: ignore[attr-defined]


# Leaving


def test_leaves_after_its_last_call() -> None:
    bench = TerminalBench(10.0).called()
    bench.is_connected()
    bench.fires("end")
    assert sent(bench.hears(MARKET, Noted(1, served=True))) == [(MARKET, Deregister(2))]
    assert not bench.machine.finished
    bench.hears(MARKET, Deregistered(2))
    assert bench.machine.finished


@pytest.mark.parametrize("answer", [Blocked(1), Decommit(1)])
def test_leaves_after_a_last_call_that_nobody_carries(answer: Message) -> None:
    bench = TerminalBench(10.0).called()
    assert sent(bench.hears(MARKET, answer)) == [(MARKET, Deregister(2))]


def test_user_who_leaves_sees_running_calls_to_their_end_and_makes_no_more() -> None:
    bench = calling_terminal()
    effects = bench.step(Left())
    assert traced(effects) == ["left"]
    assert sent(effects) == []
    assert sent(bench.fires("call")) == []
    bench.fires("end")
    assert sent(bench.hears(MARKET, Noted(1, served=True))) == [(MARKET, Deregister(2))]


def test_user_may_leave_before_the_market_opens() -> None:
    bench = TerminalBench().admitted()
    assert sent(bench.step(Left())) == [(MARKET, Deregister(2))]
    bench.hears(MARKET, Deregistered(2))
    assert sent(bench.sees("open")) == []
    assert sent(bench.fires("call")) == []


def test_who_has_left_does_not_come_back() -> None:
    bench = TerminalBench().admitted()
    bench.step(Left())
    assert sent(bench.step(Reconnected())) == []
