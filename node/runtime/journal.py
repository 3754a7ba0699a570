"""What a node has bound itself to, safe on disk before it is said (docs/ledger.md): SQLite with a write-ahead log."""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import get_args

import msgspec

from node.protocol.host import Past
from node.protocol.journal import Entry, JournalEntry, LifeBegun
from node.protocol.machine import Restored

APPLICATION_ID = 0x62696473
"""Marks the files: "bids"."""

FORMAT = 2

_CREATE = """
CREATE TABLE meta (market TEXT NOT NULL);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    binds INTEGER NOT NULL,
    fields TEXT NOT NULL
);
"""


class JournalError(Exception):
    """A journal cannot be read or written; the text names it. Nothing may be promised that cannot be written down."""


class Journal:
    """The journal of all nodes of one process.

    Parameters
    ----------
    path
        Made if it is not there.
    market, kinds
        The kind of market by name, which the file says for its readers, and the union of all entries there are in it.
    durable
        Whether an entry that binds must survive the loss of power, not only of the process. It costs one write to the
        disk per turn in which something is agreed on.

    Raises
    ------
    JournalError
        If the file is not a journal of this format and market, or cannot be written.
    """

    def __init__(self, path: Path, market: str, kinds: UnionType, *, durable: bool = True) -> None:
        self._path = path
        self._kinds = kinds
        self._durable = self._waits = durable
        with _explained(path):
            self._database = sqlite3.connect(path)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            if not self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                self._database.executescript(
                    f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; {_CREATE}"
                )
                with self._database:
                    self._database.execute("INSERT INTO meta VALUES (?)", (market,))
        found = _market(path, self._database)
        if found != market:
            raise JournalError(f"{path}: a journal of a market of kind {found!r}, not {market!r}: give another file")

    def append(self, lines: Iterable[JournalEntry]) -> None:
        """Write the lines down, all or none; when this returns they are safe, those that bind from a loss of power."""
        written = list(lines)
        self._wait_for_disk(any(line.binds for line in written))
        rows = [(line.time_s, line.node, line.kind, line.binds, _fields(line.entry)) for line in written]
        with _explained(self._path), self._database:
            self._database.executemany(
                "INSERT INTO entries (time_s, node, kind, binds, fields) VALUES (?, ?, ?, ?, ?)", rows
            )

    def _wait_for_disk(self, binds: bool) -> None:  # noqa: FBT001 - the one thing there is to say
        waits = self._durable and binds
        if waits != self._waits:
            self._waits = waits
            with _explained(self._path):
                self._database.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")

    def past(self) -> Past:
        """What the nodes wrote down in earlier lives, by address."""
        lives: defaultdict[str, int] = defaultdict(int)
        written: defaultdict[str, list[JournalEntry]] = defaultdict(list)
        for line in _read(self._path, self._database, self._kinds):
            lives[line.node] += isinstance(line.entry, LifeBegun)
            written[line.node].append(line)
        return {node: Restored(lives[node], tuple(written[node])) for node in written}

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def market_of(path: Path) -> str:
    """The kind of market that a journal is of.

    Raises
    ------
    JournalError
        If there is no journal of this format.
    """
    with _opened(path) as database:
        return _market(path, database)


def read_journal(path: Path, kinds: UnionType) -> list[JournalEntry]:
    """All lines of a journal in their order, also while another process writes it.

    Parameters
    ----------
    kinds
        The union of all entries there are in its market.

    Raises
    ------
    JournalError
        If there is no journal of this format, or it is of another market.
    """
    with _opened(path) as database:
        _market(path, database)
        return _read(path, database, kinds)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise JournalError(f"{path}: there is no such file")
    with _explained(path), contextlib.closing(sqlite3.connect(_read_only(path.resolve()), uri=True)) as database:
        yield database


def _read_only(path: Path) -> str:
    """The URI of the file; reading one that nobody writes leaves nothing beside it, so its disk may be read-only."""
    is_written = path.with_name(f"{path.name}-wal").exists()
    return f"{path.as_uri()}?mode=ro" + ("" if is_written else "&immutable=1")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error


def _market(path: Path, database: sqlite3.Connection) -> str:
    """The market that a file of this format is of."""
    with _explained(path):
        found, version = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if found != APPLICATION_ID:
            raise JournalError(f"{path}: not a journal of bidswarm")
        if version != FORMAT:
            raise JournalError(
                f"{path}: a journal of format {version}, and this version of bidswarm reads format {FORMAT} alone: "
                "read it with the version that wrote it, and begin another one"
            )
        return str(database.execute("SELECT market FROM meta").fetchone()[0])


def _fields(entry: Entry) -> str:
    return msgspec.json.encode(msgspec.structs.asdict(entry)).decode()


def _read(path: Path, database: sqlite3.Connection, kinds: UnionType) -> list[JournalEntry]:
    decoders = {kind.__struct_config__.tag: msgspec.json.Decoder(kind) for kind in get_args(kinds)}
    lines = []
    with _explained(path):
        rows = database.execute("SELECT id, time_s, node, kind, binds, fields FROM entries ORDER BY id")
        for number, time_s, node, kind, binds, fields in rows:
            if kind not in decoders:
                raise JournalError(f"{path}: line {number} is of kind {kind!r}, which its market does not know")
            try:
                entry = decoders[kind].decode(fields)
            except msgspec.MsgspecError as error:
                raise JournalError(f"{path}: line {number}, {kind}: {error}") from error
            lines.append(JournalEntry(time_s, node, entry, bool(binds)))
    return lines
