"""Tables and courses for terminals of any width."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 2
"""Characters between two columns."""

SPARKS = "▁▂▃▄▅▆▇█"

Row = Sequence[str | Text]


def print_table(
    console: Console, heads: Sequence[str], rows: Sequence[Row], more: int = 0, file: str = "", *, names: int = 1
) -> None:
    """Print a table of names and numbers, in as many pieces as the width needs, each with the first column.

    No number is cut; a long name or text is folded.

    Parameters
    ----------
    more, file
        How many rows than these there are in that file.
    names
        How many columns are names; of the others those with a number are at the right.
    """
    for number, columns in enumerate(_pieces(_widths(heads, rows), console.width)):
        if number:
            console.print()
        console.print(_table(heads, rows, columns, names))
    if more > 0:
        console.print(f"… {more:,} more in {file}", highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Columns:
    """A table that shows as many of its columns as there is room for, the first ones first."""

    heads: Sequence[str]
    rows: Sequence[Row]
    more: int = 0
    """Rows that are not shown."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The columns of the first piece, as rich asks for them."""
        del console
        yield _table(self.heads, self.rows, next(_pieces(_widths(self.heads, self.rows), options.max_width)), 1)
        if self.more > 0:
            yield Text(f"… and {self.more:,} more")


def _widths(heads: Sequence[str], rows: Sequence[Row]) -> list[int]:
    """Characters of the widest cell of each column, with the gap after it."""
    return [max(cell_len(str(row[k])) for row in (heads, *rows)) + GAP for k in range(len(heads))]


def _pieces(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """The columns of each piece of a table: the first, and as many others as fit beside it, one at least."""
    rest = list(range(1, len(widths)))
    while True:
        ends = accumulate((widths[k] for k in rest), initial=widths[0] - GAP)
        fitting = max(1, sum(end <= width for end in ends) - 1)
        yield [0, *rest[:fitting]]
        rest = rest[fitting:]
        if not rest:
            return


def _table(heads: Sequence[str], rows: Sequence[Row], columns: Iterable[int], names: int) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for k in columns:
        has_numbers = any(str(row[k]).lstrip("+-")[:1].isdigit() for row in rows)
        side: Literal["left", "right"] = "right" if has_numbers and k >= names else "left"
        table.add_column(heads[k], justify=side, no_wrap=has_numbers and k > 0, overflow="fold")
    for row in rows:
        table.add_row(*(row[k] if isinstance(row[k], Text) else Text(str(row[k])) for k in columns))
    return table


def spark(values: Sequence[float]) -> str:
    """The values as a line, a character each, from the lowest of them to the highest; a blank for NaN."""
    known = [value for value in values if math.isfinite(value)]
    low, high, top = min(known, default=0.0), max(known, default=0.0), len(SPARKS) - 1
    span = high - low if not math.isclose(low, high) else math.inf
    return "".join(" " if not math.isfinite(value) else SPARKS[round(top * (value - low) / span)] for value in values)


class Course:
    """A value over time: at most ``points`` samples of all that came, evenly apart."""

    def __init__(self, points: int = 16) -> None:
        self._points, self._stride, self._count = points, 1, 0
        self._kept: list[float] = []

    def add(self, value: float) -> None:
        """Take in the next value; where there would be too many, only every other is kept from now on."""
        if self._count % self._stride == 0:
            self._kept.append(value)
            if len(self._kept) > self._points:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
        self._count += 1

    def __str__(self) -> str:
        """The course as a line, always as wide as it can become."""
        return spark(self._kept).ljust(self._points)
