"""The files that every run leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.extras import needs
from scenarios.results import folder as rundir
from scenarios.results.outcome import Summary


def keep(
    folder: Path,
    summary: Summary,
    counters: Mapping[str, int],
    tables: Mapping[str, Mapping[str, Sequence[Any]]],
) -> None:
    """Write summary.json, counters.json and the tables."""
    rundir.write_json(folder / "summary.json", summary)
    rundir.write_json(folder / "counters.json", dict(sorted(counters.items())))
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    for name, columns in tables.items():
        parquet.write_table(arrow.table(columns), folder / f"{name}.parquet")
