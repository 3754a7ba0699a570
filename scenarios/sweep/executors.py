"""Where the runs of a sweep are done: anything that is a ``concurrent.futures.Executor``."""

import os
import re
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scenarios.dask_link import SCHEDULER
from scenarios.errors import ScenarioError
from scenarios.launch.options import World
from scenarios.sweep.clusters import dask, slurm
from scenarios.sweep.plan import Keep
from scenarios.sweep.pool import pool
from scenarios.sweep.work import PART

SLURM_JOBS = 100
"""How many jobs are under way at a time, if it is not said."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers that can be hired.

    Attributes
    ----------
    hire
        Has them ready for as long as the context lasts: an executor, and how many runs it does at a time. An error ends
        what they do.
    sees_folder
        Whether they have the file system of the sweep's folder.
    """

    hire: Callable[[], AbstractContextManager[tuple[Executor, int]]]
    sees_folder: bool = True


def crew_of(executor: Any, workers: int | None, world: World, keep: Keep, folder: Path) -> Crew:  # noqa: ANN401 - a text, or a Client of Dask
    """The workers that ``executor`` names.

    Parameters
    ----------
    executor
        ``processes``, ``dask://host:port``, a ``distributed.Client``, or ``slurm``.
    workers
        How many processes, as many as cores if not given; or jobs of SLURM.
    folder
        Of the sweep.

    Raises
    ------
    ScenarioError
        If there are no such, or they cannot do runs in that world.
    """
    if executor == "processes":
        return Crew(partial(pool, 1 if world == "mqtt" else workers or os.cpu_count() or 1))
    if world == "mqtt":
        raise ScenarioError(f"--executor {executor}: runs over MQTT are done one at a time here: take it out")
    if executor == "slurm":
        return Crew(partial(slurm, workers or SLURM_JOBS, folder / PART / "slurm"))
    if isinstance(executor, str) and not re.fullmatch(SCHEDULER, executor):
        raise ScenarioError(f"--executor {executor}: allowed are: processes, dask://host:port, slurm")
    return Crew(partial(dask, executor), sees_folder=keep != "summary")
