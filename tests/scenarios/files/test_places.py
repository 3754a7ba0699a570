"""Errors say in which file, and on which line of it, something stands."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ScenarioError
from scenarios.files.places import Origin, keys_of, line_of
from scenarios.files.toml import to_toml
from scenarios.markets.load import load, shipped

TEXT = """\
# What is it?
name = "small"
description = \"\"\"
timeout_s = 5
\"\"\"
timeout_s = 9

[[sellers]]  # the first
supply_mb = 5

[[sellers]]
name = "t"
supply_mb = 5 # MB

reserve_price_per_mb = 1

[[buyers]]
sellers = [
  "t",
  # nobody else
  "u",
]
[buyers.valuation]
kind = "flat"
demand_mb.low = 3

[[buyers]]
valuation.kind = "flat"
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("name", 2),
        ("description", 3),
        ("timeout_s", 6),
        ("sellers", 8),
        ("sellers.0", 8),
        ("sellers.0.supply_mb", 9),
        ("sellers.1", 11),
        ("sellers.1.name", 12),
        ("buyers.0.sellers.1", 18),
        ("buyers.0.valuation", 23),
        ("buyers.0.valuation.kind", 24),
        ("buyers.0.valuation.demand_mb.low", 25),
        ("buyers.1.valuation.kind", 28),
        ("buyers.1.name", 27),  # which it lacks
        ("market", None),
    ],
)
def test_line_of_a_key_is_where_it_is_set_or_where_the_table_begins_that_lacks_it(key: str, line: int | None) -> None:
    assert line_of(TEXT, key.split(".")) == line


def first_line_with(text: str, key: tuple[str, ...]) -> int:
    """What ``line_of`` says, found without a thought: the first lines that have the key; the last of them sets it."""
    lines = text.splitlines(keepends=True)
    before = 0
    for count in range(1, len(lines) + 1):
        try:
            tables = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        if key in set(keys_of(tables)):
            return before + 1
        before = count
    raise AssertionError(key)


@given(data=st.data())
def test_line_of_any_key_of_any_shipped_scenario_is_that_of_a_search_line_by_line(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([*shipped().values()]))
    if data.draw(st.booleans()):
        text = to_toml(tomllib.loads(text))
    key = data.draw(st.sampled_from([*keys_of(tomllib.loads(text))]))
    assert line_of(text, key) == first_line_with(text, key)


def test_a_long_file_is_searched_once_for_all_of_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    text, parsed = "".join(f"[[sellers]]\nsupply_mb = {k}\n" for k in range(500)), []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda part: parsed.append(part) or loads(part))
    assert [line_of(text, ["sellers", str(k), "supply_mb"]) for k in range(500)] == list(range(2, 1001, 2))
    assert len(parsed) == 1000


@pytest.mark.parametrize(
    ("error", "placed"),
    [
        ("unknown key sellers.1.nom; allowed", "s.toml:4: unknown key sellers.1.nom; allowed"),
        ("sellers.1 lacks the key x", "s.toml:3: sellers.1 lacks the key x"),
        ("sellers.2 lacks the key x", "s.toml: a.csv, row 1 lacks the key x"),
        ("sellers.3.supply_mb = 3: must", "s.toml: a.csv, row 2: supply_mb = 3: must"),
        ("unknown key sellers.3.x; allowed", "s.toml: a.csv, row 2: unknown key x; allowed"),
        ("sellers.4.name = 3: must", "s.toml:8: sellers.3.name = 3: must"),
        ("auction.speed = 3: must", "s.toml, by --set: auction.speed = 3: must"),
        ("auction lacks the key x", "s.toml, by --set: auction lacks the key x"),
        ("buyers.7.valuation.kind = 3: must", "s.toml, by --set: buyers.7.valuation.kind = 3: must"),
        ("the name 'x' is given twice", "s.toml: the name 'x' is given twice"),
        ("'x': leave at 3 s", "s.toml: 'x': leave at 3 s"),
    ],
)
def test_an_error_is_placed_by_the_key_that_it_begins_with(error: str, placed: str) -> None:
    text = 'name = "x"\n[[sellers]]\n[[sellers]]\nnom = 1\n[[sellers]]\nfile = "a.csv"\n[[sellers]]\nname = 3\n'
    rows = {
        "sellers.0": "sellers.0",
        "sellers.1": "sellers.1",
        "sellers.2": "a.csv, row 1",
        "sellers.3": "a.csv, row 2",
    }
    origin = Origin("s.toml", text, ["auction.speed=3", "buyers.*.valuation=1"], rows | {"sellers.4": "sellers.3"})
    assert origin.placed(error) == placed


def test_every_error_of_a_file_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'nome = "own"\n[[sellers]]\nsuply_mb = 3\n[[buyers]]\nvaluation.kind = "falt"\n[auction]\nquiet_period_s = -1\n'
    )
    with pytest.raises(ScenarioError) as error:
        load(str(file), ["timeout_s=nan"])
    assert [line.removeprefix(str(file)).partition(" allowed")[0] for line in str(error.value).split("\n")] == [
        ":1: unknown key nome (did you mean name?);",
        ":3: unknown key sellers.0.suply_mb (did you mean supply_mb?);",
        ":2: sellers.0 lacks the key supply_mb",
        ":5: buyers.0.valuation.kind = 'falt' (did you mean flat?):",
        ":7: auction.quiet_period_s = -1: must be a number above 0 and at most 1,000,000",
        ", by --set: timeout_s = nan: must be a number above 0 and at most 1,000,000",
        ": the scenario lacks the key name",
    ]


def test_every_contradiction_of_a_file_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'name = "own"\n[[sellers]]\nsupply_mb = { distribution = "uniform", low = 3, high = 2 }\n'
        '[[buyers]]\nsellers_each = 2\nvaluation = { kind = "flat", demand_mb = 1, value_per_mb = 1 }\n'
        "[network]\ndelay_min_s = 1\n"
    )
    with pytest.raises(ScenarioError) as error:
        load(str(file))
    assert str(error.value).replace(str(file), "") == (
        ":8: network.delay_min_s = 1.0 must not exceed network.delay_max_s = 0.003\n"
        ":3: sellers.0.supply_mb.low = 3.0 must not exceed high = 2.0"
    )
