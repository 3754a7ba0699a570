"""What a node has bound itself to, safe on disk before it is said (docs/ledger.md): SQLite with a write-ahead log."""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from node.protocol.host import Past
from node.protocol.machine import JournalEntry, Restored

APPLICATION_ID = 0x62696473
"""Marks the files: "bids"."""

FORMAT = 1

_TOLD_AGAIN = frozenset({"requested", "connected", "served", "blocked"})
"""Kinds of lines that need not be on disk at once. A customer that loses one in a power cut asks again under the same
number and gets the same answer; ``decommitted`` is such a line too, in the journal of a customer. Each survives a crash
of the process at once, and a power cut as soon as a line that binds has been written after it."""

_COLUMNS = ", ".join(f'"{field}"' for field in JournalEntry.__struct_fields__)
_CREATE = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    peer TEXT NOT NULL,
    auction INTEGER NOT NULL,
    round INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    quantity REAL NOT NULL,
    charge REAL NOT NULL,
    at_s REAL NOT NULL,
    holding_s REAL NOT NULL,
    about TEXT NOT NULL
)
"""


class JournalError(Exception):
    """A journal cannot be read or written; the text names it. Nothing may be promised that cannot be written down."""


class Journal:
    """The journal of all nodes of one process.

    Parameters
    ----------
    path
        Made if it is not there.
    durable
        Whether an entry must survive the loss of power, not only of the process. It costs one write to the disk per
        turn in which something is agreed on.

    Raises
    ------
    JournalError
        If the file is not a journal of this format, or cannot be written.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._durable = self._waits = durable
        with self._explained():
            self._database = sqlite3.connect(path)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            if not self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                self._database.executescript(
                    f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; {_CREATE}"
                )
        _check_format(path, self._database)

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Write the entries down, all or none; when this returns they are safe, if they bind."""
        lines = list(entries)
        self._wait_for_disk(any(map(_binds, lines)))
        values = ", ".join("?" * len(JournalEntry.__struct_fields__))
        with self._explained(), self._database:
            self._database.executemany(
                f"INSERT INTO entries ({_COLUMNS}) VALUES ({values})",  # noqa: S608 - no part of it comes from outside
                map(msgspec.structs.astuple, lines),
            )

    def _wait_for_disk(self, binds: bool) -> None:  # noqa: FBT001 - the one thing there is to say
        waits = self._durable and binds
        if waits != self._waits:
            self._waits = waits
            with self._explained():
                self._database.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")

    def past(self) -> Past:
        """What the nodes wrote down in earlier lives, by address."""
        with self._explained():
            entries = list(_entries(self._database))
        lives: defaultdict[str, int] = defaultdict(int)
        written: defaultdict[str, list[JournalEntry]] = defaultdict(list)
        for entry in entries:
            lives[entry.node] += entry.kind == "started"
            written[entry.node].append(entry)
        return {node: Restored(lives[node], tuple(written[node])) for node in written}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error


def read_journal(path: Path) -> list[JournalEntry]:
    """All entries of a journal in their order, also while another process writes it.

    Raises
    ------
    JournalError
        If there is no journal of this format.
    """
    if not path.is_file():
        raise JournalError(f"{path}: there is no such file")
    try:
        with contextlib.closing(sqlite3.connect(_read_only(path.resolve()), uri=True)) as database:
            _check_format(path, database)
            return list(_entries(database))
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error


def _read_only(path: Path) -> str:
    """The URI of the file; reading one that nobody writes leaves nothing beside it, so its disk may be read-only."""
    is_written = path.with_name(f"{path.name}-wal").exists()
    return f"{path.as_uri()}?mode=ro" + ("" if is_written else "&immutable=1")


def _entries(database: sqlite3.Connection) -> Iterator[JournalEntry]:
    for row in database.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY id"):  # noqa: S608 - as above
        yield JournalEntry(*row)


def _binds(entry: JournalEntry) -> bool:
    """Whether the line must be on disk before a frame leaves; only market agents name an auction in ``decommitted``."""
    return entry.kind not in _TOLD_AGAIN and not (entry.kind == "decommitted" and not entry.auction)


def _check_format(path: Path, database: sqlite3.Connection) -> None:
    try:
        found = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error
    if found != [APPLICATION_ID, FORMAT]:
        raise JournalError(f"{path}: not a journal that this version of bidswarm writes")
