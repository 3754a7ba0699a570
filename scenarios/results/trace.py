"""The trace of a run on disk: lines of JSON while it runs, one Parquet file when it is over."""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from node.protocol.host import Record
from scenarios.extras import needs

FIELDS = Record.__struct_fields__
ROWS_PER_GROUP = 100_000

_decoder = msgspec.json.Decoder(Record)


class EventLog:
    """Appends records to a file of its own; what was written survives a crash of the process."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._encoder = msgspec.json.Encoder()

    def write(self, records: Iterable[Record]) -> None:
        """Append the records, one line each."""
        self._file.write(self._encoder.encode_lines(records))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


def read(folder: Path, opened_at: float = 0.0) -> Iterator[Record]:
    """All records of a run folder by time, counted from ``opened_at``; a line cut short by a crash is left out."""
    parts = [_lines(path, opened_at) for path in sorted((folder / "events").glob("*.jsonl"))]
    return heapq.merge(*parts, key=lambda record: record.time_s)


def _lines(path: Path, opened_at: float) -> Iterator[Record]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                record = _decoder.decode(line)
                yield msgspec.structs.replace(record, time_s=record.time_s - opened_at)


def to_parquet(records: Iterable[Record], path: Path) -> None:
    """Write the records as one Parquet file, a row group at a time."""
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    text, number = arrow.string(), arrow.float64()
    types = [number, text, text, text, arrow.int64(), arrow.int64(), number, number, number]
    schema = arrow.schema(list(zip(FIELDS, types, strict=True)))
    with parquet.ParquetWriter(path, schema) as writer:
        for group in _groups(records):
            columns = zip(*map(msgspec.structs.astuple, group), strict=True)
            writer.write_table(arrow.table([list(column) for column in columns], schema=schema))


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    for record in records:
        group.append(record)
        if len(group) == ROWS_PER_GROUP:
            yield group
            group = []
    if group:
        yield group
