"""What a live page shows of an exchange, against the summary of the run."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.messages import Advert
from node.protocol.psp.trace import ExchangeRecord
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultRecord
from scenarios.markets.load import load
from scenarios.markets.panels import Course, Graph, Table
from scenarios.markets.psp.panels import LEAST
from scenarios.markets.psp.view import GAP_ROWS, ExchangeView
from scenarios.markets.registry import draw_market
from scenarios.report.finish import records_of, remains_of
from tests.records import records
from tests.scenarios.live.following import all_of, simulated
from tests.scenarios.markets.psp.test_any_records import ADDRESSES, MARKETS

SCENARIOS = ["two-sellers", "neighbourhood", "chaos", "market-shift"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_figures_at_the_end_are_those_of_the_summary(name: str, tmp_path: Path) -> None:
    result, view = simulated(name, tmp_path)
    summary, figures = result.summary, view.figures()
    for key in ("bids", "welfare", "efficiency", "epsilon_gap", "sold", "revenue"):
        assert figures[key] == pytest.approx(getattr(summary, key), rel=1e-9, abs=1e-9), key
    assert figures["share_sold"] == pytest.approx(summary.sold / summary.supply)
    auctions, rows = result.columns("auctions"), view.rows("nodes")
    places = [list(rows["name"]).index(seller) for seller in auctions["seller"]]
    for shown, column in (("state", "state"), ("gets", "sold_mb"), ("pays", "revenue"), ("bid_price", "price_per_mb")):
        assert [rows[shown][k] for k in places] == pytest.approx(list(auctions[column])), shown
    buyers = result.columns("buyers")
    places = [list(rows["name"]).index(buyer) for buyer in buyers["buyer"]]
    for shown, column in (("gets", "bought_mb"), ("pays", "charge"), ("utility", "utility"), ("moves", "bids")):
        assert [rows[shown][k] for k in places] == pytest.approx(list(buyers[column]), abs=1e-9), shown


def test_who_is_killed_or_cut_off_is_not_said_to_bid(tmp_path: Path) -> None:
    faults = [
        '{kind="partition", at_s=0.3, for_s=0.4, nodes=["B"]}',
        '{kind="crash", at_s=0.5, nodes=["A", "2"]}',
    ]
    result, last = simulated("two-sellers", tmp_path, settings=[f"chaos.faults=[{', '.join(faults)}]"])
    remains = remains_of(result.run_dir)
    view = remains.kind.view(remains.market)
    seen: dict[str, list[str]] = {name: [] for name in ("A", "B", "C", "1", "2")}
    for record in records_of(result.run_dir, remains.kind, remains.run.outcome.opened_at, is_over=True):
        view.add(record)
        state = dict(zip(*(view.rows("nodes")[key] for key in ("name", "state")), strict=True))
        for name, states in seen.items():
            if state[name] not in states[-1:]:
                states.append(str(state[name]))

    assert seen["A"] == ["bidding", "down"]
    assert seen["2"] == ["open", "down"]
    assert seen["B"][-4:] == ["bidding", "cut off", "bidding", "bought"]
    assert not {"down", "cut off"}.intersection(seen["C"], seen["1"])
    assert dict(zip(*(last.rows("nodes")[key] for key in ("name", "state")), strict=True))["A"] == "down"


def test_its_graph_and_courses_end_where_the_tables_do(tmp_path: Path) -> None:
    result, view = simulated("neighbourhood", tmp_path)
    (drawn,) = view.drawings().values()
    found = {
        (drawn.left.names[i], drawn.right.names[j]): width
        for i, j, width in zip(
            np.frombuffer(drawn.source, np.uint16),
            np.frombuffer(drawn.target, np.uint16),
            np.frombuffer(drawn.width, np.float32).tolist(),
            strict=True,
        )
    }
    assert found == pytest.approx({(row.buyer, row.seller): row.quantity for row in result.summary.allocations})
    last = {
        key: {line: np.frombuffer(y, np.float32)[-1] for line, y in one.lines.items()}
        for key, one in view.courses().items()
    }
    prices = list(result.columns("auctions")["price_per_mb"])
    assert last["price"]["median"] == pytest.approx(np.median(prices))
    assert (last["price"]["low"], last["price"]["high"]) == pytest.approx((min(prices), max(prices)))
    assert last["missing"]["missing"] == pytest.approx(1.0 - result.summary.efficiency, rel=1e-3)
    assert last["gap"]["gap"] == pytest.approx(result.summary.epsilon_gap)


def test_the_optimum_is_that_of_those_who_are_there(tmp_path: Path) -> None:
    """Before each shift of this market the one before has been dealt with, so that nearly all is reached and sold."""
    _, view = simulated("market-shift", tmp_path)
    courses = view.courses()
    for key, line, least, most in (("missing", "missing", 0.0, 0.003), ("sold", "share", 0.999, 1.001)):
        time_s = np.frombuffer(courses[key].time_s, np.float32)
        values = np.frombuffer(courses[key].lines[line], np.float32)
        for shift_s in (5.0, 9.0, 13.0, 17.0, 21.0, 31.0):
            assert least <= values[time_s < shift_s][-1] <= most, (key, shift_s)


@pytest.mark.parametrize("seed", range(3))
def test_a_course_never_shows_what_an_auction_has_told_by_halves(seed: int, tmp_path: Path) -> None:
    _, view = simulated("neighbourhood", tmp_path, seed=seed)
    assert np.frombuffer(view.courses()["missing"].lines["missing"], np.float32).min() > LEAST


def test_who_is_to_come_has_nothing_to_sell_yet() -> None:
    view = ExchangeView(draw_market(load("market-shift"), 0))  # type: ignore[arg-type]
    view.prepare()
    rows = view.rows("nodes")
    states = dict(zip(rows["name"], rows["state"], strict=True))
    assert {name for name, state in states.items() if state == "to come"} == {
        "ann-sells",
        *(f"newcomer-{k}" for k in range(1, 5)),
    }
    assert view.figures()["share_sold"] == 0.0
    detail = view.detail("ann-sells")
    assert detail is not None
    assert ("supply", 0.0, "MB") in detail.facts


def test_where_nothing_can_be_gained_no_share_of_it_is_shown() -> None:
    scenario = load("single-auction", ["sellers.0.supply_mb=0"])
    view = ExchangeView(draw_market(scenario, 0))  # type: ignore[arg-type]
    view.prepare()
    assert view.figures()["efficiency"] is None


def test_it_depends_on_nothing_but_the_records(tmp_path: Path) -> None:
    result, view = simulated("two-sellers", tmp_path)
    remains = remains_of(Path(result.summary.run_dir))
    again = ExchangeView(remains.market)  # type: ignore[arg-type]
    again.prepare()
    for record in records_of(remains.run.folder, remains.kind, remains.run.outcome.opened_at, is_over=True):
        (again.add if record.time_s <= remains.run.outcome.duration_s else again.settle)(record)
        all_of(again)  # looking changes nothing
    again.finish()
    assert all_of(again) == all_of(view)


def test_without_its_market_it_shows_what_anybody_can_see(tmp_path: Path) -> None:
    result, whole = simulated("two-sellers", tmp_path)
    remains, view = remains_of(Path(result.summary.run_dir)), ExchangeView(None)
    view.post("host-1/1", Advert(0, 1, 65.0, 65.0, 0.01, "open", 0, NO_DIGEST))
    view.post("host-1/2", Advert(0, 1, 85.0, 85.0, 0.01, "open", 0, NO_DIGEST))
    for record in records_of(remains.run.folder, remains.kind, 0.0, is_over=True):
        view.add(record)
    figures = view.figures()
    assert {
        key: figures[key] for key in ("bids", "bids_and_profiles", "sold", "share_sold", "closed")
    } == pytest.approx(
        {key: whole.figures()[key] for key in ("bids", "bids_and_profiles", "sold", "share_sold", "closed")}
    )
    assert "efficiency" not in figures
    assert {one.key for one in view.layout.panels} == {"market", "price", "sold", "rate", "nodes"}
    assert set(view.rows("nodes")["utility"]) == {None}


@pytest.mark.parametrize("kind", [*MARKETS, "unknown"])
@given(told=records(ExchangeRecord | FaultRecord, ADDRESSES))
@settings(max_examples=30)
def test_it_takes_any_well_formed_records(kind: str, told: list[Record[Trace]]) -> None:
    view = ExchangeView(MARKETS.get(kind))
    view.prepare()
    for record in sorted(told, key=lambda record: record.time_s):
        view.add(record)
    view.finish()
    all_of(view)


def test_a_large_market_is_drawn_in_clusters_and_without_gaps() -> None:
    view = ExchangeView(draw_market(load("exchange-10000"), 0))  # type: ignore[arg-type]
    (drawn,) = view.drawings().values()
    assert sum(drawn.left.members) + sum(drawn.right.members) == 10_000
    assert len(drawn.left.names) + len(drawn.right.names) < 60
    assert "gap" not in {one.key for one in view.layout.panels}


def test_it_declares_what_it_gives(tmp_path: Path) -> None:
    _, view = simulated("two-sellers", tmp_path)
    panels = view.layout.panels
    assert {one.key for one in panels if isinstance(one, Course)} == view.courses().keys()
    for one in panels:
        if isinstance(one, Course):
            assert {line.key for line in one.lines} == view.courses()[one.key].lines.keys()
    assert {one.key for one in panels if isinstance(one, Graph)} == view.drawings().keys()
    assert {figure.key for figure in view.layout.figures} <= view.figures().keys()
    (table,) = (one for one in panels if isinstance(one, Table))
    assert [column.key for column in table.columns] == list(view.rows(table.key))


def test_the_gap_is_worked_out_a_bounded_number_of_times(tmp_path: Path) -> None:
    _, view = simulated("market-shift", tmp_path)
    assert len(view.courses()["gap"].time_s) // 4 <= GAP_ROWS
