"""Sweeps on a Dask cluster: a real scheduler, and real workers."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bidswarm import RunError, ScenarioError, sweep
from scenarios.sweep.course import Course
from scenarios.sweep.work import Done
from tests.dask import Cluster

SETTINGS = {"buyers.0.count": [3, 4, 5]}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.end()


def test_dask_gives_the_same_table_though_a_worker_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    def watch(course: Course, elapsed_s: float, done: Done | None) -> None:
        del elapsed_s, done
        if course.count == 4:
            cluster.workers[0].send_signal(signal.SIGKILL)

    options = {"seeds": range(6), "world": "array"}
    here = sweep("neighbourhood", SETTINGS, **options, workers=1, out=tmp_path / "here")
    there = sweep(
        "neighbourhood", SETTINGS, **options, executor=f"dask://{cluster.address}", out=tmp_path / "there", watch=watch
    )

    assert cluster.workers[0].wait() == -signal.SIGKILL
    assert there.counts == {"settled": 18}
    assert there.table.read_bytes() == here.table.read_bytes()


def test_workers_need_no_file_of_ours_and_a_client_is_left_open(cluster: Cluster, fates: str, tmp_path: Path) -> None:
    from distributed import Client  # noqa: PLC0415

    settings = {"buyers.0.strategy.fate": ["bid", "raise"]}
    with Client(f"tcp://{cluster.address}") as client:
        done = sweep(fates, settings, seeds="0", executor=client, out=tmp_path / "sweep")
        assert client.submit(os.getpid).result() in {worker.pid for worker in cluster.workers}
    assert done.counts == {"settled": 1, "error": 1}


def test_tables_are_kept_where_workers_share_the_folder(cluster: Cluster, tmp_path: Path) -> None:
    done = sweep("two-sellers", seeds="0", executor=f"dask://{cluster.address}", keep="tables", out=tmp_path / "sweep")
    run = pq.read_table(done.table)["run"][0].as_py()
    assert (done.folder / "runs" / run / "auctions.parquet").exists()


def test_a_scheduler_that_is_killed_ends_the_sweep_with_what_was_done(cluster: Cluster, tmp_path: Path) -> None:
    def watch(course: Course, elapsed_s: float, done: Done | None) -> None:
        del elapsed_s, done
        if course.count == 4:
            cluster.scheduler.kill()

    with pytest.raises(RunError, match="the workers were taken away; --resume does what is missing"):
        sweep("neighbourhood", SETTINGS, executor=f"dask://{cluster.address}", out=tmp_path / "sweep", watch=watch)
    assert pq.read_table(tmp_path / "sweep" / "sweep.parquet").num_rows >= 4


def test_a_scheduler_that_is_not_there_is_named(
    cluster: Cluster, said: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    cluster.end()
    code, _, stderr = said(
        "sweep",
        "neighbourhood",
        "--seeds",
        "0",
        "--executor",
        f"dask://{cluster.address}",
        "--out",
        str(tmp_path / "s"),
    )
    assert code == 2
    assert "no scheduler answers there; start one: dask scheduler" in stderr


@pytest.mark.parametrize(
    ("executor", "world", "words"),
    [
        ("threads", "sim", "--executor threads: allowed are: processes, dask://host:port, slurm"),
        ("dask://host", "sim", "--executor dask://host: allowed are"),
        ("dask://host:1", "mqtt", "one at a time"),
    ],
)
def test_what_is_no_executor_is_named(executor: str, world: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=words):
        sweep("two-sellers", world=world, executor=executor, out=tmp_path / "sweep")
