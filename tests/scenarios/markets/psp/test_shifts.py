"""Shifts in scenario files, and what becomes of them."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node.mechanism.psp import SLIVER
from node.protocol.machine import Left, Opened
from node.protocol.psp.events import SupplyChanged, ValuationChanged
from node.strategy.psp.offer import Need, Offer
from scenarios.errors import ScenarioError
from scenarios.launch.placement import one_host_each, spread
from scenarios.launch.run import run
from scenarios.markets.load import parse
from scenarios.markets.psp.market import Market, draw, theta
from scenarios.markets.psp.results import Result
from scenarios.markets.psp.schema import Scenario, Shift
from scenarios.markets.psp.shifts import plan
from scenarios.markets.psp.spread import least_gain, presence_mb, sentence

FLAT = {"kind": "flat", "demand_mb": 5, "value_per_mb": 2.0}
GOOD: dict[str, Any] = {
    "name": "small",
    "timeout_s": 20,
    "sellers": [{"name": "s", "count": 2, "supply_mb": 10}, {"name": "ann-sells", "supply_mb": 10}],
    "buyers": [
        {"name": "b", "count": 2, "valuation": FLAT},
        {"name": "ann-buys", "valuation": FLAT},
        {"name": "late", "joins_at_s": 3, "valuation": FLAT},
    ],
}
LEAVE = {"at_s": 4, "kind": "leave", "nodes": ["b-1", "s-1"]}
SUPPLY = {"at_s": 5, "kind": "supply", "nodes": ["s-2"], "factor": 1.5}
VALUATION = {"at_s": 6, "kind": "valuation", "nodes": ["b-2"], "factor": 3}
SWITCH = {"at_s": 7, "kind": "switch", "node": "ann-buys", "to": "ann-sells"}


def scenario(*shifts: dict[str, Any], **changed: Any) -> Scenario:
    return parse({**copy.deepcopy(GOOD), **changed, "shifts": list(shifts)}, "small.toml")


def market(*shifts: dict[str, Any]) -> Market:
    return draw(scenario(*shifts), seed=0)


def fault(*shifts: dict[str, Any], **changed: Any) -> str:
    with pytest.raises(ScenarioError) as error:
        scenario(*shifts, **changed)
    return str(error.value).removeprefix("small.toml: ")


# In the file


def test_shifts_are_drawn_one_by_one_in_order_of_time() -> None:
    assert market(SWITCH, LEAVE).shifts == [
        Shift(3, "late", "join"),
        Shift(4, "b-1", "leave"),
        Shift(4, "s-1", "leave"),
        Shift(7, "ann-buys", "leave"),
        Shift(7, "ann-sells", "join", instead_of="ann-buys"),
    ]


def test_auctions_stay_open_until_the_last_shift_has_been_quiet() -> None:
    timing = market(LEAVE, SUPPLY).timing
    assert timing.open_at_least_s == 5 + timing.quiet_period_s


@pytest.mark.parametrize("least_s", [0.0, 3.0, 50.0])
def test_how_long_they_stay_open_can_be_said(least_s: float) -> None:
    said = scenario(LEAVE, SUPPLY, auction={"open_at_least_s": least_s})
    assert draw(said, seed=0).timing.open_at_least_s == least_s


def test_market_without_shifts_has_none() -> None:
    tables = copy.deepcopy(GOOD)
    del tables["buyers"][2]
    quiet = draw(parse(tables, "small.toml"), seed=0)
    assert (quiet.shifts, quiet.timing.open_at_least_s) == ([], 0.0)


def test_every_shift_is_an_event_of_its_node() -> None:
    shifts = market(LEAVE, SUPPLY, VALUATION, SWITCH).shifts
    assert plan(shifts, "s-2", supply_mb=10) == [(5, SupplyChanged(15.0))]
    assert plan(shifts, "b-2") == [(6, ValuationChanged(3.0))]
    assert plan(shifts, "b-1") == [(4, Left())]
    assert plan(shifts, "ann-sells") == [(7, Opened())]


def test_both_nodes_of_a_user_who_switches_are_on_one_host() -> None:
    switching = market(SWITCH)
    for placement in (one_host_each(switching), spread(switching, 2)):
        assert placement["ann-sells"] == placement["ann-buys"]
    assert one_host_each(market())["ann-sells"] == "ann-sells"


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        ({**LEAVE, "nodes": ["x"]}, "shifts.0.nodes = 'x': there is no such user; known: ann-buys, ann-sells, b-1"),
        ({**SUPPLY, "nodes": ["b-1"]}, "shifts.0.nodes = 'b-1': there is no such seller; known: ann-sells, s-1, s-2"),
        ({**VALUATION, "nodes": ["s-1"]}, "shifts.0.nodes = 's-1': there is no such buyer; known: ann-buys, b-1, b-2"),
        ({**SWITCH, "node": "x"}, "shifts.0.node = 'x': there is no such user"),
        ({**SWITCH, "to": "b-1"}, "shifts.0.to = 'b-1': there is no such seller"),
        ({**SWITCH, "node": "s-1", "to": "s-2"}, "shifts.0.to = 's-2': there is no such buyer"),
        ({**LEAVE, "at_s": 21}, "at_s = 21.0 of 'b-1' must not exceed timeout_s = 20.0"),
        ({**LEAVE, "kind": "sleep"}, "shifts.0.kind = 'sleep': allowed are: leave, supply, valuation, switch"),
        ({**SUPPLY, "factor": -1}, "shifts.0.factor = -1: must be a number from 0 to 1,000,000,000,000"),
        ({**LEAVE, "at_s": 2, "nodes": ["late"]}, "'late': join at 3 s: it joins after its first shift, at 2 s"),
    ],
)
def test_shift_that_cannot_happen_is_named(shift: dict[str, Any], said: str) -> None:
    assert fault(shift).startswith(said)


def test_who_has_left_stays_away() -> None:
    assert fault(LEAVE, {**LEAVE, "at_s": 9}) == "'b-1': leave at 9 s: it has left before, at 4 s"


def test_joining_after_the_timeout_is_named() -> None:
    assert fault(timeout_s=2) == "joins_at_s = 3.0 of 'late' must not exceed timeout_s = 2.0"


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        ({**SUPPLY, "factor": 1e12}, "seller 's-2': supply_mb = 1e+13 must be at most 1e+12"),
        ({**VALUATION, "factor": 1e9}, "buyer 'b-2': the price of its first MB = 2e+09 must be at most 1e+09"),
    ],
)
def test_shift_beyond_what_a_message_carries_is_named(shift: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        market(shift)
    assert str(error.value) == said


# In the result


def result(tmp_path: Path, *shifts: dict[str, Any], timeout_s: float = 20.0) -> Result:
    return run(scenario(*shifts), world="sim", out=tmp_path, timeout_s=timeout_s)


def test_result_is_that_of_the_market_at_the_end(tmp_path: Path) -> None:
    summary = result(tmp_path, LEAVE, SUPPLY, VALUATION, SWITCH).summary
    assert summary.status == "settled"
    assert summary.supply == 15.0 + 10.0  # s-1 left, ann sells
    assert summary.optimum == pytest.approx(5 * 6.0 + 5 * 2.0)  # b-2 and late
    assert summary.efficiency == pytest.approx(1.0)
    assert {row.buyer for row in summary.allocations} == {"b-2", "late"}


def test_users_to_come_are_not_in_the_market_yet(tmp_path: Path) -> None:
    summary = result(tmp_path, SWITCH, timeout_s=2.0).summary
    assert (summary.status, summary.supply) == ("timeout", 20.0)
    assert summary.optimum == pytest.approx(3 * 10.0)


def test_tables_show_the_last_supply_and_valuation(tmp_path: Path) -> None:
    finished = result(tmp_path, SUPPLY, VALUATION)
    assert dict(zip(*[finished.columns("auctions")[key] for key in ("seller", "supply_mb")], strict=True))["s-2"] == 15
    buyers = finished.columns("buyers")
    assert dict(zip(buyers["buyer"], buyers["value"], strict=True))["b-2"] == pytest.approx(30.0)


def test_everybody_may_leave(tmp_path: Path) -> None:
    everybody = ["s-1", "s-2", "ann-sells", "b-1", "b-2", "ann-buys", "late"]
    summary = result(tmp_path, {**LEAVE, "nodes": everybody}).summary
    assert (summary.status, summary.supply, summary.sold, summary.optimum) == ("settled", 0.0, 0.0, 0.0)


def test_valuation_of_a_drawn_buyer_is_its_own_at_first() -> None:
    assert theta(market(VALUATION).buyers[1]).value(5) == 10.0


# What ships


@pytest.mark.parametrize("seed", range(2))
def test_shipped_market_shift_ends_next_to_its_last_optimum(seed: int, tmp_path: Path) -> None:
    finished = run("market-shift", seed=seed, world="sim", out=tmp_path)
    summary = finished.summary
    assert summary.status == "settled"
    assert summary.efficiency > 0.998
    assert summary.epsilon_gap < 3.0
    assert not [reason for reason in finished.counters if reason.startswith("rejected")]
    # Who left has nothing; who switched sells; newcomers and dan, who were outbid at first, buy.
    bought = {row.buyer for row in summary.allocations}
    assert not bought & {"buyer-1", "buyer-2", "ann-buys"}
    assert {"newcomer-1", "newcomer-2", "newcomer-3", "newcomer-4", "dan"} <= bought
    assert "ann-sells" in {row.seller for row in summary.allocations}


@pytest.mark.parametrize("seed", range(2))
def test_shipped_herd_disperses(seed: int, tmp_path: Path) -> None:
    finished = run("herd", seed=seed, world="sim", out=tmp_path)
    course, summary = finished.convergence, finished.summary
    crowded = course.price[course.time_s < 1.0][-1]
    assert np.isfinite(crowded).tolist() == [True, False, False, False, False]
    assert summary.status == "settled"
    assert summary.efficiency > 0.997
    assert summary.epsilon_gap < 5.0
    assert course.price[-1].max() < 0.75 * crowded[0]
    assert {row.seller for row in summary.allocations} == {"first", "other-1", "other-2", "other-3", "other-4"}


def test_every_shift_is_reported(tmp_path: Path) -> None:
    finished = run("market-shift", settings=["buyers.0.count=6"], world="sim", out=tmp_path)
    shifts = json.loads((finished.run_dir / "convergence.json").read_text())["shifts"]
    assert [shift["what"] for shift in shifts] == [
        "buyer-1 leaves, buyer-2 leaves",
        "newcomer-1 joins, newcomer-2 joins, newcomer-3 joins, newcomer-4 joins",
        "supply of seller-1 times 2",
        "valuation of dan times 4",
        "ann-buys becomes ann-sells",
    ]
    assert [shift["time_s"] for shift in shifts] == [5, 9, 13, 17, 21]
    assert shifts[2]["touched"] == ["seller-1"]
    assert shifts[4]["touched"][0] == "ann-sells"
    lines = [sentence(report, finished.market) for report in finished.shifts]
    assert lines[2].startswith("shift at 13 s (supply of seller-1 times 2): ")
    assert all("in its influence set" in line for line in lines)


# What a buyer bids at least, and moves for at least

ELASTIC = {"kind": "parabolic", "demand_mb": 60, "choke_price_per_mb": 12}


def adaptive_market(supply_mb: float, reserve: float = 0.0, **strategy: float) -> Market:
    """One buyer who may buy of a cheap seller; two others are dearer than its first MB is worth to it."""
    sellers = [
        {"name": "cheap", "supply_mb": 20, "reserve_price_per_mb": reserve},
        {"name": "dear", "count": 2, "supply_mb": supply_mb, "reserve_price_per_mb": 100},
    ]
    buyers = [{"name": "b", "valuation": ELASTIC, "strategy": {"kind": "adaptive", **strategy}}]
    shifts = [{"at_s": 1, "kind": "supply", "nodes": ["dear-1"], "factor": 2}] if supply_mb < 100 else []
    tables = {"name": "small", "timeout_s": 20, "sellers": sellers, "buyers": buyers, "shifts": shifts}
    return draw(parse(tables, "small.toml"), 0)


@pytest.mark.parametrize(
    ("supply_mb", "factor", "are_open"), [(10, 1, 3), (10, 2, 3), (50, 2, 2), (1e6, 1, 3), (1e6, 1, 2)]
)
def test_a_bid_that_only_keeps_a_buyer_informed_is_at_most_its_presence(
    supply_mb: float, factor: float, are_open: int
) -> None:
    drawn = adaptive_market(supply_mb)
    (most,) = presence_mb(drawn)
    supplies = {one.name: factor * one.supply_mb if one.name == "dear-1" else one.supply_mb for one in drawn.sellers}
    offers = [
        Offer(supplies[one.name], one.reserve_price_per_mb, whole=supplies[one.name])
        for one in drawn.sellers[:are_open]
    ]
    (buyer,) = drawn.buyers
    targets = buyer.strategy.build().decide(0.0, Need(theta(buyer), np.inf), offers).targets
    assert targets
    wanted, *informing = [target.quantity for target in targets]
    assert all(0.0 < quantity <= most for quantity in informing)
    assert wanted > 10.0 * most


def test_presence_is_part_of_a_sliver_or_of_the_demand_and_nothing_without_adaptive() -> None:
    assert presence_mb(adaptive_market(10)) == pytest.approx([0.5 * SLIVER * 20])
    assert presence_mb(adaptive_market(50)) == pytest.approx([0.5 * SLIVER * 2 * 50])
    assert presence_mb(adaptive_market(1e6)) == pytest.approx([0.005 * 60])
    assert presence_mb(adaptive_market(1e6, presence_share=0)) == [0.0]
    assert presence_mb(market(SUPPLY)) == [0.0] * 4


def test_least_gain_is_a_share_of_the_surplus_at_the_lowest_reserve_or_money() -> None:
    assert least_gain(adaptive_market(10, epsilon_end_share=0.01)) == pytest.approx(0.01 * 360.0)
    surplus = 0.5 * 45.0 * 9.0  # of the 45 MB that are worth more than 3 per MB
    assert least_gain(adaptive_market(10, reserve=3.0, epsilon_end_share=0.01)) == pytest.approx(0.01 * surplus)
    assert least_gain(adaptive_market(10, epsilon_start_money=5, epsilon_end_money=0.25)) == 0.25
    assert least_gain(market(SUPPLY)) == 0.0
