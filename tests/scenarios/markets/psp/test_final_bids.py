"""The final bids in a run's folder are enough to hold its auctions again."""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from node.mechanism.psp import MECHANISMS
from node.protocol.psp.trace import Allocated, Awarding, BidPlaced, PurchaseReceived, SaleSettled
from node.protocol.trace import Record
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp.course import metrics_of
from scenarios.markets.psp.final_bids import FinalBid, columns_of, final_bids
from scenarios.markets.psp.market import draw
from scenarios.markets.psp.results import Result

SMALL = ["buyers.0.count=12", "sellers.0.count=4"]


def table(result: Result, name: str) -> list[dict[str, Any]]:
    """The rows of a table as the folder has it."""
    rows: list[dict[str, Any]] = pq.read_table(result.run_dir / f"{name}.parquet").to_pylist()
    return rows


def audited(result: Result) -> None:
    """Hold every auction again on the bids in the folder, and compare with what the folder says of it."""
    mechanism = MECHANISMS[result.summary.mechanism]
    for _, same in groupby(table(result, "bids"), key=lambda row: (row["seller"], row["tranche"])):
        rows = list(same)
        again = mechanism.clear(
            [row["quantity_mb"] for row in rows],
            [row["price_per_mb"] for row in rows],
            rows[0]["supply_mb"],
            rows[0]["reserve_price_per_mb"],
        )
        assert [row["allocation_mb"] for row in rows] == pytest.approx(again.allocation, abs=1e-6)
        assert [row["charge"] for row in rows] == pytest.approx(again.charge, abs=1e-6)


def summed(rows: list[dict[str, Any]], quantity: str) -> dict[tuple[str, str], np.ndarray]:
    """MB and money by buyer and seller, of all that got anything."""
    sums: dict[tuple[str, str], np.ndarray] = {}
    for row in rows:
        if row[quantity] > 0.0:
            key = row["buyer"], row["seller"]
            sums[key] = sums.get(key, np.zeros(2)) + np.array([row[quantity], row["charge"]])
    return sums


def adds_up(result: Result) -> None:
    """The allocations of the folder are those of its final bids."""
    bids, allocations = summed(table(result, "bids"), "allocation_mb"), summed(table(result, "allocations"), "quantity")
    assert bids.keys() == allocations.keys() != set()
    assert np.array([*bids.values()]).sum() == pytest.approx(np.array([*allocations.values()]).sum())
    for pair, amounts in bids.items():
        assert amounts == pytest.approx(allocations[pair])


@pytest.mark.parametrize(
    ("name", "world", "settings"),
    [
        ("two-sellers", "sim", []),
        ("neighbourhood", "sim", SMALL),
        ("neighbourhood", "array", SMALL),
        ("market-shift", "sim", []),
        ("two-sellers", "sim", ["auction.mechanism=uniform-price"]),
        ("two-sellers", "sim", ["auction.mechanism=pay-as-bid"]),
        ("two-sellers", "sim", ["auction.reserve_rule=highest-losing"]),
    ],
)
def test_every_auction_of_a_folder_can_be_held_again(
    name: str, world: Any, settings: list[str], tmp_path: Path
) -> None:
    result = run(name, world=world, settings=settings, out=tmp_path)
    audited(result)
    adds_up(result)


@pytest.mark.parametrize("world", ["sim", "array"])
def test_bids_that_stand_when_the_time_is_up_are_kept(world: Any, tmp_path: Path) -> None:
    result = run("neighbourhood", world=world, settings=SMALL, timeout_s=0.3, out=tmp_path)
    assert result.summary.status == "timeout"
    assert {row["tranche"] for row in table(result, "bids")} == {1}
    adds_up(result)


def test_where_frames_are_lost_and_hosts_crash_the_bids_still_add_up(tmp_path: Path) -> None:
    result = run("chaos", world="sim", out=tmp_path)
    assert result.summary.faults
    adds_up(result)


def test_of_what_was_sold_without_a_known_bid_only_the_sale_is_told() -> None:
    market = draw(load("two-sellers"), 0)
    seller, *others = (user.name for user in market.sellers)
    first, second = (buyer.name for buyer in market.buyers[:2])
    metrics = metrics_of(market)
    for what, node in (
        (BidPlaced(f"h/{seller}", 0, 1, 5.0, 2.0), first),
        (SaleSettled(f"h/{second}", 1, 1.0, 0.5), seller),  # before any awarding
        (PurchaseReceived(f"h/{seller}", 1, 1.0, 0.5), second),
        (Awarding(2), seller),
        (SaleSettled(f"h/{second}", 2, 3.0, 1.5), seller),  # on no bid that is known of
        (PurchaseReceived(f"h/{seller}", 2, 3.0, 1.5), second),
        (Allocated(f"h/{first}", 2, 4.0, 2.5), seller),
    ):
        metrics.add(Record(0.0, f"h/{node}", what))
    rows = list(final_bids(market, metrics, metrics.finish()))

    supply = market.sellers[0].supply_mb
    reserve = market.sellers[0].reserve_price_per_mb
    assert rows == [
        FinalBid(seller, 1, first, 5.0, 2.0, 4.0, 2.5, supply, reserve),
        FinalBid(seller, 1, second, None, None, 3.0, 1.5, supply, reserve),
        FinalBid(seller, None, second, None, None, 1.0, 0.5, None, None),
    ]
    assert others


def test_a_market_without_bids_has_all_columns() -> None:
    assert columns_of([]) == {name: [] for name in FinalBid._fields}
