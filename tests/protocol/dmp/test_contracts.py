"""What becomes of calls that are carried, and how it moves the reputation of those who carry them."""

import pytest

from node.protocol.dmp.messages import Contract, Decommit, Noted
from node.protocol.dmp.trace import CallServed
from node.protocol.machine import PeerOffline
from tests.protocol.dmp.bench import M, MarketBench, N, T, awarded_market, carrying_market, wanted
from tests.protocol.psp.bench import dropped, sent, traced

IGNORED, REJECTED = "ignored", "rejected"


def outcomes(bench: MarketBench, network: str = N) -> tuple[bool, ...]:
    return bench.entry(network).reputation.outcomes  # type: ignore[attr-defined, no-any-return]


def auctioned(bench: MarketBench, call: int, at_s: float, *prices: float | None) -> list[object]:
    """The next call of T is auctioned at that second of the market; the effects of holding it."""
    effects = list(bench.asks(call, wanted(at_s)))
    if "gather" in bench.timers:
        effects += bench.fires("gather")
    for network, price in zip((N, M), prices, strict=True):
        effects += bench.bids(network, price)
    return effects


def test_call_is_served_when_its_time_in_the_market_is_over() -> None:
    bench = carrying_market(spec=wanted(0, holding_s=50))
    assert "served" not in traced(auctioned(bench, 2, 49, None, None))
    assert outcomes(bench) == ()
    assert "served" in traced(auctioned(bench, 3, 50, None, None))
    assert outcomes(bench) == (True,)


def test_outcomes_count_in_the_order_in_which_calls_end() -> None:
    bench = carrying_market(spec=wanted(0, holding_s=500))
    auctioned(bench, 2, 10, 3.0, 4.0)
    bench.commits(N)
    effects = auctioned(bench, 3, 600, None, None)
    assert [effect.auction for effect in effects if isinstance(effect, CallServed)] == [2, 1]


def test_report_is_noted() -> None:
    bench = carrying_market()
    assert sent(bench.reports()) == [(T, Noted(1, served=True))]
    assert sent(bench.reports()) == [(T, Noted(1, served=True))]


def test_report_alone_moves_no_reputation() -> None:
    bench = carrying_market()
    bench.reports()
    assert outcomes(bench) == ()


def test_report_of_failure_ends_the_call() -> None:
    bench = carrying_market()
    effects = bench.reports(served=False)
    assert sent(effects) == [(T, Decommit(1)), (T, Noted(1, served=False))]
    assert outcomes(bench) == (False,)


def test_report_of_failure_counts_once() -> None:
    bench = carrying_market()
    bench.reports(served=False)
    assert sent(bench.reports(served=False)) == [(T, Noted(1, served=False))]
    assert outcomes(bench) == (False,)


def test_customer_cannot_take_back_that_it_was_served() -> None:
    bench = carrying_market()
    bench.reports()
    assert sent(bench.reports(served=False)) == [(T, Noted(1, served=True))]
    assert outcomes(bench) == ()


def test_report_of_a_call_that_was_decommitted_is_noted_as_that() -> None:
    bench = carrying_market()
    bench.hears(N, Decommit(1))
    assert sent(bench.reports()) == [(T, Noted(1, served=False))]


@pytest.mark.parametrize("is_blocked", [False, True], ids=["being auctioned", "blocked"])
def test_rejects_report_without_a_contract(is_blocked: bool) -> None:
    bench = MarketBench().opened().called()
    if is_blocked:
        bench.bids(N, None)
        bench.bids(M, None)
    before = bench.state
    assert dropped(bench.reports()) == [(REJECTED, "report without a contract")]
    assert bench.state == before


def test_network_may_break_off_a_call() -> None:
    bench = carrying_market()
    effects = bench.hears(N, Decommit(1))
    assert sent(effects) == [(T, Decommit(1))]
    assert traced(effects) == ["decommitted"]
    assert dropped(bench.hears(N, Decommit(1))) == [(IGNORED, "other auction")]
    assert outcomes(bench) == (False,)


def test_network_cannot_break_off_what_its_customer_reported_served() -> None:
    bench = carrying_market()
    bench.reports()
    assert dropped(bench.hears(N, Decommit(1))) == [(IGNORED, "decommitted after its end")]
    assert outcomes(bench) == ()


def test_network_cannot_break_off_the_call_of_another() -> None:
    bench = carrying_market()
    before = bench.state
    assert dropped(bench.hears(M, Decommit(1))) == [(IGNORED, "other auction")]
    assert bench.state == before


def test_what_a_network_carries_is_decommitted_when_its_host_is_gone() -> None:
    bench = carrying_market()
    effects = bench.step(PeerOffline("n"))
    assert sent(effects) == [(T, Decommit(1))]
    assert traced(effects) == ["put-out", "decommitted"]


def test_what_was_reported_served_stays_so_when_the_network_is_gone() -> None:
    bench = carrying_market()
    bench.reports()
    assert traced(bench.step(PeerOffline("n"))) == ["put-out"]
    bench.asks(2, wanted(500))
    bench.fires("gather")
    assert outcomes(bench) == (True,)


def test_reputation_outlives_absence() -> None:
    bench = carrying_market()
    bench.step(PeerOffline("n"))
    bench.registers(N, seq=1)
    assert outcomes(bench) == (False,)


def test_lost_decommit_is_told_when_the_customer_asks_again() -> None:
    bench = awarded_market()
    bench.hears(N, Decommit(1))
    assert sent(bench.asks()) == [(T, Decommit(1))]


def test_customer_that_missed_both_contract_and_break_hears_of_the_break() -> None:
    bench = carrying_market()
    bench.hears(N, Decommit(1))
    assert sent(bench.asks()) == [(T, Decommit(1))]


def test_calls_overlap() -> None:
    bench = carrying_market()
    auctioned(bench, 2, 10, 4.0, 3.0)
    assert sent(bench.commits(M)) == [(T, Contract(2, M, wanted(10), 3.0))]
    assert sent(bench.step(PeerOffline("n"))) == [(T, Decommit(1))]
