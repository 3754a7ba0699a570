"""Pictures come last: whatever happens while they are drawn, the figures are safe."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scenarios.launch.run import run
from scenarios.markets.dmp.results import CallResult
from scenarios.markets.psp.results import Result
from scenarios.results import result as results

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
    return {path.name for path in folder.iterdir() if path.suffix in {".png", ".svg", ".part"}}


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

    wanted = set() if options else {"convergence.png", "convergence.svg"}
    assert (code, drawn_in(folder)) == (0, wanted)
    assert ("look at convergence.png" in stdout) == bool(wanted)
    assert is_complete(folder)


def test_no_market_is_drawn_where_no_pictures_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()
    for kind in (Result, CallResult):
        monkeypatch.setattr(kind, "plot", lambda _, name: asked.append(name))
    for name in ("two-sellers", "network-selection"):
        result = run(name, world="sim", timeout_s=3.0, out=tmp_path, pictures=False)
        assert "look at" not in result.where

    assert not asked


def test_a_crash_of_the_drawing_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        assert is_complete(the_only_run(tmp_path))
        assert status_of(the_only_run(tmp_path)) == "settled"
        raise RuntimeError("no ink")

    monkeypatch.setattr(Result, "plot", broken)
    with pytest.raises(RuntimeError, match="no ink"):
        run("two-sellers", world="sim", out=tmp_path)

    assert is_complete(the_only_run(tmp_path))
    assert status_of(the_only_run(tmp_path)) == "settled"
    assert not drawn_in(the_only_run(tmp_path))


def test_an_interrupt_of_the_drawing_spares_pictures_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: CallResult, name: str) -> Any:
        if name == "terminals":
            raise KeyboardInterrupt
        return plot(self, name)

    plot = CallResult.plot
    monkeypatch.setattr(CallResult, "plot", interrupted)
    result = run("network-selection", world="sim", timeout_s=3.0, out=tmp_path)

    assert status_of(result.run_dir) == result.summary.status == "timeout"
    assert drawn_in(result.run_dir) == {"calls.png", "calls.svg"}
    assert "look at calls.png)" in result.where


def test_a_run_whose_tables_could_not_be_written_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(results, "keep", full)
    with pytest.raises(OSError, match="no space left"):
        run("two-sellers", world="sim", out=tmp_path)

    assert status_of(the_only_run(tmp_path)) == "failed"
