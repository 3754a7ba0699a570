"""Populations from CSV and Parquet files: one row, one user."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import ScenarioError, reason
from scenarios.extras import needs

Tables = dict[str, Any]

OWN_COLUMNS = {"sellers": {"name", "supply_mb", "reserve_price_per_mb"}, "buyers": {"name", "sellers", "budget_money"}}
"""Columns that set a key of the user; for buyers every other column sets one of its valuation."""


def with_file_rows(tables: Tables, folder: Path) -> tuple[Tables, dict[str, str]]:
    """The tables with every ``file`` replaced by its rows; a row's columns stand over the keys of its table.

    Rows count from 1, the heading of a CSV file not among them. With the tables comes where each user is from, so that
    errors can say so: ``sellers.7`` in these tables may be ``sellers.1`` of the scenario, or row 6 of a file.

    Raises
    ------
    ScenarioError
        If a file cannot be read; the text names it.
    """
    expanded = dict(tables)
    places: dict[str, str] = {}
    for kind, columns in OWN_COLUMNS.items():
        groups = tables.get(kind)
        if isinstance(groups, list):
            users = [found for k, group in enumerate(groups) for found in _users(group, k, kind, columns, folder)]
            expanded[kind] = [user for _, user in users]
            places |= {f"{kind}.{k}": place for k, (place, _) in enumerate(users)}
    return expanded, places


def _users(group: Any, index: int, kind: str, columns: set[str], folder: Path) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - not yet validated
    if not isinstance(group, dict) or not isinstance(group.get("file"), str):
        yield f"{kind}.{index}", group
        return
    path = folder / group["file"]
    common = {key: value for key, value in group.items() if key != "file"}
    if "count" in common:
        raise ScenarioError(f"{kind}: count = {common['count']!r} beside file = {group['file']!r}: give one of them")
    number = 0
    for number, row in enumerate(_rows(path), start=1):
        yield f"{path}, row {number}", _user(row, number, kind, columns, common, path)
    if not number:
        raise ScenarioError(f"{path}: no rows")


def _user(row: Tables, number: int, kind: str, columns: set[str], common: Tables, path: Path) -> Tables:
    user = {**common, "name": f"{common.get('name', kind.removesuffix('s'))}-{number}", **_own(row, columns)}
    user["name"] = str(user["name"])
    valuation = {key: value for key, value in row.items() if key not in columns}
    if kind == "buyers":
        shared = common.get("valuation", {})
        user["valuation"] = {**shared, **valuation} if isinstance(shared, dict) else shared
    elif valuation:
        raise ScenarioError(f"{path}: unknown column {next(iter(valuation))}; allowed: {', '.join(sorted(columns))}")
    return user


def _own(row: Mapping[str, Any], columns: set[str]) -> Tables:
    own = {key: value for key, value in row.items() if key in columns}
    if isinstance(own.get("sellers"), str):
        own["sellers"] = own["sellers"].split()
    return own


def _rows(path: Path) -> Iterator[Tables]:
    try:
        if path.suffix == ".parquet":
            yield from _parquet_rows(path)
        elif path.suffix == ".csv":
            yield from _csv_rows(path)
        else:
            raise ScenarioError(f"{path}: a population file is a .csv or a .parquet file")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(f"cannot read the population {path}: {reason(error)}") from error


def _csv_rows(path: Path) -> Iterator[Tables]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file, strict=True), start=1):
            if None in row or None in row.values():
                raise ScenarioError(f"{path}, row {number}: {row} does not have one value for each column")
            yield {key: _number_or_text(key, text) for key, text in row.items() if text != ""}


def _number_or_text(column: str, text: str) -> float | str:
    if column in {"name", "sellers", "kind"}:
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _parquet_rows(path: Path) -> Iterator[Tables]:
    parquet = needs("pyarrow.parquet")
    arrow = needs("pyarrow")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    yield {key: value for key, value in row.items() if value is not None}
    except arrow.ArrowException as error:
        raise ScenarioError(f"cannot read the population {path}: {reason(error)}") from error
