"""What a sweep keeps of its runs, and that DuckDB reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from bidswarm import read_trace, run, sweep
from scenarios.results import tables
from scenarios.sweep.sweep import Sweep

SETTINGS = {"buyers.0.count": [3, 4], "sellers.0.count": [3], "auction.mechanism": ["psp"]}
LABELS = ["run", "scenario", "seed", "world", *SETTINGS]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    return sweep("neighbourhood", SETTINGS, seeds=range(2), workers=2, keep="tables", out=folder)


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def rows(of: Sweep) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(of.table).to_pylist()
    return found


def test_tables_are_those_of_the_run_and_say_of_which(swept: Sweep, tmp_path: Path) -> None:
    row = rows(swept)[3]
    settings = [f"{key}={row[key]}" for key in SETTINGS]
    alone = run("neighbourhood", settings=settings, seed=row["seed"], world="sim", out=tmp_path, pictures=False)
    folder = swept.folder / "runs" / row["run"]

    assert {entry.name for entry in folder.iterdir()} == {"summary.json", *(f"{name}.parquet" for name in alone.TABLES)}
    for name in alone.TABLES:
        kept = pq.read_table(folder / f"{name}.parquet")
        assert kept.column_names[: len(LABELS)] == LABELS
        own = pq.read_table(alone.run_dir / f"{name}.parquet")
        assert own.column_names[: len(tables.LABELS)] == list(tables.LABELS)
        told = [kept.drop_columns(LABELS), own.drop_columns(tables.LABELS)]
        assert len({repr(table.to_pylist()) for table in told}) == 1  # NaN is NaN in these
        assert set(map(tuple, kept.select(LABELS).to_pandas().to_numpy().tolist())) == {
            tuple(row[label] for label in LABELS)
        }
    summary = json.loads((folder / "summary.json").read_bytes())
    assert summary["run_dir"] == str(folder)
    assert summary["welfare"] == row["welfare"]


def test_duckdb_reads_the_tables_of_all_runs_and_joins_them_with_the_sweep(
    swept: Sweep, database: duckdb.DuckDBPyConnection
) -> None:
    auctions = f"'{swept.folder}/runs/*/auctions.parquet'"
    revenue = dict(database.sql(f"SELECT run, sum(revenue) FROM {auctions} GROUP BY run").fetchall())
    joined = database.sql(
        f"SELECT s.run, s.revenue, sum(a.sold_mb) - any_value(s.sold) FROM '{swept.table}' s "
        f'JOIN {auctions} a USING (run, seed, "buyers.0.count") GROUP BY ALL'
    ).fetchall()

    assert len(joined) == 4
    for run_id, of_sweep, difference in joined:
        assert revenue[run_id] == pytest.approx(of_sweep)
        assert difference == pytest.approx(0.0, abs=1e-9)


def test_duckdb_reads_the_tables_of_runs_that_were_set_differently(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for settings in (["buyers.0.count=3", "auction.quiet_period_s=0.5"], ["buyers.0.count=4"], []):
        run("two-sellers", settings=settings, seed=7, world="sim", out=tmp_path / "runs", pictures=False)
    auctions = f"'{tmp_path}/runs/*/auctions.parquet'"
    found = database.sql(
        f"SELECT settings->>'buyers.0.count', scenario, seed, world, count(*) FROM {auctions} GROUP BY ALL ORDER BY 1"
    ).fetchall()
    assert found == [(count, "two-sellers", 7, "sim", 2) for count in ("3", "4", None)]


def test_all_keeps_the_whole_folder(tmp_path: Path) -> None:
    done = sweep("two-sellers", seeds=[5], workers=1, keep="all", out=tmp_path / "sweep")
    (row,) = rows(done)
    folder = done.folder / "runs" / row["run"]

    assert any(True for _ in read_trace(folder))
    assert json.loads((folder / "manifest.json").read_bytes())["status"] == "settled"
    assert pq.read_table(folder / "buyers.parquet").column_names[:4] == ["run", "scenario", "seed", "world"]
    assert (folder / "journals").is_dir()
    assert {entry.name for entry in done.folder.iterdir()} == {"runs", "sweep.json", "sweep.parquet"}


def test_summary_keeps_the_row_alone_and_all_keep_the_same_row(swept: Sweep, tmp_path: Path) -> None:
    bare = sweep("neighbourhood", SETTINGS, seeds=range(2), workers=1, out=tmp_path / "sweep")

    assert bare.table.read_bytes() == swept.table.read_bytes()
    assert {entry.suffix for entry in (bare.folder / "runs").iterdir()} == {".json"}
