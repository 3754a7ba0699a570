"""Whom people can be in a market, and what their moves are to their nodes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.protocol.dmp.events import MarginChosen
from node.protocol.psp.events import MindChanged
from node.protocol.psp.trace import Allocated, BidPlaced, Cleared, SaleSettled
from node.protocol.trace import Record
from node.strategy.psp.offer import Target
from scenarios.errors import ScenarioError
from scenarios.files.explained import converted
from scenarios.launch.placement import build_hosts, one_host_each
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp.seats import Bids
from scenarios.markets.registry import draw_market, kind_of, kinds, read_market
from scenarios.markets.seats import Seats


def drawn(name: str, *settings: str) -> tuple[Any, Seats]:
    market = draw_market(load(name, settings), 0)
    seats = kind_of(market).seats
    assert seats
    return market, seats


def first_buyer(market: Any) -> tuple[Any, str, str, str]:
    """The buyer, two sellers of its pool, and its address."""
    buyer = market.buyers[0]
    return buyer, *buyer.pool[:2], f"{buyer.name}/{buyer.name}"


def test_both_markets_have_places_for_people() -> None:
    roles = {name: kind.seats.role for name, kind in kinds().items() if kind.seats}
    assert {"psp": "buyer", "dmp": "operator"}.items() <= roles.items()


@pytest.mark.parametrize("name", ["two-sellers", "network-selection"])
def test_who_is_taken_by_a_person_is_so_in_what_a_worker_reads(name: str) -> None:
    market, seats = drawn(name)
    one = seats.free(market)[0]
    seated = read_market(msgspec.json.encode(seats.seated(market, [one], 60.0)))
    users = seated.buyers if seats.role == "buyer" else seated.operators  # type: ignore[attr-defined]
    assert [user.name for user in users if user.by_hand] == [one]
    assert len(build_hosts(seated, one_host_each(seated), {one})) == 1


def test_auctions_stay_open_for_as_long_as_people_have() -> None:
    market, seats = drawn("two-sellers")
    timing = seats.seated(market, [], 60.0).timing  # type: ignore[attr-defined]
    assert (timing.open_at_least_s, timing.quiet_period_s, timing.patience_s) == (60.0, 5.0, 1200.0)


def test_the_last_call_ends_when_the_time_is_up() -> None:
    market, seats = drawn("network-selection")
    last_s = max(call.wanted.at_s + call.wanted.holding_s for one in market.terminals for call in one.calls)
    assert last_s / seats.seated(market, [], 60.0).timing.speed == pytest.approx(60.0)  # type: ignore[attr-defined]


def test_nobody_takes_the_place_of_a_user_with_plans_of_its_own() -> None:
    market, seats = drawn("market-shift")
    planned = {shift.node for shift in market.shifts}
    assert planned & {buyer.name for buyer in market.buyers}
    assert set(seats.free(market)) == {buyer.name for buyer in market.buyers} - planned


def test_bids_go_to_sellers_of_the_pool_alone() -> None:
    market, seats = drawn("two-sellers")
    buyer = market.buyers[0]
    seller = buyer.pool[0]
    bids = converted({"at": {seller: [5.0, 1.5], "nobody": [1.0, 1.0]}}, seats.move, "move")
    assert seats.event(market, {seller: f"h/{seller}"}, buyer.name, bids) == MindChanged(
        {f"h/{seller}": Target(5.0, 1.5)}, stand=True
    )


def test_a_margin_is_what_it_says() -> None:
    market, seats = drawn("network-selection")
    margin = converted({"margin_money": 0.25}, seats.move, "move")
    assert seats.event(market, {}, market.operators[0].name, margin) == MarginChosen(0.25)


@pytest.mark.parametrize(
    ("name", "move"),
    [
        ("two-sellers", {"at": {"seller-1": [-1.0, 1.0]}}),
        ("two-sellers", {"at": {"seller-1": [1.0, float("nan")]}}),
        ("two-sellers", {"at": {}, "node": "somebody-else"}),
        ("two-sellers", {"at": {f"seller-{k}": [1.0, 1.0] for k in range(51)}}),
        ("network-selection", {"margin_money": -0.1}),
        ("network-selection", {"margin_money": float("inf")}),
        ("network-selection", {}),
    ],
)
def test_what_no_page_says_is_no_move(name: str, move: dict[str, Any]) -> None:
    _, seats = drawn(name)
    with pytest.raises(ScenarioError, match="move"):
        converted(move, seats.move, "move")


def test_a_buyer_sees_its_bids_what_it_would_get_and_what_it_has_bought() -> None:
    market, seats = drawn("two-sellers")
    buyer, one, other, address = first_buyer(market)
    view = kind_of(market).view(market)
    told = [
        Record(0.1, address, BidPlaced(f"{one}/{one}", 0, 1, 5.0, 2.0)),
        Record(0.1, address, BidPlaced(f"{other}/{other}", 0, 2, 3.0, 2.0)),
        Record(0.2, f"{one}/{one}", Allocated(address, 1, 5.0, 4.0)),
        Record(0.2, f"{one}/{one}", Cleared(1, 1, 5.0, 1.25, 4.0)),
        Record(0.3, f"{other}/{other}", SaleSettled(address, 1, 3.0, 2.5)),
    ]
    for record in told:
        view.add(record)
    shown = seats.shown(market, view, buyer.name)
    assert shown["bids"] == {one: (5.0, 2.0)}
    assert shown["gets"] == {one: (5.0, 4.0)}
    assert shown["receipts"] == [{"event": "bought", "peer": other, "mb": 3.0, "money": 2.5}]
    offers = {offer.seller: offer for offer in shown["offers"]}
    assert (offers[one].price, offers[one].on_sale) == (1.25, offers[one].supply)
    assert offers[one].free == offers[one].supply - 5.0
    assert offers[other].on_sale == offers[other].free == offers[other].supply - 3.0
    assert offers[other].price is None
    assert list(offers) == buyer.pool
    assert shown["worth"][-1][0] == pytest.approx(view.metrics.valuation(buyer.name).demand_mb)  # type: ignore[attr-defined]
    assert shown["utility"] == pytest.approx(view.metrics.valuation(buyer.name).value(8.0) - 6.5)  # type: ignore[attr-defined]


def test_a_buyer_is_told_that_a_bid_gets_nothing_and_not_so_of_one_that_no_clearing_has_seen() -> None:
    market, seats = drawn("two-sellers")
    buyer, one, other, address = first_buyer(market)
    view = kind_of(market).view(market)
    for record in (
        Record(0.1, f"{one}/{one}", Cleared(1, 1, 60.0, 4.0, 200.0)),
        Record(0.1, f"{other}/{other}", Cleared(1, 1, 60.0, 4.0, 200.0)),
        Record(0.2, address, BidPlaced(f"{one}/{one}", 0, 1, 5.0, 3.9)),
        Record(0.2, address, BidPlaced(f"{other}/{other}", 0, 2, 5.0, 4.1)),
    ):
        view.add(record)
    assert seats.shown(market, view, buyer.name)["gets"] == {one: (0.0, 0.0)}


@pytest.mark.parametrize(
    ("bid", "said"), [((-5.0, 1.0), "Bid at x: -5 MB; bid for more than 0"), ((5.0, -2.0), "Bid at x: -2 per MB; bid")]
)
def test_what_is_wrong_with_a_bid_is_said_with_its_seller_its_value_and_what_may_be(
    bid: tuple[float, float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Bids({"x": bid})


@pytest.mark.parametrize(
    ("name", "settings", "table", "user", "column"),
    [
        ("two-sellers", [], "buyers", "buyer", "utility"),
        ("network-selection", ["terminals.0.calls=3"], "operators", "operator", "profit"),
    ],
)
def test_what_they_earned_is_what_the_tables_say(
    tmp_path: Path, name: str, settings: list[str], table: str, user: str, column: str
) -> None:
    result = run(name, world="sim", settings=settings, out=tmp_path, pictures=False)
    seats = drawn(name)[1]
    columns = result.columns(table)
    assert seats.earned(result) == dict(zip(columns[user], columns[column], strict=True))
    assert any(seats.earned(result).values())
