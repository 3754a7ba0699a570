"""``bidswarm sweep`` as its users and their scripts see it."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.cli.sweep import exit_code

Said = Callable[..., tuple[int, str, str]]

SMALL = ("--world", "array", "--set", "buyers.0.count=3,4", "--set", "sellers.0.count=3", "--workers", "1")


def test_text_shows_each_cell_and_json_is_one_object(said: Said, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    code, stdout, stderr = said("sweep", "neighbourhood", *SMALL, "--seeds", "0:2", "--out", str(folder), "-q")
    lines = [line.split() for line in stdout.splitlines()]

    assert code == 0
    assert lines[0] == ["buyers.0.count", "sellers.0.count", "runs", "settled", "mean", "efficiency"]
    assert lines[1][:4] == ["3", "3", "2", "2"]
    assert lines[2][:4] == ["4", "3", "2", "2"]
    assert "4 runs: 4 settled" in stdout
    assert f"table: {folder / 'sweep.parquet'}" in stdout
    assert stderr == ""

    code, stdout, stderr = said("sweep", str(folder), "--resume", "--format", "json")
    assert (code, stdout.count("\n")) == (0, 1)
    assert json.loads(stdout) == {
        "folder": str(folder),
        "status": "complete",
        "counts": {"settled": 4},
        "unmet": 0,
        "missing": 0,
        "table": str(folder / "sweep.parquet"),
    }
    assert f"4 of 4 runs are in {folder}" in stderr


def test_the_commands_of_list_give_the_same_table(said: Said, tmp_path: Path) -> None:
    by_hand, whole = tmp_path / "by hand", tmp_path / "whole"
    code, stdout, _ = said("sweep", "neighbourhood", *SMALL, "--seeds", "0:2", "--out", str(by_hand), "--list")
    commands = [shlex.split(line) for line in stdout.splitlines()]

    assert code == 0
    assert len(commands) == 4
    assert not any((by_hand / "runs").iterdir())
    for command in reversed(commands):
        assert command[0] == "bidswarm"
        assert said(*command[1:])[0] == 0
    assert said("sweep", str(by_hand), "--resume", "--list")[1] == ""
    assert said("sweep", str(by_hand), "--resume")[0] == 0
    said("sweep", "neighbourhood", *SMALL, "--seeds", "0:2", "--out", str(whole))
    assert (by_hand / "sweep.parquet").read_bytes() == (whole / "sweep.parquet").read_bytes()

    done = {path: path.stat().st_mtime_ns for path in (by_hand / "runs").iterdir()}
    code, stdout, _ = said(*commands[0][1:])
    assert (code, stdout) == (0, f"{commands[0][-1]}: seed 0: settled\n")
    assert {path: path.stat().st_mtime_ns for path in (by_hand / "runs").iterdir()} == done
    code, stdout, _ = said(*commands[0][1:], "--format", "json")
    assert json.loads(stdout)["figures"]["welfare"] > 0.0


def test_a_design_is_swept_row_by_row(said: Said, tmp_path: Path) -> None:
    rows = [{"buyers.0.count": 3, "sellers.0.count": 3}, {"buyers.0.count": 4, "sellers.0.count": 3}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "design.parquet")
    (tmp_path / "design.csv").write_text("buyers.0.count,sellers.0.count\n3,3\n4,3\n", encoding="utf-8")
    options = ("--world", "array", "--seeds", "0", "--workers", "1")

    for name in ("design.csv", "design.parquet"):
        out = ("--out", str(tmp_path / name.replace(".", "-")))
        assert said("sweep", "neighbourhood", "--design", str(tmp_path / name), *options, *out)[0] == 0
    said("sweep", "neighbourhood", *SMALL, "--seeds", "0", "--out", str(tmp_path / "grid"))
    tables = [(tmp_path / name / "sweep.parquet").read_bytes() for name in ("design-csv", "design-parquet", "grid")]
    assert tables[0] == tables[1] == tables[2]


def test_failures_have_a_line_each_and_an_exit_code(said: Said, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "sweep"))
    code, stdout, _ = said("sweep", "two-sellers", "--seeds", "0:2", "--timeout", "0.2", "--workers", "1", *out)
    assert code == 3
    assert "2 runs: 2 timeout" in stdout


@pytest.mark.parametrize(
    ("counts", "unmet", "missing", "code"),
    [
        ({"settled": 5}, 0, 0, 0),
        ({"settled": 5, "timeout": 1}, 0, 0, 3),
        ({"settled": 5, "timeout": 1}, 1, 0, 5),
        ({"settled": 5, "timeout": 1, "error": 1}, 1, 0, 1),
        ({"failed": 1}, 0, 0, 1),
        ({"settled": 5, "error": 1}, 0, 2, 130),
    ],
)
def test_the_worst_that_happened_is_the_exit_code(counts: dict[str, int], unmet: int, missing: int, code: int) -> None:
    assert exit_code(counts, unmet, missing) == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("neighborhood",), ["neighborhood", "did you mean neighbourhood"]),
        (("neighbourhood", "--set", "buyers.0.cout=1,2"), ["unknown key buyers.0.cout"]),
        (("neighbourhood", "--set", "buyers.0.count=1,,2"), ["buyers.0.count=1,,2", "value 2 of 3"]),
        (("neighbourhood", "--seeds", "5:5"), ["--seeds 5:5", "0:50"]),
        (("neighbourhood", "--until-ci", "0"), ["--until-ci 0", "above 0"]),
        (("neighbourhood", "--design", "design.json"), ["design.json", ".csv or .parquet"]),
        (("nowhere", "--resume"), ["nowhere/sweep.json", "give the folder of a sweep"]),
        (("nowhere", "--only", "0123456789abcdef"), ["nowhere/sweep.json", "give the folder of a sweep"]),
        (("nowhere", "--only", "../../etc"), ["--only ../../etc", "no run has such an id"]),
        (("nowhere", "--resume", "--set", "a=1"), ["--resume", "leave --set"]),
    ],
)
def test_bad_usage_exits_with_2_and_says_what_to_do(said: Said, arguments: tuple[str, ...], words: list[str]) -> None:
    code, stdout, stderr = said("sweep", *arguments)
    assert (code, stdout) == (2, "")
    assert all(word in stderr for word in words), stderr


def test_an_id_of_another_sweep_and_a_folder_in_place_of_a_scenario_are_named(said: Said, tmp_path: Path) -> None:
    folder = str(tmp_path / "sweep")
    said("sweep", "neighbourhood", *SMALL, "--seeds", "0", "--out", folder, "--list")

    code, _, stderr = said("sweep", folder, "--only", "0123456789abcdef")
    assert code == 2
    assert "has no such run" in stderr
    code, _, stderr = said("sweep", folder)
    assert code == 2
    assert "go on with it by --resume" in stderr
