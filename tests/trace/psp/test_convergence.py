from functools import cache
from itertools import pairwise
from math import isnan

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.psp.trace import (
    AuctionClosed,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Cleared,
    Reopened,
    SaleSettled,
)
from node.protocol.trace import Record, Trace
from node.runtime.sim.simulation import LinkModel, Simulation
from node.trace.psp.convergence import ConvergenceMetrics, Cycling, PriceCourse, Quiescence, split_difference
from scenarios.launch.placement import build_hosts, host_names, one_host_each
from scenarios.markets.load import load
from scenarios.markets.psp.market import draw

CHAIN = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])  # sellers 1-2-3 by two buyers, and seller 4 alone
NAMES = ["1", "2", "3", "4"]


def record(what: Trace, node: str, time_s: float = 0.0) -> Record[Trace]:
    return Record(time_s, f"host/{node}", what)


def bid(buyer: str, seller: str, time_s: float, quantity: float = 10.0) -> Record[Trace]:
    return record(BidPlaced(f"other/{seller}", 0, 0, quantity, 1.0), buyer, time_s)


def withdraw(buyer: str, seller: str, time_s: float) -> Record[Trace]:
    return record(BidWithdrawn(f"other/{seller}", 0, 0), buyer, time_s)


def cleared(seller: str, time_s: float, price: float) -> Record[Trace]:
    return record(Cleared(1, 0, 0.0, price, 0.0), seller, time_s)


def folded(*records: Record[Trace], cycling: Cycling | None = None) -> ConvergenceMetrics:
    metrics = ConvergenceMetrics(cycling)
    for one in records:
        metrics.add(one)
    return metrics


def test_late_moves_are_those_from_a_time_on() -> None:
    metrics = ConvergenceMetrics(late_s=2.0)
    for one in (
        bid("A", "1", 1.0),
        bid("A", "1", 2.0),
        bid("A", "2", 2.0),
        withdraw("A", "1", 3.0),
        bid("B", "1", 1.9),
    ):
        metrics.add(one)
    assert metrics.late_moves == {"A": 2}  # two bids at one time are one move
    assert folded(bid("A", "1", 1.0)).late_moves == {}


def splits(*first_shares: float) -> list[Record[Trace]]:
    """One move a second: so much of 10 MB at seller 1, the rest at seller 2."""
    return [
        bid("A", seller, float(t), 10.0 * part)
        for t, share in enumerate(first_shares)
        for seller, part in (("1", share), ("2", 1.0 - share))
    ]


# Quiescence


def test_market_without_moves_is_at_rest() -> None:
    assert folded(cleared("1", 3.0, 1.0)).quiescence == Quiescence(0.0, 0, 0, 0.0, 0, 0.0, 0)


def test_bids_of_one_buyer_at_one_time_are_one_move() -> None:
    trace = [
        bid("A", "1", 1.0),
        bid("B", "1", 1.0),
        withdraw("A", "2", 1.0),
        bid("A", "2", 2.5),
        cleared("1", 9.0, 1.0),
    ]
    assert folded(*trace).quiescence == Quiescence(
        time_s=2.5, bids=4, moves=3, median_bids=2.0, most_bids=3, median_moves=1.5, most_moves=2, messages=4
    )


def test_asking_in_the_middle_of_a_move_changes_nothing() -> None:
    metrics = folded(bid("A", "1", 1.0))
    assert metrics.quiescence.moves == 1
    assert metrics.oscillations == []
    metrics.add(bid("A", "2", 1.0))
    assert metrics.quiescence.moves == 1


# Oscillation


@pytest.mark.parametrize(
    "period", [[0.0, 1.0], [0.2, 0.8], [0.0, 0.5, 1.0], [1.0, 0.0, 1.0, 0.5]], ids=["whole", "part", "round", "mixed"]
)
def test_buyer_that_repeats_its_splits_is_found(period: list[float]) -> None:
    (found,) = folded(*splits(*period * 8)).oscillations
    assert found.buyer == "A"
    assert found.is_last


def test_swinging_buyer_is_found_two_moves_after_its_returns() -> None:
    (found,) = folded(*splits(*[0.0, 1.0] * 10)).oscillations
    assert (found.returns, found.first_s, found.last_s) == (16, 11.0, 19.0)
    assert folded(*splits(*[0.0, 1.0] * 10)[:22]).oscillations == []


def test_returns_need_not_be_exact() -> None:
    assert folded(*splits(*[0.04, 0.96, 0.0, 1.0, 0.08, 0.93] * 3)).oscillations


def test_buyer_that_comes_to_rest_is_reported_as_having_cycled() -> None:
    still = [0.5 + 0.01 * k for k in range(20)]
    (found,) = folded(*splits(*[0.0, 1.0] * 10, *still)).oscillations
    assert found.last_s < 39.0
    assert not found.is_last


@pytest.mark.parametrize("damping", [0.3, 0.5, 0.7])
def test_damped_swing_is_no_cycle(damping: float) -> None:
    assert folded(*splits(*[0.5 + 0.5 * (-damping) ** k for k in range(40)])).oscillations == []


@given(st.lists(st.floats(0.0, 1.0), max_size=40))
def test_split_that_drifts_one_way_is_no_cycle(shares: list[float]) -> None:
    assert folded(*splits(*sorted(shares))).oscillations == []


@given(st.lists(st.floats(0.0, 1.0), max_size=40))
def test_swings_smaller_than_far_are_no_cycle(shares: list[float]) -> None:
    assert folded(*splits(*[0.4 + 0.29 * share for share in shares])).oscillations == []


def test_repeating_and_resizing_bids_is_no_cycle() -> None:
    trace = [bid("A", seller, float(t), 5.0 + t % 2) for t in range(40) for seller in "12"]
    assert folded(*trace).oscillations == []


def test_entering_and_leaving_the_market_over_and_over_is_a_cycle() -> None:
    trace = [bid("A", "1", float(t)) if t % 2 else withdraw("A", "1", float(t)) for t in range(20)]
    assert folded(*trace).oscillations


def test_buyers_are_told_apart() -> None:
    swing = [one for t in range(20) for one in (bid("A", "12"[t % 2], float(t)), withdraw("A", "21"[t % 2], float(t)))]
    calm = [bid("B", "1", float(t), 10.0 + t) for t in range(20)]
    trace = sorted(swing + calm, key=lambda one: one.time_s)
    assert [found.buyer for found in folded(*trace).oscillations] == ["A"]


def test_what_was_bought_stays_in_the_split() -> None:
    sale = record(SaleSettled("other/A", 0, 9.0, 0.0), "1", 0.5)
    small = [bid("A", "23"[t % 2], 1.0 + t, 1.0) for t in range(20)]
    gone = [withdraw("A", "32"[t % 2], 1.0 + t) for t in range(20)]
    trace = sorted([bid("A", "1", 0.0, 9.0), sale, *small, *gone], key=lambda one: one.time_s)
    assert folded(*trace).oscillations == []
    assert folded(*(one for one in trace if one.time_s >= 1.0)).oscillations


@pytest.mark.parametrize(
    "end", [record(AuctionClosed(0, 0.0, 0.0), "1", 0.5), record(BidVoided("other/A", 0, "gone"), "1", 0.5)]
)
def test_bid_that_is_struck_out_leaves_the_split(end: Record[Trace]) -> None:
    swing = [one for t in range(1, 21) for one in (bid("A", "23"[t % 2], t, 1.0), withdraw("A", "32"[t % 2], t))]
    assert folded(bid("A", "1", 0.0, 99.0), end, *swing).oscillations
    assert folded(bid("A", "1", 0.0, 99.0), *swing).oscillations == []


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40), st.integers(1, 8))
def test_returns_are_those_of_the_definition(shares: list[float], needed: int) -> None:
    cycling = Cycling(memory=8, returns=needed)
    made = [{"1": share, "2": 1.0 - share} for share in shares]

    def returns(t: int) -> bool:
        gaps = [split_difference(made[k], made[t]) for k in range(max(0, t - cycling.memory + 1), t)]
        return any(
            gap <= cycling.near and any(far >= cycling.far for far in gaps[k + 1 :]) for k, gap in enumerate(gaps)
        )

    flags = [returns(t) for t in range(len(made))]
    most = max(sum(flags[max(0, t - 7) : t + 1]) for t in range(len(made)))
    found = folded(*splits(*shares), cycling=cycling).oscillations
    assert [one.returns for one in found] == ([most] if most >= needed else [])


def test_split_difference_is_the_share_gone_elsewhere() -> None:
    assert split_difference({"1": 1.0}, {"2": 1.0}) == 1.0
    assert split_difference({"1": 0.5, "2": 0.5}, {"1": 0.25, "2": 0.75}) == 0.25
    assert (split_difference({}, {"1": 1.0}), split_difference({}, {})) == (1.0, 0.0)


# Spread of a shift


def course(*records: Record[Trace], shift_s: float = 10.0) -> PriceCourse:
    prices = PriceCourse(NAMES, shift_s)
    for one in records:
        prices.add(one)
    return prices


def test_spread_names_the_changed_auctions_and_their_hops() -> None:
    before = [cleared(seller, 1.0, 5.0) for seller in NAMES]
    spread = course(*before, cleared("1", 11.0, 7.0), cleared("2", 12.0, 5.5), cleared("3", 13.0, 5.05)).spread(
        CHAIN, ["1"], epsilon=0.1
    )
    assert spread.changed.tolist() == [0, 1]
    assert spread.hops.tolist() == [0, 1, 2, -1]
    assert (spread.farthest, spread.outside.tolist()) == (1, [])


def test_change_outside_the_influence_set_is_named() -> None:
    before = [cleared(seller, 1.0, 5.0) for seller in NAMES]
    spread = course(*before, cleared("3", 11.0, 7.0), cleared("4", 12.0, 1.0)).spread(CHAIN, ["1"], epsilon=0.1)
    assert spread.outside.tolist() == [2, 3]
    assert spread.farthest == 2


def test_passing_excursion_is_no_change() -> None:
    spread = course(cleared("1", 1.0, 5.0), cleared("1", 11.0, 1.0), cleared("1", 12.0, 5.0)).spread(CHAIN, ["1"], 0.1)
    assert spread.changed.size == 0
    assert spread.farthest == -1
    assert spread.excursion.tolist() == [4.0, 0.0, 0.0, 0.0]


def test_clearing_at_the_time_of_the_shift_is_before_it() -> None:
    spread = course(cleared("1", 1.0, 4.0), cleared("1", 10.0, 5.0)).spread(CHAIN, ["1"], 0.1)
    assert (spread.before[0], spread.after[0]) == (5.0, 5.0)


def test_auction_that_first_clears_after_the_shift_did_not_change() -> None:
    spread = course(cleared("1", 11.0, 4.0)).spread(CHAIN, ["1"], 0.1)
    assert isnan(spread.before[0])
    assert (spread.changed.size, spread.excursion[0]) == (0, 0.0)


def test_price_counts_only_while_the_auction_is_open() -> None:
    settling = [cleared("1", 1.0, 5.0), record(Awarding(1), "1", 11.0), cleared("1", 12.0, 0.0)]
    assert course(*settling).spread(CHAIN, ["1"], 0.1).after[0] == 5.0
    reopened = [*settling, record(Reopened(1, 0.0), "1", 13.0), cleared("1", 14.0, 6.0)]
    assert course(*reopened).spread(CHAIN, ["1"], 0.1).after[0] == 6.0


# Real traces

PLAIN = (
    'buyers.0.strategy={ kind = "best-reply", epsilon_step_money = 0.6, epsilon_fee_money = 0.6,'
    " think_min_s = 0.005, think_max_s = 0.03 }"
)


@cache
def neighbourhood(*settings: str, seed: int, until_s: float) -> tuple[Record[Trace], ...]:
    market = draw(load("neighbourhood", settings), seed)
    placement = one_host_each(market)
    hosts = build_hosts(market, placement, set(host_names(placement)))
    trace: list[Record[Trace]] = []
    simulation = Simulation(hosts, LinkModel(**msgspec.structs.asdict(market.network)), seed, trace.extend)
    simulation.run(simulation.open_market() + until_s, 10**6)
    return tuple(trace)


def test_default_strategy_comes_to_rest_with_hardly_an_alarm() -> None:
    metrics = folded(*neighbourhood(seed=3, until_s=12.0))
    assert len(metrics.oscillations) <= 1
    assert metrics.quiescence.time_s < 11.0


def test_plain_best_replies_raise_the_alarm_and_keep_it() -> None:
    metrics = folded(*neighbourhood(PLAIN, seed=1, until_s=2.0))
    found = metrics.oscillations
    assert len(found) >= 15
    assert sum(one.is_last for one in found) >= 15
    assert metrics.quiescence.time_s > 1.9


def test_moves_of_a_real_trace_are_its_distinct_times() -> None:
    trace = neighbourhood(seed=3, until_s=12.0)
    bids = sorted((one.node, one.time_s) for one in trace if isinstance(one.what, BidPlaced | BidWithdrawn))
    distinct = 1 + sum(one != other for one, other in pairwise(bids))
    quiescence = folded(*trace).quiescence
    assert (quiescence.bids, quiescence.moves) == (len(bids), distinct)
    assert quiescence.time_s == max(time_s for _, time_s in bids)
