"""A sweep that is killed: what was done stays, nothing is done twice, and no process is left over."""

import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import Command, is_running, wait_until

RUNS = 24
OPTIONS = ("sweep", "neighbourhood", "--world", "array", "--set", "buyers.0.count=4,5,6", "--seeds", "0:8")


def workers_of(command: Command) -> list[int]:
    return command.children("spawn_main")


@pytest.mark.parametrize("moment", random.Random(16).sample(range(RUNS - 4), 2))
def test_after_a_kill_the_rest_is_done_and_nothing_twice(
    moment: int, bidswarm: Callable[..., Command], tmp_path: Path, kept: Callable[[], dict[str, int]]
) -> None:
    folder, whole = tmp_path / "sweep", tmp_path / "whole"
    first = bidswarm(*OPTIONS, "--out", str(folder), "--workers", "2")
    wait_until(lambda: len(kept()) > moment, "some runs are done")
    workers = workers_of(first)
    first.process.send_signal(signal.SIGKILL)
    first.finished()
    wait_until(lambda: not any(map(is_running, workers)), "the workers end with it")
    before = kept()
    assert moment < len(before) < RUNS

    code, stdout, stderr = bidswarm("sweep", str(folder), "--resume").finished()
    assert code == 0
    assert f"{len(before)} of 24 runs are in {folder}" in stderr
    assert "24 runs: 24 settled" in stdout
    assert before.items() <= kept().items()
    assert len(kept()) == RUNS
    assert not (folder / "part").exists()

    assert bidswarm(*OPTIONS, "--out", str(whole), "--workers", "1").finished()[0] == 0
    assert (folder / "sweep.parquet").read_bytes() == (whole / "sweep.parquet").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_leave_the_table_of_what_was_done(
    number: signal.Signals, bidswarm: Callable[..., Command], tmp_path: Path, kept: Callable[[], dict[str, int]]
) -> None:
    folder = tmp_path / "sweep"
    command = bidswarm(*OPTIONS, "--out", str(folder), "--workers", "2")
    wait_until(lambda: len(kept()) > 1, "some runs are done")
    workers = workers_of(command)
    command.process.send_signal(number)
    code, stdout, stderr = command.finished()

    rows = pq.read_table(folder / "sweep.parquet").to_pylist()
    assert code == 130
    assert f"{RUNS - len(rows)} still to be done: bidswarm sweep {folder} --resume" in stdout
    assert "Traceback" not in stderr
    assert len(rows) == len(kept()) < RUNS
    assert json.loads((folder / "sweep.json").read_bytes())["status"] == "interrupted"
    assert not any(map(is_running, workers))


def test_a_worker_that_is_killed_costs_no_run(bidswarm: Callable[..., Command], tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    command = bidswarm(*OPTIONS, "--out", str(folder), "--workers", "2")
    wait_until(lambda: len(workers_of(command)) == 2, "there are workers")
    wait_until(lambda: any((folder / "runs").glob("*.json")), "a run is done")
    os.kill(workers_of(command)[0], signal.SIGKILL)
    code, stdout, _ = command.finished()

    assert code == 0
    assert "24 runs: 24 settled" in stdout
