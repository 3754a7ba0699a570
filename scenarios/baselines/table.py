"""The table of a comparison: each figure of each mechanism, with its interval over seeds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from node.mechanism.rounding import ROUNDING
from scenarios.baselines.mechanisms import Baseline
from scenarios.compare.differences import interval
from scenarios.sweep.stopping import LEVEL

Row = Mapping[str, Any]


WHOLE_FROM = 1000.0
"""Numbers as large as that are shown without digits after the point."""


class Column(msgspec.Struct, frozen=True):
    """One figure: its head in the table, the figure of a summary times what, and in which worlds there is none."""

    head: str
    figure: str
    times: float = 1.0
    not_in: frozenset[str] = frozenset()


_NO_MESSAGES = frozenset({"direct", "array"})

COLUMNS = (
    Column("% of optimum", "efficiency", 100.0),
    Column("welfare", "welfare"),
    Column("revenue", "revenue"),
    Column("messages", "messages", not_in=_NO_MESSAGES),
    Column("kbit", "bytes", 0.008, _NO_MESSAGES),
    Column("s to settle", "duration_s", not_in=frozenset({"direct"})),
    Column("gain of lying", "truthfulness_gap"),
    Column("gain of another bid", "epsilon_gap", not_in=frozenset({"direct"})),
    Column("Jain", "jain_index"),
    Column("envy", "mean_envy"),
)
"""Those of the table, in its order."""

HEADS = ("mechanism", "settled", *(column.head for column in COLUMNS))


class Entry(msgspec.Struct, frozen=True):
    """One figure of one mechanism over seeds, in the unit of its summary.

    Attributes
    ----------
    runs, settled
        How many runs are over, and how many of them settled.
    mean, low, high
        Of those that have the figure, and the bootstrap interval of that mean; null where there is none, or fewer than
        five runs.
    """

    scenario: str
    mechanism: str
    world: str
    figure: str
    runs: int
    settled: int
    mean: float | None
    low: float | None
    high: float | None


def entries(scenario: str, baseline: Baseline, rows: Sequence[Row]) -> Iterator[Entry]:
    """One for each column."""
    settled = sum(row["status"] == "settled" for row in rows)
    for column in COLUMNS:
        known = [] if baseline.world in column.not_in else [row.get(column.figure) for row in rows]
        values = np.array([value for value in known if value is not None], float)
        mean = float(values.mean()) if values.size else None
        is_one = values.size > 0 and np.ptp(values) <= ROUNDING * np.abs(values).max()
        low, high = interval(np.full(values.size, mean) if is_one else values, LEVEL)
        yield Entry(scenario, baseline.name, baseline.world, column.figure, len(rows), settled, mean, low, high)


def rows_of(found: Sequence[Entry]) -> list[list[str]]:
    """A row of text for each mechanism of one scenario, in the order of ``HEADS``.

    A place is empty where a mechanism has no such figure.
    """
    rows = []
    for name in dict.fromkeys(entry.mechanism for entry in found):
        of_one = [entry for entry in found if entry.mechanism == name]
        count, settled = of_one[0].runs, of_one[0].settled
        runs = str(count) if count == settled else f"{settled} of {count}"
        rows.append([name, runs, *(shown(entry, column) for entry, column in zip(of_one, COLUMNS, strict=True))])
    return rows


def markdown(scenario: str, found: Sequence[Entry]) -> str:
    """The table of one scenario, as docs/baselines.md has it."""
    lines = [HEADS, ["---"] * len(HEADS), *rows_of(found)]
    return "\n".join([f"### `{scenario}`", "", *(f"|{'|'.join(map(_cell, line))}|" for line in lines)])


def _cell(text: str) -> str:
    return text if text == "---" else f" {text} "


def shown(entry: Entry, column: Column) -> str:
    """As people read it: the mean, and the interval in brackets; nothing where there is no such figure."""
    if entry.mean is None:
        return ""
    mean = _number(column.times * entry.mean)
    if entry.low is None or entry.high is None:
        return mean
    return f"{mean} [{_number(column.times * entry.low)}, {_number(column.times * entry.high)}]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:.4g}"
