"""``bidswarm ledger`` at the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.protocol.machine import JournalEntry
from node.runtime.journal import Journal
from scenarios.cli.main import app

T, N, MARKET = "t/user", "n/net", "ma/market"

CALL = [
    JournalEntry(0.0, N, "capacity", "", 0, 0, 0, 1000.0, 0.0),
    JournalEntry(1.0, T, "requested", MARKET, 0, 0, 1, 0.0, 0.0),
    JournalEntry(1.1, MARKET, "called", T, 1, 0, 1, 500.0, 0.0, 10.0, 60.0, "session/web"),
    JournalEntry(1.1, MARKET, "contracted", N, 1, 0, 1, 0.0, 0.25),
    JournalEntry(1.2, N, "committed", T, 1, 0, 0, 500.0, 0.25, 10.0, 60.0, "session/web"),
    JournalEntry(1.3, T, "connected", N, 0, 0, 1, 0.0, 0.25),
    JournalEntry(7.0, MARKET, "reported", T, 1, 0, 1, 0.0, 0.0),
    JournalEntry(7.1, T, "served", N, 0, 0, 1, 0.0, 0.25),
]
SALE = [
    JournalEntry(0.0, "b/b", "wanted", "", 0, 0, 0, 50.0, 10.0),
    JournalEntry(0.0, "s/s", "offered", "", 0, 0, 0, 100.0, 0.0),
    JournalEntry(1.0, "b/b", "accepted", "s/s", 0, 1, 1, 30.0, 6.0),
    JournalEntry(1.1, "s/s", "sold", "b/b", 0, 1, 1, 30.0, 6.0),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for journals."""
    (tmp_path / "journals").mkdir()
    return tmp_path


def write(folder: Path, name: str, lines: list[JournalEntry]) -> None:
    journal = Journal(folder / "journals" / f"{name}.sqlite", durable=False)
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
    assert "1 calls auctioned: 1 served, 0 decommitted, 0 blocked" in text
    assert "networks earn 0.25, customers pay them 0.25" in text
    assert "receipts" not in text


def test_a_breach_of_the_books_of_calls_exits_with_1(folder: Path) -> None:
    write(folder, "all", [*CALL, CALL[4]])
    code, text = said(folder)
    assert code == 1
    assert "auction 1: committed twice" in text


def test_journals_of_an_exchange_are_told_from_those_of_calls(folder: Path) -> None:
    write(folder, "all", SALE)
    code, text = said(folder)
    assert code == 0
    assert "sellers gave 1 receipts: 30 MB for 6" in text
    assert "receipt on its way" in text
    assert "calls" not in text


def test_json_has_both_markets(folder: Path) -> None:
    write(folder, "all", [*SALE, *CALL[:6]])
    code, text = said(folder, "--format", "json")
    found = json.loads(text)
    assert code == 0
    sales, calls = found["psp"], found["dmp"]
    assert (sales["sales"], calls["calls"], calls["served"], found["breaches"]) == (1, 1, 0, [])
    assert [one["why"] for one in sales["in_doubt"]] == ["receipt on its way"]
    assert [one["why"] for one in calls["in_doubt"]] == ["call not over yet"]
