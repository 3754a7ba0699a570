"""Sweeps by jobs of SLURM: a real one on this machine where it is installed, and submitit's stand-in everywhere."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bidswarm import ScenarioError, sweep
from scenarios.sweep.clusters import slurm
from scenarios.sweep.executors import Crew
from scenarios.sweep.folder import SweepFolder
from scenarios.sweep.sweep import go_on
from tests.conftest import wait_until

PROGRAMS = ("sbatch", "slurmctld", "slurmd")


def free_port() -> int:
    with socket.socket() as at:
        at.bind(("127.0.0.1", 0))
        port: int = at.getsockname()[1]
        return port


CONFIGURATION = """
ClusterName=bidswarm
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus}
PartitionName=main Nodes=ALL Default=YES
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cluster of this machine alone, which nobody is asked to prove anything to."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip(f"NOT TESTED WITH SLURM: {', '.join(missing)} not installed (Debian: apt install slurm-wlm)")
    for folder in ("state", "spool"):
        (tmp_path / folder).mkdir()
    names = {"host": socket.gethostname(), "user": getpass.getuser(), "folder": tmp_path, "cpus": os.cpu_count()}
    ports = {"controller": free_port(), "daemon": free_port()}
    (tmp_path / "slurm.conf").write_text(CONFIGURATION.format(**names, **ports), encoding="utf-8")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    started = []
    for program in ("slurmctld", "slurmd"):
        with (tmp_path / f"{program}.out").open("wb") as out:
            started.append(subprocess.Popen([program, "-D"], stdout=out, stderr=out))

    def is_up() -> bool:
        assert all(process.poll() is None for process in started), "SLURM does not start: see its logs"
        return b"idle" in subprocess.run(["sinfo"], capture_output=True, check=False).stdout

    wait_until(is_up, "SLURM has a node")
    yield
    for process in started:
        process.terminate()
        process.wait()


@pytest.mark.usefixtures("cluster")
def test_jobs_of_slurm_give_the_same_table(tmp_path: Path) -> None:
    here = sweep("two-sellers", seeds=range(3), workers=1, out=tmp_path / "here")
    there = sweep("two-sellers", seeds=range(3), workers=2, executor="slurm", out=tmp_path / "there")

    assert there.counts == {"settled": 3}
    assert there.table.read_bytes() == here.table.read_bytes()
    assert {entry.name for entry in there.folder.iterdir()} == {"runs", "sweep.json", "sweep.parquet"}


def test_jobs_of_submitit_give_the_same_table_and_failures_are_rows(fates: str, tmp_path: Path) -> None:
    settings = {"buyers.0.strategy.fate": ["bid", "raise"]}
    here = sweep(fates, settings, seeds="0", workers=1, out=tmp_path / "here")
    folder = SweepFolder(tmp_path / "there")
    folder.begin(SweepFolder(here.folder).plan())
    there = go_on(folder, Crew(partial(slurm, 2, tmp_path / "jobs", "local")))

    assert there.counts == {"settled": 1, "error": 1}
    assert there.table.read_bytes() == here.table.read_bytes()


def test_a_job_that_dies_is_a_row(fates: str, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    plan = SweepFolder(
        sweep(fates, {"buyers.0.strategy.fate": ["die"]}, seeds="0", workers=1, out=tmp_path / "here").folder
    )
    folder.begin(plan.plan())

    assert go_on(folder, Crew(partial(slurm, 1, tmp_path / "jobs", "local"))).counts == {"error": 1}
    (error,) = pq.read_table(folder.table)["error"].to_pylist()
    assert error.startswith("UncompletedJobError: ")
    assert "\n" not in error


def test_a_machine_without_slurm_is_told_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ScenarioError, match="--executor slurm: there is no sbatch here"):
        sweep("two-sellers", seeds="0", executor="slurm", out=tmp_path / "sweep")
