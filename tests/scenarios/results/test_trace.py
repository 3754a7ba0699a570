"""The trace on disk: every kind of record of every market, as lines and as columns."""

from pathlib import Path
from types import UnionType
from typing import Literal

import msgspec
import pyarrow.parquet as pq
import pytest

from bidswarm import read_trace
from node.protocol.dmp.trace import CallRecord
from node.protocol.psp.trace import BidPlaced, Cleared, ExchangeRecord
from node.protocol.trace import Joined, Record, Trace
from node.runtime.faults.plan import FaultRecord
from node.runtime.mqtt.host import TraceBatch
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market
from scenarios.results import folder as rundir
from scenarios.results.trace import EventLog, fields_of, read, to_parquet
from tests.kinds import examples

MARKETS = [pytest.param(ExchangeRecord, id="psp"), pytest.param(CallRecord, id="dmp")]


def one_of_each(told: UnionType) -> list[Record[Trace]]:
    return [Record(float(k), "a/a", what) for k, what in enumerate(examples(told))]


def written(folder: Path, records: list[Record[Trace]]) -> None:
    (folder / "events").mkdir()
    log = EventLog(folder / "events" / "worker-1.jsonl")
    log.write(records)
    log.close()


@pytest.mark.parametrize("told", MARKETS)
def test_every_kind_of_record_is_read_as_it_was_written(told: UnionType, tmp_path: Path) -> None:
    records = one_of_each(told | FaultRecord)
    written(tmp_path, records)
    assert list(read(tmp_path, told)) == records


@pytest.mark.parametrize("told", MARKETS)
def test_every_kind_of_record_reaches_observers_as_it_was_told(told: UnionType) -> None:
    batch = TraceBatch({"sent": 3}, one_of_each(told))
    decoder = msgspec.msgpack.Decoder(TraceBatch[Record[told]])  # type: ignore[valid-type]
    assert decoder.decode(msgspec.msgpack.encode(batch)) == batch


@pytest.mark.parametrize(("name", "told"), [("two-sellers", ExchangeRecord), ("congested", CallRecord)])
def test_trace_of_a_run_cut_short_is_read_by_the_market_in_its_folder(
    name: str, told: UnionType, tmp_path: Path
) -> None:
    rundir.write_json(tmp_path / "market.json", draw_market(load(name), 1))
    written(tmp_path, one_of_each(told))
    assert list(read_trace(tmp_path)) == one_of_each(told)
    told_at = [record.time_s for record in one_of_each(told)]
    assert [record.time_s for record in read_trace(tmp_path, opened_at=2.0)] == [max(0.0, at - 2.0) for at in told_at]


@pytest.mark.parametrize(("name", "told"), [("two-sellers", ExchangeRecord), ("congested", CallRecord)])
def test_trace_of_a_finished_run_is_read_from_its_table(name: str, told: UnionType, tmp_path: Path) -> None:
    rundir.write_json(tmp_path / "market.json", draw_market(load(name), 1))
    to_parquet(one_of_each(told | FaultRecord), told, tmp_path / "events.parquet")
    assert list(read_trace(tmp_path)) == one_of_each(told | FaultRecord)


@pytest.mark.parametrize("told", MARKETS)
def test_a_row_has_its_own_fields_and_null_for_all_others(told: UnionType, tmp_path: Path) -> None:
    records = one_of_each(told | FaultRecord)
    to_parquet(records, told, tmp_path / "events.parquet")
    rows = pq.read_table(tmp_path / "events.parquet").to_pylist()
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert (row.pop("time_s"), row.pop("node"), row.pop("kind")) == (record.time_s, record.node, record.kind)
        fields = msgspec.structs.asdict(record.what)
        assert row == dict.fromkeys(fields_of(told)) | fields


def test_columns_have_the_types_of_their_fields(tmp_path: Path) -> None:
    to_parquet([], ExchangeRecord, tmp_path / "events.parquet")
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "events.parquet")}
    assert [types[name] for name in ("node", "seq", "quantity_mb")] == ["string", "int64", "double"]
    assert types["hosts"] == "list<element: string>"


class Odd(Trace, frozen=True, tag="odd"):
    """Its round is a name, of all things."""

    round: str


class Optional(Trace, frozen=True, tag="optional"):
    """What it has may be missing, or is one of two."""

    round: int | None
    mood: Literal["good", "bad"] | None


def test_fields_of_one_name_have_one_type() -> None:
    with pytest.raises(TypeError, match=r"Odd\.round is <class 'str'>, and <class 'int'> in another record"):
        fields_of(Cleared | Odd)
    fields = fields_of(BidPlaced | Joined | Optional)
    assert (fields["round"], fields["mood"]) == (int, str)
