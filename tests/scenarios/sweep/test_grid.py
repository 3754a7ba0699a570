"""What its user writes, and which cells and seeds that is."""

import csv
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ScenarioError
from scenarios.markets.load import value_of
from scenarios.sweep.grid import cells_of, grid_of, rows_of, seeds_of, text_of

plain = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(values)
def test_a_value_comes_back_from_its_text(value: Any) -> None:
    assert tomllib.loads(f"value = {text_of(value)}")["value"] == value
    assert value_of(text_of(value)) == value


def test_a_number_of_numpy_is_a_number() -> None:
    assert text_of([np.float64(0.25), 1]) == "[0.25, 1]"


@pytest.mark.parametrize("value", [None, [None], {"mean": None}, b"x"])
def test_what_no_scenario_can_hold_is_an_error(value: object) -> None:
    with pytest.raises(ScenarioError, match="is no value of a scenario"):
        text_of(value)


@given(st.lists(values.map(text_of), min_size=1, max_size=5, unique=True))
def test_a_comma_parts_values_but_not_what_is_inside_of_one(texts: list[str]) -> None:
    assert grid_of(["key=" + ", ".join(texts)]) == {"key": texts}


def test_bare_words_are_texts_as_for_run() -> None:
    grid = grid_of(["auction.mechanism=psp,uniform-price", "buyers.0.count= 10, 100", "t='a,b',c"])

    assert grid == {
        "auction.mechanism": ["psp", "uniform-price"],
        "buyers.0.count": ["10", "100"],
        "t": ["'a,b'", "c"],
    }
    assert [value_of(text) for text in grid["auction.mechanism"]] == ["psp", "uniform-price"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["buyers.0.count"], ["key=value,value", "'buyers.0.count'"]),
        (["=1,2"], ["key=value,value", "'=1,2'"]),
        (["buyers.0.count=10,,100"], ["buyers.0.count=10,,100", "value 2 of 3", "take out a comma"]),
        (["buyers.0.count="], ["buyers.0.count=", "value 1 of 1"]),
        (["buyers.0.count=10,100,10"], ["buyers.0.count", "10 is there twice"]),
        (["a=1,2", "a=3"], ["a is given twice", "a=1,2"]),
        (["a=[1,2"], ["a=[1,2", "not closed"]),
        (["a=1],2"], ["a=1],2", "no other half"]),
        (["a=it's,b"], ["a=it's,b", "no other half", "quotes"]),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_with_its_key_and_the_remedy(
    settings: list[str], words: list[str]
) -> None:
    with pytest.raises(ScenarioError) as error:
        grid_of(settings)
    assert all(word in str(error.value) for word in words)


def test_cells_are_all_combinations_and_the_last_key_varies_fastest() -> None:
    assert cells_of({"a": ["1", "2"], "b": ["x", "y"]}) == [
        {"a": "1", "b": "x"},
        {"a": "1", "b": "y"},
        {"a": "2", "b": "x"},
        {"a": "2", "b": "y"},
    ]
    assert cells_of({}) == [{}]
    assert cells_of({"a": ["1", "2"]}, [{"b": "x"}, {"b": "y"}]) == [
        {"b": "x", "a": "1"},
        {"b": "x", "a": "2"},
        {"b": "y", "a": "1"},
        {"b": "y", "a": "2"},
    ]


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.mark.parametrize(("name", "write"), [("design.csv", _write_csv), ("design.parquet", _write_parquet)])
def test_a_design_has_a_cell_in_each_row_and_an_empty_place_leaves_a_key_out(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    rows = [
        {"buyers.0.count": 10, "auction.mechanism": "psp", "sellers.0.reserve_price_per_mb": 0.25},
        {"buyers.0.count": 20, "auction.mechanism": None, "sellers.0.reserve_price_per_mb": 1e-7},
    ]
    write(tmp_path / name, rows)

    for design in (tmp_path / name, rows):
        read = [{key: value_of(text) for key, text in cell.items()} for cell in rows_of(design)]
        assert read == [{key: value for key, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("design.csv", "", ["first line", "a key for each column"]),
        ("design.csv", "a,a\n1,2\n", ["first line", "each once"]),
        ("design.csv", "a,b\n1,2\n3\n", ["line 3", "1 values for 2 keys"]),
        ("design.csv", "a,b\n", ["no rows"]),
        ("design.parquet", "a,b\n1,2\n", ["cannot be read"]),
        ("design.json", "[]", [".csv or .parquet"]),
    ],
)
def test_what_is_wrong_with_a_design_is_said_with_its_name(
    tmp_path: Path, name: str, text: str, words: list[str]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        rows_of(tmp_path / name)
    assert all(word in str(error.value) for word in [name, *words])


def test_a_design_that_is_not_there_and_a_key_in_both_places_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.csv: cannot be read"):
        rows_of(tmp_path / "nowhere.csv")
    with pytest.raises(ScenarioError, match="a is in --set and in --design"):
        cells_of({"a": ["1"]}, [{"a": "2"}])
    with pytest.raises(ScenarioError, match=r"1,001,000 runs are more than the 1,000,000"):
        cells_of({"a": [str(k) for k in range(1001)], "b": [str(k) for k in range(1000)]})


def test_seeds_are_ranges_without_their_ends_and_single_numbers() -> None:
    assert seeds_of("0:4") == [0, 1, 2, 3]
    assert seeds_of("8,3,5") == [3, 5, 8]
    assert seeds_of("3:5,0:3,10") == [0, 1, 2, 3, 4, 10]


@pytest.mark.parametrize(("text", "again"), [("0,0,0", "0"), ("0:3,2:5,10", "2"), ("5,0:8,6", "5")])
def test_a_seed_that_is_there_twice_is_named(text: str, again: str) -> None:
    with pytest.raises(ScenarioError, match=f"--seeds {text}: {again} would be run twice"):
        seeds_of(text)


@pytest.mark.parametrize("text", ["", "5:5", "9:3", "-1", "-2:3", "0:x", "1.5", "0:2,", "1:2:3", "0:1000000000000"])
def test_what_are_no_seeds_is_named(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"--seeds|runs are more"):
        seeds_of(text)
