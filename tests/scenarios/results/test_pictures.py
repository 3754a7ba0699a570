"""Pictures come last: whatever happens while they are drawn, the figures are safe."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scenarios.launch import run as launched
from scenarios.launch.run import run
from scenarios.markets.dmp.results import CallResult
from scenarios.markets.psp.results import Result
from scenarios.results import drawing
from tests.own_code import VALUATION

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


def the_only_run(out: Path) -> Path:
    (folder,) = out.iterdir()
    return folder


def status_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())["status"]


def drawn_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in {".pdf", ".png", ".svg", ".part"}}


def files(*names: str) -> set[str]:
    """Those of pictures of these names."""
    return {f"{name}.{ending}" for name in names for ending in ("pdf", "png", "svg")}


def is_complete(folder: Path) -> bool:
    """Whether all that is no picture is there."""
    events = pq.read_table(folder / "events.parquet")
    tables = [pq.read_table(folder / f"{name}.parquet") for name in Result.TABLES]
    summary = json.loads((folder / "summary.json").read_text())
    return events.num_rows > 0 and all(table.num_rows for table in tables) and summary["bids"] > 0


@pytest.mark.parametrize("options", [(), ("--no-pictures",)])
def test_the_command_draws_and_points_at_pictures_unless_told_not_to(
    said: Said, tmp_path: Path, options: tuple[str, ...]
) -> None:
    code, stdout, _ = said("run", "two-sellers", "--world", "sim", *options)
    folder = the_only_run(tmp_path / "runs")

    wanted = set() if options else files("convergence")
    assert (code, drawn_in(folder)) == (0, wanted)
    assert ("look at convergence.png" in stdout) == bool(wanted)
    assert is_complete(folder)


def test_no_process_is_started_where_no_pictures_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()
    monkeypatch.setattr(launched, "draw_apart", asked.append)
    for name in ("two-sellers", "network-selection"):
        result = run(name, world="sim", timeout_s=3.0, out=tmp_path, pictures=False)
        assert "look at" not in result.where

    assert not asked


def test_this_process_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn_here(*_: object) -> None:
        raise AssertionError("drawn here")

    for kind in (Result, CallResult):
        monkeypatch.setattr(kind, "plot", drawn_here)
    result = run("network-selection", world="sim", timeout_s=3.0, out=tmp_path)

    assert drawn_in(result.run_dir) == files("calls", "terminals")
    assert "look at calls.png and terminals.png)" in result.where


def test_a_market_with_shifts_and_one_with_code_of_ones_own_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "wishes.py").write_text(VALUATION, encoding="utf-8")
    scenario = tmp_path / "market.toml"
    scenario.write_text(
        resources.files("scenarios").joinpath("library", "two-sellers.toml").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    own = 'buyers.0.valuation={kind="wishes:Even",demand_mb=30,value_per_mb=2}'
    for name, settings in (("market-shift", []), (str(scenario), [own])):
        result = run(name, world="sim", settings=settings, out=tmp_path / "runs")
        assert drawn_in(result.run_dir) == files("convergence")


def fake_matplotlib(folder: Path, body: str) -> str:
    """A folder in which another process finds a matplotlib that does this when it is imported."""
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib" / "__init__.py").write_text(body, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise RuntimeError('no ink')", "RuntimeError: no ink"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", f"the drawing ended with {-signal.SIGTERM}"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a signal that ends a process is its exit code on POSIX")
def test_a_drawing_that_fails_or_is_killed_loses_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, why: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", fake_matplotlib(tmp_path, body), prepend=os.pathsep)
    result = run("two-sellers", world="sim", out=tmp_path / "runs")

    assert is_complete(result.run_dir)
    assert status_of(result.run_dir) == result.summary.status == "settled"
    assert not drawn_in(result.run_dir)
    assert why in (result.run_dir / "pictures.log").read_text(encoding="utf-8")
    assert "(look at pictures.log: the drawing ended with " in result.where
    monkeypatch.undo()
    drawing.draw_apart(result)
    assert drawn_in(result.run_dir) == files("convergence")
    assert result.where.endswith("(look at convergence.png)")


def test_a_result_that_cannot_be_handed_over_is_kept(tmp_path: Path) -> None:
    result = run("two-sellers", world="sim", out=tmp_path, pictures=False)
    result.unlike = lambda: None  # type: ignore[attr-defined] - what a market of somebody else may have
    drawing.draw_apart(result)

    assert not drawn_in(result.run_dir)
    assert "cannot be handed to another process" in (result.run_dir / "pictures.log").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a process group on POSIX")
def test_ctrl_c_ends_the_drawing_and_keeps_the_numbers(tmp_path: Path) -> None:
    body = "import os, pathlib, time; pathlib.Path(os.environ['BEGUN']).write_text(str(os.getpid())); time.sleep(600)"
    begun = tmp_path / "begun"
    environment = os.environ | {"PYTHONPATH": fake_matplotlib(tmp_path, body), "BEGUN": str(begun)}
    command = [sys.executable, "-m", "scenarios.cli.main", "run", "two-sellers", "--world", "sim", "--out", "runs"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not (begun.exists() and begun.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        folder = the_only_run(tmp_path / "runs")
        assert is_complete(folder)
        os.killpg(process.pid, signal.SIGINT)
        stdout, _ = process.communicate()

    assert process.returncode == 0
    assert "settled after" in stdout
    assert f"(look at pictures.log: interrupted; draw them with: bidswarm report runs/{folder.name})" in stdout
    assert is_complete(folder)
    assert status_of(folder) == "settled"
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)
