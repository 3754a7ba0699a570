"""Tables on terminals of any width: every number whole."""

import io
import math

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from scenarios.layout import SPARKS, Columns, Course, print_table, spark


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


# What fits


def shown(width: int, more: int = 0) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(Columns(HEADS, ROWS, more))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_columns_that_do_not_fit_are_left_out_whole() -> None:
    assert shown(80, more=3)[1:] == [
        "seller-1   closed  292.5686  1,101.1264",
        "seller-22  open      3.5000      0.0000",
        "… and 3 more",
    ]
    assert shown(30) == ["seller     state       sold", "seller-1   closed  292.5686", "seller-22  open      3.5000"]


@given(width=st.integers(20, 200))
def test_no_shown_number_is_cut_at_any_width(width: int) -> None:
    lines = shown(width)
    assert all(len(line) <= width for line in lines)
    assert [*lines[1].split()] == ROWS[0][: len(lines[1].split())]
    assert len(lines) == 3


# Courses


def test_a_spark_line_goes_from_the_lowest_to_the_highest_value() -> None:
    assert spark([0.0, 1.0, 2.0, 7.0, math.nan, 3.5]) == "▁▂▃█ ▅"
    assert spark([2.0, 2.0]) == spark([0.1 + 0.2, 0.3]) == "▁▁"
    assert spark([math.nan, math.inf]) == "  "
    assert spark([]) == ""


@given(st.lists(st.floats(-1e9, 1e9)))
def test_a_higher_value_is_never_lower_on_the_line(values: list[float]) -> None:
    heights = [SPARKS.index(one) for one in spark(values)]
    assert len(heights) == len(values)
    ranked = sorted(zip(values, heights, strict=True))
    assert [height for _, height in ranked] == sorted(heights)


@given(count=st.integers(0, 3000), points=st.integers(2, 20))
def test_a_course_keeps_points_evenly_apart_of_all_that_came(count: int, points: int) -> None:
    course = Course(points)
    for value in range(count):
        course.add(float(value))
    apart = {later - earlier for earlier, later in zip(course._kept, course._kept[1:], strict=False)}
    assert len(apart) <= 1
    assert len(course._kept) <= points
    assert course._kept[:1] == [0.0] * min(count, 1)
    assert count <= 2 or course._kept[-1] >= count / 2 - 1
    assert len(str(course)) == points
