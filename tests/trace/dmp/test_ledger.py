"""What the journals of a Digital Marketplace say together."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.dmp.journal import (
    Admitted,
    Blocked,
    Brokered,
    Called,
    Capacity,
    Committed,
    Connected,
    Contracted,
    CustomerIn,
    Decommitted,
    Heard,
    NetworkIn,
    Outcome,
    Refused,
    Reported,
    Requested,
    Served,
    Wanted,
)
from node.protocol.journal import Entry, JournalEntry, MarketOpened
from node.trace.dmp.ledger import CallLedger

MARKET, AGENT, N, M, T, U = "ma/market", "sa/agent", "n/net", "m/net", "t/user", "u/user"


WEB = Wanted(0.0, 100.0, 500.0, "web", "session")


def line(node: str, entry: Entry) -> JournalEntry:
    return JournalEntry(0.0, node, entry)


def market(entry: Entry) -> JournalEntry:
    return line(MARKET, entry)


STARTED = [
    line(N, Capacity(1000.0)),
    line(M, Capacity(1000.0)),
    market(NetworkIn(N, 1, 1)),
    line(N, Admitted(1)),
    market(CustomerIn(T, "terminal", 1)),
    market(CustomerIn(AGENT, "service-agent", 1)),
    line(AGENT, CustomerIn(U, "terminal", 1)),
]


def requested(call: int, terminal: str = T, provider: str = MARKET) -> JournalEntry:
    return line(terminal, Requested(provider, call))


def called(auction: int, call: int, customer: str = T, at_s: float = 0.0) -> JournalEntry:
    return market(Called(customer, call, auction, 0.5, msgspec.structs.replace(WEB, market_s=at_s)))


def contracted(auction: int, call: int, price: float = 3.0, network: str = N) -> JournalEntry:
    return market(Contracted(network, call, auction, price, price / 2))


def committed(auction: int, price: float = 3.0, customer: str = T, network: str = N, at_s: float = 0.0) -> JournalEntry:
    return line(network, Committed(customer, auction, price, msgspec.structs.replace(WEB, market_s=at_s)))


def connected(call: int, price: float = 3.0, network: str = N, customer: str = T) -> JournalEntry:
    return line(customer, Connected(network, call, price))


def heard(outcome: Outcome, call: int, customer: str = T) -> JournalEntry:
    return line(customer, Heard(call, outcome))


def won(
    auction: int, call: int, price: float = 3.0, customer: str = T, network: str = N, at_s: float = 0.0
) -> list[JournalEntry]:
    """The market agent has auctioned the call, and the network has committed to it."""
    return [
        called(auction, call, customer, at_s),
        contracted(auction, call, price, network),
        committed(auction, price, customer, network, at_s),
    ]


def carried(auction: int, call: int, price: float = 3.0, network: str = N, at_s: float = 0.0) -> list[JournalEntry]:
    return [
        requested(call),
        *won(auction, call, price, network=network, at_s=at_s),
        connected(call, price, network),
    ]


def served(auction: int, call: int, price: float = 3.0, network: str = N, at_s: float = 0.0) -> list[JournalEntry]:
    return [
        *carried(auction, call, price, network, at_s),
        market(Reported(T, call, auction)),
        heard("served", call),
        market(Served(network, call, auction)),
    ]


BLOCKED = [requested(9), called(9, 9, at_s=900.0), market(Blocked(T, 9, 9)), heard("blocked", 9)]
DECOMMITTED = [*carried(8, 8, at_s=800.0), market(Decommitted(N, 8, 8)), heard("decommitted", 8)]
BROKERED = [
    requested(1, U, AGENT),
    line(AGENT, Brokered(U, 1, 7, 0.5, 0.5, WEB)),
    *won(7, 7, 2.0, AGENT, at_s=700.0),
    connected(7, 2.0, customer=AGENT),
    connected(1, 2.5, customer=U),
    market(Reported(AGENT, 7, 7)),
    heard("served", 7, AGENT),
    heard("served", 1, U),
    market(Served(N, 7, 7)),
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
    asked, refused = requested(1, U, AGENT), line(AGENT, Refused(U, 1))
    ledger = CallLedger([asked, refused, refused, heard("blocked", 1, U)])
    assert (ledger.breaches, ledger.doubts) == ([], [])


def test_commit_at_another_price_than_contracted() -> None:
    lines = carried(1, 1)
    assert rules(*STARTED, *lines[:3], committed(1, 4.0), lines[4]) == ["contract"]


def test_commit_of_a_network_that_has_not_won() -> None:
    assert rules(*STARTED, *carried(1, 1), committed(2, 1.0, network=M)) == ["contract"]


def test_customer_that_was_told_another_price_than_the_network() -> None:
    lines = carried(1, 1)
    assert rules(*STARTED, *lines[:4], connected(1, 4.0)) == ["contract"]


def test_terminal_that_was_told_more_than_price_and_fee() -> None:
    lines = [connected(1, 2.6, customer=U) if one == connected(1, 2.5, customer=U) else one for one in BROKERED]
    assert set(rules(*STARTED, *lines)) == {"contract"}


def test_contract_that_nobody_gave() -> None:
    asked, *_, told = carried(1, 1)
    assert rules(*STARTED, asked, told) == ["contract"]


def test_call_that_was_auctioned_but_never_asked_for() -> None:
    assert rules(line(T, MarketOpened()), requested(2), *STARTED, *won(1, 1)) == ["contract"]


def test_call_served_without_a_commit() -> None:
    lines = [one for one in served(1, 1) if one.kind != "committed"]
    assert rules(*STARTED, *lines) == ["contract"]


def test_call_that_is_auctioned_under_two_numbers() -> None:
    assert "once" in rules(*STARTED, *carried(1, 1), *won(2, 1))


def test_customer_and_market_agent_that_disagree_on_an_outcome() -> None:
    ended = [market(Decommitted(N, 1, 1)), heard("served", 1)]
    assert rules(*STARTED, *carried(1, 1), *ended) == ["outcome"]


def test_outcome_that_customers_know_before_the_market_agent() -> None:
    assert rules(*STARTED, *carried(1, 1), heard("served", 1)) == ["outcome"]


def test_call_that_is_broken_off_after_it_was_reported_served() -> None:
    ended = [market(Reported(T, 1, 1)), market(Decommitted(N, 1, 1))]
    assert rules(*STARTED, *carried(1, 1), *ended) == ["once"]


@pytest.mark.parametrize(
    "early",
    [
        market(Served(N, 3, 3)),
        heard("served", 3),
        contracted(3, 3),
        connected(3),
    ],
)
def test_line_that_follows_from_nothing(early: JournalEntry) -> None:
    assert rules(*STARTED, early) == ["order"]


def test_blocked_call_with_a_contract() -> None:
    assert rules(*STARTED, *won(1, 1), market(Blocked(T, 1, 1))) == ["order"]


def test_call_served_without_a_contract() -> None:
    assert rules(*STARTED, called(1, 1), market(Served(N, 1, 1))) == ["order"]


def test_network_that_carries_more_than_its_capacity() -> None:
    assert rules(*STARTED, *carried(1, 1), *carried(2, 2), *carried(3, 3)) == ["capacity"]


def test_capacity_is_free_again_when_a_call_ends() -> None:
    assert rules(*STARTED, *carried(1, 1), *carried(2, 2), *carried(3, 3, at_s=100.0)) == []


def test_capacity_is_free_again_when_a_network_is_admitted_anew() -> None:
    gone = [market(Decommitted(N, number, number)) for number in (1, 2)]
    lines = [*carried(1, 1), *carried(2, 2), *gone, line(N, Admitted(2)), *carried(3, 3)]
    assert rules(*STARTED, *lines) == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([requested(1)], "not auctioned yet"),
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
