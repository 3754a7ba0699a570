"""What the nodes of a Digital Marketplace write down before they say it, and how they go on in another life."""

import msgspec
import pytest

from node.protocol.dmp import journal
from node.protocol.dmp.journal import (
    Admitted,
    Brokered,
    Called,
    Closed,
    Committed,
    Connected,
    Contracted,
    CustomerIn,
    CustomerLeft,
    CustomerLost,
    Decommitted,
    Heard,
    NetworkIn,
    NetworkOut,
    Outcome,
    Reported,
    Requested,
    Served,
    Wanted,
)
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
)
from node.protocol.dmp.trace import (
    CallAuctioned,
    CallBlocked,
    CallBrokered,
    CallCommitted,
    CallContracted,
    CallRequested,
    OutcomeHeard,
)
from node.protocol.journal import Entry, JournalEntry, MarketOpened
from node.protocol.machine import Effect, Opened, PeerOffline, Persist, Restored, Send, Started
from node.protocol.numbers import NUMBERS_PER_LIFE
from node.protocol.trace import Resumed, Trace
from tests.protocol.dmp.bench import (
    MARKET,
    AgentBench,
    M,
    MarketBench,
    N,
    NetworkBench,
    T,
    TerminalBench,
    U,
    carrying_market,
    carrying_network,
    post_of,
    wanted,
)
from tests.protocol.psp.bench import Bench, dropped, sent, sent_as

SECOND_LIFE = NUMBERS_PER_LIFE


def written(effects: list[Effect]) -> list[Persist]:
    return [effect for effect in effects if isinstance(effect, Persist)]


def entries(effects: list[Effect]) -> list[Entry]:
    return [effect.entry for effect in written(effects)]


def kinds(effects: list[Effect]) -> list[str]:
    return [entry.kind for entry in entries(effects)]


def precedes(effects: list[Effect], kind: str, said: Send) -> bool:
    """Whether a line of that kind is written before the message is sent."""
    at = next(at for at, effect in enumerate(effects) if isinstance(effect, Persist) and effect.entry.kind == kind)
    return at < effects.index(said)


def restored(*lines: Entry) -> Restored:
    """A node that has lived once and wrote these lines."""
    return Restored(1, tuple(JournalEntry(0.0, "x/x", line) for line in lines))


WEB = Wanted(0.0, 100.0, 500.0, "web", "session")
"""The call that the benches want."""


def called(number: int) -> Called:
    """That call of T in the auction of that number."""
    return Called(T, number, number, 0.5, WEB)


# Written before it is said


def test_terminal_writes_a_request_down_before_it_asks() -> None:
    effects = TerminalBench().opened().fires("call")
    assert precedes(effects, "requested", Send(MARKET, Request(1, 1, wanted(10.0), 0.5, 9.0)))


def test_terminal_writes_down_what_it_was_told() -> None:
    bench = TerminalBench().called()
    assert written(bench.is_connected()) == [Persist(CONNECTED, binds=False)]
    bench.fires("end")
    assert written(bench.hears(MARKET, Noted(1, served=True))) == [Persist(Heard(1, "served"), binds=False)]


@pytest.mark.parametrize(("told", "line"), [(Blocked(1), Heard(1, "blocked")), (Decommit(1), Heard(1, "decommitted"))])
def test_terminal_writes_down_calls_that_came_to_nothing(told: Blocked | Decommit, line: Heard) -> None:
    assert entries(TerminalBench().called().hears(MARKET, told)) == [line]


def test_network_writes_its_commit_down_before_it_says_it() -> None:
    bench = NetworkBench().admitted()
    bench.invited(1)
    effects = bench.contracted(1)
    assert written(effects) == [Persist(Committed(T, 1, 5.0, WEB))]
    assert precedes(effects, "committed", Send(MARKET, Commit(1)))


def test_contract_is_written_down_before_the_winner_is_told() -> None:
    bench = MarketBench().opened().called()
    bench.bids(N, 3.0)
    effects = bench.bids(M, 4.0)
    contracted = Contracted(N, 1, 1, 3.0, 1.5)  # 0.5 · 3 and the best reputation
    assert written(effects) == [Persist(called(1)), Persist(contracted)]
    assert precedes(effects, "contracted", Send(N, Contract(1, T, wanted(), 3.0)))


def test_report_is_written_down_before_it_is_noted() -> None:
    effects = carrying_market().reports()
    assert precedes(effects, "reported", Send(T, Noted(1, served=True)))


def test_end_of_a_call_is_written_before_its_customer_is_told() -> None:
    effects = carrying_market().step(PeerOffline("n"))
    assert precedes(effects, "decommitted", Send(T, Decommit(1)))


def test_who_comes_and_goes_is_written_down_once() -> None:
    bench = MarketBench().opened()
    assert kinds(bench.registers(N) + bench.registers(T, "terminal", seq=2)) == []
    assert kinds(bench.hears(N, Deregister(3))) == ["network-out"]
    assert kinds(bench.step(PeerOffline("t"))) == ["customer-lost", "closed"]
    assert kinds(bench.registers(T, "terminal", seq=3)) == ["customer", "opened"]


def test_service_agent_writes_down_what_it_asks_on_and_what_it_is_told() -> None:
    bench = AgentBench().admitted()
    asked = bench.asks()
    assert precedes(asked, "brokered", Send(MARKET, Request(1, 1, wanted(kind="flow"), 0.75, None)))
    told = bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert precedes(told, "connected", Send(T, Contract(1, N, wanted(kind="application"), 4.0)))
    bench.hears(T, Report(1, served=True))
    assert precedes(bench.hears(MARKET, Noted(1, served=True)), "outcome", Send(T, Noted(1, served=True)))


def test_service_agent_writes_a_refusal_down() -> None:
    assert kinds(AgentBench(fee=2.0).admitted().asks(budget=1.0)) == ["refused"]


# Terminals in another life

REQUESTED = Requested(MARKET, 1)
CONNECTED = Connected(N, 1, 3.0)


def reborn_terminal(*lines: Entry) -> tuple[TerminalBench, list[Effect]]:
    """A terminal at 2 s of the clock, 20 s of the market, when the first of its two calls is due; what it says then."""
    bench = TerminalBench()
    bench.now = 2.0
    bench.step(restored(MarketOpened(), *lines))
    return bench, bench.step(Started())


def test_restarted_terminal_registers_above_its_former_words() -> None:
    assert sent(reborn_terminal()[1])[0] == (MARKET, Register(SECOND_LIFE + 1, "terminal"))


def test_restarted_terminal_asks_again_for_what_was_not_answered() -> None:
    _, effects = reborn_terminal(REQUESTED)
    assert (MARKET, Request(1, 1, wanted(10.0), 0.5, 9.0)) in sent(effects)
    assert written(effects) == []


def test_restarted_terminal_makes_the_calls_it_has_not_made() -> None:
    bench, _ = reborn_terminal(REQUESTED, CONNECTED, Heard(1, "served"))
    assert sent(bench.fires("call")) == [(MARKET, Request(2, 2, wanted(50.0), 0.5, 9.0))]
    assert bench.now == 5.0


def test_restarted_terminal_reports_the_end_of_what_is_carried() -> None:
    bench, effects = reborn_terminal(REQUESTED, CONNECTED)
    assert [message for _, message in sent(effects)] == [Register(SECOND_LIFE + 1, "terminal")]
    assert sent(bench.fires("end")) == [(MARKET, Report(1, served=True))]
    assert bench.now == 11.0


def test_restarted_terminal_whose_calls_are_over_leaves() -> None:
    _, effects = reborn_terminal(
        *(line for call in (1, 2) for line in (Requested(MARKET, call), Heard(call, "blocked")))
    )
    assert (MARKET, Deregister(SECOND_LIFE + 2)) in sent(effects)


def test_open_market_is_no_news_to_a_restarted_terminal() -> None:
    bench, _ = reborn_terminal(REQUESTED)
    assert dropped(bench.sees("open")) == [("ignored", "no news")]


def test_customers_ask_again_at_once_when_the_market_agent_lives_anew() -> None:
    bench = TerminalBench().called()
    again = bench.sees("open", seq=SECOND_LIFE + 1)
    assert sent(again) == [(MARKET, Request(1, 1, wanted(10.0), 0.5, 9.0))]
    assert sent(bench.sees("open", seq=SECOND_LIFE + 2)) == []


# Networks in another life

COMMITTED = Committed(T, 1, 5.0, WEB)


def reborn_network(*lines: Entry, epoch: int = 1) -> NetworkBench:
    """A network that was admitted in this epoch of its last life and in that of its present one."""
    bench = NetworkBench()
    bench.step(restored(Admitted(1), *lines))
    bench.step(Started())
    bench.hears(MARKET, Registered(SECOND_LIFE + 1, epoch))
    return bench


def test_restarted_network_that_was_not_missed_carries_on() -> None:
    assert reborn_network(COMMITTED).carried == 500.0


def test_restarted_network_that_was_missed_carries_nothing() -> None:
    assert reborn_network(COMMITTED, epoch=2).carried == 0.0


def test_restarted_network_commits_again_to_what_it_has_written_down() -> None:
    bench = reborn_network(COMMITTED)
    effects = bench.contracted(1)
    assert (sent(effects), written(effects)) == ([(MARKET, Commit(1))], [])


def test_restarted_network_decommits_what_it_has_forgotten() -> None:
    assert sent(reborn_network().contracted(1)) == [(MARKET, Decommit(1))]


def test_network_repeats_its_last_commit_after_it_has_been_invited_again() -> None:
    bench = carrying_network()
    first = bench.last
    bench.invited(2)
    assert sent(bench.contracted(1, spec=first)) == [(MARKET, Commit(1))]


def test_restarted_network_draws_the_cost_of_the_auction() -> None:
    bench = reborn_network(COMMITTED)
    bench.invited(5)
    assert bench.strategy.calls[0].cost == 5.0


# Service agents in another life

BROKERED = Brokered(T, 1, 1, 1.0, 0.75, WEB)
FLOW = Connected(N, 1, 3.0)


def reborn_agent(*lines: Entry) -> tuple[AgentBench, list[Effect]]:
    """An agent whose terminals T and U had come; what it says first."""
    bench = AgentBench()
    bench.step(restored(CustomerIn(T, "terminal", 1), CustomerIn(U, "terminal", 1), *lines))
    return bench, bench.step(Started())


def test_restarted_agent_takes_part_at_once_and_knows_its_terminals() -> None:
    bench, effects = reborn_agent()
    assert sent(effects) == [(MARKET, Register(SECOND_LIFE + 1, "service-agent"))]
    assert sent(bench.asks()) == [(MARKET, Request(1, 1, wanted(kind="flow"), 0.75, None))]


def test_restarted_agent_asks_on_under_the_same_number() -> None:
    bench, _ = reborn_agent(BROKERED)
    effects = bench.asks()
    assert (sent(effects), written(effects)) == ([(MARKET, Request(1, 1, wanted(kind="flow"), 0.75, None))], [])
    assert sent(bench.asks(U)) == [(MARKET, Request(2, 1, wanted(kind="flow"), 0.75, None))]


def test_restarted_agent_says_again_what_it_said() -> None:
    bench, _ = reborn_agent(BROKERED, FLOW)
    assert sent(bench.asks()) == [(T, Contract(1, N, wanted(kind="application"), 4.0))]
    assert sent(bench.hears(T, Report(1, served=True))) == [(MARKET, Report(1, served=True))]


@pytest.mark.parametrize(("outcome", "told"), [("blocked", Blocked(1)), ("decommitted", Decommit(1))])
def test_restarted_agent_knows_what_came_to_nothing(outcome: Outcome, told: Blocked | Decommit) -> None:
    bench, _ = reborn_agent(BROKERED, Heard(1, outcome))
    assert sent(bench.asks()) == [(T, told)]


def test_restarted_agent_reports_for_a_terminal_that_is_gone() -> None:
    _, effects = reborn_agent(BROKERED, FLOW, CustomerLost(T))
    assert (MARKET, Report(1, served=True)) in sent(effects)


def test_restarted_agent_without_customers_leaves() -> None:
    _, effects = reborn_agent(BROKERED, CustomerLost(T), CustomerLeft(U, 2))
    assert (MARKET, Deregister(SECOND_LIFE + 2)) in sent(effects)


def test_agent_asks_again_at_once_when_the_market_agent_lives_anew() -> None:
    bench, _ = reborn_agent(BROKERED)
    bench.asks()
    again = bench.hears(MARKET, Registry(SECOND_LIFE + 1, "open", [], [], []))
    assert list(sent_as(Request, again)) == [MARKET]


# Market agents in another life

PEERS = [
    NetworkIn(N, 1, 1),
    NetworkIn(M, 1, 1),
    CustomerIn(T, "terminal", 1),
    MarketOpened(),
]
CALLED = called(1)
CONTRACTED = Contracted(N, 1, 1, 3.0, 1.5)
NEXT = [called(2), journal.Blocked(T, 2, 2)]


def reborn_market(*lines: Entry) -> tuple[MarketBench, list[Effect]]:
    """A market agent whose networks and terminal had come; what it says first."""
    bench = MarketBench()
    bench.step(restored(*PEERS, *lines))
    return bench, bench.step(Started())


def test_restarted_market_is_open_and_knows_who_takes_part() -> None:
    post = post_of(reborn_market()[1])
    assert (post.seq, post.state, post.networks) == (SECOND_LIFE + 1, "open", [M, N])


def test_restarted_market_that_was_not_open_yet_waits_for_the_rest() -> None:
    bench = MarketBench()
    bench.step(restored(*PEERS[:2]))
    assert post_of(bench.step(Started())).state == "upcoming"
    bench.step(Opened())
    bench.registers(T, "terminal")
    assert bench.market_is == "open"


def test_restarted_market_that_had_closed_stays_closed() -> None:
    bench, effects = reborn_market(CustomerLeft(T, 2), Closed(0))
    assert (post_of(effects).state, bench.market_is) == ("closed", "closed")


def test_restarted_market_asks_the_last_winner_again() -> None:
    bench, effects = reborn_market(CALLED, CONTRACTED)
    assert (N, Contract(1, T, wanted(), 3.0)) in sent(effects)
    assert sent(bench.commits(N, 1)) == [(T, Contract(1, N, wanted(), 3.0))]


def test_report_that_comes_before_the_winner_has_answered_again_is_asked_for_again() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED)
    assert dropped(bench.reports()) == [("ignored", "unknown call")]
    bench.commits(N, 1)
    assert sent(bench.reports()) == [(T, Noted(1, served=True))]


def test_restarted_market_answers_a_call_once_contracted_with_the_same_contract() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT)
    assert sent(bench.asks()) == [(T, Contract(1, N, wanted(), 3.0))]
    assert sent(bench.asks(2)) == [(T, Blocked(2))]


def test_restarted_market_decommits_what_a_lost_network_carries() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT)
    assert sent(bench.step(PeerOffline("n"))) == [(T, Decommit(1))]


def test_restarted_market_keeps_what_was_reported() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT, Reported(T, 1, 1))
    assert sent(bench.step(PeerOffline("n"))) == []
    assert sent(bench.reports()) == [(T, Noted(1, served=True))]


@pytest.mark.parametrize(("ended", "value"), [(Served(N, 1, 1), 0.0), (Decommitted(N, 1, 1), 0.5)])
def test_restarted_market_knows_how_calls_ended(ended: Served | Decommitted, value: float) -> None:
    other = [called(3), Contracted(N, 3, 3, 3.0, 1.5), Served(N, 3, 3)]
    bench, _ = reborn_market(CALLED, CONTRACTED, ended, *other)
    assert bench.entry(N).reputation.value == value
    assert sent(bench.reports()) == [(T, Noted(1, served=isinstance(ended, Served)))]


def test_outcome_of_another_call_does_not_answer_for_the_last_winner() -> None:
    second = [called(2), Contracted(M, 2, 2, 4.0, 2.0)]
    _, effects = reborn_market(CALLED, CONTRACTED, *second, Served(N, 1, 1))
    assert (M, Contract(2, T, wanted(), 4.0)) in sent(effects)


def test_number_of_an_auction_that_was_under_way_does_not_come_again() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT)
    bench.asks(3)
    assert {invite.auction for invite in sent_as(Invite, bench.fires("gather")).values()} == {4}


def test_restarted_market_tells_a_silent_network_that_it_is_out() -> None:
    bench, _ = reborn_market(NetworkOut(N, is_silent=True))
    bench.asks()
    effects = bench.fires("gather")
    assert list(sent_as(Invite, effects)) == [M]
    assert sent_as(Deregistered, effects) == {N: Deregistered(1)}


def test_customer_without_a_journal_begins_its_calls_anew_at_a_restarted_market() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT, CustomerLost(T), CustomerIn(T, "terminal", 1))
    assert sent(bench.asks()) == []
    assert list(sent_as(Invite, bench.fires("gather"))) == [M, N]


# What observers may have missed


def retraced(machine: Bench, *lines: Entry) -> list[Trace]:
    """What it says again."""
    return [one for one in machine.step(restored(*lines)) if isinstance(one, Trace)]


def test_restarted_nodes_say_again_what_they_have_written() -> None:
    assert retraced(MarketBench(), *PEERS, CALLED, CONTRACTED, *NEXT) == [
        Resumed(1),
        CallAuctioned(T, 1, 1, 0.0, 0.5),
        CallContracted(N, 1, 1, 3.0, 1.5),
        CallAuctioned(T, 2, 2, 0.0, 0.5),
        CallBlocked(T, 2, 2),
    ]
    assert retraced(TerminalBench(), REQUESTED, CONNECTED, Heard(1, "served")) == [
        Resumed(1),
        CallRequested(MARKET, 1, 10.0, 0.5),
        OutcomeHeard(N, 1, "served", 3.0),
    ]
    assert retraced(NetworkBench(), COMMITTED) == [Resumed(1), CallCommitted(T, 1, 500.0, 5.0, None)]
    agent = AgentBench()
    assert retraced(agent, CustomerIn(T, "terminal", 1), BROKERED) == [Resumed(1), CallBrokered(T, 1, 1, 0.75)]


@pytest.mark.parametrize("ended", [Served(N, 1, 1), Decommitted(N, 1, 1)])
def test_restarted_market_says_again_how_calls_ended(ended: Served | Decommitted) -> None:
    *_, last = retraced(MarketBench(), *PEERS, CALLED, CONTRACTED, ended)
    assert (last.kind, msgspec.structs.astuple(last)) == (ended.kind, msgspec.structs.astuple(ended))
