import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from node.protocol.dmp import journal
from node.protocol.dmp.trace import (
    CallAuctioned,
    CallBlocked,
    CallCommitted,
    CallContracted,
    CallDecommitted,
    CallRequested,
    CallServed,
    MarketClosed,
    NetworkRegistered,
    OutcomeHeard,
    PriceOffered,
    ReputationMoved,
)
from node.protocol.trace import Record, Trace
from scenarios.cli.progress import Progress
from scenarios.console import Log
from scenarios.markets.dmp.live import LiveCalls
from scenarios.markets.dmp.results import PERIODS, CallResult, summarise_calls
from scenarios.results.outcome import Outcome, Run
from tests.scenarios.markets.dmp.conftest import market_of


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


def record(what: Trace, node: str = "market") -> Record[Trace]:
    return Record(0.0, f"host/{node}", what)


def auction(
    number: int, at_s: float, outcome: journal.Outcome, winner: str = "net-1", price: float = 0.0
) -> list[Record[Trace]]:
    """An auction with one offer at a cost of 0.25, and how its call ended."""
    network = f"other/{winner}"
    asked = [
        record(CallRequested("other/market", number, at_s, 0.5), "t"),
        record(CallAuctioned("other/t", number, number, at_s, 0.5)),
    ]
    told = record(OutcomeHeard(network, number, outcome, price), "t")
    if outcome == "blocked":
        return [*asked, record(CallBlocked("other/t", number, number)), told]
    won = [
        record(PriceOffered(number, 0.0, price, 0.25), winner),
        record(CallContracted(network, number, number, price, price / 2)),
    ]
    if outcome == "decommitted":
        return [*asked, *won, record(CallDecommitted(network, number, number)), told]
    carried = record(CallCommitted("other/t", number, 500.0, price, 0.25), winner)
    return [*asked, *won, carried, record(CallServed(network, number, number)), told]


RECORDS = [
    record(NetworkRegistered("other/net-1", 0.0)),
    record(NetworkRegistered("other/net-2", 0.5)),
    *auction(1, 10.0, "served", "net-1", 1.0),
    *auction(2, 20.0, "served", "net-2", 2.0),
    *auction(3, 30.0, "decommitted", "net-1", 3.0),
    record(ReputationMoved("other/net-1", 3, 0.2)),
    *auction(4, 40.0, "blocked"),
    record(MarketClosed(4)),
]


def result_of(*records: Record, folder: Path = Path(), **settings: Any) -> CallResult:
    outcome = Outcome("settled", 0.0, 2.0, {"sent": 99})
    market = market_of(**settings)
    return summarise_calls(market, LiveCalls(market), Run("sim", None, folder, outcome), records)


def live(*records: Record, **settings: Any) -> LiveCalls:
    watched = LiveCalls(market_of(**settings))
    for one in records:
        watched.add(one)
    return watched


# Summary


def test_summary_counts_calls_by_outcome() -> None:
    summary = result_of(*RECORDS).summary
    assert (summary.calls, summary.served, summary.decommitted, summary.blocked) == (4, 2, 1, 1)
    assert (summary.nodes, summary.messages, summary.calls_per_s, summary.market_s) == (4, 99, 2.0, 40.0)
    assert summary.breaches == []


def test_money_is_paid_for_calls_that_were_served() -> None:
    summary = result_of(*RECORDS).summary
    assert (summary.paid, summary.mean_price) == (3.0, 1.5)


def test_operator_has_its_share_of_the_contracts() -> None:
    one, two = result_of(*RECORDS).summary.operators
    assert (one.operator, one.won, one.share, one.served, one.decommitted) == ("net-1", 2, pytest.approx(2 / 3), 1, 1)
    assert (one.decommitment_rate, one.revenue, one.mean_price, one.profit) == (0.5, 1.0, 1.0, 0.75)
    assert (one.reputation, two.reputation) == (0.2, 0.5)


def test_contracts_with_the_best_operator_are_all_efficient() -> None:
    summary = result_of(*RECORDS).summary
    assert (summary.efficient, summary.excess) == (1.0, 0.0)


def test_contract_with_another_than_the_best_operator_has_an_excess() -> None:
    records = auction(1, 10.0, "served", "net-1", 1.0)
    cheaper = record(PriceOffered(1, 0.0, 2.0, 0.05), "net-2")
    summary = result_of(*records[:2], cheaper, *records[2:], *auction(2, 20.0, "served", "net-1", 1.0)).summary
    assert (summary.efficient, summary.excess) == (0.5, pytest.approx(0.5 * (0.25 - 0.05) / 2))


def test_market_in_which_nothing_happened_has_a_summary() -> None:
    summary = result_of().summary
    assert (summary.calls, summary.mean_price, summary.efficient, summary.excess) == (0, 0.0, 1.0, 0.0)
    assert [one.share for one in summary.operators] == [0.0, 0.0]


# Tables


def test_calls_are_a_table_with_a_row_each() -> None:
    frame = result_of(*RECORDS).frame("calls")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.outcome) == ["served", "served", "decommitted", "blocked"]
    assert list(frame.winner) == ["net-1", "net-2", "net-1", ""]
    assert math.isnan(frame.price[3])


def test_operators_are_a_table_with_the_rows_of_the_summary() -> None:
    result = result_of(*RECORDS)
    assert list(result.frame("operators").won) == [row.won for row in result.summary.operators]


def test_terminals_are_a_table_of_what_they_got_and_paid() -> None:
    (row,) = result_of(*RECORDS).frame("terminals").to_dict("records")
    assert row == {
        "terminal": "t",
        "requested": 4,
        "served": 2,
        "decommitted": 1,
        "blocked": 1,
        "paid": 3.0,
        "mean_price": 1.5,
    }


def test_reputations_are_a_table_of_their_changes() -> None:
    columns = result_of(*RECORDS).columns("reputations")
    assert columns == {
        "at_s": [0.0, 0.0, 30.0],
        "operator": ["net-1", "net-2", "net-1"],
        "reputation": [0.0, 0.5, 0.2],
    }


def test_tables_without_rows_keep_their_columns() -> None:
    assert result_of().columns("reputations") == {"at_s": [], "operator": [], "reputation": []}
    assert "auction" in result_of().columns("calls")


# Course


def test_course_counts_every_call_in_its_stretch_of_time() -> None:
    course = result_of(*RECORDS).course()
    assert (course.time_s[0], course.time_s[-1]) == (1.0, 40.0)
    assert [int(np.argmax(course.won[:, 1])), int(np.argmax(course.blocked))] == [19, PERIODS - 1]
    assert course.won.sum(axis=0).tolist() == [2.0, 1.0]
    assert (course.calls.sum(), course.served.sum(), course.decommitted.sum(), course.blocked.sum()) == (4, 2, 1, 1)


def test_course_has_the_mean_price_of_calls_won_and_none_without() -> None:
    price = result_of(*RECORDS).course().price
    assert (price[9, 0], price[19, 1]) == (1.0, 2.0)
    assert math.isnan(price[0, 0])


def test_course_has_the_last_reputation_of_each_stretch() -> None:
    course = result_of(*RECORDS).course()
    assert course.reputation[0].tolist() == [0.0, 0.5]
    assert (course.reputation[28, 0], course.reputation[29, 0], course.reputation[-1, 0]) == (0.0, 0.2, 0.2)


def test_course_as_a_table_sums_up_to_the_operators() -> None:
    result = result_of(*RECORDS)
    course, operators = result.frame("course"), result.frame("operators").set_index("operator")
    assert len(course) == PERIODS * 2
    for column in ("won", "served", "decommitted", "revenue"):
        assert course.groupby("operator")[column].sum().to_dict() == operators[column].to_dict()


def test_course_names_a_network_that_nobody_planned() -> None:
    stranger = record(NetworkRegistered("other/green", 0.4))
    course = result_of(stranger, *RECORDS).course()
    assert course.operators == ["net-1", "net-2", "green"]
    assert course.reputation[-1, 2] == 0.4


@pytest.mark.parametrize("count", [2, 12])
@pytest.mark.parametrize("records", [RECORDS, []], ids=["calls", "nothing"])
def test_course_is_drawn(records: list[Record], count: int, tmp_path: Path) -> None:
    figure = result_of(*records, folder=tmp_path, operators__0__count=count).plot()
    figure.savefig(tmp_path / "calls.png")
    assert (tmp_path / "calls.png").stat().st_size > 10_000
    assert [axes.get_ylabel() for axes in figure.axes][:2] == ["share of contracts, %", "revenue so far"]


@pytest.mark.parametrize("count", [2, 70])
@pytest.mark.parametrize("records", [RECORDS, []], ids=["calls", "nothing"])
def test_terminals_are_drawn(records: list[Record], count: int, tmp_path: Path) -> None:
    figure = result_of(*records, folder=tmp_path, terminals__0__count=count).plot("terminals")
    figure.savefig(tmp_path / "terminals.png")
    assert (tmp_path / "terminals.png").stat().st_size > 5_000
    assert figure.axes[-1].get_xlabel() == "terminal"


def test_matrix_says_who_served_whose_calls_and_for_how_much() -> None:
    result = result_of(*RECORDS)
    calls, paid = result.matrix(), result.matrix("paid")
    assert list(calls.columns) == ["net-1", "net-2"]
    assert calls.to_numpy().sum() == result.summary.served == 2
    assert paid.to_numpy().sum() == result.summary.paid == 3.0


# Text


def printed(result: CallResult) -> str:
    console = Console(width=120, file=io.StringIO())
    with console.capture() as capture:
        result.print(console)
    return capture.get()


def test_printed_result_has_a_line_for_each_operator_and_the_figures() -> None:
    text = printed(result_of(*RECORDS))
    assert "net-1       2  66.7%       1  1 (50%)     1.00      1.0000    0.75  0.20" in text
    assert "2 served, 1 decommitted, 1 blocked; 3.00 paid, 1.5000 per call" in text
    assert "no call lost, none served twice" in text


def test_printed_result_names_breaches() -> None:
    text = printed(result_of(*RECORDS[:-1], record(CallRequested("other/market", 9, 90.0, 0.5), "t"), RECORDS[-1]))
    assert "the books do not agree in 1 place: t call 9: no outcome" in text


def test_printed_table_of_many_operators_is_cut() -> None:
    text = printed(result_of(*RECORDS, operators__0__count=50))
    assert "… 10 more in operators.parquet" in text


def test_headline_says_how_many_calls_are_done() -> None:
    line = live(*RECORDS).headline(2.0, 1234)
    assert line == "small  2.0 s  4 of 3 calls done  2 calls/s  1,234 messages"


def test_headline_says_how_long_the_other_calls_will_take() -> None:
    line = live(*RECORDS, terminals__0__calls=12).headline(2.0, 1)
    assert line.endswith(" calls done  about 4 s left  2 calls/s  1 message")
    assert "left" not in live().headline(2.0, 0)


def test_progress_of_a_run_is_shown_with_its_operators() -> None:
    shown = io.StringIO()
    with Progress(Log(Console(file=shown, force_terminal=True, width=120))) as progress:
        progress.watch(live(*RECORDS), 2.0, 1234)
    assert "4 of 3 calls done" in shown.getvalue()
    assert "net-2" in shown.getvalue()


def test_operators_with_most_contracts_are_shown_first() -> None:
    table = live(*RECORDS, operators__0__count=20).table()
    assert [row[0] for row in table.rows[:2]] == ["net-1", "net-2"]
    assert (len(table.rows), table.more) == (12, 8)


def test_each_look_adds_a_point_to_the_courses_of_prices() -> None:
    metrics = live(*RECORDS)
    for _ in range(3):
        table = metrics.table()
    by_name = {row[0]: row for row in table.rows}
    assert by_name["net-1"][2:4] == ("1", f"{'▁▁▁':<16}")
