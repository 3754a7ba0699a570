"""The network agent: taking part, bidding, carrying."""

from collections.abc import Callable

import pytest

from node.protocol.dmp.events import MarginChosen
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
from node.protocol.dmp.network_agent import MOST_SKIPPED, NetworkAgent
from node.protocol.machine import Left, Message, Opened, PeerOffline, Reconnected, Started
from node.protocol.psp.messages import Bid
from node.strategy.dmp import ByHand
from tests.protocol.dmp.bench import MARKET, TIMING, Bench, NetworkBench, T, carrying_network, wanted
from tests.protocol.psp.bench import dropped, profile, sent, sent_as, traced

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


# A person sets its prices


def test_a_person_sets_the_margin_of_the_next_call() -> None:
    bench = Bench(NetworkAgent(MARKET, 1000.0, ByHand(), iter([1.0, 2.0, 3.0]), TIMING))
    bench.step(Started())
    bench.hears(MARKET, Registered(1, 1))
    assert bench.step(MarginChosen(0.25)) == []
    for auction, margin in ((1, 0.25), (2, 0.25), (3, 0.75)):
        if margin != 0.25:
            bench.step(MarginChosen(margin))
        told = bench.hears(MARKET, Invite(auction, wanted(), 0.5, 0.25, 2, None))
        assert sent(told) == [(MARKET, SealedBid(auction, auction + margin))]


def test_nobody_else_takes_a_margin_from_a_person() -> None:
    bench = having_bid()
    assert bench.step(MarginChosen(0.25)) == []
    assert sent(bench.invited(2)) == sent(having_bid().invited(2))
