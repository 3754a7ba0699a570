"""Tables on terminals of any width: every number whole."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from scenarios.layout import print_table


def printed(width: int, heads: list[str], rows: list[list[str]], more: int = 0) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_table(console, heads, rows, more, "rows.parquet")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


ROWS = [["seller-1", "closed", "292.5686", "1,101.1264"], ["seller-22", "open", "3.5000", "0.0000"]]
HEADS = ["seller", "state", "sold", "revenue"]


def test_a_table_that_fits_is_one_piece_with_numbers_at_the_right() -> None:
    assert printed(80, HEADS, ROWS).split("\n") == [
        "seller     state       sold     revenue",
        "seller-1   closed  292.5686  1,101.1264",
        "seller-22  open      3.5000      0.0000",
        "",
    ]


def test_a_wider_one_is_printed_in_pieces_each_with_its_first_column() -> None:
    assert [line.rstrip() for line in printed(28, HEADS, ROWS, more=1234).split("\n")] == [
        "seller     state       sold",
        "seller-1   closed  292.5686",
        "seller-22  open      3.5000",
        "",
        "seller        revenue",
        "seller-1   1,101.1264",
        "seller-22      0.0000",
        "… 1,234 more in rows.parquet",
        "",
    ]


@given(
    width=st.integers(40, 200),
    columns=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9),
    name=st.integers(1, 64),
)
def test_no_number_is_cut_at_any_width(width: int, columns: list[float], name: int) -> None:
    row = ["n" * name, *(f"{number:,.4f}" for number in columns)]
    lines = printed(width, ["name", *map(str, range(len(columns)))], [row]).split("\n")
    assert all(len(line) <= width for line in lines)
    words = " ".join(lines).split()
    assert all(number in words for number in row[1:])
    assert "".join(word for word in words if set(word) == {"n"}).startswith("n" * name)
