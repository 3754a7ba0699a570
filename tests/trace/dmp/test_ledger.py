"""What the journals of a Digital Marketplace say together."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.machine import JournalEntry, JournalKind
from node.trace.dmp.ledger import CallLedger

MARKET, AGENT, N, M, T, U = "ma/market", "sa/agent", "n/net", "m/net", "t/user", "u/user"


def line(node: str, kind: JournalKind, peer: str = "", auction: int = 0, seq: int = 0, **more: float) -> JournalEntry:
    fields = {"round": 0, "quantity": 0.0, "charge": 0.0} | more
    return JournalEntry(time_s=0.0, node=node, kind=kind, peer=peer, auction=auction, seq=seq, **fields)  # type: ignore[arg-type]


STARTED = [
    line(N, "capacity", quantity=1000.0),
    line(M, "capacity", quantity=1000.0),
    line(MARKET, "network", N, round=1),
    line(N, "registered", MARKET, round=1),
    line(MARKET, "terminal", T),
    line(MARKET, "service-agent", AGENT),
    line(AGENT, "terminal", U),
]


def won(
    auction: int,
    call: int,
    price: float = 3.0,
    customer: str = T,
    network: str = N,
    at_s: float = 0.0,
    rate: float = 500.0,
) -> list[JournalEntry]:
    """The market agent has auctioned the call, and the network has committed to it."""
    return [
        line(MARKET, "called", customer, auction, call, quantity=rate, at_s=at_s, holding_s=100.0),
        line(MARKET, "contracted", network, auction, call, charge=price),
        line(network, "committed", customer, auction, quantity=rate, charge=price, at_s=at_s, holding_s=100.0),
    ]


def carried(auction: int, call: int, price: float = 3.0, network: str = N, at_s: float = 0.0) -> list[JournalEntry]:
    return [
        line(T, "requested", MARKET, seq=call),
        *won(auction, call, price, network=network, at_s=at_s),
        line(T, "connected", network, seq=call, charge=price),
    ]


def served(auction: int, call: int, price: float = 3.0, network: str = N, at_s: float = 0.0) -> list[JournalEntry]:
    return [
        *carried(auction, call, price, network, at_s),
        line(MARKET, "reported", T, auction, call),
        line(T, "served", network, seq=call, charge=price),
        line(MARKET, "served", network, auction, call),
    ]


BLOCKED = [
    line(T, "requested", MARKET, seq=9),
    line(MARKET, "called", T, 9, 9, quantity=500.0, at_s=900.0, holding_s=100.0),
    line(MARKET, "blocked", T, 9, 9),
    line(T, "blocked", MARKET, seq=9),
]
DECOMMITTED = [
    *carried(8, 8, at_s=800.0),
    line(MARKET, "decommitted", N, 8, 8),
    line(T, "decommitted", N, seq=8),
]
BROKERED = [
    line(U, "requested", AGENT, seq=1),
    line(AGENT, "brokered", U, round=7, seq=1, charge=0.5),
    *won(7, 7, 2.0, AGENT, at_s=700.0),
    line(AGENT, "connected", N, seq=7, charge=2.0),
    line(U, "connected", N, seq=1, charge=2.5),
    line(MARKET, "reported", AGENT, 7, 7),
    line(AGENT, "served", N, seq=7),
    line(U, "served", N, seq=1, charge=2.5),
    line(MARKET, "served", N, 7, 7),
]
HONEST = [*STARTED, *served(1, 1), *served(2, 2, 4.0, M), *BROKERED, *DECOMMITTED, *BLOCKED]


def rules(*entries: JournalEntry) -> list[str]:
    return [breach.rule for breach in CallLedger(entries).breaches]


def doubts(*entries: JournalEntry) -> list[str]:
    return [doubt.why for doubt in CallLedger(entries).doubts]


def without(lines: Sequence[JournalEntry], node: str) -> list[JournalEntry]:
    return [one for one in lines if one.node != node]


def test_honest_market_has_neither_breaches_nor_doubts() -> None:
    ledger = CallLedger(HONEST)
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert [ledger.count(kind) for kind in ("served", "decommitted", "blocked")] == [3, 1, 1]


def test_networks_earn_what_customers_pay_for_what_was_served() -> None:
    ledger = CallLedger(HONEST)
    assert ledger.earned == ledger.paid == 9.0


@pytest.mark.parametrize("at", range(len(STARTED), len(HONEST)))
def test_line_that_is_there_twice(at: int) -> None:
    assert "once" in rules(*HONEST[: at + 1], HONEST[at], *HONEST[at + 1 :])


def test_refusal_for_want_of_budget_may_be_said_again() -> None:
    asked, refused = line(U, "requested", AGENT, seq=1), line(AGENT, "refused", U, seq=1)
    ledger = CallLedger([asked, refused, refused, line(U, "blocked", AGENT, seq=1)])
    assert (ledger.breaches, ledger.doubts) == ([], [])


def test_commit_at_another_price_than_contracted() -> None:
    lines = carried(1, 1)
    assert rules(*STARTED, *lines[:3], msgspec.structs.replace(lines[3], charge=4.0), lines[4]) == ["contract"]


def test_commit_of_a_network_that_has_not_won() -> None:
    stray = line(M, "committed", T, 2, quantity=1.0, charge=1.0)
    assert rules(*STARTED, *carried(1, 1), stray) == ["contract"]


def test_customer_that_was_told_another_price_than_the_network() -> None:
    lines = carried(1, 1)
    assert rules(*STARTED, *lines[:4], msgspec.structs.replace(lines[4], charge=4.0)) == ["contract"]


def test_terminal_that_was_told_more_than_price_and_fee() -> None:
    lines = [msgspec.structs.replace(one, charge=2.6) if one.node == U and one.charge else one for one in BROKERED]
    assert set(rules(*STARTED, *lines)) == {"contract"}


def test_contract_that_nobody_gave() -> None:
    asked, *_, connected = carried(1, 1)
    assert rules(*STARTED, asked, connected) == ["contract"]


def test_call_that_was_auctioned_but_never_asked_for() -> None:
    assert rules(line(T, "opened"), line(T, "requested", MARKET, seq=2), *STARTED, *won(1, 1)) == ["contract"]


def test_call_served_without_a_commit() -> None:
    lines = [one for one in served(1, 1) if one.kind != "committed"]
    assert rules(*STARTED, *lines) == ["contract"]


def test_call_that_is_auctioned_under_two_numbers() -> None:
    assert "once" in rules(*STARTED, *carried(1, 1), *won(2, 1))


def test_customer_and_market_agent_that_disagree_on_an_outcome() -> None:
    ended = [line(MARKET, "decommitted", N, 1, 1), line(T, "served", N, seq=1, charge=3.0)]
    assert rules(*STARTED, *carried(1, 1), *ended) == ["outcome"]


def test_outcome_that_customers_know_before_the_market_agent() -> None:
    assert rules(*STARTED, *carried(1, 1), line(T, "served", N, seq=1, charge=3.0)) == ["outcome"]


def test_call_that_is_broken_off_after_it_was_reported_served() -> None:
    ended = [line(MARKET, "reported", T, 1, 1), line(MARKET, "decommitted", N, 1, 1)]
    assert rules(*STARTED, *carried(1, 1), *ended) == ["once"]


@pytest.mark.parametrize(
    "early",
    [
        line(MARKET, "served", N, 3, 3),
        line(T, "served", N, seq=3),
        line(MARKET, "contracted", N, 3, 3, charge=1.0),
        line(T, "connected", N, seq=3, charge=1.0),
    ],
)
def test_line_that_follows_from_nothing(early: JournalEntry) -> None:
    assert rules(*STARTED, early) == ["order"]


def test_blocked_call_with_a_contract() -> None:
    assert rules(*STARTED, *won(1, 1), line(MARKET, "blocked", T, 1, 1)) == ["order"]


def test_call_served_without_a_contract() -> None:
    assert rules(*STARTED, line(MARKET, "called", T, 1, 1), line(MARKET, "served", N, 1, 1)) == ["order"]


def test_network_that_carries_more_than_its_capacity() -> None:
    assert rules(*STARTED, *carried(1, 1), *carried(2, 2), *carried(3, 3)) == ["capacity"]


def test_capacity_is_free_again_when_a_call_ends() -> None:
    assert rules(*STARTED, *carried(1, 1), *carried(2, 2), *carried(3, 3, at_s=100.0)) == []


def test_capacity_is_free_again_when_a_network_is_admitted_anew() -> None:
    gone = [line(MARKET, "decommitted", N, number, number) for number in (1, 2)]
    lines = [*carried(1, 1), *carried(2, 2), *gone, line(N, "registered", MARKET, round=2), *carried(3, 3)]
    assert rules(*STARTED, *lines) == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([line(T, "requested", MARKET, seq=1)], "not auctioned yet"),
        (carried(1, 1)[:3], "contract on its way"),
        (carried(1, 1), "call not over yet"),
        (served(1, 1)[:6], "outcome on its way"),
        (without(carried(1, 1), T), "customer's journal missing"),
    ],
)
def test_call_of_which_not_all_sides_know_yet(lines: list[JournalEntry], why: str) -> None:
    ledger = CallLedger([*STARTED, *lines])
    assert (ledger.breaches, {doubt.why for doubt in ledger.doubts}) == ([], {why})


def test_missing_journals_are_doubts() -> None:
    assert doubts(*without(HONEST, N)).count("network's journal missing") == 2
    assert set(doubts(*without(HONEST, MARKET))) == {"market agent's journal missing", "provider's journal missing"}
    assert set(doubts(*without(HONEST, AGENT))) == {"provider's journal missing", "customer's journal missing"}


@given(st.permutations([MARKET, AGENT, N, M, T, U]))
def test_it_does_not_matter_in_which_order_journals_are_read(nodes: list[str]) -> None:
    ledger = CallLedger(sorted(HONEST, key=lambda one: nodes.index(one.node)))
    assert (ledger.breaches, ledger.doubts) == ([], [])


@given(st.data())
def test_honest_books_hold_whatever_is_cut_off_at_the_end(data: st.DataObject) -> None:
    end = data.draw(st.integers(len(STARTED), len(HONEST)))
    assert CallLedger(HONEST[:end]).breaches == []


@given(st.data())
def test_honest_books_hold_whoever_lost_its_journal(data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from([MARKET, AGENT, N, M, T, U])))
    assert CallLedger([one for one in HONEST if one.node not in lost]).breaches == []
