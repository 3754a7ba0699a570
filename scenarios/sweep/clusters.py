"""Clusters whose workers do the runs of a sweep: those of Dask, and SLURM's."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from scenarios.dask_link import dask_client
from scenarios.errors import ScenarioError
from scenarios.extras import needs

_P = ParamSpec("_P")
_R = TypeVar("_R")

POLL_S = 0.5
"""How often the results of jobs are looked for."""

MOST_MINUTES = 60
"""After which SLURM ends a job, unless SBATCH_TIMELIMIT says otherwise."""


@contextmanager
def dask(cluster: Any) -> Iterator[tuple[Executor, int]]:  # noqa: ANN401 - the address of a scheduler, or a Client
    """The workers of a Dask cluster; what they have not begun is taken back if the context ends with an error."""
    with dask_client(cluster, "--executor") if isinstance(cluster, str) else nullcontext(cluster) as client:
        executor = client.get_executor(pure=False)  # a run that is asked for again is done again
        try:
            yield executor, max(1, sum(client.nthreads().values()))
        except BaseException:
            executor.shutdown(wait=False)
            raise


@contextmanager
def slurm(jobs: int, folder: Path, cluster: str = "slurm") -> Iterator[tuple[Executor, int]]:
    """Jobs of SLURM, one for each run, which are cancelled if the context ends with an error.

    Parameters
    ----------
    jobs
        How many are under way at a time.
    folder
        For what is handed to them and back; it must be where they see it.
    cluster
        What submitit calls it; ``local`` are processes of this machine.

    Raises
    ------
    ScenarioError
        If there is no SLURM.
    """
    submitit = needs("submitit")
    if cluster == "slurm" and not shutil.which("sbatch"):
        raise ScenarioError("--executor slurm: there is no sbatch here: run this on a login node of the cluster")
    handed = submitit.AutoExecutor(folder.resolve(), cluster=cluster)
    handed.update_parameters(name="bidswarm", timeout_min=MOST_MINUTES, cpus_per_task=1, slurm_wckey="")
    executor = _Jobs(handed)
    try:
        yield executor, jobs
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


class _Jobs(Executor):
    """Jobs of submitit as futures: a thread looks for their results."""

    def __init__(self, handed: Any) -> None:  # noqa: ANN401 - an executor of submitit
        self._handed = handed
        self._jobs: dict[Future[Any], Any] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Hand a call over as a job."""
        future: Future[_R] = Future()
        job = self._handed.submit(fn, *args, **kwargs)
        with self._lock:
            self._jobs[future] = job
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as its base has it
        """Look for no results any more; jobs that are under way are cancelled if asked for."""
        del wait
        self._ended.set()
        with self._lock:
            for job in self._jobs.values() if cancel_futures else ():
                job.cancel(check=False)

    def _look(self) -> None:
        while not self._ended.wait(POLL_S):
            with self._lock:
                over = {future: job for future, job in self._jobs.items() if job.done()}
                for future in over:
                    del self._jobs[future]
            for future, job in over.items():
                try:
                    future.set_result(job.result())
                except Exception as error:  # noqa: BLE001 - whatever became of the job
                    future.set_exception(error)
