"""``bidswarm baselines`` as its users and their scripts see it."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from node.mechanism.direct import DIRECT
from scenarios.baselines.table import COLUMNS
from scenarios.cli import baselines as command
from scenarios.console import WHOLE_ROWS, Screen
from scenarios.sweep import sweep

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(
        'name = "small"\nauction.quiet_period_s = 0.5\n[[sellers]]\nsupply_mb = 50\n[[buyers]]\ncount = 3\n'
        'valuation = { kind = "parabolic", demand_mb = 30, choke_price_per_mb = 9 }\nstrategy = { kind = "adaptive" }\n'
    )
    return str(path)


def test_text_and_markdown_are_tables_and_json_is_one_object(
    said: Said, scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "Screen", partial(Screen, width=WHOLE_ROWS))  # as into a pipe without COLUMNS
    folder = tmp_path / "compared"
    arguments = ("baselines", scenario, "--seeds", "0:2", "--workers", "1", "--out", str(folder))
    code, stdout, _ = said(*arguments)
    assert code == 0
    assert stdout.startswith("small: means over runs, without intervals, which need five or more\n")
    lines = stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(tuple(DIRECT))] == [*DIRECT]  # no row is in pieces
    assert all(column.head in lines[2] for column in COLUMNS)
    assert f"table: {folder / 'baselines.parquet'}" in stdout

    code, page, _ = said(*arguments, "--format", "markdown")
    heading, _, heads, rule, *rows = page.strip().splitlines()
    assert (heading, heads.split(" | ")[0]) == ("### `small`", "| mechanism")
    assert rule == "|---" * (2 + len(COLUMNS)) + "|"
    assert len(rows) == 4 + len(DIRECT)
    assert {row.count("|") for row in rows} == {3 + len(COLUMNS)}

    code, stdout, stderr = said(*arguments, "--format", "json")
    document = json.loads(stdout)
    assert (code, document["folder"], document["missing"], document["broken"]) == (0, str(folder), 0, 0)
    assert {one["runs"] for one in document["entries"]} == {2}
    assert "0 of" not in stderr


def test_a_run_that_breaks_down_is_named_and_ends_with_its_exit_code(said: Said, scenario: str, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(
        "from bidswarm.psp import StrategyBase\n\n\nclass Failing(StrategyBase, frozen=True):\n"
        "    def decide(self, now, need, offers):\n        raise ArithmeticError('no price')\n"
    )
    text = Path(scenario).read_text().replace('kind = "adaptive"', 'kind = "failing:Failing"')
    Path(scenario).write_text(text)
    code, stdout, stderr = said(
        "baselines", scenario, "--seeds", "0", "--workers", "1", "--out", str(tmp_path / "compared")
    )
    assert code == 1
    assert "seed 0: ArithmeticError: no price" in stderr
    assert "0 of 1" in stdout


def test_interrupt_says_how_much_is_left(
    said: Said, scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "drive", stops)
    code, _, stderr = said("baselines", scenario, "--seeds", "0:1", "--out", str(tmp_path / "compared"))
    assert code == 130
    assert "interrupted: 10 runs are still to be done; the same command goes on\n" in stderr


def test_what_cannot_be_compared_is_a_line(said: Said, tmp_path: Path) -> None:
    code, stdout, stderr = said("baselines", "congested", "--out", str(tmp_path / "compared"))
    assert (code, stdout) == (2, "")
    assert "market = 'dmp': bidswarm baselines compares mechanisms of 'psp' only" in stderr
