"""``bidswarm study dmp-price-weight`` as its users and their scripts see it."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from scenarios.study.interrupts import Stop
from scenarios.study.intersections import Intersections
from scenarios.study.price_weight import price_weight_study
from scenarios.study.summary import PAPER
from tests.conftest import Command
from tests.scenarios.study.pictures import check_png, check_svg

FIGURES = [*PAPER, "standard_errors"]
KEYS = {
    *FIGURES,
    *("study", "status", "bidders", "runs", "draws", "seed", "p_intersection_exact", "private_equilibrium"),
    *("drawn_auction", "papers_auction", "run_dir"),
}
PICTURES = ["fig2-compound-bids", "fig3-intersections", "fig4-density", "fig5-distribution"]


@pytest.fixture(scope="module")
def printed(study: Callable[..., Command]) -> tuple[int, str, str]:
    return study("dmp-price-weight", "--seed", "3", "--format", "json").finished()


@pytest.fixture(scope="module")
def summary(printed: tuple[int, str, str]) -> dict[str, object]:
    decoded = json.loads(printed[1])
    assert isinstance(decoded, dict)
    return decoded


@pytest.fixture(scope="module")
def folder(summary: dict[str, object]) -> Path:
    return Path(str(summary["run_dir"]))


def test_json_is_one_object_with_the_documented_keys_and_nothing_else(
    printed: tuple[int, str, str], summary: dict[str, object]
) -> None:
    code, stdout, stderr = printed
    assert (code, stdout.count("\n"), stderr) == (0, 1, "")
    assert set(summary) == KEYS
    equilibrium = summary["private_equilibrium"]
    assert isinstance(equilibrium, dict)
    assert list(equilibrium) == FIGURES
    assert (summary["runs"], summary["bidders"], summary["seed"]) == (10_000, 3, 3)
    assert summary["status"] == "complete"


def test_folder_holds_the_pictures_the_tables_and_how_it_was_made(folder: Path, summary: dict[str, object]) -> None:
    for name in PICTURES:
        check_png(folder / f"{name}.png")
        check_svg(folder / f"{name}.svg")
    kept = json.loads((folder / "summary.json").read_bytes())
    assert kept == {key: value for key, value in summary.items() if key != "run_dir"}
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert (manifest["study"], manifest["status"]) == ("dmp-price-weight", "complete")
    assert manifest["options"] == {"bidders": 3, "runs": 10_000, "seed": 3}
    assert len(list(folder.iterdir())) == 3 * len(PICTURES) + 3


def test_kept_intersections_give_the_printed_figures(folder: Path, summary: dict[str, object]) -> None:
    weights = pq.read_table(folder / "intersections.parquet")["fixed"].to_numpy()
    draws = summary["draws"]
    assert isinstance(draws, int)
    figures = Intersections(weights, draws, {}).figures()
    assert {key: summary[key] for key in figures} == figures
    assert np.array_equal(weights, price_weight_study(3, 10_000, 3).fixed.weights)


def test_text_prints_the_papers_figures_beside_ours_and_the_same_seed_leaves_the_same_files(
    study: Callable[..., Command], folder: Path
) -> None:
    command = study("dmp-price-weight", "--seed", "3")
    code, stdout, _ = command.finished()
    (again,) = command.out.iterdir()

    assert code == 0
    rows = {line.split("  ")[0]: line.split() for line in stdout.splitlines()}
    assert "0.4171" in rows["P(win | w = .25), eq. (15)"]
    assert "0.5985" in rows["mean intersection"]
    assert "bidder 1 wins for w above 0.6447" in stdout
    assert all(f"{name}.png" in stdout for name in PICTURES)
    assert str(again) in stdout
    for name in ["summary.json", "intersections.parquet", *(f"{name}.svg" for name in PICTURES)]:
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name


def test_an_interrupted_study_keeps_what_it_has(study: Callable[..., Command]) -> None:
    command = study("dmp-price-weight", "--bidders", "8", "--runs", "10000000", "--format", "json")
    folder = command.run_dir()
    time.sleep(0.2)  # of some five seconds
    command.process.send_signal(signal.SIGINT)
    code, stdout, stderr = command.finished()

    summary = json.loads(stdout)
    assert code == 130
    assert "Traceback" not in stderr
    assert summary["status"] == "interrupted"
    assert 0 < summary["runs"] < 10_000_000
    assert json.loads((folder / "manifest.json").read_bytes())["status"] == "interrupted"
    assert pq.read_table(folder / "intersections.parquet").num_rows == summary["runs"]
    check_png(folder / "fig5-distribution.png")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_wish_and_the_second_an_interruption(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Stop() as stop:
        assert not stop.is_wanted
        signal.raise_signal(number)
        assert stop.is_wanted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--bidders", "1"), "error: --bidders: 1 is out of range; give a whole number from 2 to 1,000\n"),
        (("--runs", "many"), "Invalid value for '--runs'"),
    ],
)
def test_a_mistake_is_answered_with_the_remedy(
    study: Callable[..., Command], arguments: tuple[str, ...], words: str
) -> None:
    command = study("dmp-price-weight", *arguments)
    code, stdout, stderr = command.finished()

    assert (code, stdout) == (2, "")
    assert words in stderr
    assert not command.out.exists() or not list(command.out.iterdir())


def test_a_folder_that_cannot_be_made_is_named(study: Callable[..., Command], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, stdout, stderr = study("dmp-price-weight", "--out", str(tmp_path / "file")).finished()
    assert (code, stdout) == (2, "")
    assert stderr.startswith("error: cannot make the run folder")
    assert stderr.endswith("Not a directory; choose another with --out\n")
