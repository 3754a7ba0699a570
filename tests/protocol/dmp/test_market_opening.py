"""When the market opens and closes, and what becomes of customers whose host is gone."""

from node.protocol.dmp.auctioneer import EARLY_S
from node.protocol.dmp.messages import (
    Contract,
    Deregister,
    Invite,
    Report,
)
from node.protocol.machine import Opened, PeerOffline, Started
from node.protocol.retry import PATIENCE
from tests.protocol.dmp.bench import (
    MARKET,
    TIMING,
    M,
    MarketBench,
    N,
    T,
    U,
    carrying_market,
    post_of,
    wanted,
)
from tests.protocol.psp.bench import dropped, sent, sent_as, traced

IGNORED, REJECTED = "ignored", "rejected"


# Opening


def test_opens_when_all_awaited_are_there_and_the_barrier_has_fallen() -> None:
    bench = MarketBench()
    bench.step(Started())
    for who, role in bench.awaited:
        bench.registers(who, role)
    assert bench.market_is == "upcoming"
    assert post_of(bench.step(Opened())).state == "open"
    assert "opening" not in bench.timers


def test_waits_for_those_who_are_awaited() -> None:
    bench = MarketBench()
    bench.step(Started())
    bench.step(Opened())
    bench.registers(N)
    bench.registers(T, "terminal")
    assert bench.market_is == "upcoming"
    assert post_of(bench.registers(M)).state == "open"


def test_opens_without_those_who_do_not_come() -> None:
    bench = MarketBench(customers=(T, U))
    bench.step(Started())
    bench.step(Opened())
    bench.registers(T, "terminal")
    assert bench.timers["opening"] == PATIENCE * TIMING.retry_s
    assert post_of(bench.fires("opening")).state == "open"
    assert not bench.machine.finished
    bench.hears(T, Deregister(2))
    assert bench.machine.finished


def test_call_asked_for_before_the_opening_is_auctioned_after_it() -> None:
    bench = MarketBench()
    bench.step(Started())
    bench.registers(T, "terminal")
    assert traced(bench.asks()) == []
    bench.step(Opened())
    bench.registers(N)
    bench.registers(M)
    assert set(sent_as(Invite, bench.fires("gather"))) == {N, M}


def test_call_from_far_ahead_asked_for_before_the_opening_is_moved() -> None:
    bench = MarketBench()
    bench.step(Started())
    bench.registers(T, "terminal")
    bench.asks(spec=wanted(1e9), early=True)
    bench.step(Opened())
    bench.registers(N)
    bench.registers(M)
    assert bench.timers["gather"] == EARLY_S + TIMING.gather_s


# Closing


def test_closes_after_the_last_customer() -> None:
    bench = MarketBench(customers=(T, U)).opened()
    bench.hears(T, Deregister(2))
    assert not bench.machine.finished
    effects = bench.hears(U, Deregister(2))
    assert bench.machine.finished
    assert post_of(effects).state == "closed"
    assert traced(effects) == ["closed"]


def test_calls_that_go_on_at_the_end_were_served() -> None:
    assert traced(carrying_market().hears(T, Deregister(2))) == ["served", "closed"]


def test_call_in_the_queue_keeps_the_market_open() -> None:
    bench = MarketBench(networks=()).opened()
    bench.asks()
    bench.hears(T, Deregister(2))
    assert not bench.machine.finished
    assert traced(bench.fires("gather")) == ["called", "blocked", "closed"]


def test_customer_who_comes_back_opens_it_again() -> None:
    bench = MarketBench().opened()
    bench.step(PeerOffline("t"))
    assert bench.machine.finished
    assert post_of(bench.registers(T, "terminal", seq=2)).state == "open"
    bench.asks()
    assert set(sent_as(Invite, bench.fires("gather"))) == {N, M}
    bench.bids(N, None)
    bench.bids(M, None)
    assert traced(bench.hears(T, Deregister(3))) == ["closed"]


# Customers whose host is gone


def test_market_goes_on_without_a_lost_customer() -> None:
    bench = carrying_market()
    assert traced(bench.step(PeerOffline("t"))) == ["served", "closed"]


def test_lost_customer_is_no_customer_until_it_registers() -> None:
    bench = MarketBench(customers=(T, U)).opened()
    bench.step(PeerOffline("t"))
    assert dropped(bench.asks()) == [(IGNORED, "not registered")]
    bench.registers(T, "terminal", seq=2)
    assert dropped(bench.asks()) == []


def test_customer_that_was_cut_off_finds_its_calls() -> None:
    bench = carrying_market()
    bench.step(PeerOffline("t"))
    bench.registers(T, "terminal", seq=2)
    assert set(sent_as(Contract, bench.asks())) == {T}


def test_customer_started_anew_begins_its_calls_anew() -> None:
    bench = MarketBench(customers=(T, U)).opened().called()
    bench.bids(N, 3.0)
    bench.bids(M, 4.0)
    bench.commits(N)
    bench.asks(2, wanted(20), over=2)
    bench.step(PeerOffline("t"))
    bench.registers(T, "terminal", seq=1)
    assert sent(bench.asks(1, wanted(20))) == []
    bench.fires("gather")
    assert bench.held == 2


def test_customer_started_anew_hears_nothing_of_its_former_calls() -> None:
    bench = MarketBench(customers=(T, U)).opened().called()
    bench.bids(N, 3.0)
    bench.bids(M, 4.0)
    bench.commits(N)
    bench.step(PeerOffline("t"))
    bench.registers(T, "terminal", seq=1)
    effects = bench.step(PeerOffline("n"))
    assert traced(effects) == ["put-out", "decommitted"]
    assert sent(effects) == []


def test_host_of_nobody_may_go() -> None:
    bench = carrying_market()
    before = bench.state
    assert bench.step(PeerOffline("x")) == []
    assert bench.state == before


def test_address_of_the_market_is_no_customer() -> None:
    assert dropped(carrying_market().hears(MARKET, Report(1, served=True))) == [(IGNORED, "unknown call")]
