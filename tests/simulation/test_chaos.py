"""Markets among faults; ``make chaos`` runs 2,000 of them."""

import msgspec
import pytest

from node.trace.psp.ledger import Ledger
from scenarios.markets.load import parse
from scenarios.markets.psp.market import draw
from tests.simulation.chaos import SCENARIOS, broken
from tests.simulation.world import World

HOUSES = {
    "name": "houses",
    "timeout_s": 1000,
    "auction": {"clearing_interval_s": 0.05, "quiet_period_s": 2, "retry_s": 0.25},
    "sellers": [{"name": "seller", "count": 2, "supply_mb": 100, "reserve_price_per_mb": 0.01}],
    "buyers": [
        {
            "name": "buyer",
            "count": 5,
            "valuation": {"kind": "parabolic", "demand_mb": 80, "choke_price_per_mb": 6},
            "strategy": {"kind": "adaptive", "crowd": 0.05, "epsilon_start_money": 40, "epsilon_end_money": 1},
        }
    ],
}
CUT = {"kind": "partition", "at_s": 1, "for_s": 2, "nodes": ["seller-1", "buyer-1"]}
CRASH = {"kind": "crash", "at_s": 1, "for_s": 2, "nodes": ["seller-1"]}
BROKER = {"kind": "broker-crash", "at_s": 1, "for_s": 2}
SPIKE = {"kind": "delay-spike", "at_s": 1, "for_s": 2, "extra_delay_s": 0.5, "nodes": ["buyer-1"]}
SKEW = {"kind": "clock-skew", "at_s": 1, "for_s": 2, "skew_s": 30, "nodes": ["seller-1", "buyer-1"]}
CHURN = {"kind": "churn", "at_s": 0, "for_s": 5, "share_per_minute": 10, "away_s": 0.5}


def houses(*faults: object, seed: int = 1, **chaos: object) -> World:
    return World(draw(parse({**HOUSES, "chaos": {"faults": list(faults), **chaos}}, "houses"), seed))


def check(market: World) -> None:
    ledger = Ledger(entry for node in market.journal.past().values() for entry in node.entries)
    assert (ledger.breaches, ledger.doubts) == ([], [])


RUNS = {"two-sellers": 44, "neighbourhood": 8, "herd": 8}
"""The first is over in a tenth of the time of the others."""


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in SCENARIOS for seed in range(RUNS[name])])
def test_market_among_faults_ends_with_books_that_agree(name: str, seed: int) -> None:
    assert broken(name, seed) == []


@pytest.mark.parametrize("fault", [CUT, CRASH, BROKER, SPIKE, SKEW, CHURN], ids=lambda fault: fault["kind"])
def test_market_settles_in_spite_of_one_fault(fault: dict[str, object]) -> None:
    market = houses(fault)
    assert market.settles()
    # To buy the last thousandth of it may gain nobody more than ε.
    assert sum(market.sold().values()) == pytest.approx(200.0, rel=2e-3)
    check(market)


@pytest.mark.parametrize("fault", [CRASH, SKEW, CHURN], ids=lambda fault: fault["kind"])
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_equal_buyers_that_a_fault_brought_into_step_settle(fault: dict[str, object], seed: int) -> None:
    market = houses(fault, seed=seed)
    assert market.settles()
    check(market)


def test_all_faults_together_give_the_same_records_with_the_same_seed() -> None:
    steady = {"loss": 0.05, "duplication": 0.05, "reordering": 0.2, "reordering_delay_s": 0.05}
    runs = [houses(CUT, CRASH, BROKER, SPIKE, SKEW, CHURN, **steady) for _ in range(2)]
    assert all(market.settles() for market in runs)
    one, other = (msgspec.msgpack.encode(market.records) for market in runs)
    assert one == other


def test_faults_are_in_the_trace() -> None:
    market = houses(CUT, CRASH)
    market.run(market.open_market() + 4.0, 100_000)
    told = [(r.kind, r.node, " ".join(r.what.hosts)) for r in market.records if r.kind in {"fault", "healed"}]
    cut, crash = ("chaos/partition", "buyer-1 seller-1"), ("chaos/crash", "seller-1")
    assert sorted(told) == sorted((kind, *what) for kind in ("fault", "healed") for what in (cut, crash))


def test_no_auction_is_awarded_before_the_faults_are_over() -> None:
    market = houses({**CUT, "at_s": 50})
    opened_at = market.open_market()
    assert market.runs_until("awarding").time_s >= opened_at + 52.0


def test_auctions_that_do_not_wait_may_be_over_before() -> None:
    market = houses({**CUT, "at_s": 50}, auctions_wait=False)
    opened_at = market.open_market()
    assert market.runs_until("awarding").time_s < opened_at + 50.0


def test_host_that_never_returns_does_not_keep_the_others() -> None:
    market = houses({"kind": "crash", "at_s": 1, "nodes": ["seller-1"]})
    assert market.settles()
    assert {seller for seller, _ in market.sold()} == {"seller-2"}


def test_run_does_not_end_while_a_host_is_to_return() -> None:
    market = houses({**CRASH, "nodes": ["buyer-1"], "at_s": 0.01, "for_s": 60}, auctions_wait=False)
    opened_at = market.open_market()
    assert market.goes_on()
    assert market.now >= opened_at + 60.0


def test_nothing_crosses_a_partition_in_either_direction() -> None:
    market = houses({**CUT, "at_s": 0, "for_s": 5, "nodes": ["seller-1"]})
    opened_at = market.open_market()
    market.run(opened_at + 4.9, 1_000_000)
    assert {r.what.buyer for r in market.records if r.kind == "allocated"} == {
        f"buyer-{k}/buyer-{k}" for k in range(1, 6)
    }
    assert {r.node for r in market.records if r.kind == "cleared"} == {"seller-2/seller-2"}


def test_post_made_during_a_partition_is_read_at_the_heal() -> None:
    """The seller takes its supply off the board while the buyers are cut off from it, and nobody ever bids there."""
    shifts = [{"kind": "leave", "at_s": 1, "nodes": ["seller-1"]}]
    cut = {**CUT, "at_s": 0.0, "for_s": 3, "nodes": ["seller-1"]}
    market = World(draw(parse({**HOUSES, "shifts": shifts, "chaos": {"faults": [cut]}}, "houses"), 1))
    assert market.settles()
    assert {seller for seller, _ in market.sold()} == {"seller-2"}
    check(market)
