"""Journals on disk."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from node.protocol.machine import JournalEntry
from node.runtime.journal import Journal, JournalError, read_journal


def entry(kind: str, node: str = "a/b", charge: float = 6.0) -> JournalEntry:
    return JournalEntry(1.5, node, kind, "s/s", 0, 3, 4, 5.0, charge)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nodes.sqlite"


def test_what_is_written_is_read_in_its_order(path: Path) -> None:
    journal = Journal(path)
    journal.append([entry("wanted", charge=float("inf")), entry("accepted")])
    journal.append([entry("bought")])
    assert read_journal(path) == [entry("wanted", charge=float("inf")), entry("accepted"), entry("bought")]


def test_reading_a_closed_journal_leaves_nothing_beside_it(path: Path) -> None:
    journal = Journal(path)
    journal.append([entry("accepted")])
    journal.close()
    assert read_journal(path) == [entry("accepted")]
    assert list(path.parent.iterdir()) == [path]


def test_past_counts_lives_and_keeps_nodes_apart(path: Path) -> None:
    journal = Journal(path)
    journal.append([entry("started"), entry("started", "a/c"), entry("accepted")])
    journal.close()
    journal = Journal(path)
    journal.append([entry("started")])
    past = journal.past()
    assert (past["a/b"].lives, past["a/c"].lives) == (2, 1)
    assert [one.kind for one in past["a/b"].entries] == ["started", "accepted", "started"]


def test_new_journal_has_no_past(path: Path) -> None:
    assert Journal(path).past() == {}


def test_entries_of_a_failed_write_are_not_there_at_all(path: Path) -> None:
    journal = Journal(path)
    spoilt = JournalEntry(1.5, None, "accepted", "s/s", 0, 3, 4, 5.0, 6.0)  # type: ignore[arg-type]
    with pytest.raises(JournalError, match="NOT NULL"):
        journal.append([entry("accepted"), spoilt])
    assert read_journal(path) == []


def test_other_files_are_refused_and_named(path: Path) -> None:
    path.write_text("these are the times that try men's souls" * 40)
    for opened in (Journal, read_journal):
        with pytest.raises(JournalError, match=str(path)):
            opened(path)


def test_other_databases_are_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE cooking (recipe TEXT)")
    for opened in (Journal, read_journal):
        with pytest.raises(JournalError, match="not a journal"):
            opened(path)


def test_missing_journal_is_named(path: Path) -> None:
    with pytest.raises(JournalError, match="no such file"):
        read_journal(path)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nowhere"):
        Journal(tmp_path / "nowhere" / "nodes.sqlite")


WRITER = """
import sys
from pathlib import Path
from node.protocol.machine import JournalEntry
from node.runtime.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(10**9):
    journal.append([JournalEntry(0.0, "a/b", "sold", "s/s", 0, number, half, 0.0, 0.0) for half in (0, 1)])
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

    rounds = [one.round for one in read_journal(path)]
    assert len(rounds) % 2 == 0
    assert rounds == sorted(rounds)
    assert safe <= rounds[-1] <= safe + 1


@pytest.mark.parametrize(
    ("kind", "auction", "waits"), [("committed", 1, 2), ("decommitted", 1, 2), ("connected", 0, 1)]
)
def test_only_lines_that_bind_wait_for_the_disk(tmp_path: Path, kind: str, auction: int, waits: int) -> None:
    journal = Journal(tmp_path / "a.sqlite")
    journal.append([JournalEntry(0.0, "n/n", "connected", "", 0, 0, 1, 0.0, 0.0)])
    journal.append([JournalEntry(0.0, "n/n", kind, "", auction, 0, 1, 0.0, 0.0)])
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (waits,)
