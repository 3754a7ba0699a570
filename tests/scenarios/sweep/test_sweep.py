"""Sweeps from Python: the table, whoever does the runs; what is done again, and what is not."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from bidswarm import ScenarioError, run, sweep
from scenarios.results.outcome import Summary
from scenarios.sweep.course import Course
from scenarios.sweep.folder import SweepFolder
from scenarios.sweep.sweep import Sweep
from scenarios.sweep.work import Done
from tests.scenarios.sweep.conftest import SMALL


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """In the world sim, by two workers."""
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    return sweep("neighbourhood", SMALL, seeds=range(3), workers=2, out=folder)


def rows(of: Sweep) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(of.table).to_pylist()
    return found


def test_the_table_is_the_same_byte_for_byte_whoever_does_the_runs(swept: Sweep, tmp_path: Path) -> None:
    alone = sweep("neighbourhood", SMALL, seeds=range(3), workers=1, out=tmp_path / "alone")

    assert alone.table.read_bytes() == swept.table.read_bytes()
    assert alone.counts == {"settled": 6}
    assert alone.status == "complete"


def test_a_row_has_the_figures_of_that_run_alone(swept: Sweep, tmp_path: Path) -> None:
    row = rows(swept)[4]
    settings = [f"buyers.0.count={row['buyers.0.count']}", "sellers.0.count=3"]
    alone = run("neighbourhood", settings=settings, seed=row["seed"], world="sim", out=tmp_path, pictures=False)
    manifest = json.loads((alone.run_dir / "manifest.json").read_bytes())

    assert list(row)[:7] == ["run", "seed", "world", "buyers.0.count", "sellers.0.count", "status", "error"]
    assert (row["seed"], row["world"], row["buyers.0.count"], row["status"]) == (1, "sim", 6, "settled")
    assert row["error"] is None
    for name, figure in msgspec.to_builtins(alone.summary).items():
        if isinstance(figure, list | dict):
            assert row[f"{name}_count"] == len(figure)
        elif name != "run_dir":
            assert row[name] == figure
    assert row["expectations_unmet"] == 0
    assert "run_dir" not in row
    for name in ("bidswarm", "python", "numpy"):
        assert row[f"{name}_version"] == manifest["versions"][name]
    assert row["git_revision"] == manifest["git_revision"]


def test_rows_are_by_cell_and_then_by_seed_and_frames_have_them(swept: Sweep) -> None:
    cells = [(row["buyers.0.count"], row["seed"]) for row in rows(swept)]
    assert cells == [(3, 0), (3, 1), (3, 2), (6, 0), (6, 1), (6, 2)]

    frame = swept.frame()
    assert frame["efficiency"].tolist() == [row["efficiency"] for row in rows(swept)]
    assert len(frame["run"].unique()) == 6


def test_the_manifest_says_what_was_swept_and_how_to_go_on(swept: Sweep) -> None:
    manifest = json.loads((swept.folder / "sweep.json").read_bytes())

    assert manifest["status"] == "complete"
    assert manifest["go_on"] == f"bidswarm sweep {swept.folder} --resume"
    assert manifest["sweep"]["seeds"] == [0, 1, 2]
    assert manifest["sweep"]["cells"][1] == {"buyers.0.count": "6", "sellers.0.count": "3"}
    assert manifest["sweep"]["scenario"]["name"] == "neighbourhood"
    assert "numpy" in manifest["versions"]
    assert {entry.name for entry in swept.folder.iterdir()} == {"runs", "sweep.json", "sweep.parquet"}


def test_the_same_again_does_nothing_again(swept: Sweep) -> None:
    before = {path: path.stat().st_mtime_ns for path in (swept.folder / "runs").iterdir()}
    done: list[Done | None] = []

    def watch(course: Course, elapsed_s: float, one: Done | None) -> None:
        del course, elapsed_s
        done.append(one)

    again = sweep("neighbourhood", SMALL, seeds=range(3), out=swept.folder, watch=watch)

    assert done == [None]
    assert {path: path.stat().st_mtime_ns for path in (swept.folder / "runs").iterdir()} == before
    assert again.counts == swept.counts


def test_another_sweep_in_the_folder_and_a_folder_of_something_else_are_errors(swept: Sweep, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"holds another sweep.*choose another folder"):
        sweep("neighbourhood", SMALL, seeds=range(4), out=swept.folder)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ScenarioError, match="something else than a sweep"):
        sweep("neighbourhood", SMALL, seeds=range(3), out=tmp_path)
    with pytest.raises(ScenarioError, match="cannot be made"):
        sweep("neighbourhood", SMALL, seeds=range(3), out=tmp_path / "notes.txt" / "sweep")


def test_without_a_folder_the_same_call_finds_its_sweep_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fates: str
) -> None:
    monkeypatch.chdir(tmp_path)
    first = sweep(fates, seeds="0", workers=1)
    again = sweep(fates, seeds=[0], workers=1)
    other = sweep(fates, seeds=[1], workers=1)

    assert first.folder == again.folder != other.folder
    assert first.folder.name.startswith("fates-sweep-")
    assert first.folder.parent == Path("runs")


def test_a_run_that_raises_or_does_not_settle_is_a_row_and_is_done_again_if_it_broke_down(
    fates: str, tmp_path: Path, kept: Callable[[], dict[str, int]]
) -> None:
    settings = {"buyers.0.strategy.fate": ["bid", "raise"], "timeout_s": [30.0, 0.2]}
    done = sweep(fates, settings, seeds="0", workers=1, out=tmp_path / "sweep")
    statuses = {(row["buyers.0.strategy.fate"], row["timeout_s"]): row["status"] for row in rows(done)}
    (failed,) = [row for row in rows(done) if row["status"] == "error" and row["timeout_s"] == 30.0]

    assert statuses["bid", 30.0] == "settled"
    assert statuses["bid", 0.2] == "timeout"
    assert "no idea what to bid" in failed["error"]
    assert "\n" not in failed["error"]
    assert failed["efficiency"] is None
    assert failed["bidswarm_version"]
    assert "fateful" in json.loads((done.folder / "runs" / f"{failed['run']}.json").read_bytes())["details"]

    before = kept()
    sweep(fates, settings, seeds="0", workers=1, out=tmp_path / "sweep")
    again = {name.removesuffix(".json") for name, written in kept().items() if before[name] != written}
    assert again == {row["run"] for row in rows(done) if row["status"] == "error"}


def test_a_run_that_kills_its_worker_is_named_and_its_neighbours_are_not(fates: str, tmp_path: Path) -> None:
    settings = {"buyers.0.strategy.fate": ["bid", "die"], "buyers.0.count": [1, 2]}
    done = sweep(fates, settings, seeds="0:2", workers=2, out=tmp_path / "sweep")

    assert done.counts == {"settled": 4, "error": 4}
    for row in rows(done):
        dies = row["buyers.0.strategy.fate"] == "die"
        assert row["status"] == ("error" if dies else "settled")
        assert (row["error"] or "").startswith("its worker process died" if dies else "")


def test_a_run_whose_worker_is_killed_from_outside_is_repeated(fates: str, tmp_path: Path) -> None:
    settings = {"buyers.0.strategy": [{"kind": "fateful:Fateful", "fate": "die once", "log": str(tmp_path / "log")}]}
    done = sweep(fates, settings, seeds="0:3", workers=2, out=tmp_path / "sweep")

    assert done.counts == {"settled": 3}
    assert (tmp_path / "log").read_text(encoding="utf-8") == "died"


def test_until_ci_ends_each_cell_at_the_same_seed_whoever_does_the_runs(tmp_path: Path) -> None:
    counts = []
    for workers in (1, 2):
        done = sweep(
            "neighbourhood",
            {**SMALL, "buyers.0.count": [3, 30]},
            seeds=range(16),
            world="array",
            until_ci="130:welfare",
            workers=workers,
            out=tmp_path / str(workers),
        )
        counts.append({size: sum(row["buyers.0.count"] == size for row in rows(done)) for size in (3, 30)})
        assert done.status == "complete"

    assert counts[0] == counts[1]
    assert 5 <= counts[0][3] < 16
    assert (tmp_path / "1" / "sweep.parquet").read_bytes() == (tmp_path / "2" / "sweep.parquet").read_bytes()


def test_until_ci_of_a_figure_that_no_run_has_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"0.1:welfair .did you mean welfare..: allowed figures are: .*welfare"):
        sweep(
            "neighbourhood", SMALL, seeds=range(6), world="array", until_ci="0.1:welfair", workers=1, out=tmp_path / "s"
        )


def test_ctrl_c_keeps_and_gathers_what_was_done(tmp_path: Path, kept: Callable[[], dict[str, int]]) -> None:
    def watch(course: Course, elapsed_s: float, done: Done | None) -> None:
        del elapsed_s, done
        if course.count == 3:
            os.kill(os.getpid(), signal.SIGINT)

    settings = {**SMALL, "buyers.0.count": [3, 4, 5]}
    done = sweep(
        "neighbourhood", settings, seeds=range(4), world="array", workers=2, out=tmp_path / "sweep", watch=watch
    )

    assert done.status == "interrupted"
    assert len(rows(done)) == len(kept()) == 12 - done.missing
    assert done.missing >= 1
    before = kept()
    whole = sweep("neighbourhood", settings, seeds=range(4), world="array", workers=2, out=tmp_path / "sweep")
    assert (whole.status, len(rows(whole))) == ("complete", 12)
    assert before.items() <= kept().items()


def test_figures_that_are_no_numbers_are_counted_and_missing_ones_are_null(tmp_path: Path) -> None:
    done = sweep("two-sellers", seeds=[0], world="sim", workers=1, out=tmp_path / "sweep")
    (row,) = rows(done)

    assert row["allocations_count"] == 6
    assert row["liquid_welfare"] is None
    assert str(pq.read_schema(done.table).field("liquid_welfare").type) == "double"
    assert {str(pq.read_schema(done.table).field(name).type) for name in ("error", "broker", "run")} == {"string"}


def test_the_other_market_is_swept_in_the_same_way(tmp_path: Path) -> None:
    done = sweep("congested", seeds=[0], workers=1, out=tmp_path / "sweep")
    (row,) = rows(done)
    summary = run("congested", world="sim", seed=0, out=tmp_path / "runs", pictures=False).summary

    assert isinstance(summary, Summary)
    assert {name: row[name] for name in ("calls", "served", "paid")} == {
        name: getattr(summary, name) for name in ("calls", "served", "paid")
    }
    assert row["operators_count"] == len(summary.operators)


def test_over_mqtt_runs_are_done_one_at_a_time(fates: str, tmp_path: Path) -> None:
    done = sweep(fates, seeds="0:2", world="mqtt", workers=4, out=tmp_path / "sweep")

    assert done.counts == {"settled": 2}, [row["error"] for row in rows(done)]
    assert [row["broker"].split()[0] for row in rows(done)] == ["amqtt", "amqtt"]


def test_a_script_needs_no_guard_and_may_come_over_a_pipe(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    script = (
        f"import bidswarm; print(bidswarm.sweep('two-sellers', seeds='0:2', workers=2, out={str(folder)!r}).counts)"
    )
    (tmp_path / "script.py").write_text(script, encoding="utf-8")

    for arguments in ([str(tmp_path / "script.py")], ["-"]):
        shutil.rmtree(folder, ignore_errors=True)
        done = subprocess.run([sys.executable, *arguments], input=script, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("{'settled': 2}\n", "")


def test_a_file_that_no_sweep_wrote_is_named(swept: Sweep, tmp_path: Path) -> None:
    plan = SweepFolder(swept.folder).plan()
    folder = SweepFolder(tmp_path / "sweep")
    folder.begin(plan)
    broken = tmp_path / "sweep" / "runs" / f"{plan.runs[0][0]}.json"
    broken.write_text("{", encoding="utf-8")

    with pytest.raises(ScenarioError, match=rf"{broken.name}.*remove it"):
        folder.over()
    with pytest.raises(ScenarioError, match="give the folder of a sweep"):
        SweepFolder(tmp_path).plan()
