"""The calls of a network agent: what it bids for them, and which it carries."""

import pytest

from node.protocol.dmp.messages import (
    Commit,
    Decommit,
    SealedBid,
)
from node.protocol.numbers import MAX_PRICE
from tests.protocol.dmp.bench import MARKET, NetworkBench, carrying_network, wanted
from tests.protocol.psp.bench import dropped, sent, traced

IGNORED, REJECTED = "ignored", "rejected"


def fresh() -> NetworkBench:
    return NetworkBench().admitted()


def having_bid() -> NetworkBench:
    bench = fresh()
    bench.invited()
    return bench


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
