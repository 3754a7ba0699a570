"""docs/sweeps.md says what the program does."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import typer

from scenarios.cli.main import app
from tests.scenarios.test_docs import DOCS, blocks

OTHERS = {"--seed", "--nthreads", "--nworkers"}
"""Options of other commands."""

PAGE = (DOCS / "sweeps.md").read_text(encoding="utf-8")


def test_every_option_is_documented_and_every_documented_option_there() -> None:
    command = typer.main.get_command(app)
    parameters = command.commands["sweep"].params  # type: ignore[attr-defined]
    options = {name for parameter in parameters for name in parameter.opts if name.startswith("--")}

    assert set(re.findall(r"(?<![\w-])--[a-z-]+[a-z]", PAGE)) - OTHERS == options - {"--help", "--format"}


def test_the_commands_of_the_page_work(
    said: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line, comments=True) for line in blocks("sweeps.md", "sh")[0].splitlines()]
    small = ["--set", "sellers.0.count=3", "--seeds", "0:2"]

    for command in commands:
        assert command[:2] == ["bidswarm", "sweep"]
        fewer = [word.replace("10,100", "3,4") for word in command[1:]]
        assert said(*fewer, *([] if "--resume" in command else small))[0] == 0
    assert pq.read_table("rules/sweep.parquet").num_rows == 8

    said("sweep", "neighbourhood", "--set", "buyers.0.count=3,4", *small, "--keep", "tables", "--out", "kept")
    with duckdb.connect() as database:
        for statement in blocks("sweeps.md", "sql")[0].splitlines():
            assert database.sql(statement.replace("rules/", "kept/")).fetchall()


def test_columns_files_and_exit_codes_are_documented(said: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    said("sweep", "two-sellers", "--seeds", "0", "--workers", "1", "--keep", "tables", "--out", str(folder))
    columns = pq.read_schema(folder / "sweep.parquet").names
    figures = set(re.findall(r"`(\w+)`", (DOCS / "results.md").read_text(encoding="utf-8")))

    run = pq.read_table(folder / "sweep.parquet")["run"][0].as_py()
    for name in columns:
        assert f"`{name}`" in PAGE or name in figures or name.removesuffix("_count") in figures
    assert set(json.loads((folder / "sweep.json").read_bytes())) == {
        *("status", "started_at", "versions", "host", "git_revision", "go_on", "sweep")
    }
    for name in ("sweep.parquet", "sweep.json", "runs/ID.json", "runs/ID/"):
        assert f"| `{name}` |" in PAGE
        assert (folder / name.replace("ID", run)).exists()
    assert re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE) == ["0", "1", "2", "3", "5", "130"]
