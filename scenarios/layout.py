"""Tables for terminals of any width."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2
"""Characters between two columns."""


def print_table(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    more: int = 0,
    file: str = "",
    *,
    names: int = 1,
) -> None:
    """Print a table of names and numbers, in as many pieces as the width needs, each with the first column.

    No number is cut; a long name is folded.

    Parameters
    ----------
    more, file
        How many rows than these there are in that file.
    names
        How many columns are names; of the others those are at the right whose first cell begins as a number does.
    """
    widths = [max(cell_len(str(row[k])) for row in (heads, *rows)) + GAP for k in range(len(heads))]
    for number, columns in enumerate(_pieces(widths, console.width)):
        if number:
            console.print()
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
        for k in columns:
            is_number = bool(rows) and str(rows[0][k]).lstrip("+-")[:1].isdigit()
            side: Literal["left", "right"] = "right" if is_number and k >= names else "left"
            table.add_column(heads[k], justify=side, no_wrap=k > 0, overflow="fold")
        for row in rows:
            table.add_row(*(row[k] if isinstance(row[k], Text) else Text(str(row[k])) for k in columns))
        console.print(table)
    if more > 0:
        console.print(f"… {more:,} more in {file}", highlight=False, soft_wrap=True)


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
