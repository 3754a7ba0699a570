"""The files that every run leaves."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any

from scenarios.extras import needs
from scenarios.results import folder as rundir
from scenarios.results import trace as events
from scenarios.results.outcome import Summary


def keep(
    folder: Path,
    summary: Summary,
    counters: Mapping[str, int],
    tables: Mapping[str, Mapping[str, Sequence[Any]]],
    opened_at: float,
    told: UnionType,
) -> None:
    """Write summary.json, counters.json, the tables and the trace as Parquet; ``told`` is all that nodes tell."""
    rundir.write_json(folder / "summary.json", summary)
    rundir.write_json(folder / "counters.json", dict(sorted(counters.items())))
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    for name, columns in tables.items():
        parquet.write_table(arrow.table(columns), folder / f"{name}.parquet")
    events.to_parquet(events.read(folder, told, opened_at), told, folder / "events.parquet")
    shutil.rmtree(folder / "events")
