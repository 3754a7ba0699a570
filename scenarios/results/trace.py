"""The trace of a run on disk: lines of JSON while it runs, one Parquet file when it is over."""

import heapq
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultRecord
from scenarios.extras import needs

LINES, ARCHIVE = "events", "events.parquet"
"""In the folder of a run: where the trace is while it goes on, and afterwards."""

ROWS_PER_GROUP = 100_000

ROWS_PER_BATCH, BUFFER_BYTES = 2_000, 65_536
"""Read at once, of all columns and of each: as objects of Python rows take some hundred times the room that they take
in the file."""

Line = Record[Trace]


class EventLog:
    """Appends records to a file of its own; what was written survives a crash of the process."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._encoder = msgspec.json.Encoder()

    def write(self, records: Iterable[Line]) -> None:
        """Append the records, one line each."""
        self._file.write(self._encoder.encode_lines(records))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


def read(folder: Path, told: UnionType, opened_at: float = 0.0) -> Iterator[Line]:
    """All records of a run folder by time, counted from ``opened_at``; a line cut short by a crash is left out.

    What happened before, such as a registration, happened at 0.

    Parameters
    ----------
    told
        The union of all that nodes of this market tell.
    """
    decoder = msgspec.json.Decoder(Record[told | FaultRecord])  # type: ignore[valid-type]
    parts = [_lines(path, decoder, opened_at) for path in sorted((folder / LINES).glob("*.jsonl"))]
    return heapq.merge(*parts, key=lambda record: record.time_s)


def _lines(path: Path, decoder: msgspec.json.Decoder[Line], opened_at: float) -> Iterator[Line]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                record = decoder.decode(line)
                yield Record(max(0.0, record.time_s - opened_at), record.node, record.what)


def fields_of(told: UnionType) -> dict[str, Any]:
    """All fields that records of a market and faults have, and the type of each, without None.

    Raises
    ------
    TypeError
        If two kinds of records have a field of one name and different types, or one that no column can hold.
    """
    found: dict[str, Any] = {}
    for kind in get_args(told | FaultRecord):
        for field in msgspec.structs.fields(kind):
            type_ = _plain(field.type)
            if found.setdefault(field.name, type_) != type_:
                raise TypeError(f"{kind.__name__}.{field.name} is {type_}, and {found[field.name]} in another record")
    return found


def _plain(annotation: Any) -> Any:  # noqa: ANN401 - annotations
    """The type that a column holds, bounds aside: null where a value is optional, text where it is one of several."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(annotation.__origin__)
    if origin is Literal:
        return str
    kinds = [one for one in get_args(annotation) if one is not NoneType]
    return _plain(kinds[0]) if origin in {Union, UnionType} and len(kinds) == 1 else annotation


def archive(folder: Path, told: UnionType, opened_at: float, *, is_over: bool) -> None:
    """Put the lines of a run folder into its Parquet file, if there are any, and remove them if the run is over."""
    lines, archived = folder / LINES, folder / ARCHIVE
    if not lines.exists():
        return
    if not (is_over and is_whole(archived)):
        part = archived.with_name(f"{ARCHIVE}.part")
        to_parquet(read(folder, told, opened_at), told, part)
        part.replace(archived)
    if is_over:
        shutil.rmtree(lines)


def is_whole(path: Path) -> bool:
    """Whether it is a Parquet file, and was written to its end."""
    try:
        needs("pyarrow.parquet").ParquetFile(path).close()
    except (OSError, needs("pyarrow").ArrowException):
        return False
    return True


def to_parquet(records: Iterable[Line], told: UnionType, path: Path) -> None:
    """Write the records as one Parquet file, a row group at a time: a column for each field of any kind of record."""
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    text, number = arrow.string(), arrow.float64()
    types = {str: text, int: arrow.int64(), float: number, list[str]: arrow.list_(text)}
    fields = {name: types[type_] for name, type_ in fields_of(told).items()}
    schema = arrow.schema({"time_s": number, "node": text, "kind": text, **fields})
    with parquet.ParquetWriter(path, schema) as writer:
        for group in _groups(records):
            writer.write_table(arrow.table(_columns(group, fields), schema=schema))


def from_parquet(path: Path, told: UnionType) -> Iterator[Line]:
    """The records of a Parquet file that ``to_parquet`` wrote, in their order."""
    kinds = {kind.__struct_config__.tag: kind for kind in get_args(told | FaultRecord)}
    with needs("pyarrow.parquet").ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
        for batch in file.iter_batches(ROWS_PER_BATCH, use_threads=False):
            for row in batch.to_pylist():
                kind = kinds[row["kind"]]
                what = kind(*(row[field] for field in kind.__struct_fields__))
                yield Record(row["time_s"], row["node"], what)


def _columns(group: list[Line], fields: Iterable[str]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [None] * len(group) for name in fields}
    for row, record in enumerate(group):
        what = record.what
        for name in what.__struct_fields__:
            columns[name][row] = getattr(what, name)
    return {
        "time_s": [record.time_s for record in group],
        "node": [record.node for record in group],
        "kind": [record.kind for record in group],
        **columns,
    }


def _groups(records: Iterable[Line]) -> Iterator[list[Line]]:
    group: list[Line] = []
    for record in records:
        group.append(record)
        if len(group) == ROWS_PER_GROUP:
            yield group
            group = []
    if group:
        yield group
