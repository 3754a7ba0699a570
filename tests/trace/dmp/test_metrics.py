import math
from typing import Any, Literal

import pytest

from node.protocol.dmp.trace import (
    CallAuctioned,
    CallBlocked,
    CallBrokered,
    CallCommitted,
    CallContracted,
    CallDecommitted,
    CallPassed,
    CallRequested,
    CallServed,
    MarketClosed,
    NetworkRegistered,
    OutcomeHeard,
    PriceOffered,
    ReputationMoved,
)
from node.protocol.trace import Record, Resumed, Trace
from node.trace.dmp.metrics import CallMetrics


def record(what: Trace, node: str = "market") -> Record[Trace]:
    return Record(0.0, f"host/{node}", what)


def folded(*records: Record[Trace]) -> CallMetrics:
    metrics = CallMetrics("market", ["red", "blue"], ["ann", "bob"])
    for one in records:
        metrics.add(one)
    return metrics


def requested(terminal: str, call: int = 1) -> Record[Trace]:
    return record(CallRequested("other/market", call, 1.0, 0.5), terminal)


def called(auction: int, customer: str = "ann", call: int = 1, weight: float = 0.5, at_s: float = 1.0) -> Record[Trace]:
    return record(CallAuctioned(f"other/{customer}", call, auction, at_s, weight))


def offered(operator: str, auction: int, price: float, cost: float) -> Record[Trace]:
    return record(PriceOffered(auction, 0.0, price, cost), operator)


def contracted(auction: int, operator: str, price: float = 0.6, compound: float = 0.3) -> Record[Trace]:
    return record(CallContracted(f"other/{operator}", 1, auction, price, compound))


def committed(operator: str, auction: int) -> Record[Trace]:
    return record(CallCommitted("other/ann", auction, 500.0, 0.6, None), operator)


def served(operator: str, auction: int) -> Record[Trace]:
    return record(CallServed(f"other/{operator}", 1, auction))


def decommitted(operator: str, auction: int) -> Record[Trace]:
    return record(CallDecommitted(f"other/{operator}", 1, auction))


def blocked(customer: str, auction: int) -> Record[Trace]:
    return record(CallBlocked(f"other/{customer}", 1, auction))


def told(
    outcome: Literal["served", "decommitted", "blocked"], terminal: str, call: int = 1, price: float = 0.0
) -> Record[Trace]:
    return record(OutcomeHeard("other/red", call, outcome, price), terminal)


def reputation(operator: str, value: float) -> Record[Trace]:
    return record(ReputationMoved(f"other/{operator}", 1, value))


def brokered(own_call: int) -> Record[Trace]:
    return record(CallBrokered("other/bob", 4, own_call, 0.5), "desk")


CLOSED = record(MarketClosed(1))
CARRIED = [called(1), offered("red", 1, 0.6, 0.4), contracted(1, "red"), committed("red", 1)]
"""Ann's first call up to where it holds capacity."""
SERVED = [requested("ann"), *CARRIED, served("red", 1), told("served", "ann", price=0.6)]
BROKEN = [requested("ann"), *CARRIED[:-1], decommitted("red", 1), told("decommitted", "ann")]
BLOCKED = [requested("ann"), called(1), blocked("ann", 1), told("blocked", "ann")]


# Counts


def test_market_begins_with_nothing() -> None:
    metrics = folded()
    assert (metrics.calls, metrics.done, metrics.in_doubt, metrics.breaches()) == ([], 0, 0, [])


def test_auction_is_a_row_with_what_was_asked() -> None:
    (row,) = folded(called(1, "bob", 7, weight=0.25, at_s=3.5)).calls
    assert (row.auction, row.at_s, row.customer, row.number, row.price_weight) == (1, 3.5, "bob", 7, 0.25)
    assert (row.winner, row.outcome) == ("", "")


def test_call_whose_contract_and_offer_are_lost_counts_as_served_for_nothing() -> None:
    metrics = folded(called(1), served("red", 1))
    red = metrics.operators["red"]
    assert (red.served, red.revenue, red.cost) == (1, 0.0, 0.0)


def test_contract_names_winner_price_and_compound_bid() -> None:
    (row,) = folded(called(1), contracted(1, "red", price=0.7, compound=0.4)).calls
    assert (row.winner, row.price, row.compound) == ("red", 0.7, 0.4)


def test_blocked_call_has_no_winner_and_no_price() -> None:
    (row,) = folded(*BLOCKED).calls
    assert (row.winner, row.outcome) == ("", "blocked")
    assert math.isnan(row.price)


@pytest.mark.parametrize(("records", "outcome"), [(SERVED, "served"), (BROKEN, "decommitted"), (BLOCKED, "blocked")])
def test_outcome_is_counted_for_terminal_and_market(records: list[Record[Trace]], outcome: Any) -> None:
    metrics = folded(*records)
    ann = metrics.terminals["ann"]
    assert (metrics.count(outcome), getattr(ann, outcome), ann.requested, metrics.done) == (1, 1, 1, 1)
    assert ann.served + ann.decommitted + ann.blocked == 1


def test_operator_earns_for_calls_that_were_served() -> None:
    red = folded(*SERVED).operators["red"]
    assert (red.won, red.served, red.decommitted, red.revenue, red.cost) == (1, 1, 0, 0.6, 0.4)


def test_operator_earns_nothing_for_a_call_it_broke_off() -> None:
    red = folded(*BROKEN).operators["red"]
    assert (red.won, red.served, red.decommitted, red.revenue, red.cost) == (1, 0, 1, 0.0, 0.0)


def test_terminal_pays_for_calls_that_were_served() -> None:
    metrics = folded(told("served", "ann", 1, 0.6), told("decommitted", "ann", 2, 0.9), told("served", "bob", 1, 0.5))
    assert (metrics.terminals["ann"].paid, metrics.terminals["bob"].paid) == (0.6, 0.5)


def test_call_without_an_outcome_is_in_doubt() -> None:
    assert folded(requested("ann", 1), requested("ann", 2), told("blocked", "ann", 1)).in_doubt == 1


def test_reputations_are_kept_with_the_time_of_the_market() -> None:
    registered = record(NetworkRegistered("other/red", 0.2))
    metrics = folded(registered, called(1, at_s=4.0), reputation("red", 0.3))
    assert metrics.reputations == [(0.0, "red", 0.2), (4.0, "red", 0.3)]
    assert metrics.operators["red"].reputation == 0.3


# The efficient winner


def test_efficient_winner_has_the_least_weighted_cost_and_reputation() -> None:
    offers = [offered("red", 1, 0.9, 0.2), offered("blue", 1, 0.6, 0.5)]
    (row,) = folded(reputation("red", 0.6), reputation("blue", 0.1), called(1), *offers, contracted(1, "red")).calls
    assert (row.best, row.best_value) == ("blue", pytest.approx(0.5 * 0.5 + 0.5 * 0.1))
    assert (row.value, row.cost, row.offers) == (pytest.approx(0.5 * 0.2 + 0.5 * 0.6), 0.2, 2)


def test_efficient_winner_is_taken_with_the_reputations_of_its_moment() -> None:
    offers = [offered(name, auction, 0.9, 0.5) for auction in (1, 2) for name in ("red", "blue")]
    first = [reputation("red", 0.1), reputation("blue", 0.2), called(1), *offers[:2], contracted(1, "red")]
    second = [reputation("red", 0.3), called(2, call=2), *offers[2:], contracted(2, "blue")]
    assert [row.best for row in folded(*first, *second).calls] == ["red", "blue"]


def test_winner_among_several_that_are_as_good_is_the_efficient_one() -> None:
    offers = [offered("red", 1, 0.6, 0.5), offered("blue", 1, 0.6, 0.5)]
    assert [folded(called(1), *offers, contracted(1, name)).calls[0].best for name in ("red", "blue")] == [
        "red",
        "blue",
    ]


def test_who_passes_cannot_be_the_efficient_winner() -> None:
    passed = record(CallPassed(1, 0.0, 0.0), "blue")
    (row,) = folded(called(1), passed, offered("red", 1, 0.6, 0.5), contracted(1, "red")).calls
    assert (row.best, row.offers) == ("red", 1)


def test_blocked_call_has_an_efficient_winner_if_somebody_made_an_offer() -> None:
    rows = folded(called(1), offered("red", 1, 9.0, 0.5), blocked("ann", 1), called(2), blocked("ann", 2)).calls
    assert [row.best for row in rows] == ["red", ""]
    assert math.isnan(rows[1].best_value)


# Breaches


@pytest.mark.parametrize("records", [SERVED, BROKEN, BLOCKED], ids=["served", "decommitted", "blocked"])
def test_books_that_agree_have_no_breach(records: list[Record[Trace]]) -> None:
    assert folded(*records, CLOSED).breaches() == []


AGAIN = [called(2), contracted(2, "red"), committed("red", 2), served("red", 2)]


@pytest.mark.parametrize(
    ("records", "breach"),
    [
        pytest.param([requested("bob", 3), CLOSED], "bob call 3: no outcome", id="lost"),
        pytest.param(
            [*SERVED, told("blocked", "ann"), CLOSED], "ann call 1: more than one outcome: served, blocked", id="two"
        ),
        pytest.param([*SERVED, *AGAIN, CLOSED], "ann call 1: auctioned twice", id="auctioned twice"),
        pytest.param(
            [*SERVED, committed("blue", 1), CLOSED], "auction 1: carried by red and blue", id="carried by two"
        ),
        pytest.param(
            [*BROKEN, committed("blue", 1), CLOSED], "auction 1: carried by blue, won by red", id="carried by another"
        ),
        pytest.param(
            [*BLOCKED, committed("blue", 1), CLOSED], "auction 1: carried by blue, won by nobody", id="won by nobody"
        ),
        pytest.param(
            [one for one in SERVED if one.kind != "committed"] + [CLOSED],
            "auction 1: served, but carried by nobody",
            id="carried by nobody",
        ),
        pytest.param(
            [*SERVED[:-1], told("decommitted", "ann"), CLOSED],
            "ann call 1: decommitted, but the market agent has it as served",
            id="told another outcome",
        ),
        pytest.param(
            [requested("ann"), *CARRIED, told("served", "ann"), CLOSED],
            "ann call 1: served, but the market agent has it as open",
            id="open at the end",
        ),
        pytest.param(
            [requested("bob"), told("blocked", "bob"), CLOSED],
            "bob call 1: blocked, but the market agent has it as never auctioned",
            id="never auctioned",
        ),
    ],
)
def test_breach_is_named(records: list[Record[Trace]], breach: str) -> None:
    assert folded(*records).breaches() == [breach]


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([requested("bob")], id="no outcome yet"),
        pytest.param([requested("ann"), *CARRIED, told("served", "ann")], id="not yet over for the market agent"),
        pytest.param([requested("ann"), told("blocked", "ann")], id="what the market agent wrote is lost"),
        pytest.param([one for one in SERVED if one.kind != "committed"], id="what the operator wrote is lost"),
    ],
)
def test_run_that_was_cut_short_is_not_blamed_for_what_is_missing(records: list[Record[Trace]]) -> None:
    assert folded(*records).breaches() == []


def test_contradiction_is_a_breach_although_the_run_was_cut_short() -> None:
    assert len(folded(*SERVED[:-1], told("blocked", "ann")).breaches()) == 1


# Service agents


BROKERED = brokered(1)


def test_call_through_a_service_agent_is_its_terminals() -> None:
    asked = [requested("bob", 4), BROKERED, called(1, "desk", 1), *CARRIED[1:]]
    assert folded(*asked, served("red", 1), told("served", "bob", 4), CLOSED).breaches() == []


def test_the_terminal_of_an_auction_is_known_also_behind_a_service_agent() -> None:
    metrics = folded(called(1, "ann"), brokered(7), called(2, "desk", call=7))
    assert [metrics.terminal_of(auction) for auction in (1, 2, 3)] == ["ann", "bob", ""]


def test_breach_behind_a_service_agent_names_the_terminal() -> None:
    asked = [requested("bob", 4), BROKERED, called(1, "desk", 1), *CARRIED[1:]]
    (breach,) = folded(*asked, served("red", 1), told("decommitted", "bob", 4), CLOSED).breaches()
    assert breach == "bob call 4: decommitted, but the market agent has it as served"


def test_call_brokered_twice_is_auctioned_twice() -> None:
    twice = [requested("bob", 4), BROKERED, brokered(2)]
    auctions = [called(1, "desk", 1), called(2, "desk", 2)]
    ended = [blocked("desk", k) for k in (1, 2)]
    breaches = folded(*twice, *auctions, *ended, told("blocked", "bob", 4), CLOSED).breaches()
    assert breaches == ["bob call 4: auctioned twice"]


# What others may write


def test_auction_whose_announcement_was_missed_changes_nothing() -> None:
    metrics = folded(contracted(5, "red"), served("red", 5), blocked("ann", 6))
    assert (metrics.calls, metrics.operators["red"].won) == ([], 0)


def test_gap_in_the_auctions_shifts_no_other() -> None:
    (row,) = folded(called(3), contracted(3, "blue")).calls
    assert (row.auction, row.winner) == (3, "blue")


def test_network_that_nobody_planned_is_counted_too() -> None:
    metrics = folded(record(NetworkRegistered("other/green", 0.4)), called(1), contracted(1, "green"))
    assert (metrics.operators["green"].won, metrics.operators["green"].reputation) == (1, 0.4)


def test_nodes_are_told_apart_by_name_whatever_their_host() -> None:
    moved = Record(0.0, "elsewhere/red", CallCommitted("far/ann", 1, 0.0, 0.0, None))
    assert folded(*SERVED, moved, CLOSED).breaches() == ["auction 1: carried by red and red"]


def test_a_market_agent_cut_short_before_it_wrote_who_won_is_no_breach() -> None:
    assert folded(requested("ann"), called(1), committed("red", 1)).breaches() == []


def test_auction_that_a_restarted_market_agent_holds_again_counts_once() -> None:
    again = [
        requested("ann"),
        called(1),
        record(Resumed(1), "market"),
        called(3),
        contracted(3, "red"),
        committed("red", 3),
    ]
    metrics = folded(*again, served("red", 3), told("served", "ann", price=0.6), CLOSED)
    assert [row.auction for row in metrics.calls] == [3]
    assert metrics.breaches() == []


def test_what_restarted_nodes_say_again_counts_once() -> None:
    again = [record(Resumed(1), node) for node in ("market", "red", "ann")]
    once, twice = folded(*SERVED, CLOSED), folded(*SERVED, *again, *SERVED, CLOSED)
    assert twice.breaches() == []
    assert (twice.terminals["ann"], twice.operators["red"]) == (once.terminals["ann"], once.operators["red"])


def test_what_observers_missed_of_a_life_counts_when_it_is_said_again() -> None:
    again = [record(Resumed(1), node) for node in ("market", "red", "ann")]
    assert folded(*SERVED[:2], *again, *SERVED, CLOSED).terminals["ann"].served == 1


def test_a_cost_that_is_heard_late_counts_as_one_that_is_heard_in_time() -> None:
    """As by who watches live: hosts tell what happened each in its own time."""
    asked, won, done = called(1), contracted(1, "red", 0.6), served("red", 1)
    told_late = offered("red", 1, 0.6, 0.25)
    in_time = folded(asked, told_late, won, done).operators["red"]
    assert in_time.cost == 0.25
    assert folded(asked, won, told_late, done).operators["red"] == in_time
    assert folded(asked, won, done, told_late).operators["red"] == in_time
    assert folded(asked, won, done, told_late, told_late).operators["red"] == in_time
    assert folded(asked, won, done, offered("blue", 1, 0.6, 0.25)).operators["red"].cost == 0.0
