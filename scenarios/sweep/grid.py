"""Cells and seeds of a sweep from what its user writes: grids, design tables, ranges.

A *cell* is one setting of the parameters: the text of a value, as ``bidswarm run --set`` takes it, by the key of the
scenario.
"""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.errors import ScenarioError, reason
from scenarios.extras import needs
from scenarios.files.names import some
from scenarios.files.toml import to_value

Cell = dict[str, str]

MOST_RUNS = 1_000_000

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^"\',\[\]{}]+|.', re.DOTALL)
"""A TOML string, what needs no care, or one character: a comma, a bracket, or a quote that is not closed."""

_DEPTH = {"[": 1, "{": 1, "]": -1, "}": -1}


def grid_of(settings: Sequence[str]) -> dict[str, list[str]]:
    """The values of each key, of ``key=value,value`` texts.

    Raises
    ------
    ScenarioError
        If there is no key, a value is empty or there twice, or a key is given twice.
    """
    grid: dict[str, list[str]] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not equals or not key:
            raise ScenarioError(f"--set takes key=value,value, for example buyers.0.count=10,100, got {setting!r}")
        if key in grid:
            raise ScenarioError(f"--set {setting}: {key} is given twice; give all of its values at once: {key}=1,2")
        grid[key] = _values(setting, text)
    return grid


def _values(setting: str, text: str) -> list[str]:
    values = [value.strip() for value in _split(setting, text)]
    for place, value in enumerate(values, start=1):
        if not value:
            raise ScenarioError(f"--set {setting}: value {place} of {len(values)} is empty: take out a comma")
        if value in values[: place - 1]:
            raise ScenarioError(f"--set {setting}: {value} is there twice: take it out once")
    return values


def _split(setting: str, text: str) -> Iterator[str]:
    """The text at its commas, those inside of quotes and brackets aside."""
    depth, value = 0, ""
    for piece in _PIECE.findall(text):
        depth += _DEPTH.get(piece, 0)
        if piece == "," and depth == 0:
            yield value
            value = ""
        else:
            value += piece
        if depth < 0 or piece in ('"', "'"):
            raise ScenarioError(f"--set {setting}: {piece} has no other half; commas inside of a value need quotes")
    if depth:
        raise ScenarioError(f"--set {setting}: a bracket is not closed; commas inside of a value need quotes")
    yield value


def text_of(value: object) -> str:
    """A value as ``--set`` takes it.

    Raises
    ------
    ScenarioError
        If it is none that a setting can have.
    """
    try:
        return to_value(value)
    except TypeError as error:
        raise ScenarioError(
            f"{value!r} is no value of a scenario: give a number, a text, true, false, or a list of these"
        ) from error


def rows_of(design: Path | str | Iterable[Mapping[str, Any]]) -> list[Cell]:
    """One cell for each row of a design: a CSV or Parquet file whose columns are keys, or the rows themselves.

    An empty place leaves the key as it is in the scenario.

    Raises
    ------
    ScenarioError
        If there is no such file, or nothing in it.
    """
    if isinstance(design, Path | str):
        cells = _read(Path(design))
    else:
        cells = [{str(key): text_of(value) for key, value in row.items() if value is not None} for row in design]
    if not cells:
        raise ScenarioError(f"--design {design}: there are no rows; give one for each cell")
    return cells


def _read(path: Path) -> list[Cell]:
    try:
        if path.suffix == ".csv":
            return _read_csv(path)
        if path.suffix == ".parquet":
            rows = needs("pyarrow.parquet").read_table(path).to_pylist()
            return [{key: text_of(value) for key, value in row.items() if value is not None} for row in rows]
    except (OSError, ValueError, csv.Error) as error:  # those of pyarrow are of these
        raise ScenarioError(f"--design {path}: cannot be read: {reason(error)}") from error
    raise ScenarioError(f"--design {path}: give a .csv or .parquet file")


def _read_csv(path: Path) -> list[Cell]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        keys = [key.strip() for key in next(reader, [])]
        if not keys or not all(keys) or len(set(keys)) < len(keys):
            raise ScenarioError(f"--design {path}: its first line must have a key for each column, each once")
        cells = []
        for row in filter(None, reader):
            if len(row) != len(keys):
                raise ScenarioError(
                    f"--design {path}: line {reader.line_num} has {len(row)} values for {len(keys)} keys"
                )
            cells.append({key: value.strip() for key, value in zip(keys, row, strict=True) if value.strip()})
    return cells


def cells_of(grid: Mapping[str, Sequence[str]], rows: Sequence[Cell] = ()) -> list[Cell]:
    """Every row of a design with every combination of the grid; the last key varies fastest.

    Raises
    ------
    ScenarioError
        If both give the same key, or there would be too many.
    """
    for key in grid:
        if any(key in row for row in rows):
            raise ScenarioError(f"{key} is in --set and in --design: take it out of one of them")
    count = max(len(rows), 1)
    for values in grid.values():
        count *= len(values)
    _check_count(count)
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [{**row, **combination} for row in rows or [{}] for combination in combinations]


def seeds_of(text: str) -> list[int]:
    """Seeds of ``0:50`` (0 to 49), ``3,5,8``, or both together, the lowest first.

    Raises
    ------
    ScenarioError
        If there are none, or one is there twice.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        first, colon, end = part.partition(":")
        try:
            found = range(int(first), int(end)) if colon else [int(first)]
        except ValueError:
            found = []
        if not found or found[0] < 0:
            raise ScenarioError(f"--seeds {text}: {part!r} is no seeds; give 0:50 for 0 to 49, or 3,5,8")
        _check_count(len(found))
        if again := sorted(seeds.intersection(found)):
            raise ScenarioError(
                f"--seeds {text}: {some(map(str, again))} would be run twice, with the same result: give each once"
            )
        seeds.update(found)
    return sorted(seeds)


def _check_count(count: int) -> None:
    if count > MOST_RUNS:
        raise ScenarioError(f"{count:,} runs are more than the {MOST_RUNS:,} of a sweep: make several of it")
