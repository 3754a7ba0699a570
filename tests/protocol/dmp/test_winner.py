"""What becomes of networks that are silent, win, decommit or go while a call is auctioned."""

import pytest

from node.protocol.dmp.messages import (
    Blocked,
    Commit,
    Contract,
    Decommit,
    Deregister,
    Deregistered,
    Invite,
    SealedBid,
)
from node.protocol.dmp.networks import MOST_MISSED
from node.protocol.machine import PeerOffline
from node.protocol.retry import PATIENCE
from tests.protocol.dmp.bench import (
    M,
    MarketBench,
    N,
    P,
    T,
    awarded_market,
    carrying_market,
    wanted,
)
from tests.protocol.psp.bench import dropped, sent, sent_as, traced

IGNORED, REJECTED = "ignored", "rejected"


def inviting(**request: object) -> MarketBench:
    return MarketBench().opened().called(**request)


# Silence


def sleeping() -> MarketBench:
    """M has slept through one auction less than it may; the next is being held."""
    bench = inviting()
    for call in range(2, MOST_MISSED + 1):
        bench.asks(call)
        bench.bids(N, None)
        bench.misses()
    return bench


def test_network_that_misses_too_many_auctions_is_put_out() -> None:
    bench = sleeping()
    bench.bids(N, None)
    assert "put-out" in traced(bench.misses())
    assert not bench.entry(M).is_in


def test_one_bid_begins_the_count_of_missed_auctions_anew() -> None:
    bench = sleeping()
    bench.bids(N, None)
    bench.bids(M, None)
    bench.asks(MOST_MISSED + 1)
    bench.bids(N, None)
    bench.misses()
    assert bench.entry(M).is_in


def put_out() -> MarketBench:
    """M has been put out for its silence."""
    bench = sleeping()
    bench.bids(N, None)
    bench.misses()
    return bench


def test_silent_network_is_told_so_at_every_further_auction() -> None:
    bench = put_out()
    for call in (8, 9):
        effects = bench.asks(call)
        assert sent_as(Deregistered, effects) == {M: Deregistered(1)}
        assert set(sent_as(Invite, effects)) == {N}
        bench.bids(N, None)


def test_silent_network_comes_back_by_registering_anew() -> None:
    bench = put_out()
    bench.registers(M, seq=2)
    effects = bench.asks(8)
    assert sent_as(Deregistered, effects) == {}
    assert set(sent_as(Invite, effects)) == {N, M}
    assert bench.entry(M).epoch == 2


def test_delayed_copy_of_an_old_registration_does_not_let_a_silent_network_in() -> None:
    bench = put_out()
    assert dropped(bench.registers(M, seq=1)) == [(IGNORED, "overtaken registration")]
    assert not bench.entry(M).is_in


@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "is offline"])
def test_silent_network_that_is_gone_for_good_is_told_nothing_more(leaves: bool) -> None:
    bench = put_out()
    assert "put-out" not in traced(bench.hears(M, Deregister(2)) if leaves else bench.step(PeerOffline("m")))
    assert sent_as(Deregistered, bench.asks(8)) == {}


def test_auction_with_nobody_left_is_decided_at_once() -> None:
    bench = MarketBench(networks=(M,)).opened().called()
    for call in range(2, MOST_MISSED + 1):
        bench.asks(call)
        bench.misses()
    assert sent_as(Blocked, bench.misses()) == {T: Blocked(MOST_MISSED)}


# The contract


def test_winner_that_commits_gets_the_call() -> None:
    bench = awarded_market()
    assert sent(bench.commits(N)) == [(T, Contract(1, N, wanted(), 3.0))]
    assert "contract" not in bench.timers


def test_winner_that_cannot_carry_it_decommits_and_its_reputation_bears_it() -> None:
    bench = awarded_market()
    effects = bench.hears(N, Decommit(1))
    assert sent(effects) == [(T, Decommit(1))]
    assert traced(effects) == ["decommitted"]
    assert bench.entry(N).reputation.outcomes == (False,)  # type: ignore[attr-defined]


@pytest.mark.parametrize("message", [Commit(1), Decommit(1)], ids=["commit", "decommit"])
@pytest.mark.parametrize("network", [M, P])
def test_contract_is_for_the_winner_alone(network: str, message: Commit | Decommit) -> None:
    bench = awarded_market()
    before = bench.state
    assert dropped(bench.hears(network, message)) == [(REJECTED, "never awarded")]
    assert bench.state == before


@pytest.mark.parametrize("message", [Commit(1), Decommit(1)], ids=["commit", "decommit"])
def test_nobody_commits_before_the_award(message: Commit | Decommit) -> None:
    bench = inviting()
    before = bench.state
    assert dropped(bench.hears(N, message)) == [(REJECTED, "never awarded")]
    assert bench.state == before


def test_repeated_commit_is_ignored() -> None:
    bench = carrying_market()
    before = bench.state
    assert dropped(bench.commits(N)) == [(IGNORED, "other auction")]
    assert bench.state == before


def test_winner_is_told_again_until_it_answers() -> None:
    bench = awarded_market()
    for _ in range(PATIENCE):
        assert set(sent_as(Contract, bench.fires("contract"))) == {N}
    effects = bench.fires("contract")
    assert traced(effects) == ["put-out", "decommitted"]
    assert sent(effects) == [(T, Decommit(1))]


def test_lost_answer_is_told_again_when_the_customer_asks_again() -> None:
    bench = carrying_market()
    effects = bench.asks()
    assert sent(effects) == [(T, Contract(1, N, wanted(), 3.0))]
    assert dropped(effects) == [(IGNORED, "repeated request")]


def test_request_that_a_newer_one_has_overtaken_is_not_auctioned_again() -> None:
    """A late copy of a request, whose call is over, once made a second call of it."""
    bench = carrying_market()
    bench.asks(3, over=3)
    held = bench.held
    assert dropped(bench.asks(1, over=1)) == [(IGNORED, "overtaken request")]
    assert bench.held == held
    bench.bids(N, None)
    assert sent_as(Invite, bench.bids(M, None)) == {}


# Offline


def test_auction_goes_on_without_a_network_whose_host_is_gone() -> None:
    bench = inviting()
    bench.bids(N, 3.0)
    effects = bench.step(PeerOffline("m"))
    assert traced(effects) == ["put-out", "contracted"]
    assert dropped(bench.bids(M, 1.0)) == [(IGNORED, "late bid")]


def test_bid_of_a_network_that_is_gone_does_not_count() -> None:
    bench = inviting()
    bench.bids(N, 3.0)
    bench.step(PeerOffline("n"))
    assert set(sent_as(Contract, bench.bids(M, 4.0))) == {M}


def test_network_that_left_takes_no_further_part() -> None:
    bench = inviting()
    bench.bids(M, 4.0)
    assert set(sent_as(Contract, bench.hears(N, Deregister(2)))) == {M}


def test_winner_whose_host_is_gone_has_decommitted() -> None:
    bench = awarded_market()
    effects = bench.step(PeerOffline("n"))
    assert sent(effects) == [(T, Decommit(1))]
    assert traced(effects) == ["put-out", "decommitted"]


def test_other_networks_going_offline_leaves_the_award() -> None:
    bench = awarded_market()
    assert traced(bench.step(PeerOffline("m"))) == ["put-out"]
    assert set(sent_as(Contract, bench.commits(N))) == {T}


def test_no_network_of_a_host_that_is_gone_wins() -> None:
    """Put out one by one, the first of them once completed the auction, which the second then won."""
    bench = MarketBench(networks=("h/one", "h/two", N)).opened().called()
    bench.bids("h/two", 3.0)
    bench.bids(N, 4.0)
    effects = bench.step(PeerOffline("h"))
    assert traced(effects) == ["put-out", "put-out", "contracted"]
    assert set(sent_as(Contract, effects)) == {N}


@pytest.mark.parametrize("known_out", [False, True], ids=["present", "already out"])
def test_network_started_anew_is_admitted_however_it_counts(known_out: bool) -> None:
    bench = put_out() if known_out else MarketBench().opened()
    bench.registers(N, seq=7)
    bench.registers(M, seq=7)
    if known_out:
        bench.hears(M, Deregister(8))
    bench.step(PeerOffline("m"))
    bench.registers(M, seq=1)
    assert bench.entry(M).is_in


def test_bids_of_other_auctions_are_ignored() -> None:
    bench = inviting()
    assert dropped(bench.hears(N, SealedBid(2, 1.0))) == [(IGNORED, "other auction")]


def test_late_timers_do_nothing() -> None:
    bench = carrying_market()
    for name in ("bids", "contract", "gather"):
        bench.timers[name] = 0.0
        assert bench.fires(name) == []
