"""Journals on disk."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import UnionType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.dmp.journal import CallEntry
from node.protocol.journal import JournalEntry, LifeBegun
from node.protocol.psp.journal import Accepted, ExchangeEntry, Sold, Wanted
from node.runtime.journal import Journal, JournalError, market_of, read_journal
from tests.kinds import example, examples


def entry(node: str = "a/b", *, binds: bool = True) -> JournalEntry:
    return JournalEntry(1.5, node, example(Accepted), binds)


def journal_at(path: Path) -> Journal:
    return Journal(path, "psp", ExchangeEntry)


def read(path: Path) -> list[JournalEntry]:
    return read_journal(path, ExchangeEntry)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nodes.sqlite"


@pytest.mark.parametrize(("market", "kinds"), [("psp", ExchangeEntry), ("dmp", CallEntry)])
def test_what_is_written_is_read_in_its_order(path: Path, market: str, kinds: UnionType) -> None:
    lines = [JournalEntry(1.5, "a/b", one, one.kind != "connected") for one in examples(kinds)]
    journal = Journal(path, market, kinds)
    journal.append(lines[:3])
    journal.append(lines[3:])
    assert read_journal(path, kinds) == lines
    assert market_of(path) == market


@given(st.floats(allow_nan=False, allow_infinity=False), st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_amounts_are_kept_to_the_last_bit(demand: float, budget: float | None) -> None:
    journal = Journal(Path(":memory:"), "psp", ExchangeEntry, durable=False)
    journal.append([JournalEntry(0.0, "a/b", Wanted(demand, budget))])
    ((line,),) = (past.entries for past in journal.past().values())
    assert line.entry == Wanted(demand, budget)


def test_any_tool_for_sqlite_reads_a_journal_by_name(path: Path) -> None:
    journal_at(path).append([JournalEntry(1.5, "s/s", Sold("b/b", 0, 3, 4, 5.0, 6.0))])
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT node, kind, fields ->> 'buyer', fields ->> 'charge_money' FROM entries")
        assert rows.fetchall() == [("s/s", "sold", "b/b", 6.0)]


def test_reading_a_closed_journal_leaves_nothing_beside_it(path: Path) -> None:
    journal = journal_at(path)
    journal.append([entry()])
    journal.close()
    assert read(path) == [entry()]
    assert list(path.parent.iterdir()) == [path]


def test_past_counts_lives_and_keeps_nodes_apart(path: Path) -> None:
    begun, other = JournalEntry(1.5, "a/b", LifeBegun()), JournalEntry(1.5, "a/c", LifeBegun())
    journal = journal_at(path)
    journal.append([begun, other, entry()])
    journal.close()
    journal = journal_at(path)
    journal.append([begun])
    past = journal.past()
    assert (past["a/b"].lives, past["a/c"].lives) == (2, 1)
    assert past["a/b"].entries == (begun, entry(), begun)


def test_new_journal_has_no_past(path: Path) -> None:
    assert journal_at(path).past() == {}


def test_entries_of_a_failed_write_are_not_there_at_all(path: Path) -> None:
    journal = journal_at(path)
    spoilt = JournalEntry(1.5, None, example(Accepted))  # type: ignore[arg-type]
    with pytest.raises(JournalError, match="NOT NULL"):
        journal.append([entry(), spoilt])
    assert read(path) == []


def test_other_files_are_refused_and_named(path: Path) -> None:
    path.write_text("these are the times that try men's souls" * 40)
    for opened in (journal_at, read, market_of):
        with pytest.raises(JournalError, match=str(path)):
            opened(path)


def test_other_databases_are_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE cooking (recipe TEXT)")
    for opened in (journal_at, read, market_of):
        with pytest.raises(JournalError, match="not a journal"):
            opened(path)


def test_journal_of_another_format_is_refused(path: Path) -> None:
    journal_at(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 1")
    for opened in (journal_at, read, market_of):
        with pytest.raises(JournalError, match=r"format 1, .* reads format 2 alone"):
            opened(path)


def test_journal_of_another_market_is_refused(path: Path) -> None:
    journal = journal_at(path)
    journal.append([entry()])
    with pytest.raises(JournalError, match="of a market of kind 'psp', not 'dmp': give another file"):
        Journal(path, "dmp", CallEntry)
    with pytest.raises(JournalError, match="line 1 is of kind 'accepted', which its market does not know"):
        read_journal(path, CallEntry)


def test_line_that_was_altered_is_named(path: Path) -> None:
    journal_at(path).append([entry()])
    with sqlite3.connect(path) as database:
        database.execute("""UPDATE entries SET fields = '{"seller": 7}'""")
    with pytest.raises(JournalError, match=r"line 1, accepted: Expected `str`, got `int` - at `\$\.seller`"):
        read(path)


def test_missing_journal_is_named(path: Path) -> None:
    with pytest.raises(JournalError, match="no such file"):
        read(path)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nowhere"):
        journal_at(tmp_path / "nowhere" / "nodes.sqlite")


WRITER = """
import sys
from pathlib import Path
from node.protocol.journal import JournalEntry
from node.protocol.psp.journal import ExchangeEntry, Sold
from node.runtime.journal import Journal
journal = Journal(Path(sys.argv[1]), "psp", ExchangeEntry)
for number in range(10**9):
    journal.append([JournalEntry(0.0, "a/b", Sold("s/s", 0, number, half, 0.0, 0.0)) for half in (0, 1)])
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_process_leaves_all_that_it_was_told_is_safe_and_no_half_turn(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    safe = [int(writer.stdout.readline()) for _ in range(50)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    safe = max([safe, *map(int, writer.stdout.read().split())])
    writer.stdout.close()

    rounds = [line.entry.round for line in read(path) if isinstance(line.entry, Sold)]
    assert len(rounds) % 2 == 0
    assert rounds == sorted(rounds)
    assert safe <= rounds[-1] <= safe + 1


@pytest.mark.parametrize(("binds", "waits"), [(True, 2), (False, 1)])
def test_only_lines_that_bind_wait_for_the_disk(path: Path, binds: bool, waits: int) -> None:
    journal = journal_at(path)
    journal.append([entry(binds=False)])
    journal.append([entry(binds=False), entry(binds=binds)])
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (waits,)
