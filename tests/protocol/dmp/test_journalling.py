"""What the nodes of a Digital Marketplace write down before they say it, and how they go on in another life."""

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
)
from node.protocol.machine import Effect, JournalEntry, Opened, PeerOffline, Persist, Restored, Send, Started, Trace
from node.protocol.numbers import NUMBERS_PER_LIFE
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


def kinds(effects: list[Effect]) -> list[str]:
    return [effect.kind for effect in written(effects)]


def precedes(effects: list[Effect], kind: str, said: Send) -> bool:
    """Whether a line of that kind is written before the message is sent."""
    at = next(at for at, effect in enumerate(effects) if isinstance(effect, Persist) and effect.kind == kind)
    return at < effects.index(said)


def restored(*lines: Persist) -> Restored:
    """A node that has lived once and wrote these lines."""
    entries = [
        JournalEntry(
            0.0,
            "x/x",
            one.kind,
            one.peer,
            one.auction,
            one.round,
            one.seq,
            one.quantity,
            one.charge,
            one.at_s,
            one.holding_s,
            one.about,
        )
        for one in lines
    ]
    return Restored(1, tuple(entries))


def call_line(kind: str, peer: str, auction: int = 1, call: int = 1, money: float = 0.0, round_: int = 0) -> Persist:
    """A line about the call that the benches want."""
    return Persist(kind, peer, auction, round_, call, 500.0, money, 0.0, 100.0, "session/web")  # type: ignore[arg-type]


# Written before it is said


def test_terminal_writes_a_request_down_before_it_asks() -> None:
    effects = TerminalBench().opened().fires("call")
    assert precedes(effects, "requested", Send(MARKET, Request(1, 1, wanted(10.0), 0.5, 9.0)))


def test_terminal_writes_down_what_it_was_told() -> None:
    bench = TerminalBench().called()
    assert written(bench.is_connected()) == [Persist("connected", N, seq=1, charge=3.0)]
    bench.fires("end")
    assert written(bench.hears(MARKET, Noted(1, served=True))) == [Persist("served", N, seq=1, charge=3.0)]


@pytest.mark.parametrize(("told", "line"), [(Blocked(1), "blocked"), (Decommit(1), "decommitted")])
def test_terminal_writes_down_calls_that_came_to_nothing(told: Blocked | Decommit, line: str) -> None:
    assert kinds(TerminalBench().called().hears(MARKET, told)) == [line]


def test_network_writes_its_commit_down_before_it_says_it() -> None:
    bench = NetworkBench().admitted()
    bench.invited(1)
    effects = bench.contracted(1)
    assert written(effects) == [call_line("committed", T, call=0, money=5.0)]
    assert precedes(effects, "committed", Send(MARKET, Commit(1)))


def test_contract_is_written_down_before_the_winner_is_told() -> None:
    bench = MarketBench().opened().called()
    bench.bids(N, 3.0)
    effects = bench.bids(M, 4.0)
    contracted = Persist("contracted", N, 1, seq=1, quantity=1.5, charge=3.0)  # 0.5 · 3 and the best reputation
    assert written(effects) == [call_line("called", T, money=0.5), contracted]
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
    assert kinds(bench.hears(N, Deregister(3))) == ["left"]
    assert kinds(bench.step(PeerOffline("t"))) == ["lost", "closed"]
    assert kinds(bench.registers(T, "terminal", seq=3)) == ["terminal", "opened"]


def test_service_agent_writes_down_what_it_asks_on_and_what_it_is_told() -> None:
    bench = AgentBench().admitted()
    asked = bench.asks()
    assert precedes(asked, "brokered", Send(MARKET, Request(1, 1, wanted(kind="flow"), 0.75, None)))
    told = bench.hears(MARKET, Contract(1, N, wanted(kind="flow"), 3.0))
    assert precedes(told, "connected", Send(T, Contract(1, N, wanted(kind="application"), 4.0)))
    bench.hears(T, Report(1, served=True))
    assert precedes(bench.hears(MARKET, Noted(1, served=True)), "served", Send(T, Noted(1, served=True)))


def test_service_agent_writes_a_refusal_down() -> None:
    assert kinds(AgentBench(fee=2.0).admitted().asks(budget=1.0)) == ["refused"]


# Terminals in another life

REQUESTED = Persist("requested", MARKET, seq=1)
CONNECTED = Persist("connected", N, seq=1, charge=3.0)


def reborn_terminal(*lines: Persist) -> tuple[TerminalBench, list[Effect]]:
    """A terminal at 2 s of the clock, 20 s of the market, when the first of its two calls is due; what it says then."""
    bench = TerminalBench()
    bench.now = 2.0
    bench.step(restored(Persist("opened"), *lines))
    return bench, bench.step(Started())


def test_restarted_terminal_registers_above_its_former_words() -> None:
    assert sent(reborn_terminal()[1])[0] == (MARKET, Register(SECOND_LIFE + 1, "terminal"))


def test_restarted_terminal_asks_again_for_what_was_not_answered() -> None:
    _, effects = reborn_terminal(REQUESTED)
    assert (MARKET, Request(1, 1, wanted(10.0), 0.5, 9.0)) in sent(effects)
    assert written(effects) == []


def test_restarted_terminal_makes_the_calls_it_has_not_made() -> None:
    bench, _ = reborn_terminal(REQUESTED, CONNECTED, Persist("served", N, seq=1, charge=3.0))
    assert sent(bench.fires("call")) == [(MARKET, Request(2, 2, wanted(50.0), 0.5, 9.0))]
    assert bench.now == 5.0


def test_restarted_terminal_reports_the_end_of_what_is_carried() -> None:
    bench, effects = reborn_terminal(REQUESTED, CONNECTED)
    assert [message for _, message in sent(effects)] == [Register(SECOND_LIFE + 1, "terminal")]
    assert sent(bench.fires("end")) == [(MARKET, Report(1, served=True))]
    assert bench.now == 11.0


def test_restarted_terminal_whose_calls_are_over_leaves() -> None:
    lines = [
        Persist("requested", seq=1),
        Persist("blocked", seq=1),
        Persist("requested", seq=2),
        Persist("blocked", seq=2),
    ]
    _, effects = reborn_terminal(*lines)
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

COMMITTED = call_line("committed", T, money=5.0)


def reborn_network(*lines: Persist, epoch: int = 1) -> NetworkBench:
    """A network that was admitted in this epoch of its last life and in that of its present one."""
    bench = NetworkBench()
    bench.step(restored(Persist("registered", MARKET, round=1), *lines))
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

BROKERED = call_line("brokered", T, auction=0, money=1.0, round_=1)
FLOW = Persist("connected", N, seq=1, charge=3.0)


def reborn_agent(*lines: Persist) -> tuple[AgentBench, list[Effect]]:
    """An agent whose terminals T and U had come; what it says first."""
    bench = AgentBench()
    bench.step(restored(Persist("terminal", T, seq=1), Persist("terminal", U, seq=1), *lines))
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


@pytest.mark.parametrize(("kind", "told"), [("blocked", Blocked(1)), ("decommitted", Decommit(1))])
def test_restarted_agent_knows_what_came_to_nothing(kind: str, told: Blocked | Decommit) -> None:
    bench, _ = reborn_agent(BROKERED, Persist(kind, seq=1))  # type: ignore[arg-type]
    assert sent(bench.asks()) == [(T, told)]


def test_restarted_agent_reports_for_a_terminal_that_is_gone() -> None:
    _, effects = reborn_agent(BROKERED, FLOW, Persist("lost", T))
    assert (MARKET, Report(1, served=True)) in sent(effects)


def test_restarted_agent_without_customers_leaves() -> None:
    _, effects = reborn_agent(BROKERED, Persist("lost", T), Persist("left", U, seq=2))
    assert (MARKET, Deregister(SECOND_LIFE + 2)) in sent(effects)


def test_agent_asks_again_at_once_when_the_market_agent_lives_anew() -> None:
    bench, _ = reborn_agent(BROKERED)
    bench.asks()
    again = bench.hears(MARKET, Registry(SECOND_LIFE + 1, "open", [], [], []))
    assert list(sent_as(Request, again)) == [MARKET]


# Market agents in another life

PEERS = [
    Persist("network", N, round=1, seq=1),
    Persist("network", M, round=1, seq=1),
    Persist("terminal", T, seq=1),
    Persist("opened"),
]
CALLED = call_line("called", T)
CONTRACTED = Persist("contracted", N, 1, seq=1, charge=3.0)
NEXT = [call_line("called", T, 2, 2), Persist("blocked", T, 2, seq=2)]


def reborn_market(*lines: Persist) -> tuple[MarketBench, list[Effect]]:
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
    bench, effects = reborn_market(Persist("left", T, seq=2), Persist("closed"))
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
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT, Persist("reported", T, 1, seq=1))
    assert sent(bench.step(PeerOffline("n"))) == []
    assert sent(bench.reports()) == [(T, Noted(1, served=True))]


@pytest.mark.parametrize(("kind", "value"), [("served", 0.0), ("decommitted", 0.5)])
def test_restarted_market_knows_how_calls_ended(kind: str, value: float) -> None:
    ended = Persist(kind, N, 1, seq=1)  # type: ignore[arg-type]
    other = [call_line("called", T, 3, 3), Persist("contracted", N, 3, seq=3), Persist("served", N, 3, seq=3)]
    bench, _ = reborn_market(CALLED, CONTRACTED, ended, *other)
    assert bench.entry(N).reputation.value == value
    assert sent(bench.reports()) == [(T, Noted(1, served=kind == "served"))]


def test_outcome_of_another_call_does_not_answer_for_the_last_winner() -> None:
    second = [call_line("called", T, 2, 2), Persist("contracted", M, 2, seq=2, charge=4.0)]
    _, effects = reborn_market(CALLED, CONTRACTED, *second, Persist("served", N, 1, seq=1))
    assert (M, Contract(2, T, wanted(), 4.0)) in sent(effects)


def test_number_of_an_auction_that_was_under_way_does_not_come_again() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT)
    bench.asks(3)
    assert {invite.auction for invite in sent_as(Invite, bench.fires("gather")).values()} == {4}


def test_restarted_market_tells_a_silent_network_that_it_is_out() -> None:
    bench, _ = reborn_market(Persist("silent", N))
    bench.asks()
    effects = bench.fires("gather")
    assert list(sent_as(Invite, effects)) == [M]
    assert sent_as(Deregistered, effects) == {N: Deregistered(1)}


def test_customer_without_a_journal_begins_its_calls_anew_at_a_restarted_market() -> None:
    bench, _ = reborn_market(CALLED, CONTRACTED, *NEXT, Persist("lost", T), Persist("terminal", T, seq=1))
    assert sent(bench.asks()) == []
    assert list(sent_as(Invite, bench.fires("gather"))) == [M, N]


# What observers may have missed


def retraced(machine: Bench, *lines: Persist) -> list[tuple[str, int, int]]:
    """(kind, round, seq) of what it says again."""
    effects = machine.step(restored(*lines))
    return [(one.kind, one.round, one.seq) for one in effects if isinstance(one, Trace)]


def test_restarted_nodes_say_again_what_they_have_written() -> None:
    served = Persist("served", N, seq=1, charge=3.0)
    at_market = [("resumed", 0, 1), ("called", 1, 1), ("contracted", 1, 1), ("called", 2, 2), ("blocked", 2, 2)]
    assert retraced(MarketBench(), *PEERS, CALLED, CONTRACTED, *NEXT) == at_market
    assert retraced(TerminalBench(), REQUESTED, CONNECTED, served) == [
        ("resumed", 0, 1),
        ("requested", 0, 1),
        ("served", 0, 1),
    ]
    assert retraced(NetworkBench(), COMMITTED) == [("resumed", 0, 1), ("committed", 1, 0)]
    assert retraced(AgentBench(), Persist("terminal", T, seq=1), BROKERED) == [("resumed", 0, 1), ("brokered", 1, 1)]
