"""The network agent: taking part, bidding, carrying."""

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
from node.protocol.events import Left, Opened, PeerOffline, Reconnected, Started
from node.protocol.messages import Bid, Message
from node.protocol.network_agent import MOST_SKIPPED
from node.protocol.numbers import MAX_PRICE
from tests.protocol.bench import dropped, profile, sent, sent_as, traced
from tests.protocol.call_bench import MARKET, NetworkBench, T, carrying_network, wanted

IGNORED, REJECTED = "ignored", "rejected"


def fresh() -> NetworkBench:
    return NetworkBench().admitted()


def having_bid() -> NetworkBench:
    bench = fresh()
    bench.invited()
    return bench


PHASES: list[Callable[[], NetworkBench]] = [NetworkBench, fresh, having_bid, carrying_network]


# What changes nothing

NOT_FOR_A_NETWORK: list[Message] = [
    Register(1, "network"),
    Deregister(1),
    Request(1, 1, wanted(), 0.5, None),
    SealedBid(1, 1.0),
    Commit(1),
    Decommit(1),
    Blocked(1),
    Report(1, served=True),
    Noted(1, served=True),
    Bid(0, 0, 5.0, 5.0, 1),
    profile(1, 1, (60, 4)),
]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("message", NOT_FOR_A_NETWORK, ids=lambda message: type(message).__name__)
def test_rejects_what_is_not_said_to_a_network(phase: Callable[[], NetworkBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(MARKET, message)
    assert dropped(effects) == [(REJECTED, "not for a network")]
    assert (bench.state, len(effects)) == (before, 1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "message",
    [Invite(2, wanted(), 0.5, 0.0, 1, None), Contract(1, T, wanted(), 5.0), Registered(1, 2), Deregistered(1)],
    ids=lambda message: type(message).__name__,
)
def test_hears_the_market_agent_alone(phase: Callable[[], NetworkBench], message: Message) -> None:
    bench = phase()
    before = bench.state
    assert dropped(bench.hears("x/market", message)) == [(REJECTED, "foreign sender")]
    assert bench.state == before


@pytest.mark.parametrize("phase", PHASES)
def test_registries_are_no_news_to_it(phase: Callable[[], NetworkBench]) -> None:
    bench = phase()
    before = bench.state
    assert bench.hears(MARKET, Registry(1, "open", [], [], [])) == []
    assert bench.step(Opened()) == []
    assert bench.step(PeerOffline("ma")) == []
    assert bench.state == before


@pytest.mark.parametrize(
    ("phase", "message", "verdict", "reason"),
    [
        pytest.param(fresh, Contract(1, T, wanted(), 5.0), REJECTED, "never invited", id="contract without invitation"),
        pytest.param(having_bid, Contract(2, T, wanted(), 5.0), REJECTED, "never invited", id="contract to come"),
        pytest.param(having_bid, Contract(0, T, wanted(), 5.0), IGNORED, "other auction", id="overtaken contract"),
        pytest.param(having_bid, Contract(1, T, wanted(), 4.0), REJECTED, "not what was offered", id="other price"),
        pytest.param(having_bid, Contract(1, T, wanted(1.0), 5.0), REJECTED, "not what was offered", id="other call"),
        pytest.param(
            having_bid, Invite(0, wanted(), 0.5, 0.0, 1, None), IGNORED, "overtaken invitation", id="overtaken invite"
        ),
        pytest.param(
            fresh, Invite(1, wanted(), 0.5, 0.0, 0, None), REJECTED, "impossible invitation", id="without bidders"
        ),
        pytest.param(
            fresh, Invite(1, wanted(), 0.5, 0.0, 3, [0.5]), REJECTED, "impossible invitation", id="a rival short"
        ),
        pytest.param(
            fresh,
            Invite(MOST_SKIPPED + 1, wanted(), 0.5, 0.0, 1, None),
            REJECTED,
            "impossible invitation",
            id="invite from far ahead",
        ),
        pytest.param(fresh, Registered(1, 1), IGNORED, "repeated confirmation", id="repeated confirmation"),
        pytest.param(fresh, Registered(9, 1), REJECTED, "confirms what was never said", id="confirmation to come"),
        pytest.param(fresh, Deregistered(0), IGNORED, "repeated confirmation", id="overtaken goodbye"),
    ],
)
def test_drops_without_change(phase: Callable[[], NetworkBench], message: Message, verdict: str, reason: str) -> None:
    bench = phase()
    before = bench.state
    effects = bench.hears(MARKET, message)
    assert dropped(effects) == [(verdict, reason)]
    assert (bench.state, len(effects)) == (before, 1)


# Taking part


def test_watches_the_market_agent() -> None:
    assert NetworkBench().machine.watches == {MARKET}


def test_registers_when_it_starts_and_rests_when_admitted() -> None:
    bench = NetworkBench()
    assert sent(bench.step(Started())) == [(MARKET, Register(1, "network"))]
    assert not bench.machine.finished
    bench.hears(MARKET, Registered(1, 1))
    assert bench.machine.finished


def test_ignores_invitations_until_it_is_admitted() -> None:
    """Else the answer to its registration, overtaken by its first contract, would make it forget the call."""
    bench = NetworkBench()
    bench.step(Started())
    assert dropped(bench.invited()) == [(IGNORED, "not registered")]
    bench.hears(MARKET, Registered(1, 1))
    assert sent_as(SealedBid, bench.invited()) == {MARKET: SealedBid(1, 5.0)}


def test_registers_again_when_its_host_is_back_and_keeps_what_it_carries() -> None:
    bench = carrying_network()
    assert sent(bench.step(Reconnected())) == [(MARKET, Register(2, "network"))]
    bench.hears(MARKET, Registered(2, 1))
    assert bench.carried == 500.0


def test_answers_a_contract_while_it_registers_again() -> None:
    bench = having_bid()
    bench.step(Reconnected())
    assert sent(bench.contracted()) == [(MARKET, Commit(1))]


def test_admitted_anew_it_carries_nothing() -> None:
    bench = carrying_network()
    bench.step(Reconnected())
    bench.hears(MARKET, Registered(2, 2))
    assert bench.carried == 0.0


def test_admitted_anew_it_ignores_the_contract_from_before() -> None:
    bench = having_bid()
    bench.step(Reconnected())
    bench.hears(MARKET, Registered(2, 2))
    assert dropped(bench.contracted()) == [(IGNORED, "other auction")]
    assert bench.carried == 0.0


def test_admitted_anew_it_makes_no_offer_in_the_auction_from_before() -> None:
    bench = having_bid()
    bench.step(Reconnected())
    bench.hears(MARKET, Registered(2, 2))
    assert dropped(bench.invited(1)) == [(IGNORED, "overtaken invitation")]
    assert sent_as(SealedBid, bench.invited(2))


@pytest.mark.parametrize("joining", [False, True], ids=["admitted", "not sure whether admitted"])
def test_put_out_for_its_silence_it_registers_anew_and_carries_nothing(joining: bool) -> None:
    bench = NetworkBench()
    bench.step(Started())
    if not joining:
        bench.hears(MARKET, Registered(1, 1))
        bench.invited()
        bench.contracted()
    effects = bench.hears(MARKET, Deregistered(1))
    assert sent(effects) == [(MARKET, Register(2, "network"))]
    assert bench.carried == 0.0
    assert not bench.machine.finished


def test_leaves_for_good() -> None:
    bench = carrying_network()
    effects = bench.step(Left())
    assert sent(effects) == [(MARKET, Deregister(2))]
    assert traced(effects) == ["left"]
    assert dropped(bench.invited(2)) == [(IGNORED, "not registered")]
    assert sent(bench.hears(MARKET, Deregistered(2))) == []
    assert bench.machine.finished
    assert bench.carried == 0.0
    assert bench.step(Reconnected()) == []


# Bidding


def test_bids_what_its_strategy_asks() -> None:
    bench = NetworkBench(7.0).admitted()
    effects = bench.invited(1, price_weight=0.25, reputation=0.5, bidders=3, rivals=[0.1, 0.2])
    assert sent(effects) == [(MARKET, SealedBid(1, 7.0))]
    assert traced(effects) == ["offered"]
    (call,) = bench.strategy.calls
    assert (call.price_weight, call.cost, call.reputation, call.rivals, call.bidders, call.load) == (
        *(0.25, 1.0, 0.5, (0.1, 0.2), 3, 0.0),
    )


def test_repeated_invitation_is_answered_with_the_same_bid() -> None:
    bench = NetworkBench(7.0, 8.0).admitted()
    bench.invited()
    before = bench.state
    effects = bench.invited()
    assert sent(effects) == [(MARKET, SealedBid(1, 7.0))]
    assert dropped(effects) == [(IGNORED, "repeated invitation")]
    assert bench.state == before


def test_price_is_no_higher_than_a_message_can_carry() -> None:
    assert sent(NetworkBench(1e300).admitted().invited()) == [(MARKET, SealedBid(1, MAX_PRICE))]


def test_each_auction_has_its_cost_whatever_was_missed() -> None:
    bench = fresh()
    for auction in (2, 5):
        bench.invited(auction)
    assert [call.cost for call in bench.strategy.calls] == [2.0, 5.0]


def test_makes_no_offer_where_the_call_does_not_fit() -> None:
    bench = carrying_network(rate_kbps=600)
    effects = bench.invited(2)
    assert sent(effects) == [(MARKET, SealedBid(2, None))]
    assert traced(effects) == ["passed"]
    assert dropped(bench.contracted(2)) == [(REJECTED, "not what was offered")]


def test_call_that_fills_it_to_the_brim_fits() -> None:
    assert sent(carrying_network().invited(2)) == [(MARKET, SealedBid(2, 5.0))]


def test_capacity_is_free_again_when_a_call_is_over() -> None:
    bench = carrying_network(rate_kbps=600, holding_s=100)
    bench.invited(2, wanted(99))
    assert bench.carried == 600.0
    assert sent(bench.invited(3, wanted(100))) == [(MARKET, SealedBid(3, 5.0))]
    assert bench.carried == 0.0


def test_strategy_sees_the_load() -> None:
    bench = carrying_network()
    bench.invited(2)
    assert bench.strategy.calls[-1].load == 0.5


@pytest.mark.parametrize(
    ("won", "profit"), [(True, 5.0 - 1.0), (False, None)], ids=["its call is carried", "another has won"]
)
def test_strategy_learns_at_the_next_invitation_what_it_has_earned(won: bool, profit: float | None) -> None:
    bench = having_bid()
    if won:
        bench.contracted()
    bench.invited(2)
    assert bench.strategy.profits == [profit]


def test_strategy_learns_nothing_where_it_made_no_offer() -> None:
    bench = carrying_network(rate_kbps=600)
    bench.invited(2)
    bench.invited(3)
    assert bench.strategy.profits == [4.0]


# Carrying


def test_commits_to_what_it_has_won() -> None:
    bench = having_bid()
    effects = bench.contracted()
    assert sent(effects) == [(MARKET, Commit(1))]
    assert traced(effects) == ["committed"]
    assert bench.carried == 500.0


def test_repeated_contract_is_answered_again_and_held_once() -> None:
    bench = carrying_network()
    before = bench.state
    effects = bench.contracted()
    assert sent(effects) == [(MARKET, Commit(1))]
    assert dropped(effects) == [(IGNORED, "repeated contract")]
    assert bench.state == before


def overcommitted() -> NetworkBench:
    """It carries 600 of 1000 kbit/s, and offers what does not fit."""
    bench = NetworkBench(overcommitment=2.0).admitted()
    bench.invited(1, wanted(rate_kbps=600))
    bench.contracted(1)
    return bench


def test_overcommitted_network_decommits_what_does_not_fit() -> None:
    bench = overcommitted()
    assert sent(bench.invited(2)) == [(MARKET, SealedBid(2, 5.0))]
    effects = bench.contracted(2)
    assert sent(effects) == [(MARKET, Decommit(2))]
    assert traced(effects) == []
    assert bench.carried == 600.0
    assert sent(bench.contracted(2)) == [(MARKET, Decommit(2))]


def test_overcommitted_network_learns_that_a_decommitted_call_earns_nothing() -> None:
    bench = overcommitted()
    bench.invited(2)
    bench.contracted(2)
    bench.invited(3)
    assert bench.strategy.profits == [4.0, 0.0]


def test_overcommitment_has_its_limit_too() -> None:
    bench = overcommitted()
    assert sent(bench.invited(2, wanted(rate_kbps=1401))) == [(MARKET, SealedBid(2, None))]
