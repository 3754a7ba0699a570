"""A Dask cluster of real processes."""

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import wait_until


def dask(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of Dask's command line, which writes into the log."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]], stdout=file, stderr=file
        )


class Cluster:
    """A scheduler, and two workers."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._folder = folder
        self._threads = threads
        self.scheduler = dask(
            self._log("scheduler"), *("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        )
        wait_until(lambda: self._said("scheduler", r"Scheduler at: +(tcp://\S+)") is not None, "there is a scheduler")
        self.address = str(self._said("scheduler", r"Scheduler at: +tcp://(\S+)"))
        self.workers = [self._worker(f"worker-{k}") for k in range(2)]

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _said(self, name: str, pattern: str) -> str | None:
        found = re.search(pattern, self._log(name).read_text(encoding="utf-8"))
        return found and found[1]

    def _worker(self, name: str) -> subprocess.Popen[bytes]:
        options = ("--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        threads = ("--nthreads", str(self._threads))
        worker = dask(self._log(name), "dask_worker", self.address, *threads, *options)
        wait_until(lambda: self._said(name, r"(Registered) to") is not None, "the worker is registered")
        return worker

    def end(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()
