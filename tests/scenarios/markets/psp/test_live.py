"""What a terminal shows of an exchange while it runs."""

import re
from pathlib import Path

import pytest

from node.protocol.psp.trace import Cleared, ExchangeRecord
from node.protocol.trace import Record
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp.live import ROWS, LiveMetrics
from scenarios.markets.registry import draw_market


def live(name: str = "two-sellers", *settings: str) -> LiveMetrics:
    return LiveMetrics(draw_market(load(name, settings), 0))


def test_the_gap_to_the_optimum_closes_until_it_is_nothing(tmp_path: Path) -> None:
    heads: list[str] = []
    run(
        "two-sellers",
        world="sim",
        out=tmp_path,
        pictures=False,
        watch=lambda metrics, elapsed_s, messages: heads.append(metrics.headline(elapsed_s, messages)),
    )
    assert heads[-1].startswith("two-sellers  1.3 s  11 bids  59 messages  2/2 auctions closed  welfare 207.80, ")
    assert heads[-1].endswith(", 0.000% below the optimum")
    assert (
        live()
        .headline(0.0, 1)
        .endswith("0 bids  1 message  0/2 auctions closed  welfare 0.00, 100.000% below the optimum")
    )


@pytest.mark.parametrize(
    "settings", [("sellers.*.supply_mb=0",), ("shifts=[{ kind = 'supply', at_s = 1, nodes = ['1'], factor = 2 }]",)]
)
def test_where_there_is_no_one_optimum_no_gap_is_told(settings: tuple[str, ...]) -> None:
    assert live("two-sellers", *settings).headline(0.0, 0).endswith("welfare 0.00")


def test_each_look_adds_a_point_to_the_course_of_every_price() -> None:
    metrics = live()
    assert [row[1:3] for row in metrics.table().rows] == [("none", " " * 16)] * 2
    for price in (2.0, 4.0, 3.0):
        metrics.add(Record(1.0, "host/1", cleared(price)))
        table = metrics.table()
    assert [row[1:3] for row in table.rows] == [("3", f"{' ▁█▅':<16}"), ("none", " " * 16)]


def cleared(price_per_mb: float) -> ExchangeRecord:
    values = {"round": 1, "profiles": 1, "sold_mb": 1.0, "revenue_money": 1.0, "price_per_mb": price_per_mb}
    return Cleared(**values)  # type: ignore[arg-type]


def test_of_many_auctions_those_are_shown_that_have_sold_least() -> None:
    table = live("neighbourhood", "sellers.0.count=40").table()
    assert (len(table.rows), table.more) == (ROWS, 40 - ROWS)
    assert all(re.fullmatch(r"seller-\d+", row[0]) for row in table.rows)
