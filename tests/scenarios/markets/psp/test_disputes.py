"""Sales in dispute, in the summary and on the terminal."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from node.protocol.psp.trace import AuctionClosed, BidPlaced, PurchaseReceived, SaleSettled
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import Fault, FaultBegun, FaultHealed, fault_record
from scenarios.markets.psp.kind import EXCHANGE
from scenarios.markets.psp.results import DisputedSale, Result
from scenarios.results.outcome import Outcome, Run
from tests.scenarios.markets.psp.test_any_records import MARKETS, UNTIL_S

MARKET = MARKETS["plain"]
SOLD = Record(2.0, "h/s", SaleSettled("g/a", 1, 20.0, 5.0))
BOUGHT = Record(2.1, "g/a", PurchaseReceived("h/s", 1, 20.0, 5.0))
ALONE = DisputedSale("h/s", "g/a", 1, 20.0, 5.0, None, None)
KILLED = Fault("crash", 1.0, 3.0, frozenset({"g"}))


def result(*told: Record[Trace], status: Any = "settled", duration_s: float = UNTIL_S) -> Result:
    outcome = Outcome(status, 0.0, duration_s, {})
    return EXCHANGE.summarise(MARKET, EXCHANGE.metrics(MARKET), Run("mqtt", None, Path(), outcome), told)  # type: ignore[return-value]


def printed(of: Result) -> str:
    output = io.StringIO()
    of.print(Console(file=output, width=1_000))
    return output.getvalue()


def test_a_sale_that_both_sides_tell_is_sold_and_in_no_dispute() -> None:
    found = result(SOLD, BOUGHT)
    assert (found.summary.sold, found.summary.revenue, found.summary.disputed_sales) == (20.0, 5.0, [])
    assert "dispute" not in printed(found)


def test_a_sale_that_its_buyer_does_not_tell_of_is_in_dispute_and_not_sold() -> None:
    found = result(SOLD, Record(3.0, "h/s", AuctionClosed(1, 20.0, 5.0)))
    assert (found.summary.sold, found.summary.disputed_sales) == (0.0, [ALONE])
    assert found.columns("auctions")["sold_mb"] == [0.0, 0.0]
    assert "sales in dispute: 1: h/s sold 20 MB for 5, g/a bought nothing" in printed(found)


def test_a_receipt_that_comes_when_the_run_is_over_is_one() -> None:
    late = Record(UNTIL_S + 0.5, "g/a", BOUGHT.what)
    assert result(SOLD, late).summary.disputed_sales == []
    bid = Record(UNTIL_S + 0.6, "g/a", BidPlaced("h/t", 0, 1, 5.0, 1.0))
    assert (result(SOLD, late, bid).summary.sold, result(SOLD, late, bid).summary.bids) == (20.0, 0)


@pytest.mark.parametrize("status", ["timeout", "interrupted", "failed"])
def test_a_run_that_did_not_settle_may_have_ended_before_the_receipt_came(status: Any) -> None:
    assert result(SOLD, status=status).summary.disputed_sales == []
    assert result(SOLD, status=status, duration_s=1_000.0).summary.disputed_sales == [ALONE]


def test_what_a_killed_host_told_last_may_be_lost_unless_it_came_back() -> None:
    killed = fault_record(1.0, FaultBegun, KILLED)
    assert result(killed, SOLD).summary.disputed_sales == []
    assert result(killed, SOLD, fault_record(3.0, FaultHealed, KILLED)).summary.disputed_sales == [ALONE]


def test_of_many_disputes_some_are_printed() -> None:
    many = [Record(2.0, "h/s", SaleSettled("g/a", k, 1.0, 0.5)) for k in range(8)]
    text = printed(result(*many))
    assert "sales in dispute: 8:" in text
    assert "and 3 more in summary.json" in text
