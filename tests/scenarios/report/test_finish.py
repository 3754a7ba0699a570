"""Results of a run that was cut short at any point are finished later, to the same files."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

import bidswarm
from scenarios.errors import RunError, ScenarioError
from scenarios.launch.run import run
from scenarios.markets.load import shipped
from scenarios.markets.psp import array as arrayed
from scenarios.markets.psp import results as exchange
from scenarios.report import finish as finishing
from scenarios.report import report as reports
from scenarios.report.finish import UnfinishedError, rebuild
from scenarios.report.report import report_on
from scenarios.results import result as results
from scenarios.results.outcome import OUTCOME
from tests.own_code import VALUATION

Said = Callable[..., tuple[int, str, str]]

TIMES = {"started_at", "wall_s"}


def files_in(folder: Path) -> dict[str, Any]:
    """All files of a run by name but its journals and page; what differs from run to run is taken out."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.startswith("journals") and name != "report.html":
            found[name] = content_of(path).replace(str(folder).encode(), b"<folder>")
    found = {name: hashlib.sha256(data).hexdigest() for name, data in found.items()}
    manifest = {key: value for key, value in manifest_of(folder).items() if key not in TIMES}
    found["manifest.json"] = {**manifest, "labels": {**manifest["labels"], "run": "<run>"}}
    return found


def content_of(path: Path) -> bytes:
    """The bytes of a file; of a table its rows, without the name of its run."""
    if path.suffix != ".parquet" or "run" not in pq.read_schema(path).names:
        return path.read_bytes()
    table = pq.read_table(path)
    assert set(table["run"].to_pylist()) <= {manifest_of(path.parent)["labels"]["run"]}
    return repr((table.schema, table.drop_columns("run").to_pylist())).encode()


def the_only_run(out: Path) -> Path:
    (folder,) = out.iterdir()
    return folder


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def cut_short(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> None:
    """Ctrl-C as soon as that is called."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, name, interrupted)


SMALL = ["buyers.0.count=6", "sellers.0.count=3"]


@pytest.mark.parametrize(
    ("world", "where", "name"),
    [
        ("sim", finishing.events, "read"),
        ("sim", exchange, "figures"),
        ("sim", results, "keep"),
        ("sim", finishing.events, "to_parquet"),
        ("array", arrayed, "figures"),
        ("array", results, "keep"),
    ],
)
def test_what_ctrl_c_leaves_is_finished_to_the_files_of_an_undisturbed_run(
    world: Any, where: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("neighbourhood", settings=SMALL, world=world, out=tmp_path / "whole").run_dir
    with monkeypatch.context() as patch:
        cut_short(patch, where, name)
        with pytest.raises(UnfinishedError) as told:
            run("neighbourhood", settings=SMALL, world=world, out=tmp_path / "cut")
    folder = the_only_run(tmp_path / "cut")
    noted = manifest_of(folder)

    assert (noted["status"], noted["results"]) == ("settled", "unfinished")
    assert f"finish with: bidswarm report {folder}" in str(told.value)
    assert str(told.value).startswith("settled after ")
    for _ in range(2):  # the second time changes nothing
        report_on(folder, pictures=False)
        assert files_in(folder) == files_in(whole)


def test_a_run_of_the_digital_marketplace_is_finished_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["terminals.*.calls=10"]
    whole = run("network-selection", settings=settings, world="sim", out=tmp_path / "whole").run_dir
    with monkeypatch.context() as patch:
        cut_short(patch, finishing.events, "archive")
        with pytest.raises(UnfinishedError):
            run("network-selection", settings=settings, world="sim", out=tmp_path / "cut")
    folder = the_only_run(tmp_path / "cut")
    report_on(folder, pictures=False)

    assert files_in(folder) == files_in(whole)


def test_tables_that_are_gone_or_spoilt_come_back(tmp_path: Path) -> None:
    folder = run("two-sellers", world="sim", out=tmp_path).run_dir
    whole = files_in(folder)
    (folder / "summary.json").write_text("{", encoding="utf-8")
    (folder / "buyers.parquet").write_bytes(b"PAR1")
    (folder / "bids.parquet").unlink()
    rebuild(folder, lambda _: None)

    assert files_in(folder) == whole


def killed_copy(folder: Path, copy: Path, *, opened_at: bool = True) -> Path:
    """The folder as a launcher that is killed leaves it: the trace as lines, the last half written, and no results."""
    shutil.copytree(folder, copy)
    records = list(bidswarm.read_trace(folder))
    (copy / "events").mkdir()
    zero = manifest_of(folder)["opened_at_s"]
    lines = [msgspec.json.encode([one.time_s + zero, one.node, one.what]) for one in records]
    (copy / "events" / "sim.jsonl").write_bytes(b"\n".join([*lines, b'[2.0,"h/n",["bi']))
    for path in [*copy.glob("*.parquet"), copy / "summary.json", copy / OUTCOME]:
        path.unlink()
    noted = manifest_of(copy) | {"status": "running"}
    del noted["results"]
    if not opened_at:
        del noted["opened_at_s"]
    (copy / "manifest.json").write_text(json.dumps(noted), encoding="utf-8")
    return copy


@pytest.mark.parametrize("opened_at", [True, False])
def test_of_a_killed_launcher_all_is_told_up_to_the_last_whole_line(tmp_path: Path, opened_at: bool) -> None:
    whole = run("two-sellers", world="sim", out=tmp_path)
    folder = killed_copy(whole.run_dir, tmp_path / "killed", opened_at=opened_at)
    for _ in range(2):
        made = report_on(folder, pictures=False)
        assert made.result
        assert made.result.summary.allocations == whole.summary.allocations
        assert made.result.summary.status == "interrupted"
        # Its launcher may be at work still: what it writes, and how it says that the run goes on, stay.
        assert (folder / "events" / "sim.jsonl").exists()
        assert manifest_of(folder)["status"] == "running"
        assert "it was killed, or is still at work" in made.page.read_text(encoding="utf-8")
    if opened_at:
        assert content_of(folder / "allocations.parquet") == content_of(whole.run_dir / "allocations.parquet")


def test_a_folder_of_an_older_version_is_reported_from_its_trace_and_figures(tmp_path: Path) -> None:
    result = run("two-sellers", world="sim", out=tmp_path)
    folder = result.run_dir
    for name in (OUTCOME, "scenario.toml", "bids.parquet"):
        (folder / name).unlink()
    noted = {key: value for key, value in manifest_of(folder).items() if key not in {"options", "results"}}
    (folder / "manifest.json").write_text(json.dumps(noted), encoding="utf-8")
    made = report_on(folder, pictures=False)

    assert made.result
    assert made.result.summary == result.summary
    assert (folder / "bids.parquet").exists()
    assert "bidswarm run scenario.toml --world sim --seed 0" in made.page.read_text(encoding="utf-8")


def test_of_an_older_run_in_rounds_the_tables_are_shown_as_they_are(tmp_path: Path, said: Said) -> None:
    result = run("neighbourhood", settings=SMALL, world="array", out=tmp_path)
    for name in (OUTCOME, "rounds.npz"):
        (result.run_dir / name).unlink()
    before = (result.run_dir / "summary.json").read_bytes()
    code, stdout, _ = said("report", str(result.run_dir))

    assert (code, (result.run_dir / "summary.json").read_bytes()) == (0, before)
    assert "the page shows its tables as they are" in stdout
    assert (result.run_dir / "report.html").exists()


def test_code_of_ones_own_is_taken_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "wishes.py").write_text(VALUATION, encoding="utf-8")
    scenario = tmp_path / "market.toml"
    scenario.write_text(shipped()["two-sellers"], encoding="utf-8")
    own = 'buyers.0.valuation={kind="wishes:Even",demand_mb=30,value_per_mb=2}'
    result = run(str(scenario), world="sim", settings=[own], out=tmp_path / "runs")
    made = report_on(result.run_dir, pictures=False)
    again = run(str(result.run_dir / "code" / "scenario.toml"), world="sim", out=tmp_path / "again")

    assert "bidswarm run code/scenario.toml" in made.page.read_text(encoding="utf-8")
    assert again.summary.allocations == result.summary.allocations


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (shutil.rmtree, "manifest.json: No such file or directory; name the folder of a run"),
        (lambda folder: (folder / "market.json").unlink(), "market.json: No such file or directory; without it nobody"),
        (lambda folder: (folder / "market.json").write_text("{}"), "market.json is no market of this version"),
        (lambda folder: (folder / "manifest.json").write_text("["), "manifest.json is not what a run leaves"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json lacks the key 'world'"),
        (lambda folder: (folder / "manifest.json").write_text('{"study": "x"}'), "is of the study 'x', and no run's"),
        (lambda folder: (folder / "outcome.json").write_text('{"status": 1}'), "outcome.json is not what a run leaves"),
        (lambda folder: (folder / "events.parquet").unlink(), "events.parquet is missing or broken, and there is no"),
        (lambda folder: (folder / "events.parquet").write_text("x"), "events.parquet is missing or broken, and there"),
    ],
)
def test_a_folder_that_lacks_something_is_an_error_that_names_the_file(
    spoil: Callable[[Path], object], told: str, tmp_path: Path, said: Said
) -> None:
    folder = run("two-sellers", world="sim", out=tmp_path).run_dir
    spoil(folder)
    code, stdout, stderr = said("report", str(folder))

    assert (code, stdout) == (2, "")
    assert told in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:100])])
def test_rounds_that_are_gone_or_cut_short_are_an_error(spoil: Callable[[Path], object], tmp_path: Path) -> None:
    folder = run("neighbourhood", settings=SMALL, world="array", out=tmp_path).run_dir
    spoil(folder / "rounds.npz")
    with pytest.raises(ScenarioError, match=r"rounds.npz cannot be read"):
        report_on(folder)


def test_a_trace_of_another_version_is_an_error(tmp_path: Path) -> None:
    folder = killed_copy(run("two-sellers", world="sim", out=tmp_path).run_dir, tmp_path / "killed")
    with (folder / "events" / "sim.jsonl").open("ab") as file:
        file.write(b'\n[2.0,"h/n",["sung"]]\n')
    with pytest.raises(ScenarioError, match="use the version that its manifest"):
        report_on(folder)


def test_a_full_disk_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(finishing.events, "to_parquet", full)
        with pytest.raises(RunError, match="free some space, then finish with: bidswarm report"):
            run("two-sellers", world="sim", out=tmp_path)
    folder = the_only_run(tmp_path)
    assert (manifest_of(folder)["status"], manifest_of(folder)["results"]) == ("settled", "unfinished")
    rebuild(folder, lambda _: None)
    assert manifest_of(folder)["results"] == "complete"


def test_every_step_is_told(tmp_path: Path) -> None:
    folder = run("two-sellers", world="sim", out=tmp_path).run_dir
    steps: list[str] = []
    report_on(folder, say=steps.append)

    assert steps[0] == "working out what can be reached ..."
    assert steps[1].startswith("settled after ")
    assert steps[2].endswith(" records read; working out the figures ...")
    assert steps[3:] == ["writing the tables ...", "drawing ...", "writing the page ..."]


def test_ctrl_c_while_a_report_draws_says_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run("two-sellers", world="sim", out=tmp_path).run_dir
    cut_short(monkeypatch, reports, "draw_apart")
    with pytest.raises(UnfinishedError, match="figures and tables are complete; finish with: bidswarm report"):
        report_on(folder)
    assert not (folder / "report.html").exists()


SLOW = """
import os, pathlib, time
from scenarios.markets.psp import results
def figures(*_):
    pathlib.Path(os.environ["BEGUN"]).write_text("computing")
    time.sleep(600)
results.figures = figures
from scenarios.cli.main import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_results_are_computed_loses_nothing(sent: signal.Signals, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    command = [sys.executable, "-c", SLOW, "run", "two-sellers", "--world", "sim", "--out", "runs"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"BEGUN": str(begun)}, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (begun.exists() and begun.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(sent)
        _, stderr = process.communicate()
    folder = the_only_run(tmp_path / "runs")
    noted = manifest_of(folder)

    assert (noted["status"], noted["results"]) == ("settled", "unfinished")
    if sent is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        (line,) = stderr.splitlines()
        assert line.endswith(f"finish with: bidswarm report {folder.relative_to(tmp_path)}")
    whole = run("two-sellers", world="sim", out=tmp_path / "whole").run_dir
    report_on(folder, pictures=False)
    assert files_in(folder) == files_in(whole)
