"""The files that every run leaves, and the columns that say in each table of which run it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import msgspec

from scenarios.extras import needs
from scenarios.results import folder as rundir
from scenarios.results.outcome import Summary

LABELS = ("run", "scenario", "seed", "world", "settings")
"""With these columns every table of a run begins; those of a sweep have one for each parameter in place of the last."""


def settings_label(settings: Sequence[str]) -> dict[str, str]:
    """What was given as ``--set key=value``, as the one column that tables of any two runs share: a JSON object."""
    given = dict(one.split("=", 1) for one in settings)
    return {"settings": msgspec.json.encode(given, order="sorted").decode()}


def labels_of(summary: Summary, more: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the columns that say of which run a table is."""
    folder = Path(summary.run_dir)
    return {
        "run": folder.name,
        "scenario": summary.scenario,
        "seed": summary.seed,
        "world": summary.world,
        **more,
    }


def arrow_type(*values: object) -> Any:  # noqa: ANN401 - a type of pyarrow
    """The type of a column with these values; numbers, if all of them are null."""
    arrow = needs("pyarrow")
    kinds = {type(value) for value in values} - {NoneType}
    for kind, name in ((bool, "bool_"), (int, "int64"), (str, "string")):
        if kinds == {kind}:
            return getattr(arrow, name)()
    return arrow.float64()


def keep(
    folder: Path,
    summary: Summary,
    counters: Mapping[str, int],
    tables: Mapping[str, Mapping[str, Sequence[Any]]],
    labels: Mapping[str, Any],
) -> None:
    """Write summary.json, counters.json and the tables, each with the labels as its first columns."""
    rundir.write_json(folder / "summary.json", summary)
    rundir.write_json(folder / "counters.json", dict(sorted(counters.items())))
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    for name, columns in tables.items():
        table = arrow.table(columns)
        own = {key: arrow.array([value] * table.num_rows, arrow_type(value)) for key, value in labels.items()}
        rest = {key: table[key] for key in table.column_names if key not in own}
        parquet.write_table(arrow.table({**own, **rest}), folder / f"{name}.parquet")
