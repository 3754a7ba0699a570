"""``bidswarm ledger`` at the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.protocol.dmp.journal import (
    Called,
    CallEntry,
    Capacity,
    Committed,
    Connected,
    Contracted,
    Heard,
    Reported,
    Requested,
    Wanted,
)
from node.protocol.journal import JournalEntry
from node.protocol.psp import journal as exchange
from node.protocol.psp.journal import Accepted, ExchangeEntry, Offered, Sold
from node.runtime.journal import Journal, JournalError
from scenarios.cli.main import app

ENTRIES = {"psp": ExchangeEntry, "dmp": CallEntry, "barter": ExchangeEntry}

T, N, MARKET = "t/user", "n/net", "ma/market"

WEB = Wanted(10.0, 60.0, 500.0, "web", "session")

CALL = [
    JournalEntry(0.0, N, Capacity(1000.0)),
    JournalEntry(1.0, T, Requested(MARKET, 1)),
    JournalEntry(1.1, MARKET, Called(T, 1, 1, 0.0, WEB)),
    JournalEntry(1.1, MARKET, Contracted(N, 1, 1, 0.25, 0.0)),
    JournalEntry(1.2, N, Committed(T, 1, 0.25, WEB)),
    JournalEntry(1.3, T, Connected(N, 1, 0.25)),
    JournalEntry(7.0, MARKET, Reported(T, 1, 1)),
    JournalEntry(7.1, T, Heard(1, "served")),
]
SALE = [
    JournalEntry(0.0, "b/b", exchange.Wanted(50.0, 10.0)),
    JournalEntry(0.0, "s/s", Offered(0, 100.0)),
    JournalEntry(1.0, "b/b", Accepted("s/s", 0, 1, 1, 30.0, 6.0, 50.0)),
    JournalEntry(1.1, "s/s", Sold("b/b", 0, 1, 1, 30.0, 6.0)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for journals."""
    (tmp_path / "journals").mkdir()
    return tmp_path


def write(folder: Path, name: str, lines: list[JournalEntry], market: str = "dmp") -> None:
    journal = Journal(folder / "journals" / f"{name}.sqlite", market, ENTRIES[market], durable=False)
    journal.append(lines)
    journal.close()


def said(folder: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["ledger", str(folder), *options])
    return result.exit_code, result.stdout


def test_honest_journals_of_calls_hold(folder: Path) -> None:
    write(folder, "phone", [one for one in CALL if one.node == T])
    write(folder, "cell", [one for one in CALL if one.node != T])
    code, text = said(folder)
    assert code == 0
    assert "2 journals of 3 nodes" in text
    assert "1 call auctioned: 1 served, 0 decommitted, 0 blocked" in text
    assert "networks earn 0.25, customers pay them 0.25" in text
    assert "receipts" not in text


def test_a_breach_of_the_books_of_calls_exits_with_1(folder: Path) -> None:
    write(folder, "all", [*CALL, CALL[4]])
    code, text = said(folder)
    assert code == 1
    assert "auction 1: committed twice" in text


def test_journals_of_an_exchange_are_told_from_those_of_calls(folder: Path) -> None:
    write(folder, "all", SALE, "psp")
    code, text = said(folder)
    assert code == 0
    assert "sellers gave 1 receipt: 30 MB for 6" in text
    assert "receipt on its way" in text
    assert "calls" not in text


def test_json_has_both_markets(folder: Path) -> None:
    write(folder, "sale", SALE, "psp")
    write(folder, "call", CALL[:6])
    code, text = said(folder, "--format", "json")
    found = json.loads(text)
    assert code == 0
    sales, calls = found["psp"], found["dmp"]
    assert (sales["sales"], calls["calls"], calls["served"], found["breaches"]) == (1, 1, 0, [])
    assert [one["why"] for one in sales["in_doubt"]] == ["receipt on its way"]
    assert [one["why"] for one in calls["in_doubt"]] == ["call not over yet"]


def test_journal_of_a_market_that_is_not_installed_is_named(folder: Path) -> None:
    write(folder, "all", [], "barter")
    result = CliRunner().invoke(app, ["ledger", str(folder)])
    assert isinstance(result.exception, JournalError)
    assert "a journal of a market of kind 'barter'; installed are only: dmp, psp" in str(result.exception)
