"""The tables of paired runs side by side: every auction and buyer of one market in two worlds."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from scenarios.compare.sides import Row, is_number
from scenarios.extras import needs
from scenarios.results.tables import LABELS

Named = Mapping[str, Mapping[str, Any]]
"""The rows of a table by name."""


class Beside(msgspec.Struct, frozen=True):
    """One number of one row of a table, in a run of the baseline and in its partner.

    Attributes
    ----------
    table, key, column
        Which number: for example of ``auctions``, ``seller-1``, ``price_per_mb``.
    """

    table: str
    column: str
    key: str
    seed: int
    side: str
    baseline_value: float
    value: float

    @property
    def difference(self) -> float:
        """By how much the side has more."""
        return self.value - self.baseline_value


class Spread(msgspec.Struct, frozen=True):
    """What the differences of one column come to."""

    table: str
    column: str
    side: str
    rows: int
    mean_baseline: float
    mean: float
    mean_absolute_difference: float
    largest_difference: float
    largest_at: str


def beside(side: str, pairs: Sequence[tuple[Row, Row]]) -> Iterator[Beside]:
    """All numbers of all tables that both runs of a pair have kept, and whose rows have names of their own."""
    for one, other in pairs:
        if one.folder is None or other.folder is None:
            continue
        for path in sorted(one.folder.glob("*.parquet")):
            if (other.folder / path.name).is_file():
                first, second = _by_name(path, one.labels), _by_name(other.folder / path.name, other.labels)
                yield from _of_table(path.stem, side, one.seed, first, second)


def _of_table(table: str, side: str, seed: int, first: Named, second: Named) -> Iterator[Beside]:
    for key in filter(second.__contains__, first):
        for column, value in first[key].items():
            against = second[key].get(column)
            if is_number(value) and is_number(against):
                yield Beside(table, column, key, seed, side, float(value), float(against))


def _by_name(path: Path, labels: Collection[str]) -> Named:
    """The rows by their first column, labels aside; nothing if that does not name each row."""
    parquet = needs("pyarrow.parquet")
    schema = parquet.read_schema(path)
    columns = [name for name in schema.names if name not in {*LABELS, *labels}]
    if not columns or str(schema.field(columns[0]).type) != "string":
        return {}
    rows = parquet.read_table(path, columns=columns).to_pylist()
    found = {row[columns[0]]: row for row in rows}
    return found if len(found) == len(rows) else {}


def spreads(numbers: Sequence[Beside]) -> Iterator[Spread]:
    """What the differences come to, by side, table and column."""
    grouped: dict[tuple[str, str, str], list[Beside]] = {}
    for number in numbers:
        grouped.setdefault((number.side, number.table, number.column), []).append(number)
    for (side, table, column), group in grouped.items():
        largest = max(group, key=lambda one: (abs(one.difference), one.key, -one.seed))
        yield Spread(
            table,
            column,
            side,
            len(group),
            sum(one.baseline_value for one in group) / len(group),
            sum(one.value for one in group) / len(group),
            sum(abs(one.difference) for one in group) / len(group),
            largest.difference,
            f"{largest.key}, seed {largest.seed}",
        )
