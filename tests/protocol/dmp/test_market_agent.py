"""The market agent's registries, and how it opens and closes the market."""

from typing import Any

import pytest

from node.protocol.dmp.market_agent import BOARD_S
from node.protocol.dmp.messages import (
    Blocked,
    Commit,
    Contract,
    Decommit,
    Deregister,
    Deregistered,
    Invite,
    Noted,
    Registered,
    Registry,
    Report,
    Request,
    SealedBid,
)
from node.protocol.machine import Left, Message, PostOnBoard, Reconnected, Started
from node.protocol.psp.messages import Bid, Closed, Withdraw
from tests.protocol.dmp.bench import (
    AGENT,
    M,
    MarketBench,
    N,
    P,
    T,
    U,
    awarded_market,
    carrying_market,
    post_of,
    wanted,
)
from tests.protocol.psp.bench import advert, dropped, sent, traced

IGNORED, REJECTED = "ignored", "rejected"


# What changes nothing

NOT_FOR_A_MARKET: list[Message] = [
    Registered(1, 1),
    Deregistered(1),
    Registry(1, "open", [], [], []),
    Invite(1, wanted(), 0.5, 0.0, 1, None),
    Contract(1, N, wanted(), 3.0),
    Blocked(1),
    Noted(1, served=True),
    Bid(0, 0, 5.0, 5.0, 1),
    Withdraw(0, 0, 1),
    Closed(0),
    advert(5),
]


@pytest.mark.parametrize("phase", [MarketBench, awarded_market, carrying_market])
@pytest.mark.parametrize("message", NOT_FOR_A_MARKET, ids=lambda message: type(message).__name__)
def test_rejects_what_is_not_said_to_a_market_agent(phase: Any, message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(N, message)
    assert dropped(effects) == [(REJECTED, "not for a market agent")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", [awarded_market, carrying_market])
@pytest.mark.parametrize(
    ("sender", "message", "verdict", "reason"),
    [
        pytest.param(N, Commit(9), REJECTED, "never invited", id="commit to an auction to come"),
        pytest.param(N, Decommit(9), REJECTED, "never invited", id="decommit of an auction to come"),
        pytest.param(N, SealedBid(9, 1.0), IGNORED, "other auction", id="bid in an auction to come"),
        pytest.param(N, SealedBid(0, 1.0), IGNORED, "other auction", id="bid in an auction before the first"),
        pytest.param(T, Report(7, served=True), IGNORED, "unknown call", id="report of an unknown call"),
        pytest.param(U, Report(1, served=True), IGNORED, "unknown call", id="report of a stranger"),
        pytest.param(U, Request(1, 1, wanted(), 0.5, None), IGNORED, "not registered", id="request of a stranger"),
        pytest.param(T, Request(3, 4, wanted(), 0.5, None), REJECTED, "request for nothing", id="call that is over"),
        pytest.param(N, Deregister(0), IGNORED, "overtaken registration", id="overtaken goodbye of a network"),
        pytest.param(T, Deregister(0), IGNORED, "overtaken registration", id="overtaken goodbye of a customer"),
    ],
)
def test_drops_without_change(phase: Any, sender: str, message: Message, verdict: str, reason: str) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(sender, message)
    assert dropped(effects) == [(verdict, reason)]
    assert (bench.state, len(effects)) == (before, 1)


def test_other_events_are_nothing_to_it() -> None:
    bench = carrying_market()
    before = bench.state
    assert bench.step(Left()) == []
    assert bench.state == before


# Registries


def test_posts_empty_registries_when_it_starts() -> None:
    assert post_of(MarketBench().step(Started())) == Registry(1, "upcoming", [], [], [])


def test_watches_nobody() -> None:
    assert MarketBench().machine.watches == frozenset()


def test_registration_is_confirmed_and_posted() -> None:
    bench = MarketBench()
    bench.step(Started())
    effects = bench.registers(N, seq=4)
    assert sent(effects) == [(N, Registered(4, 1))]
    assert post_of(effects).networks == [N]
    assert traced(effects) == ["registered"]


def test_service_agents_are_in_the_services_registry() -> None:
    bench = MarketBench(customers=(AGENT, T))
    bench.step(Started())
    bench.registers(AGENT, "service-agent")
    assert post_of(bench.registers(N)).services == [AGENT]


def test_terminals_are_in_no_registry() -> None:
    bench = MarketBench()
    bench.step(Started())
    assert not [effect for effect in bench.registers(T, "terminal") if isinstance(effect, PostOnBoard)]


def test_repeated_registration_is_confirmed_again_and_changes_nothing() -> None:
    bench = MarketBench().opened()
    before = bench.state
    assert bench.registers(N)[0] == bench.registers(N)[0]
    assert sent(bench.registers(T, "terminal")) == [(T, Registered(1, 1))]
    assert bench.state == before


def test_newer_registration_of_a_present_network_keeps_its_epoch() -> None:
    assert sent(MarketBench().opened().registers(N, seq=2)) == [(N, Registered(2, 1))]


def test_network_that_left_is_admitted_anew() -> None:
    bench = MarketBench().opened()
    assert sent(bench.hears(N, Deregister(2))) == [(N, Deregistered(2))]
    assert sent(bench.registers(N, seq=3)) == [(N, Registered(3, 2))]


def test_repeated_goodbye_is_confirmed_again() -> None:
    bench = MarketBench().opened()
    bench.hears(N, Deregister(2))
    effects = bench.hears(N, Deregister(2))
    assert sent(effects) == [(N, Deregistered(2))]
    assert traced(effects) == []


def test_registration_overtaken_by_a_goodbye_is_ignored() -> None:
    bench = MarketBench(customers=(T, U)).opened()
    for who, role in [(N, "network"), (T, "terminal")]:
        bench.hears(who, Deregister(2))
        assert dropped(bench.registers(who, role, seq=1)) == [(IGNORED, "overtaken registration")]


def test_stranger_may_say_goodbye() -> None:
    assert sent(MarketBench().opened().hears(P, Deregister(1))) == [(P, Deregistered(1))]


def test_changed_reputations_are_posted_after_a_while_together() -> None:
    bench = carrying_market(spec=wanted(holding_s=10))
    bench.asks(2, wanted(20))
    bench.reports(served=False)
    bench.now += 1
    bench.fires("gather")
    bench.bids(N, 1.0)
    bench.bids(M, 2.0)
    effects = bench.hears(N, Decommit(2))
    assert traced(effects) == ["decommitted", "reputation"]
    assert not [effect for effect in effects if isinstance(effect, PostOnBoard)]
    assert bench.timers["board"] == bench.now + BOARD_S
    assert post_of(bench.fires("board")).reputations == [0.0, 1.0]


def test_posts_again_when_it_is_back() -> None:
    bench = MarketBench().opened()
    before = post_of(bench.step(Reconnected()))
    assert (before.state, before.networks) == ("open", [M, N])
    assert post_of(bench.step(Reconnected())).seq == before.seq + 1
